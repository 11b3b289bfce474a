package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

// names are those in a directory.
func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A directory that is somebody's else is left as it is.
func TestRefusedCreateMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/theirs", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Create(Options{Dir: dir}); !fault.Is(err, fault.NotEmpty) || !strings.Contains(err.Error(), "theirs") {
		t.Errorf("got %v", err)
	}
	if got := namesIn(t, dir); !slices.Equal(got, []string{"theirs"}) {
		t.Errorf("it holds %v", got)
	}
	if err := Create(Options{Dir: dir + "/theirs"}); !fault.Is(err, fault.NotDirectory) {
		t.Errorf("in a file: %v", err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir + "/theirs"}); !fault.Is(err, fault.NotDirectory) {
		t.Errorf("open a file: %v", err)
	}
}

// A store that has lost its label is not made a new one, whether its contents are in files
// or beside the records.
func TestCreateDoesNotTakeOverAStoreWithoutItsLabel(t *testing.T) {
	for name, size := range map[string]int{"files": 100_000, "inline": 10} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			dir := t.TempDir() + "/store"
			s, se := openTest(t, Options{Dir: dir})
			mustBucket(t, se, "bkt", versioning.Unversioned)
			put(t, se, "bkt", "k", strings.Repeat("x", size))
			if err := s.Close(ctx); err != nil {
				t.Fatal(err)
			}
			label := filepath.Join(dir, labelName)
			saved, err := os.ReadFile(label)
			if err == nil {
				err = os.Remove(label)
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				err := Create(Options{Dir: dir})
				if !fault.Is(err, fault.Damaged) || !strings.Contains(err.Error(), label) {
					t.Fatalf("got %v", err)
				}
			}
			if _, err := os.Stat(label); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("there is a label: %v", err)
			}
			// Restored from a backup it is as it was.
			if err := os.WriteFile(label, saved, 0o600); err != nil {
				t.Fatal(err)
			}
			_, se = openTest(t, Options{Dir: dir})
			if o, err := se.Head(ctx, "bkt", "k", ""); err != nil || o.Size != int64(size) {
				t.Errorf("got %+v, %v", o, err)
			}
		})
	}
}

// A Create that was cut short may be run again.
func TestCreateGoesOnAfterAnInterruptedOne(t *testing.T) {
	dir := t.TempDir() + "/store"
	o := Options{Dir: dir, MkdirVersioning: true}
	for range 2 {
		if err := Create(o); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, labelName)); err != nil { // its last act
			t.Fatal(err)
		}
		if encryptAll { // but for this
			if err := os.WriteFile(filepath.Join(dir, creatingName), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(dir, masterName)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := Create(o); err != nil {
		t.Fatal(err)
	}
	if err := Create(o); !fault.Is(err, fault.Exists) {
		t.Errorf("once more: %v", err)
	}
}
