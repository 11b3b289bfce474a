package store_test

import (
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// TestTruncatingToTheSameSize changes times and makes no version, unless something else
// is there to be published.
func TestTruncatingToTheSameSize(t *testing.T) {
	clock := newClock()
	r := newRig(t, store.Options{Now: clock.now})
	r.bucket("bkt", versioning.Enabled)
	r.save("bkt", "f", "12345")
	later := clock.ns.Add(int64(time.Hour))
	f := r.file("bkt", "f", store.OpenFlags{Write: true})
	r.ok(f.Truncate(r.ctx, 5))
	r.ok(f.Flush(r.ctx))
	r.ok(f.Close(r.ctx))
	if got := r.history("bkt", "f"); got != "v" {
		t.Errorf("there are the versions %q", got)
	}
	o, err := r.se.Head(r.ctx, "bkt", "f", "")
	r.ok(err)
	if o.Attr.Mtime.UnixNano() != later || o.Attr.Ctime.UnixNano() != later {
		t.Errorf("it was changed at %v, %v", o.Attr.Mtime, o.Attr.Ctime)
	}
	f = r.file("bkt", "f", store.OpenFlags{Write: true})
	r.write(f, 0, "abcde")
	r.ok(f.Truncate(r.ctx, 5))
	r.ok(f.Close(r.ctx))
	if got := r.get("bkt", "f", ""); got != "abcde" || r.history("bkt", "f") != "vv" {
		t.Errorf("it has %q and the versions %q", got, r.history("bkt", "f"))
	}
	r.kind(r.file("bkt", "f", store.OpenFlags{}).Truncate(r.ctx, 5), fault.NotPermitted)
}

// TestShrinkingWhatIsTooLarge cuts an object that is above a limit set later, to a size
// that is still above it.
func TestShrinkingWhatIsTooLarge(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	r.save("bkt", "f", "0123456789")
	r.opts.MaxObjectSize = 5
	r.reopen()
	f := r.file("bkt", "f", store.OpenFlags{Write: true})
	r.kind(f.Truncate(r.ctx, 11), fault.EntityTooLarge)
	r.ok(f.Truncate(r.ctx, 8))
	r.kind(f.Truncate(r.ctx, 9), fault.EntityTooLarge)
	r.ok(f.Close(r.ctx))
	if got := r.get("bkt", "f", ""); got != "01234567" {
		t.Errorf("it has %q", got)
	}
}
