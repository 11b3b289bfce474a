package store

import (
	"context"
	"strings"
	"testing"

	"pail/versioning"
)

// TestRenameOfPending: a new file takes its being pending along to its new name, so that
// renaming waits for no disk; of one that replaced something the rename has the bytes
// synced first, so that what it had before cannot be lost with them.
func TestRenameOfPending(t *testing.T) {
	ctx := context.Background()
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			s, se := openTest(t, Options{SettleAfter: -1})
			mustBucket(t, se, "bkt", state)
			save := func(key, body string) {
				f := mustOpen(t, se, key, OpenFlags{Write: true, Create: true, Truncate: true})
				if _, err := f.WriteAt(ctx, []byte(body), 0); err != nil {
					t.Fatal(err)
				}
				mustClose(t, f)
			}
			rename := func(from, to string) {
				if err := se.Rename(ctx, Path{Bucket: "bkt", Key: from}, Path{Bucket: "bkt", Key: to}, RenameFlags{}); err != nil {
					t.Fatal(err)
				}
			}
			pending := func(key string) bool {
				o, err := se.Head(ctx, "bkt", key, "")
				if err != nil {
					t.Fatal(err)
				}
				return s.settler.isPending(o.Seq)
			}
			old, fresh, second := strings.Repeat("old", 30_000), strings.Repeat("new", 30_000), strings.Repeat("2nd", 30_000)
			save("target", old)
			sweep(t, s)
			save("temp", fresh)
			rename("temp", "other")
			rename("other", "target")
			if !pending("target") {
				t.Error("renaming a new file waited for the disk")
			}
			save("target", second)
			rename("target", "third")
			if pending("third") {
				t.Error("a file that was there before was renamed without its bytes")
			}
			if got := readAll(t, se, "bkt", "third", ""); got != second {
				t.Errorf("third has %d bytes", len(got))
			}
			sweep(t, s)
			if n := s.settler.count(); n != 0 {
				t.Errorf("%d are still pending", n)
			}
			problems, err := s.Check(ctx, FsckOptions{Deep: true})
			if err != nil || len(problems) > 0 {
				t.Errorf("fsck: %v %v", problems, err)
			}
		})
	}
}
