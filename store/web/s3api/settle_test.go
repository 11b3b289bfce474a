package s3api

import (
	"context"
	"sync/atomic"
	"testing"

	"pail/store"
)

// TestAnswersWaitForMounts: who has the answer to a change finds it on every mount.
func TestAnswersWaitForMounts(t *testing.T) {
	var settled atomic.Int32
	r := newRig(t, func(_ *store.Options, o *Options) {
		o.Settle = func(ctx context.Context) {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("a mount that hangs would hang every client")
			}
			settled.Add(1)
		}
	})
	want := int32(0)
	step := func(n int32, method, path, body string) {
		t.Helper()
		r.do(method, path, body)
		if want += n; settled.Load() != want {
			t.Fatalf("%s %s: settled %d times, want %d", method, path, settled.Load(), want)
		}
	}
	step(1, "PUT", "/photos", "")
	step(1, "PUT", "/photos/a", "x")
	step(0, "GET", "/photos/a", "")
	step(0, "HEAD", "/photos/a", "")
	step(0, "GET", "/photos", "")
	step(1, "DELETE", "/photos/a", "")
	step(1, "DELETE", "/nothing-here/a", "")
}
