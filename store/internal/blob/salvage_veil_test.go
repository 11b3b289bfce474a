package blob

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pail/crypto"
)

// Of an encrypted blob that was damaged everything is salvaged that opens, into another
// encrypted blob, and the rest is told of: with the index, without it, and without a trailer.
func TestSalvageEncrypted(t *testing.T) {
	const segments = crypto.GroupSegments + 40
	data := make([]byte, segments*crypto.SegmentSize-100)
	for i := range data {
		data[i] = byte(i>>12) | 1
	}
	const hole = 20 // a segment that is not written
	clear(data[hole*crypto.SegmentSize : (hole+1)*crypto.SegmentSize])
	lost := []int64{3, crypto.GroupSegments + 7}
	for _, once := range []bool{false, true} {
		for _, damage := range []string{"slots", "index", "trailer", "another key"} {
			d := newMemDisk()
			s := memStore(t, d)
			w, err := s.CreateEncrypted(1, testKey, once)
			if err == nil {
				_, err = w.WriteAt(data[:hole*crypto.SegmentSize], 0)
			}
			if err == nil {
				_, err = w.WriteAt(data[(hole+1)*crypto.SegmentSize:], (hole+1)*crypto.SegmentSize)
			}
			layout, side := crypto.Dense, 0
			if err == nil && !once {
				layout, side = crypto.Double, 1
				if err = w.Sync(); err == nil {
					for _, n := range append(lost, 11) { // to their other sides; the first ones are older
						older := data[n*crypto.SegmentSize : (n+1)*crypto.SegmentSize]
						_, werr := w.WriteAt(older, n*crypto.SegmentSize)
						err = errors.Join(err, werr)
					}
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			seal, err := w.Seal()
			if err = errors.Join(err, w.Sync(), w.Close()); err != nil {
				t.Fatal(err)
			}
			_, length := s.Encrypted(1)
			s.Close()
			d.mu.Lock()
			c := &d.names[s.path(1)].now
			flip := func(at int64) { c.page(at / memPage)[at%memPage] ^= 4 }
			for _, n := range lost {
				flip(layout.Offset(n, side) + 100)
				if !once {
					flip(layout.Offset(n, 0) + 100)
				}
			}
			key := testKey
			end := c.size
			switch damage {
			case "index":
				flip(length - 12)
			case "trailer":
				flip(end - 30)
			case "another key":
				key = crypto.NewKey()
			}
			d.mu.Unlock()
			s = memStore(t, d)
			to := crypto.NewKey()
			w, err = s.CreateEncrypted(2, to, true)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.SalvageEncrypted(1, 1, seal, seal.Length, key, w)
			if err != nil {
				t.Fatal(err)
			}
			if w.Size() != seal.Length {
				t.Errorf("%s, once %v: %d bytes were made of %d", damage, once, w.Size(), seal.Length)
			}
			if damage == "another key" {
				if got.Bytes != 0 || len(got.Lost) == 0 {
					t.Errorf("once %v: with another key %d bytes were read", once, got.Bytes)
				}
				continue
			}
			var want []Range
			for _, n := range lost {
				want = append(want, Range{n * crypto.SegmentSize, (n + 1) * crypto.SegmentSize})
			}
			gone := slices.DeleteFunc(slices.Clone(got.Lost), func(r Range) bool { return r.Lo == hole*crypto.SegmentSize })
			if !slices.Equal(gone, want) {
				t.Errorf("%s, once %v: lost are %v, not %v", damage, once, got.Lost, want)
			}
			if damage == "slots" && (len(got.Suspect) > 0 || len(got.Lost) != 2) || damage != "slots" && len(got.Suspect) == 0 {
				t.Errorf("%s, once %v: suspect are %v, lost %v", damage, once, got.Suspect, got.Lost)
			}
			if want := int64(len(data) - 3*crypto.SegmentSize); got.Bytes != want {
				t.Errorf("%s, once %v: %d bytes were read, not %d", damage, once, got.Bytes, want)
			}
			if _, err := w.Seal(); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.Sync(), w.Close()); err != nil {
				t.Fatal(err)
			}
			r, err := s.Open(2)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Encrypted() {
				t.Error("what was salvaged is not encrypted")
			}
			if err := r.Unlock(to); err != nil {
				t.Fatal(err)
			}
			read := make([]byte, len(data))
			if _, err := r.ReadAt(read, 0); err != nil {
				t.Fatal(err)
			}
			expect := slices.Clone(data)
			for _, n := range lost {
				clear(expect[n*crypto.SegmentSize : (n+1)*crypto.SegmentSize])
			}
			if !bytes.Equal(read, expect) {
				t.Errorf("%s, once %v: other bytes were salvaged", damage, once)
			}
			r.Close()
			s.Close()
		}
	}
}

// Damage in the file of an encrypted blob is damage of the segments that are there, and of all
// of them if it is in the index.
func TestHit(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	const segments = crypto.GroupSegments + 8
	w, err := s.CreateEncrypted(1, testKey, false)
	if err == nil {
		_, err = w.WriteAt(make([]byte, segments*crypto.SegmentSize-10), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	seal, err := w.Seal()
	if err = errors.Join(err, w.Sync(), w.Close()); err != nil {
		t.Fatal(err)
	}
	const seg = crypto.SegmentSize
	_, length := s.Encrypted(1)
	for _, c := range []struct {
		off, n int64
		want   []Range
	}{
		{0, 1, []Range{{0, seg}}},
		{crypto.SlotSize - 1, 2, []Range{{0, 2 * seg}}},
		{crypto.Double.Offset(1020, 1), 6 * crypto.SlotSize, []Range{{1020 * seg, 1026 * seg}}}, // and of the next group
		{crypto.Double.Offset(5, 1), crypto.SlotSize, []Range{{5 * seg, 6 * seg}}},
		{crypto.Double.Offset(segments-1, 0), crypto.SlotSize, []Range{{(segments - 1) * seg, seal.Length}}},
		{length - 1, 1, []Range{{0, seal.Length}}},
	} {
		if got := s.Hit(1, seal, c.off, c.n, nil); !slices.Equal(got, c.want) {
			t.Errorf("%d bytes at %d hit %v, not %v", c.n, c.off, got, c.want)
		}
	}
	if got := s.Hit(1, seal, length-1, 1, testKey); len(got) > 0 {
		t.Errorf("the index is sound, and damage beside it hits %v", got)
	}
	if got := s.Hit(9, Seal{Length: 77}, 0, 1, nil); !slices.Equal(got, []Range{{0, 77}}) {
		t.Errorf("a file that is not there: %v", got)
	}
}
