package doors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"pail/store/fault"
	"pail/store/storetest"
)

// writers is how many race for a name.
const writers = 32

// TestOneWinner: of 32 that race to make a key exactly one does, a thousand times, over HTTP
// (If-None-Match: *), and over HTTP and by open(2) with O_EXCL on the mount at once. What the
// winner wrote is what is there, through both doors.
func TestOneWinner(t *testing.T) {
	b := newBoth(t)
	if _, err := b.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("race")}); err != nil {
		t.Fatal(err)
	}
	http, mount := s3Door{b.client}, mountDoor{b.root}
	for round := range 1000 {
		key := fmt.Sprintf("r%d", round)
		var won atomic.Int32
		var winner atomic.Value
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range writers {
			body := fmt.Sprintf("writer %d", i)
			all.Go(func() {
				<-start
				var err error
				if round%10 == 0 && i%4 == 0 {
					err = exclusive(filepath.Join(b.root, "race", key), body)
				} else {
					err = http.Put(t.Context(), "race", key, body, storetest.PutOptions{IfNoneMatch: true})
				}
				switch {
				case err == nil:
					won.Add(1)
					winner.Store(body)
				case errors.Is(err, fs.ErrExist), http.Kind(err) == fault.PreconditionFailed, http.Kind(err) == fault.ConditionalRequestConflict:
				default:
					t.Errorf("a loser gets %v", err)
				}
			})
		}
		close(start)
		all.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d of %d have won", round, won.Load(), writers)
		}
		for name, d := range map[string]storetest.Door{"HTTP": http, "the mount": mount} {
			if o, err := d.Get(t.Context(), "race", key, ""); err != nil || o.Body != winner.Load() {
				t.Fatalf("round %d: %s has %q, %v; the winner wrote %q", round, name, o.Body, err, winner.Load())
			}
		}
	}
}

// exclusive makes a file if there is none.
func exclusive(path, body string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(body)
	return errors.Join(err, f.Close())
}

// TestOneChange: of 32 that race to replace what they have all read (If-Match) exactly one
// does, so that no change is lost.
func TestOneChange(t *testing.T) {
	b := newBoth(t)
	if _, err := b.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("race")}); err != nil {
		t.Fatal(err)
	}
	http := s3Door{b.client}
	if err := http.Put(t.Context(), "race", "counter", "0", storetest.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	const each = 10
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				if err := increment(t, http); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if b, err := os.ReadFile(filepath.Join(b.root, "race", "counter")); err != nil || string(b) != fmt.Sprint(writers*each) {
		t.Errorf("%d increments have made %s, %v", writers*each, b, err)
	}
}

// increment adds one to what the object counts, however often others are first.
func increment(t *testing.T, d s3Door) error {
	for {
		o, err := d.Get(t.Context(), "race", "counter", "")
		if err != nil {
			return err
		}
		var n int
		if _, err := fmt.Sscan(o.Body, &n); err != nil {
			return err
		}
		err = d.Put(t.Context(), "race", "counter", fmt.Sprint(n+1), storetest.PutOptions{IfMatch: o.ETag})
		if k := d.Kind(err); err == nil || k != fault.PreconditionFailed && k != fault.ConditionalRequestConflict {
			return err
		}
	}
}
