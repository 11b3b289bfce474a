package store

import (
	"bytes"
	"context"
	"strings"
	"testing"

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
	f.Add(encodeInline([]byte("body")))
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeInline(1, b)
		if err == nil && !bytes.Equal(encodeInline(got), b) {
			t.Fatalf("%q is read as %q", b, got)
		}
	})
}
