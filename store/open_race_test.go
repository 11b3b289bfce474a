package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"pail/store"
	"pail/versioning"
)

// TestOpenAfterPublish saves a file over and over while others open and close it. Who
// opens it after that sees what was saved, and who appends to it appends to that.
func TestOpenAfterPublish(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("races", versioning.Unversioned)
	r.save("races", "f", "")
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for !done.Load() {
				f, err := r.se.OpenFile(context.Background(), "races", "f", store.OpenFlags{})
				if err != nil {
					t.Error(err)
					return
				}
				_ = f.Close(context.Background())
			}
		})
	}
	defer readers.Wait()
	defer done.Store(true)
	for i := range rounds(5000) {
		body := fmt.Sprint("round ", i)
		r.save("races", "f", body)
		f := r.file("races", "f", store.OpenFlags{Write: i%2 == 0})
		if got := r.content(f); got != body {
			t.Fatalf("it holds %q, saved was %q", got, body)
		}
		if i%2 == 0 {
			r.write(f, int64(len(body)), "+")
			body += "+"
		}
		r.ok(f.Close(r.ctx))
		if got := r.get("races", "f", ""); got != body {
			t.Fatalf("published is %q, want %q", got, body)
		}
	}
}
