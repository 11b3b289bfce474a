package large

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"pail/store/web/control"
)

// mostServing is the design's target for walking: an S3 client does it by asking for each.
const mostServing = mostWalking

// Keys of the daemon of TestMemoryS3.
const (
	accessKey = "pail-large-test"
	secretKey = "pail-large-secret"
)

// serve answers S3 for the store, on no mount, until the test ends.
func (m *mount) serve() *s3.Client {
	m.Helper()
	m.Setenv("PAIL_ROOT_ACCESS_KEY", accessKey)
	m.Setenv("PAIL_ROOT_SECRET_KEY", secretKey)
	m.Cleanup(func() { m.endBy("stop") })
	m.pail("serve", "127.0.0.1:0", "--background", "--log", m.log)
	var s control.Status
	m.ok(json.Unmarshal([]byte(m.pail("status", "--json")), &s))
	if m.pid = s.PID; m.pid == 0 || len(s.Listeners) != 1 {
		m.Fatalf("no daemon, or no listener: %+v", s)
	}
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Listeners[0].Endpoint), Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""), Retryer: aws.NopRetryer{},
	})
}

// TestMemoryS3 holds the daemon to the design's targets as TestMemory does, behind its
// listener: while all objects and all their versions are listed, by several at once, and
// while 64 clients ask for objects here and there.
func TestMemoryS3(t *testing.T) {
	n := either(20_000, 1_000_000)
	ctx, bucket := t.Context(), aws.String("work")
	m := newPlace(t)
	m.fill(n)
	c := m.serve()
	now, _ := m.resident()
	m.within(n, "opened", now, mostIdle)

	m.peakOf(n, "listed by 4", mostListing, 4, func(int) error {
		listed := 0
		for pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: bucket}); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			listed += len(page.Contents)
		}
		return all(listed, n+n/1000) // a directory's own key is an object
	})
	m.peakOf(n, "versions listed by 2", mostListing, 2, func(int) error {
		listed := 0
		for pages := s3.NewListObjectVersionsPaginator(c, &s3.ListObjectVersionsInput{Bucket: bucket}); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			listed += len(page.Versions)
		}
		return all(listed, n+n/1000)
	})
	m.peakOf(n, "asked for by 64", mostServing, 64, func(client int) error {
		rng := rand.New(rand.NewPCG(uint64(client), 1))
		for range n / 64 / 16 {
			i := rng.IntN(n)
			key := fmt.Sprintf("dir-%04d/object-%06d", i/1000, i)
			o, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String(key)})
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			if err := o.Body.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	m.eventually("the daemon gives memory back", func() bool {
		now, _ = m.resident()
		return now < mostIdle
	})
	m.within(n, "idle again", now, mostIdle)
}

func all(got, want int) error {
	if got != want {
		return fmt.Errorf("%d objects, there are %d", got, want)
	}
	return nil
}

// peakOf holds the daemon to a limit while several clients do something.
func (m *mount) peakOf(objects int, what string, most int64, clients int, do func(client int) error) {
	m.Helper()
	m.forgetPeak()
	g, _ := errgroup.WithContext(context.Background())
	for i := range clients {
		g.Go(func() error { return do(i) })
	}
	m.ok(g.Wait())
	_, peak := m.resident()
	m.within(objects, what, peak, most)
}
