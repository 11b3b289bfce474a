package soak

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pail/integration/trial"
)

// otherActs are those of the command line, one after another; the weights say nothing.
func otherActs() []act {
	return []act{
		{"pail status", 0, run("status")},
		{"pail lifecycle run", 0, run("lifecycle", "run")},
		{"pail log", 0, run("log", past, "-n", "50")},
		{"pail ls", 0, run("ls", past, "--recursive", "--versions")},
		{"pail log --follow", 0, follow},
		{"second mount", 0, secondMount},
		{"pail webhook ls", 0, run("webhook", "ls")},
		{"access key", 0, accessKeys},
		{"pail restore", 0, restore},
		{"pail fsck", 0, run("fsck")},
		{"pail scrub", 0, run("scrub", "--rate", "50MiB")},
		{"pail backup", 0, backup},
	}
}

// others does the acts of the command line in turn until ctx is done.
func (l *load) others(ctx context.Context, w *worker) {
	pause := 5 * time.Second
	if !trial.Soak() {
		pause = 100 * time.Millisecond
	}
	for {
		for _, a := range otherActs() {
			l.try(w, a)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

func run(args ...string) func(w *worker) error {
	return func(w *worker) error {
		_, err := w.pail(args...)
		return err
	}
}

// restore asks what it would take to go back. Of keys all of whose versions are gone it
// cannot tell, and says so.
func restore(w *worker) error {
	_, err := w.pail("restore", past+"/", "--at=-1s", "--dry-run")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		return nil
	}
	return err
}

// follow has a client go away that waits for changes.
func follow(w *worker) error {
	cmd := w.command("log", plain, "--follow", "-n", "1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err = bufio.NewReader(out).ReadString('\n')
	err = errors.Join(err, ignoreClosed(cmd.Process.Kill()))
	_ = cmd.Wait() // says that it was killed
	return err
}

// secondMount mounts one bucket elsewhere, looks and unmounts it.
func secondMount(w *worker) error {
	at := filepath.Join(filepath.Dir(w.root), "second")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if _, err := w.pail("mount", at, "--background", "--bucket", plain, "--read-only"); err != nil {
		return err
	}
	_, err := os.ReadDir(at)
	_, gone := w.pail("umount", at)
	return errors.Join(err, gone)
}

func accessKeys(w *worker) error {
	const id = "passing-access-key"
	_, err := w.pail("key", "create", "--access-key", id, "--secret-key", "its-secret-of-many-letters")
	_, gone := w.pail("key", "rm", id)
	return errors.Join(err, gone)
}

// backup streams all of the store to nowhere.
func backup(w *worker) error {
	cmd := w.command("backup", "create", "-")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = struct{ io.Writer }{io.Discard}, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, said.String())
	}
	return nil
}

// A hook is a webhook's end, which now and then does not receive what it is sent.
type hook struct {
	*httptest.Server
	received, refused atomic.Int64
}

func newHook() *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch n := h.received.Add(1); {
		case n%500 == 250:
			h.refused.Add(1)
			rw.WriteHeader(http.StatusServiceUnavailable)
		case n%500 == 0:
			h.refused.Add(1)
			panic(http.ErrAbortHandler) // breaks the connection off
		}
	}))
	return h
}

// prepare makes the buckets: their events go to a webhook, and a lifecycle ends all that is
// in one of them.
func (l *load) prepare() {
	l.hook = newHook()
	l.Cleanup(l.hook.Close)
	ctx := context.Background()
	arn, err := l.pail("webhook", "add", "hook", l.hook.URL)
	l.ok(err)
	for _, bucket := range []string{plain, past, passing} {
		_, err := l.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
		l.ok(err)
		_, err = l.s3.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
			Bucket: &bucket, NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
				QueueArn: aws.String(strings.TrimSpace(arn)), Events: []types.Event{"s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"},
			}}},
		})
		l.ok(err)
	}
	_, err = l.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: aws.String(past), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	l.ok(err)
	date := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err = l.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket: aws.String(passing), LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
			Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &types.LifecycleExpiration{Date: &date},
		}}},
	})
	l.ok(err)
}
