package meta

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// image copies the files of an open database: what an unclean end of the process leaves.
func image(t testing.TB, dir string) string {
	t.Helper()
	for {
		to := filepath.Join(t.TempDir(), "image")
		before := tablesIn(t, dir)
		copyDir(t, dir, to)
		if tablesIn(t, dir) == before {
			return to
		}
		// The database wrote a table meanwhile: the copy may hold half of it.
	}
}

// tablesIn tells the tables of a database and the state of its manifest.
func tablesIn(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		if filepath.Ext(e.Name()) == ".sst" || e.Name() == "MANIFEST" {
			fi, err := e.Info()
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&out, e.Name(), fi.Size())
		}
	}
	return out.String()
}

func copyDir(t testing.TB, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		if e.Name() == ballastName {
			continue
		}
		if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// contents is a hash of the files in dir, by name.
func contents(t testing.TB, dir string) map[string][32]byte {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][32]byte{}
	for _, e := range names {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = sha256.Sum256(b)
	}
	return out
}

func small(o *Options) { o.MemTableSize = 1 << 20 }

// fillRecords writes n durable records in batches of a hundred; all of them when it returns.
func fillRecords(t testing.TB, db *DB, prefix string, n int) {
	t.Helper()
	val := strings.Repeat("v", 200)
	for i := 0; i < n; i += 100 {
		_, err := db.Update(context.Background(), UpdateOptions{Durable: true}, func(tx *Tx) error {
			for k := i; k < min(n, i+100); k++ {
				tx.Set(fmt.Appendf(nil, "%s/%07d", prefix, k), fmt.Appendf(nil, "%d %s", k, val))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// countRecords counts what fillRecords left; -1 if anything is wrong.
func countRecords(t testing.TB, r Reader, prefix string) int {
	t.Helper()
	it := r.Scan(ScanOptions{Prefix: []byte(prefix + "/")})
	defer it.Close()
	n := 0
	for it.Next() {
		if want := fmt.Sprintf("%s/%07d", prefix, n); string(it.Key()) != want {
			t.Errorf("record %d is %s", n, it.Key())
			return -1
		}
		n++
	}
	if it.Err() != nil {
		t.Error(it.Err())
		return -1
	}
	return n
}

// mustRefuse opens a damaged image: either it is refused and unchanged, or nothing is
// missing. It says whether it was refused.
func mustRefuse(t *testing.T, what, dir string, want int) bool {
	t.Helper()
	before := contents(t, dir)
	db, err := Open(Options{Key: testKey, Dir: dir, MemTableSize: 1 << 20})
	if err == nil {
		defer db.Close()
		v := db.View()
		defer v.Close()
		if n := countRecords(t, v, "r"); n != want {
			t.Errorf("%s: opened, and %d of %d records are there", what, n, want)
		}
		return false
	}
	var d *DamageError
	if !errors.As(err, &d) {
		t.Errorf("%s: %v is no damage", what, err)
	}
	after := contents(t, dir)
	for name, sum := range before {
		if after[name] != sum {
			t.Errorf("%s: %s was changed", what, name)
		}
	}
	return true
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x55
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// filled returns an image with tables and a log whose batches are all synced, and the
// number of records in it.
func filled(t *testing.T) (dir string, n int) {
	t.Helper()
	home := t.TempDir()
	db := open(t, home, small)
	n = 9000
	fillRecords(t, db, "r", n)
	for deadline := time.Now().Add(10 * time.Second); len(glob(t, home, "*.sst")) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no table appeared")
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // let a compaction end
	dir = image(t, home)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, n
}

func TestDamageIsRefused(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	dir, n := filled(t)
	check := func(what string, mustFind bool, damage func(dir string)) {
		t.Helper()
		d := filepath.Join(t.TempDir(), "damaged")
		copyDir(t, dir, d)
		damage(d)
		if refused := mustRefuse(t, what, d, n); mustFind && !refused {
			t.Errorf("%s: was not noticed", what)
		}
	}
	check("nothing", false, func(string) {})

	var rep logReport // of the last log with anything in it
	numbers, _ := logNumbers(dir)
	for _, i := range numbers {
		if p, err := readLog(dir, i, testKeys); err == nil && p.last > 0 {
			rep = p
		}
	}
	name := filepath.Base(rep.path)
	for range 40 {
		at := logHeader + r.Int64N(rep.end-logHeader)
		check(fmt.Sprintf("log byte %d", at), true, func(d string) { flip(t, filepath.Join(d, name), at) })
	}
	check("log's key", true, func(d string) { flip(t, filepath.Join(d, name), 3) })
	check("log's end", true, func(d string) { flip(t, filepath.Join(d, name), rep.end-1) })
	check("log cut", true, func(d string) { truncate(t, filepath.Join(d, name), rep.end/2) })
	check("log gone", true, func(d string) { remove(t, filepath.Join(d, name)) })

	for _, path := range glob(t, dir, "*.sst") {
		name := filepath.Base(path)
		check(name+" gone", true, func(d string) { remove(t, filepath.Join(d, name)) })
		check(name+" cut", true, func(d string) { truncate(t, filepath.Join(d, name), size(t, path)-10) })
		check(name+" empty", true, func(d string) { truncate(t, filepath.Join(d, name), 0) })
		for range 20 {
			at := r.Int64N(size(t, path))
			check(fmt.Sprintf("%s byte %d", name, at), false, func(d string) { flip(t, filepath.Join(d, name), at) })
		}
	}
	manifest := size(t, filepath.Join(dir, "MANIFEST"))
	for at := r.Int64N(5); at < manifest; at += 5 {
		check(fmt.Sprintf("MANIFEST byte %d", at), false, func(d string) { flip(t, filepath.Join(d, "MANIFEST"), at) })
	}
	check("MANIFEST gone", true, func(d string) { remove(t, filepath.Join(d, "MANIFEST")) })
	check("MANIFEST cut", false, func(d string) { truncate(t, filepath.Join(d, "MANIFEST"), manifest-4) })
}

// TestTornTailIsNoDamage damages a log behind what was synced.
func TestTornTailIsNoDamage(t *testing.T) {
	home := t.TempDir()
	db := open(t, home, small)
	fillRecords(t, db, "r", 1000)
	at := db.logs.number
	synced, err := readLog(home, at, testKeys)
	if err != nil {
		t.Fatal(err)
	}
	set(t, db, UpdateOptions{}, "lost", "1")
	set(t, db, UpdateOptions{}, "lost", "2")
	whole, err := readLog(home, at, testKeys)
	if err != nil {
		t.Fatal(err)
	}
	if whole.last != synced.last+2 {
		t.Fatalf("batches %d, then %d", synced.last, whole.last)
	}
	for pos := synced.end; pos < whole.end; pos += 11 {
		dir := image(t, home)
		flip(t, logPath(dir, at), pos)
		if mustRefuse(t, fmt.Sprintf("byte %d", pos), dir, 1000) {
			t.Errorf("byte %d: a torn tail was refused", pos)
		}
	}
}

// TestLaterLogBehindALoss: what a sync too few before a rotation would leave.
func TestLaterLogBehindALoss(t *testing.T) {
	home := t.TempDir()
	db := open(t, home, small)
	fillRecords(t, db, "r", 3000)
	if len(glob(t, home, "*"+logSuffix)) < 2 {
		t.Skip("one log only")
	}
	dir := image(t, home)
	remove(t, filepath.Join(dir, markerName))
	numbers, _ := logNumbers(dir)
	for _, n := range numbers[:len(numbers)-1] {
		r, err := readLog(dir, n, testKeys)
		if err != nil {
			t.Fatal(err)
		}
		next, err := readLog(dir, n+1, testKeys)
		if err != nil || next.last == 0 || r.last == 0 {
			continue
		}
		truncate(t, r.path, r.end-1)
		s := &survey{dir: dir, keys: testKeys}
		s.logs = []logReport{reread(t, dir, n), next}
		s.tables = r.first - 1
		if err := s.judge(); err == nil {
			t.Errorf("log %d lost its end and nobody noticed", n)
		}
		return
	}
}

func reread(t *testing.T, dir string, n int) logReport {
	t.Helper()
	r, err := readLog(dir, n, testKeys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string, n int64) {
	t.Helper()
	if err := os.Truncate(path, n); err != nil {
		t.Fatal(err)
	}
}

// TestDamageWhileOpen damages tables under an open database: a scan and gets give every
// record as it was, or an error.
func TestDamageWhileOpen(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 6))
	dir := t.TempDir()
	db := open(t, dir, small)
	const n = 3000
	fillRecords(t, db, "r", n)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, small)
	time.Sleep(1500 * time.Millisecond) // compactions are over
	tables := glob(t, dir, "*.sst")
	scan := func() (got int, err error) {
		v := db.View()
		defer v.Close()
		it := v.Scan(ScanOptions{Prefix: []byte("r/"), Reverse: r.IntN(2) == 0})
		defer it.Close()
		for it.Next() {
			got++
		}
		return got, it.Err()
	}
	reported, hidden := 0, 0
	for range 300 {
		path := tables[r.IntN(len(tables))]
		at := r.Int64N(size(t, path) * 9 / 10) // the index is checked at open
		flip(t, path, at)
		got, err := scan()
		var d *DamageError
		switch {
		case errors.As(err, &d):
			reported++
		case err != nil:
			t.Error(err)
		case got != n:
			hidden++
			t.Logf("%s byte %d hid %d records", filepath.Base(path), at, n-got)
		}
		if err := db.VerifyTables(t.Context()); !errors.As(err, &d) {
			t.Errorf("%s byte %d: %v", path, at, err)
		}
		flip(t, path, at)
	}
	t.Logf("%d of 300 reported, %d hid records", reported, hidden)
	if hidden > 15 || reported < 200 {
		t.Error("too few were reported")
	}
	if err := db.VerifyTables(t.Context()); err != nil {
		t.Error(err)
	}
}

// A table that was replaced while it was read, of which badger has emptied the file by then, is
// no damage; one that the database has is.
func TestReplacedTableIsNoDamage(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, small)
	fillRecords(t, db, "r", 100)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, small)
	const replaced = 999_999
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d.sst", replaced)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := db.verifyTable(t.Context(), replaced); err != nil {
		t.Errorf("a table that is not the database's: %v", err)
	}
	own := db.badger.Tables()[0].ID
	path := filepath.Join(dir, fmt.Sprintf("%06d.sst", own))
	flip(t, path, 10)
	var d *DamageError
	if err := db.verifyTable(t.Context(), own); !errors.As(err, &d) {
		t.Errorf("a damaged one: %v", err)
	}
	flip(t, path, 10)
}
