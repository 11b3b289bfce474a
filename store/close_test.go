package store

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

// contentFiles counts the content files of a store.
func contentFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, blobDir), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A store whose records have gone is refused: opened as an empty one, recovery would
// delete every content as nobody's.
func TestStoreWithoutRecordsIsRefused(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, se := openTest(t, Options{Dir: dir})
	mustBucket(t, se, "big", versioning.Unversioned)
	put(t, se, "big", "k", string(bytes.Repeat([]byte("x"), 100_000)))
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	before := contentFiles(t, dir)
	if err := os.RemoveAll(filepath.Join(dir, metaDir)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s, err := Open(ctx, Options{Dir: dir}); !fault.Is(err, fault.Damaged) {
			t.Fatalf("opened without its records: %v, %v", s, err)
		}
		if err := os.MkdirAll(filepath.Join(dir, metaDir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, labelName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, Options{Dir: dir}); !fault.Is(err, fault.Damaged) {
		t.Fatalf("opened without its label: %v", err)
	}
	if now := contentFiles(t, dir); now != before || now == 0 {
		t.Fatalf("%d content files were there, now %d", before, now)
	}
}

// A clean end leaves no content file of nobody behind: not of a file without a name
// that is still open, not of what is written while the store closes.
func TestCleanEndLeavesNothingOver(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, se := openTest(t, Options{Dir: dir})
	mustBucket(t, se, "big", versioning.Unversioned)
	open := func(key string) *File {
		f, err := se.OpenFile(ctx, "big", key, OpenFlags{Write: true, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(ctx, bytes.Repeat([]byte(key), 100_000), 0); err != nil {
			t.Fatal(err)
		}
		return f
	}
	nameless, writing := open("a"), open("b")
	if err := se.Unlink(ctx, "big", "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*File{nameless, writing} {
		if _, err := f.WriteAt(ctx, bytes.Repeat([]byte("late"), 100_000), 1<<20); err == nil {
			t.Fatal("a closed store takes writes")
		}
	}
	if n := contentFiles(t, dir); n != 1 {
		t.Fatalf("%d content files, want that of b", n)
	}
	s, se = openTest(t, Options{Dir: dir})
	if s.recovered.Unclean {
		t.Fatal("a clean end looks unclean")
	}
	if got := readAll(t, se, "big", "b", ""); len(got) != 100_000 {
		t.Fatalf("b has %d bytes", len(got))
	}
}

// What the settler was deleting when the end came is deleted before it is a clean one.
func TestCleanEndDeletesWhatWasBegun(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, se := openTest(t, Options{Dir: dir, SettleAfter: -1})
	mustBucket(t, se, "big", versioning.Unversioned)
	put(t, se, "big", "k", string(bytes.Repeat([]byte("x"), 100_000)))
	if _, err := se.Delete(ctx, "big", "k", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(ctx)
	end()
	if err := s.settler.sweep(ended); err == nil {
		t.Fatal("a job that was ended says that it has done its work")
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if n := contentFiles(t, dir); n != 0 {
		t.Fatalf("%d content files of nobody are left", n)
	}
}
