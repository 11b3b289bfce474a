package clients

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/minio/minio-go/v7"
	miniokeys "github.com/minio/minio-go/v7/pkg/credentials"
)

func (r *rig) sdk() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(r.endpoint), Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})
}

// code is the code of an error of AWS's client.
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestGoSDK(t *testing.T) {
	r := newRig(t)
	c, ctx := r.sdk(), t.Context()
	bucket := aws.String("photos")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}

	// The transfer manager, in parts with the checksums that it sends by itself.
	tm := transfermanager.New(c, func(o *transfermanager.Options) { o.PartSizeBytes = 5 << 20 })
	big := []byte(noise(21 << 20))
	if _, err := tm.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: bucket, Key: aws.String("big"), Body: bytes.NewReader(big)}); err != nil {
		t.Fatal(err)
	}
	got, err := tm.GetObject(ctx, &transfermanager.GetObjectInput{Bucket: bucket, Key: aws.String("big")})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(b, big) {
		t.Fatalf("%d bytes come back, %v", len(b), err)
	}

	// Every checksum that the client knows, whole and in parts.
	for _, a := range []types.ChecksumAlgorithm{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("sum"), Body: bytes.NewReader(big[:100_000]), ChecksumAlgorithm: a}); err != nil {
			t.Fatalf("%s: %v", a, err)
		}
		out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("sum"), ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatalf("%s: %v", a, err)
		}
		if b, err := io.ReadAll(out.Body); err != nil || md5.Sum(b) != md5.Sum(big[:100_000]) {
			t.Errorf("%s: %v", a, err)
		}
		_ = out.Body.Close()
	}

	// Conditional writes: of many that race one wins.
	for round := range 20 {
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String(fmt.Sprint("race", round)),
					Body: bytes.NewReader([]byte{byte(i)}), IfNoneMatch: aws.String("*")})
				switch {
				case err == nil:
					won.Add(1)
				case code(err) != "PreconditionFailed" && code(err) != "ConditionalRequestConflict":
					t.Errorf("a loser gets %v", err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d have won", won.Load())
		}
	}

	// Conditional deletes.
	head, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("sum")})
	if err != nil {
		t.Fatal(err)
	}
	del := func(etag string) error {
		_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("sum"), IfMatch: &etag})
		return err
	}
	if err := del(`"0123456789abcdef0123456789abcdef"`); code(err) != "PreconditionFailed" {
		t.Errorf("a delete of another ETag: %v", err)
	}
	if err := del(*head.ETag); err != nil {
		t.Error(err)
	}
	if err := del(*head.ETag); code(err) != "NoSuchKey" {
		t.Errorf("a conditional delete of nothing: %v", err)
	}
}

func TestMinioGo(t *testing.T) {
	r := newRig(t)
	c, err := minio.New(r.host, &minio.Options{Creds: miniokeys.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := c.MakeBucket(ctx, "photos", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	body := []byte(noise(37 << 20))
	for name, size := range map[string]int64{"known": int64(len(body)), "unknown": -1} { // the latter goes in parts
		if _, err := c.PutObject(ctx, "photos", name, bytes.NewReader(body), size, minio.PutObjectOptions{PartSize: 16 << 20, UserMetadata: map[string]string{"who": "me"}}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		o, err := c.GetObject(ctx, "photos", name, minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(o); err != nil || !bytes.Equal(b, body) {
			t.Fatalf("%s: %d bytes, %v", name, len(b), err)
		}
		_ = o.Close()
	}
	if _, err := c.ComposeObject(ctx, minio.CopyDestOptions{Bucket: "photos", Object: "joined"},
		minio.CopySrcOptions{Bucket: "photos", Object: "known"}, minio.CopySrcOptions{Bucket: "photos", Object: "unknown"}); err != nil {
		t.Fatal(err)
	}
	if s, err := c.StatObject(ctx, "photos", "joined", minio.StatObjectOptions{}); err != nil || s.Size != 2*int64(len(body)) {
		t.Fatalf("joined: %+v %v", s, err)
	}
	names := make(chan minio.ObjectInfo)
	go func() {
		defer close(names)
		for o := range c.ListObjects(ctx, "photos", minio.ListObjectsOptions{Recursive: true}) {
			names <- o
		}
	}()
	for e := range c.RemoveObjects(context.WithoutCancel(ctx), "photos", names, minio.RemoveObjectsOptions{}) {
		t.Errorf("remove %s: %v", e.ObjectName, e.Err)
	}
	if err := c.RemoveBucket(ctx, "photos"); err != nil {
		t.Fatal(err)
	}
}
