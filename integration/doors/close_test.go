package doors

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"
)

// TestClosedIsPublished: what a program has closed is there over HTTP, also where its close
// publishes nothing that was written: a file that was only emptied or made, and one whose
// last descriptor was a child's. And what is put then is the newer version: the kernel
// tells of such a close when it has returned already.
func TestClosedIsPublished(t *testing.T) {
	b := newBoth(t)
	if _, err := b.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("closed")}); err != nil {
		t.Fatal(err)
	}
	put := func(key, body string) error {
		_, err := b.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("closed"), Key: &key, Body: strings.NewReader(body)})
		return err
	}
	size := func(key string) (int64, error) {
		o, err := b.client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("closed"), Key: &key})
		if err != nil {
			return -1, err
		}
		return *o.ContentLength, nil
	}
	ways := map[string]struct {
		close func(path string) error
		size  int64
	}{
		"emptied": {func(path string) error { return openAndClose(path, os.O_WRONLY|os.O_TRUNC) }, 0},
		"made": {func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return openAndClose(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		}, 0},
		"a child's": {writtenByAChild, 3},
	}
	var g errgroup.Group
	for how, way := range ways {
		for w := range 2 {
			g.Go(func() error {
				for i := range 30 {
					key := fmt.Sprintf("%s/%d/%d", how, w, i)
					if err := put(key, "before"); err != nil {
						return err
					}
					if err := way.close(b.root + "/closed/" + key); err != nil {
						return err
					}
					if i%2 == 0 {
						if n, err := size(key); err != nil || n != way.size {
							return fmt.Errorf("%s: %d bytes, %v; want %d", key, n, err, way.size)
						}
					}
					if err := put(key, "acknowledged"); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for how := range ways {
		for w := range 2 {
			for i := range 30 {
				key := fmt.Sprintf("%s/%d/%d", how, w, i)
				if n, err := size(key); err != nil || n != int64(len("acknowledged")) {
					t.Errorf("%s, which was put after the close, has %d bytes, %v", key, n, err)
				}
			}
		}
	}
}

func openAndClose(path string, flags int) error {
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// writtenByAChild hands a file that it opens and closes to a child, which writes to it.
func writtenByAChild(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	child, err := os.StartProcess("/bin/echo", []string{"echo", "hi"}, &os.ProcAttr{Files: []*os.File{nil, f, nil}})
	if err = cmp.Or(err, f.Close()); err != nil {
		return err
	}
	_, err = child.Wait()
	return err
}
