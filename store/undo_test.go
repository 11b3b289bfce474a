package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pail/versioning"
)

// TestUndoOverNoncurrentNull loses the bytes of a publish in a suspended bucket, whose
// null version was not the current one: it comes back to where it was, or on top, where
// what stood above it was deleted meanwhile.
func TestUndoOverNoncurrentNull(t *testing.T) {
	ctx := context.Background()
	for _, alone := range []bool{false, true} {
		t.Run(fmt.Sprint("alone=", alone), func(t *testing.T) {
			s, se := openTest(t, Options{SettleAfter: -1})
			mustBucket(t, se, "bkt", versioning.Unversioned)
			put(t, se, "bkt", "k", "null")
			setVersioning := func(to versioning.State) {
				if err := se.SetVersioning(ctx, "bkt", to); err != nil {
					t.Fatal(err)
				}
			}
			setVersioning(versioning.Enabled)
			put(t, se, "bkt", "k", "kept")
			kept, err := se.Head(ctx, "bkt", "k", "")
			if err != nil {
				t.Fatal(err)
			}
			setVersioning(versioning.Suspended)
			f := mustOpen(t, se, "k", OpenFlags{Write: true, Create: true, Truncate: true})
			if _, err := f.WriteAt(ctx, []byte(strings.Repeat("lost", 30_000)), 0); err != nil {
				t.Fatal(err)
			}
			mustClose(t, f)
			lost, err := se.Head(ctx, "bkt", "k", "")
			if err != nil {
				t.Fatal(err)
			}
			files, pending := s.settler.filesOf(lost.Seq)
			if !pending || len(files) != 1 {
				t.Fatalf("pending: %v, %d content files", pending, len(files))
			}
			if alone {
				if _, err := se.Delete(ctx, "bkt", "k", DeleteOptions{Version: kept.VersionID}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.db.Sync(ctx); err != nil {
				t.Fatal(err)
			}
			cut := filepath.Join(t.TempDir(), "cut")
			snapshotStore(t, s, cut)
			at, err := filepath.Glob(filepath.Join(cut, blobDir, "*", files[0].String()))
			if err != nil || len(at) != 1 {
				t.Fatalf("%v %v", at, err)
			}
			if err := os.Truncate(at[0], 0); err != nil {
				t.Fatal(err)
			}

			s2, se2 := openTest(t, Options{Dir: cut})
			if n := s2.recovered.Undone; n != 1 {
				t.Fatalf("%d publishes were undone", n)
			}
			want := "kept"
			if alone {
				want = "null"
			}
			if got := readAll(t, se2, "bkt", "k", ""); got != want {
				t.Errorf("it has %.20q instead of %q", got, want)
			}
			if got := readAll(t, se2, "bkt", "k", "null"); got != "null" {
				t.Errorf("its null version has %.20q", got)
			}
			fsckClean(t, s2, true)
		})
	}
}
