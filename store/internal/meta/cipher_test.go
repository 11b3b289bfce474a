package meta

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"pail/crypto"
)

// TestEncryptedToo runs tests of what is on the disk with databases that are encrypted.
func TestEncryptedToo(t *testing.T) {
	if testKey != nil {
		t.Skip("all are")
	}
	tests := "TestAdvance|TestUpdateAndReopen|TestKill|TestLog.*|TestDamageIsRefused|TestTornTailIsNoDamage|TestTxAgainstAMap|TestDeadRangesAreKept"
	cmd := exec.Command(os.Args[0], "-test.run", "^("+tests+")$", "-test.timeout", "5m")
	cmd.Env = append(os.Environ(), encryptedEnv+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// encrypted are options of a small database that is encrypted, whatever the others are.
func encrypted(o *Options) { o.Key, o.MemTableSize = &crypto.Key{7}, 1<<20 }

func plain(o *Options) { o.Key, o.MemTableSize = nil, 1<<20 }

// grep tells in which files of dir a needle is.
func grep(t *testing.T, dir, needle string) (in []string) {
	t.Helper()
	for _, path := range glob(t, dir, "*") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(needle)) {
			in = append(in, filepath.Base(path))
		}
	}
	return in
}

// TestNothingIsPlain looks for keys and values in every file: in logs, in tables and in the
// file of deleted ranges, while the database is open, as an end of the process leaves it, and
// closed. In a plain one they are found in all of these.
func TestNothingIsPlain(t *testing.T) {
	for _, way := range []func(*Options){plain, encrypted} {
		home := t.TempDir()
		db := open(t, home, way)
		fillRecords(t, db, "needle", 9000)
		for i := 1000; i < 8000; i += 1000 { // a range of them dies
			_, err := db.Update(t.Context(), UpdateOptions{}, func(tx *Tx) error {
				for k := i; k < i+1000; k++ {
					tx.Delete(fmt.Appendf(nil, "needle/%07d", k))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		set(t, db, UpdateOptions{Durable: true}, "needle/last", "vvvvvvvvvvvvvvvvvvvv")
		drain(t, db)
		db.sweeping.Lock()
		db.sweep([]string{"needle/0001000"})
		db.sweeping.Unlock()
		var found []string
		for _, needle := range []string{"needle/", "vvvvvvvvvvvvvvvvvvvv"} {
			found = append(found, grep(t, home, needle)...)
			found = append(found, grep(t, image(t, home), needle)...)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		found = append(found, grep(t, home, "needle/")...)
		kinds := fmt.Sprint(found)
		if db.keys != nil {
			if len(found) > 0 {
				t.Errorf("in the clear in %s", kinds)
			}
			continue
		}
		for _, kind := range []string{logSuffix, ".sst", deadName} {
			if !strings.Contains(kinds, kind) {
				t.Errorf("no needle in any %s: %s", kind, kinds)
			}
		}
	}
}

// TestOtherKey opens a database otherwise than it was made: it is refused and stays as it is,
// whether its records are in logs or in tables.
func TestOtherKey(t *testing.T) {
	other := func(o *Options) { o.Key, o.MemTableSize = &crypto.Key{8}, 1<<20 }
	for _, closed := range []bool{false, true} {
		for name, ways := range map[string][2]func(*Options){
			"plain as encrypted": {plain, encrypted}, "encrypted as plain": {encrypted, plain}, "another key": {encrypted, other},
		} {
			dir := t.TempDir()
			db := open(t, dir, ways[0])
			fillRecords(t, db, "r", 100)
			if !closed {
				dir = image(t, dir)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			before := contents(t, dir)
			o := Options{Dir: dir}
			ways[1](&o)
			_, err := Open(o)
			var d *DamageError
			if !errors.As(err, &d) || name == "encrypted as plain" && !d.Cipher {
				t.Errorf("%s, closed %v: %v is no damage", name, closed, err)
			}
			if after := contents(t, dir); fmt.Sprint(before) != fmt.Sprint(after) {
				t.Errorf("%s, closed %v: something was changed", name, closed)
			}
		}
	}
}

// TestRegistryIsWrittenAgain loses and changes badger's registry of keys, in which nothing is
// that cannot be made again.
func TestRegistryIsWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, encrypted)
	fillRecords(t, db, "r", 100)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, badger.KeyRegistryFileName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := -1; at < len(whole); at += 7 {
		if at < 0 {
			remove(t, path)
		} else {
			flip(t, path, int64(at))
		}
		db := open(t, dir, encrypted)
		v := db.View()
		if n := countRecords(t, v, "r"); n != 100 {
			t.Errorf("byte %d: %d of 100 records", at, n)
		}
		v.Close()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, whole) {
			t.Errorf("byte %d: the registry is another (%v)", at, err)
		}
	}
}

// asBadger writes to a closed database as somebody does who can make badger's checksums and
// its cipher say what he likes, but not the MAC: of a file that is encrypted by XOR, whoever
// knows what it says can make it say something else.
func asBadger(t *testing.T, dir string, key *crypto.Key, at uint64, k string, value []byte) {
	t.Helper()
	keys, err := newCipherKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	db := &DB{opts: Options{Dir: dir, MemTableSize: 1 << 20}, keys: keys}
	b, err := badger.OpenManaged(db.badgerOptions())
	if err != nil {
		t.Fatal(err)
	}
	w := b.NewManagedWriteBatch()
	err = w.SetEntryAt(&badger.Entry{Key: []byte(k), Value: value}, at)
	if err = errors.Join(err, w.Flush(), b.Close()); err != nil {
		t.Fatal(err)
	}
}

// rawValue is the sealed value that badger has at a key, and its batch.
func rawValue(t *testing.T, db *DB, key string) (sealed []byte, batch uint64) {
	t.Helper()
	drain(t, db)
	txn := db.badger.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	item, err := txn.Get([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err = item.ValueCopy(nil)
	if err != nil {
		t.Fatal(err)
	}
	return sealed, item.Version()
}

// TestForgedRecords puts records into tables that were not written there: another value, that
// of another key, and the former one in place of the present. Each is refused by name, by Get
// and by Scan.
func TestForgedRecords(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, encrypted)
	set(t, db, UpdateOptions{}, "role", "guest", "other", "admin")
	former, _ := rawValue(t, db, "role")
	others, _ := rawValue(t, db, "other")
	set(t, db, UpdateOptions{}, "role", "none")
	present, _ := rawValue(t, db, "role")
	set(t, db, UpdateOptions{}, "last", "1")
	last := db.committer.at.batch
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(present)
	changed[0] ^= 1
	for what, forged := range map[string][]byte{
		"another value": changed, "that of another key": others, "the former": former, "nothing": {}, "short": {1, 2, 3},
	} {
		d := filepath.Join(t.TempDir(), "forged")
		copyDir(t, dir, d)
		asBadger(t, d, &crypto.Key{7}, last, "role", forged)
		db := open(t, d, encrypted)
		v := db.View()
		_, err := v.Get([]byte("role"))
		wantNamed(t, what, err)
		it := v.Scan(ScanOptions{Prefix: []byte("ro")})
		for it.Next() {
			t.Errorf("%s: a scan shows %q", what, it.Value())
		}
		wantNamed(t, what, it.Err())
		it.Close()
		if got := get(t, v, "other"); got != "admin" {
			t.Errorf("%s: the other record is %q", what, got)
		}
		v.Close()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func wantNamed(t *testing.T, what string, err error) {
	t.Helper()
	var d *DamageError
	if !errors.As(err, &d) || !strings.Contains(err.Error(), `"role"`) {
		t.Errorf("%s: %v", what, err)
	}
}

// TestForgedLog changes a record in a log, its checksum with it: Open refuses it by name and
// changes nothing.
func TestForgedLog(t *testing.T) {
	home := t.TempDir()
	db := open(t, home, encrypted)
	set(t, db, UpdateOptions{Durable: true}, "role", "guest")
	set(t, db, UpdateOptions{Durable: true}, "last", "1")
	dir := image(t, home)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	path := glob(t, dir, "*"+logSuffix)[0]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in := logReader{data: b, cipher: db.keys.log(b[:logHeader])}
	for at := int64(logHeader); ; {
		e, size := in.entry(at)
		if size == 0 {
			t.Fatal("the record is not there")
		}
		if string(e.key) != "role" {
			at += size
			continue
		}
		b[at+size-crc32.Size-macSize-1] ^= 't' ^ 'T' // the value ends there
		binary.BigEndian.PutUint32(b[at+size-crc32.Size:], crc32.Checksum(b[at:at+size-crc32.Size], logTable))
		if e, _ = in.entry(at); string(e.value[:5]) != "guesT" {
			t.Fatalf("now it is %q", e.value)
		}
		break
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	o := Options{Dir: dir}
	encrypted(&o)
	_, err = Open(o)
	wantNamed(t, "log", err)
	if fmt.Sprint(contents(t, dir)) != fmt.Sprint(before) {
		t.Error("something was changed")
	}
}

// TestCopyTo copies a database to one that is encrypted: every record as it is, deleted ones
// not, large ones and many small ones, and numbers go on.
func TestCopyTo(t *testing.T) {
	from := open(t, t.TempDir(), plain)
	fillRecords(t, from, "r", 5000)
	for i := range 20 {
		set(t, from, UpdateOptions{}, fmt.Sprintf("large/%d", i), strings.Repeat("x", 70_000))
	}
	_, err := from.Update(t.Context(), UpdateOptions{}, func(tx *Tx) error {
		for k := range 100 {
			tx.Delete(fmt.Appendf(nil, "r/%07d", k))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	id := from.NextID()
	dir := t.TempDir()
	to := open(t, dir, encrypted)
	if err := from.CopyTo(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	all := func(db *DB) []string {
		v := db.View()
		defer v.Close()
		return keys(t, v, ScanOptions{})
	}
	check := func(db *DB) {
		t.Helper()
		if a, b := all(from), all(db); len(a) != 4920 || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("%d records, then %d", len(a), len(b))
		}
		if db.LastSeq() < from.LastSeq() || db.LastID() < id {
			t.Errorf("commit %d and id %d, before %d and %d", db.LastSeq(), db.LastID(), from.LastSeq(), id)
		}
	}
	check(to)
	check(open(t, image(t, dir), encrypted)) // it is durable
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := from.CopyTo(stopped, to); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}
