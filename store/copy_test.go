package store_test

import (
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// TestCopyChecksTheVersionThatIsNamed copies an older version under conditions on the
// source: they are about that version, whatever the current one is, or if there is none.
func TestCopyChecksTheVersionThatIsNamed(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	old, now := r.put("bkt", "k", "old"), r.put("bkt", "k", "now")
	check := func(when string) {
		for _, c := range []struct {
			version string
			cond    store.Conditions
			want    fault.Kind
		}{
			{old.VersionID, store.Conditions{IfMatch: old.ETag}, fault.None},
			{old.VersionID, store.Conditions{IfMatch: "*"}, fault.None},
			{old.VersionID, store.Conditions{IfMatch: now.ETag}, fault.PreconditionFailed},
			{old.VersionID, store.Conditions{IfNoneMatch: now.ETag}, fault.None},
			{old.VersionID, store.Conditions{IfNoneMatch: old.ETag}, fault.PreconditionFailed},
			{old.VersionID, store.Conditions{IfNoneMatch: "*"}, fault.PreconditionFailed},
			{"", store.Conditions{IfMatch: old.ETag}, fault.PreconditionFailed},
			{"", store.Conditions{IfMatch: now.ETag}, fault.None},
		} {
			if c.version == "" && when == "deleted" {
				c.want = fault.NoSuchKey
			}
			o, err := r.se.Copy(r.ctx, store.Source{Bucket: "bkt", Key: "k", Version: c.version}, "bkt", "copy", store.CopyInput{SourceIf: c.cond})
			if fault.KindOf(err) != c.want {
				t.Errorf("%s, version %q, %+v: %v, want %v", when, c.version, c.cond, err, c.want)
			} else if err == nil && c.version == old.VersionID && r.get("bkt", "copy", o.VersionID) != "old" {
				t.Errorf("%s: copied %q", when, r.get("bkt", "copy", o.VersionID))
			}
		}
	}
	check("current")
	_, err := r.se.Delete(r.ctx, "bkt", "k", store.DeleteOptions{})
	r.ok(err)
	check("deleted")
}
