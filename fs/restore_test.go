package fs

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"pail/store"
)

// TestRestoreShows: what a restore to a moment brings back shows on a mount that was
// asked for it in vain, or that showed something else under its name.
func TestRestoreShows(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	mustMkdirAll := func(path string) {
		t.Helper()
		if err := os.MkdirAll(b.path(path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"gone", "file", "a/b/c"} {
		mustMkdirAll(dir)
		mustWrite(t, b.path(dir+"/f"), "then")
	}
	at, err := b.se.Moment(ctx, "bkt", time.Now().UTC().Format(time.RFC3339Nano))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Millisecond) // commits are timed by the millisecond
	for _, dir := range []string{"gone", "file", "a"} {
		if err := os.RemoveAll(b.path(dir)); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, b.path("file"), "a file now")
	for _, path := range []string{"gone", "gone/f", "a", "a/b", "a/b/c/f"} {
		if _, err := os.Stat(b.path(path)); !errors.Is(err, os.ErrNotExist) {
			t.Fatal(path, err)
		}
	}
	for _, key := range []string{"gone/", "file/", "a/b/c/f"} {
		if err := b.se.RestoreAt(ctx, "bkt", key, store.RestoreInput{At: at}, func(store.RestoreStep) error { return nil }); err != nil {
			t.Fatal(key, err)
		}
	}
	for _, path := range []string{"gone/f", "file/f", "a/b/c/f"} {
		waitFor(t, path, func() bool {
			got, err := os.ReadFile(b.path(path))
			return err == nil && string(got) == "then"
		})
	}
}
