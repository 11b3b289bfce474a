package meta

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pail/integration/leak"
)

// A power cut while badger opens can leave the name of a new value log and nothing else.
func TestOpenOverUnbegunValueLog(t *testing.T) {
	for _, size := range []int64{0, 1, 19} {
		dir := t.TempDir()
		db, err := Open(Options{Key: testKey, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "000077.vlog"), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if db, err = Open(Options{Key: testKey, Dir: dir}); err != nil {
			t.Fatalf("with %d bytes: %v", size, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Files in which nothing is kept are damaged, after a clean end and after a kill: nothing is
// lost, so nothing is refused.
func TestDamageOfUnusedFilesIsNone(t *testing.T) {
	home := t.TempDir()
	db := open(t, home, small)
	fillRecords(t, db, "r", 100)
	killed := image(t, home)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for how, dir := range map[string]string{"closed": home, "killed": killed} {
		logs := glob(t, dir, "*"+valueLogSuffix)
		if len(logs) == 0 {
			t.Errorf("%s: there is no value log", how)
		}
		for _, path := range append(logs, filepath.Join(dir, "KEYREGISTRY")) {
			name := filepath.Base(path)
			check := func(what string, damage func(path string)) {
				t.Helper()
				d := filepath.Join(t.TempDir(), "damaged")
				copyDir(t, dir, d)
				damage(filepath.Join(d, name))
				what = fmt.Sprintf("%s, %s: %s", how, name, what)
				if mustRefuse(t, what, d, 100) {
					t.Errorf("%s: refused", what)
				}
			}
			header := min(size(t, path), 28)
			for at := range header {
				check(fmt.Sprintf("byte %d", at), func(path string) { flip(t, path, at) })
			}
			for _, n := range []int64{0, 7, header - 1} {
				check(fmt.Sprintf("cut to %d", n), func(path string) { truncate(t, path, n) })
			}
		}
	}
}

// A value log or a registry that is not empty is nothing to be removed.
func TestUnusedFilesThatHoldSomethingStay(t *testing.T) {
	if testKey != nil {
		t.Skip("the registry of an encrypted database is written again")
	}
	dir := t.TempDir()
	db := open(t, dir, small)
	fillRecords(t, db, "r", 100)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"000077.vlog": append(append(bytes.Repeat([]byte{1}, logHeader), make([]byte, 200<<10)...), 1),
		"KEYREGISTRY": make([]byte, 29),
	} {
		d := filepath.Join(t.TempDir(), "filled")
		copyDir(t, dir, d)
		if err := os.WriteFile(filepath.Join(d, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		leak.Excuse(func() error { // badger keeps what it had begun when it cannot open
			_, err := Open(Options{Key: testKey, Dir: d, MemTableSize: 1 << 20})
			if damage := new(DamageError); !errors.As(err, &damage) {
				t.Errorf("%s: %v is no damage", name, err)
			}
			return err
		})
		if got, err := os.ReadFile(filepath.Join(d, name)); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: was changed (%v)", name, err)
		}
	}
}
