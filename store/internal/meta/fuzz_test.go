package meta

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// bothWays are the keys of a database that is not encrypted, and of one that is.
func bothWays() [2]*cipherKeys {
	_, keys := testKeysOf(true)
	return [2]*cipherKeys{nil, keys}
}

// FuzzLog reads any bytes as a log, plain and encrypted: what it takes for whole lies within
// them, and reading that part alone finds the same.
func FuzzLog(f *testing.F) {
	for _, encrypted := range []bool{false, true} {
		addLog(f, encrypted)
	}
	f.Add([]byte{})
	ways := bothWays()
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, keys := range ways {
			var r, again logReport
			r.parse(b, keys)
			if r.end < 0 || r.end > int64(len(b)) {
				t.Fatalf("%d bytes end at %d", len(b), r.end)
			}
			again.parse(b[:r.end], keys)
			if again.end != r.end || again.first != r.first || again.last != r.last || again.forged != r.forged {
				t.Fatalf("batches %d to %d until %d, then %d to %d until %d", r.first, r.last, r.end, again.first, again.last, again.end)
			}
		}
	})
}

// addLog adds a log and a part of it to what fuzzing begins with.
func addLog(f *testing.F, encrypted bool) {
	f.Helper()
	dir := f.TempDir()
	db := open(f, dir, func(o *Options) { o.Key, _ = testKeysOf(encrypted) })
	set(f, db, UpdateOptions{Durable: true}, "a", "1", "b", "2")
	set(f, db, UpdateOptions{Durable: true}, "c", "3")
	logs, err := filepath.Glob(filepath.Join(dir, "*.mem"))
	if err != nil || len(logs) == 0 {
		f.Fatal(logs, err)
	}
	whole, err := os.ReadFile(logs[0])
	if err != nil {
		f.Fatal(err)
	}
	whole = whole[:min(len(whole), 1024)]
	f.Add(whole)
	f.Add(whole[:100])
}

// FuzzTable checks any bytes as a table, plain and encrypted.
func FuzzTable(f *testing.F) {
	wholes := [2][]byte{wholeTable(f, false), wholeTable(f, true)}
	f.Add(wholes[0], true)
	f.Add(wholes[1], true)
	f.Add([]byte("short"), false)
	ways := bothWays()
	path := filepath.Join(f.TempDir(), "000001.sst")
	f.Fuzz(func(t *testing.T, b []byte, seed bool) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for i, keys := range ways {
			_, err := checkTable(path, keys)
			if whole := wholes[i]; seed && bytes.Equal(b, whole) != (err == nil) && len(b) == len(whole) {
				t.Fatalf("a changed table is whole, or the whole one is not: %v", err)
			}
			_ = checkBlock(bytes.Clone(b), keys)
		}
	})
}

// wholeTable is a table that badger wrote.
func wholeTable(f *testing.F, encrypted bool) []byte {
	f.Helper()
	dir := f.TempDir()
	db := open(f, dir, func(o *Options) { o.Key, _ = testKeysOf(encrypted) })
	set(f, db, UpdateOptions{}, "a", "1", "b", "2")
	if err := db.Close(); err != nil {
		f.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		f.Fatal(tables, err)
	}
	whole, err := os.ReadFile(tables[0])
	if err != nil {
		f.Fatal(err)
	}
	return whole
}

// FuzzDead reads any bytes, with the right checksum behind them, as ranges of deleted keys.
func FuzzDead(f *testing.F) {
	d := newDead()
	d.file("a", "b", 7, 3)
	whole := d.marshal(7)
	f.Add(whole[:len(whole)-4])
	f.Add([]byte(deadMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		d := newDead()
		if d.unmarshal(b, 7) {
			d.marshal(7)
		}
	})
}

// FuzzMarker reads any bytes, with the right checksum in them and without, as the file that
// names the last durable batch, as counters and as a sealed value: they are what was written
// or they are nothing.
func FuzzMarker(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, markerName)
	m, err := openMarker(path)
	if err != nil {
		f.Fatal(err)
	}
	defer m.f.Close()
	if err := m.put(7); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, false)
	f.Add(whole[:31], true)
	f.Add(counters{1, 2, 3}.marshal(), false)
	f.Add(newSealer(nil).seal("key", []byte("value")), false)
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if mend && len(b) == markerSize {
			binary.LittleEndian.PutUint32(b[28:], crc32.ChecksumIEEE(b[:28]))
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		batch, err := readMarker(path)
		if err != nil {
			t.Fatal(err)
		}
		if ok := len(b) == markerSize && bytes.HasPrefix(b, []byte(markerMagic)); batch != 0 && (!ok || binary.LittleEndian.Uint64(b[8:]) != batch) {
			t.Fatalf("%q names batch %d", b, batch)
		}
		var c counters
		if err := c.unmarshal(b); err == nil && !bytes.Equal(c.marshal(), b) {
			t.Fatalf("%q are the counters %+v", b, c)
		}
		s := newSealer(nil)
		if v, ok := s.open("key", b, 1); ok && !bytes.Equal(s.seal("key", v), b) {
			t.Fatalf("%q holds %q", b, v)
		}
	})
}

// FuzzUnused looks at any bytes as a value log and as a registry of keys, of which the store
// has no use: what holds anything besides a bad header is left alone.
func FuzzUnused(f *testing.F) {
	f.Add(make([]byte, 40))
	f.Add(append([]byte{1}, make([]byte, 40)...))
	f.Add([]byte(registryText))
	path := filepath.Join(f.TempDir(), "000001.vlog")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		bad, err := badValueLog(path, 0)
		if err != nil {
			t.Fatal(err)
		}
		if rest := b[min(len(b), logHeader):]; bad && len(bytes.Trim(rest, "\x00")) > 0 {
			t.Fatalf("%q would be removed", b)
		}
		if err := removeBadRegistry(path); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil && len(b) > registryIV+len(registryText) {
			t.Fatalf("%q was removed", b)
		}
	})
}
