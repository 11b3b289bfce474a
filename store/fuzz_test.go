package store

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// FuzzRecord puts any bytes into a store as a record: the check says what is wrong with
// it, in one line, and harms nothing.
func FuzzRecord(f *testing.F) {
	keys, values := fuzzRecords(f)
	for i := range keys {
		f.Add(keys[i], values[i])
	}
	f.Add([]byte("h"), []byte("short"))
	f.Add([]byte{}, []byte{})
	s, se := fuzzStore(f)
	f.Fuzz(func(t *testing.T, k, v []byte) {
		if len(k) == 0 || len(k) > 2000 || k[0] == 0xff || k[0] == 0 || k[0] == '!' {
			t.Skip("not a key of the store's")
		}
		m := &museum{t: t, s: s, se: se}
		view := s.db.View()
		was, err := view.Get(k)
		view.Close()
		m.set(k, v, true)
		m.check(false)
		m.set(k, was, err == nil)
	})
}

// fuzzStore is a small store of a few records.
func fuzzStore(f *testing.F) (*Store, *Session) {
	f.Helper()
	ctx := context.Background()
	o := Options{Dir: f.TempDir() + "/store", SettleAfter: -1, MemTableSize: 1 << 20}
	if err := Create(o); err != nil {
		f.Fatal(err)
	}
	s, err := Open(ctx, o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close(ctx) })
	se := s.As(Owner(), RequestContext{Door: DoorMount})
	_, err = se.CreateBucket(ctx, "kept", BucketOptions{Versioning: versioning.Enabled})
	for _, body := range []string{"one", "two"} {
		if err == nil {
			_, err = se.Put(ctx, "kept", "d/k", PutInput{Body: strings.NewReader(body), Size: 3})
		}
	}
	if err != nil {
		f.Fatal(err)
	}
	return s, se
}

func fuzzRecords(f *testing.F) (keys, values [][]byte) {
	f.Helper()
	for _, k := range [][]byte{
		table.Bucket("kept"), table.BucketID(1), table.Head(1, "k"), table.Dead(1, "k"), table.Noncurrent(1, "k", 3),
		table.Dir(1, "d/"), table.Blob(5), table.ExtentList(6, 0), table.Draft(7), table.Setting("x"),
	} {
		keys = append(keys, k, k[:len(k)-1], k[:1])
		values = append(values, []byte{8, 1}, bytes.Repeat([]byte{0xff}, 20), nil)
	}
	return keys, values
}

// FuzzInline reads any bytes as an inlined content: its own bytes or an error.
func FuzzInline(f *testing.F) {
	f.Add(encodeInline([]byte("body"), inlinePlain))
	f.Add(encodeInline([]byte("envelope"), inlineSealed))
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeInline(1, b)
		switch {
		case err != nil:
		case got.rec == nil && !bytes.Equal(encodeInline(got.data, inlinePlain), b):
			t.Fatalf("%q is read as %q", b, got.data)
		case got.size() < 0:
			t.Fatalf("%q has %d bytes", b, got.size())
		}
	})
}

// FuzzLabel reads any bytes as a store's label, with the right checksum in it and without:
// they are a label of a format that is known, newer, or damaged.
func FuzzLabel(f *testing.F) {
	for _, l := range []label{{Format: 1, ID: "s", Region: "us-east-1"}, {Format: 2, From: 1}, {Format: 1, From: 2}, {From: -1}} {
		b, err := json.Marshal(l)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, true)
		f.Add(b[:len(b)-1], false)
	}
	f.Add([]byte("null"), false)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		var given label
		if mend && json.Unmarshal(b, &given) == nil {
			given.Sum = given.sum()
			b, _ = json.Marshal(given)
		}
		if err := os.WriteFile(filepath.Join(dir, labelName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := readLabel(dir, Format)
		switch {
		case err != nil && !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.NewerFormat):
			t.Fatalf("%q: %v (%v)", b, err, fault.KindOf(err))
		case err != nil:
			return
		case l.Format < 1 || l.Format > Format || l.From < 0 || l.From > l.Format || l.Sum != l.sum():
			t.Fatalf("%q is taken for %+v", b, l)
		}
		again, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var back label
		if err := json.Unmarshal(again, &back); err != nil || back != l {
			t.Fatalf("%+v is written as %q, which is %+v, %v", l, again, back, err)
		}
	})
}

// FuzzUploadID: what is taken for the id of an upload has the number that it begins with.
func FuzzUploadID(f *testing.F) {
	f.Add(uploadID(7, 8))
	f.Add("+000000000000001ffffffffffffffff")
	f.Fuzz(func(t *testing.T, id string) {
		if n, ok := uploadNumber(id); ok && !strings.EqualFold(uploadID(n, 0)[:16], id[:16]) {
			t.Fatalf("%q begins with %d", id, n)
		}
	})
}

// FuzzSettings chooses any values for each setting: they are refused as an argument, or
// what is kept is what the record would be checked for when it is read.
func FuzzSettings(f *testing.F) {
	f.Add("5T", "")
	f.Add("on", "")
	f.Add("*.swp", "[a-")
	f.Add("8EiB", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, values := range [][]string{nil, {a}, {a, b}} {
			for _, d := range settingDefs() {
				var c record.Settings
				err := d.set(&c, values)
				if err == nil {
					err = d.check(&c)
					if err != nil {
						t.Fatalf("%s takes %q and keeps what is refused: %v", d.name, values, err)
					}
				}
				if err != nil && !fault.Is(err, fault.InvalidArgument) {
					t.Fatalf("%s of %q: %v", d.name, values, err)
				}
			}
		}
		if n, ok := ParseSize(a); ok && n < 1 {
			t.Fatalf("%q is %d bytes", a, n)
		}
	})
}
