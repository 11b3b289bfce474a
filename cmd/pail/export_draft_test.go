package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func openExporter(t *testing.T, dir string) *exporter {
	t.Helper()
	e, err := newExporter(context.Background(), nil, "bucket", dir, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	return e
}

// drafts are the names in a directory that drafts have.
func drafts(t *testing.T, dir string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, draftPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// What was left goes with the first step into its directory; what is written, or is no
// draft, stays.
func TestExportRemovesLeftDrafts(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	others := []string{".pail-export-X", "%pail-file-x", "%pail-exported", "x" + draftPrefix}
	for _, d := range []string{dir, sub} {
		for _, name := range append([]string{draftPrefix + "A"}, others...) {
			if err := os.WriteFile(filepath.Join(d, name), []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("x", filepath.Join(d, draftPrefix+"A"+draftLink)); err != nil {
			t.Fatal(err)
		}
	}
	e := openExporter(t, dir)
	if left := drafts(t, dir); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
	if len(drafts(t, sub)) != 2 {
		t.Errorf("%v are in a directory that nothing was written to", drafts(t, sub))
	}
	var writing []*exportDraft
	for _, link := range []bool{false, true} {
		d, err := e.draft("sub", link)
		if err != nil {
			t.Fatal(err)
		}
		writing = append(writing, d)
	}
	if err := os.Symlink("x", filepath.Join(dir, writing[1].name)); err != nil {
		t.Fatal(err)
	}
	if err := openExporter(t, dir).dir("sub"); err != nil {
		t.Fatal(err)
	}
	if left := drafts(t, sub); len(left) != 3 {
		t.Errorf("%v are there; one file and one link are being written", left)
	}
	for _, d := range writing {
		if err := d.flush(); err != nil {
			t.Error(err)
		}
		if err := e.place(d.name, strings.Replace(d.name, draftPrefix, "done-", 1)); err != nil {
			t.Error(err)
		}
		d.close()
	}
	for _, d := range []string{dir, sub} {
		for _, name := range others {
			if _, err := os.Lstat(filepath.Join(d, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// Exports that look for what was left take nothing from those that write: a draft that
// has been begun gets its name.
func TestExportersSpareEachOther(t *testing.T) {
	dir := t.TempDir()
	done := make(chan struct{})
	var looking, writing sync.WaitGroup
	for range 2 {
		e := openExporter(t, dir)
		looking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if err := e.removeLeft("."); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	const each = 1000
	for w := range 2 {
		e := openExporter(t, dir)
		writing.Go(func() {
			for i := range each {
				d, err := e.draft(".", false)
				if err != nil {
					t.Error(err)
					return
				}
				name := fmt.Sprint(w, "-", i%10)
				if err := e.root.Rename(d.name, name); err != nil {
					t.Errorf("a draft was taken away: %v", err)
				}
				d.close()
			}
		})
	}
	writing.Wait()
	close(done)
	looking.Wait()
	if left := drafts(t, dir); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// Directories are looked into once each, in the order of keys.
func TestExportTidiesOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/b/c", "a/d", "ab"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	e := openExporter(t, dir)
	var got []string
	for _, name := range []string{"a", "a/b", "a/b/c", "a", "a/b/c", "a/d", "a", "ab"} {
		left := filepath.Join(dir, name, draftPrefix+"X")
		if err := os.WriteFile(left, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := e.dir(name); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(left); err != nil {
			got = append(got, name)
		}
		_ = unix.Unlink(left)
	}
	if want := "a a/b a/b/c a/b/c a/d ab"; strings.Join(got, " ") != want {
		t.Errorf("looked into %v, want %v", got, want)
	}
}
