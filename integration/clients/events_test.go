package clients

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pail/integration/program"
)

// A receiver is a webhook's end.
type receiver struct {
	mu  sync.Mutex // guards what follows
	got []string   // TYPE KEY
	bad int        // how many messages it refuses first
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Event   string
		Records []struct {
			EventName string
			S3        struct{ Object struct{ Key string } }
		}
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case err != nil || r.Method != http.MethodPost:
		v.got = append(v.got, "malformed "+string(body))
	case v.bad > 0:
		v.bad--
		w.WriteHeader(http.StatusServiceUnavailable)
	case m.Event != "":
		v.got = append(v.got, m.Event)
	default:
		for _, e := range m.Records {
			v.got = append(v.got, e.EventName+" "+e.S3.Object.Key)
		}
	}
}

// await waits for messages, which must be these.
func (v *receiver) await(t *testing.T, want ...string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		v.mu.Lock()
		got := strings.Join(v.got, "\n")
		v.mu.Unlock()
		if got == strings.Join(want, "\n") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("received\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	}
}

// TestEventsReachAWebhook has a webhook hear of what AWS's client does and of what is done on
// a mount, of lifecycles, and of what happened while it did not answer.
func TestEventsReachAWebhook(t *testing.T) {
	v := &receiver{}
	hook := httptest.NewServer(v)
	defer hook.Close()
	r := newRig(t)
	c, ctx := r.sdk(), t.Context()
	bucket := aws.String("photos")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	pail := func(args ...string) string {
		t.Helper()
		out, err := program.Command(append([]string{"--store", r.store}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("pail %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	arn := pail("webhook", "add", "hook", hook.URL+"/events")
	notify := func(arn string) error {
		_, err := c.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
			Bucket: bucket, NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
				QueueArn: aws.String(arn), Events: []types.Event{"s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"},
			}}},
		})
		return err
	}
	if err := notify(arn + "-of-nobody"); code(err) != "InvalidArgument" {
		t.Errorf("an ARN of nobody: %v", err)
	}
	if err := notify(arn); err != nil {
		t.Fatal(err)
	}
	want := []string{"s3:TestEvent"}
	v.await(t, want...)

	put := func(key string) {
		t.Helper()
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String(key), Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
	}
	put("a b/c")
	want = append(want, "ObjectCreated:Put a+b/c")
	v.await(t, want...)

	if _, err := os.Stat("/dev/fuse"); err == nil {
		at := filepath.Join(t.TempDir(), "mnt")
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		pail("mount", at, "--background")
		defer pail("umount", at)
		if err := os.WriteFile(filepath.Join(at, "photos/a b/d"), []byte("on the mount"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(at, "photos/a b/d"), filepath.Join(at, "photos/e")); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(at, "photos/e")); err != nil {
			t.Fatal(err)
		}
		want = append(want, "ObjectCreated:Put a+b/d", "ObjectRemoved:Delete a+b/d", "ObjectCreated:Copy e", "ObjectRemoved:Delete e")
		v.await(t, want...)
	} else if os.Getenv("CI") != "" {
		t.Fatal("no FUSE here")
	}

	v.mu.Lock()
	v.bad = 2
	v.mu.Unlock()
	put("late")
	put("later")
	want = append(want, "ObjectCreated:Put late", "ObjectCreated:Put later")
	v.await(t, want...)

	date := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := c.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket: bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
			Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("lat")}, Expiration: &types.LifecycleExpiration{Date: &date},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if out := pail("lifecycle", "run"); !strings.HasPrefix(out, "2 deleted") {
		t.Errorf("%s", out)
	}
	want = append(want, "LifecycleExpiration:Delete late", "LifecycleExpiration:Delete later")
	v.await(t, want...)
	if out := pail("webhook", "ls"); !strings.Contains(out, "0 waiting") {
		t.Errorf("%s", out)
	}
}
