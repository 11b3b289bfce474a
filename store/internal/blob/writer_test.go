package blob

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"pail/crypto"
)

// testKey is the data key of encrypted blobs.
var testKey = crypto.NewKey()

func memStore(t interface{ Fatal(...any) }, d *memDisk) *Store {
	s, err := open(Options{Dir: "/blobs", MaxOpen: 4}, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWriterModel writes, cuts, punches and syncs at random and compares with a
// slice, before sealing and after, on disks with and without holes.
func TestWriterModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newMemDisk()
		d.noPunch = rapid.Bool().Draw(t, "noPunch")
		d.noSeek = rapid.Bool().Draw(t, "noSeek")
		d.directAlign = rapid.SampledFrom([]int{0, 512, 4096, 16384}).Draw(t, "directAlign")
		s := memStore(t, d)
		create := map[string]func() (*Writer, error){
			"plain":  func() (*Writer, error) { return s.Create(1) },
			"draft":  func() (*Writer, error) { return s.CreateEncrypted(1, testKey, false) },
			"stream": func() (*Writer, error) { return s.CreateEncrypted(1, testKey, true) },
		}
		w, err := create[rapid.SampledFrom([]string{"plain", "draft", "stream"}).Draw(t, "kind")]()
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "coarse") {
			w.sums.limit = 2
		}
		const most = 5 << minSegmentShift
		offset := rapid.OneOf(rapid.Int64Range(0, most), rapid.SampledFrom([]int64{0, 1 << 17, 2 << 17, 3 << 17}))
		length := rapid.OneOf(rapid.Int64Range(1, 9000), rapid.SampledFrom([]int64{4096, 1 << 17, 3 << 17}))
		var model []byte
		extend := func(n int64) {
			if n > int64(len(model)) {
				model = append(model, make([]byte, n-int64(len(model)))...)
			}
		}
		fill := byte(0)
		write := func(off, n int64) {
			fill++
			p := DirectBuffer(int(n))
			copy(p, bytes.Repeat([]byte{fill, 0, ^fill}, int(n)/3+1))
			if _, err := w.WriteAt(p, off); err != nil {
				t.Fatal(err)
			}
			extend(off + n)
			copy(model[off:], p)
		}
		t.Repeat(map[string]func(*rapid.T){
			"write":  func(t *rapid.T) { write(offset.Draw(t, "off"), length.Draw(t, "n")) },
			"append": func(t *rapid.T) { write(int64(len(model)), length.Draw(t, "n")) },
			"truncate": func(t *rapid.T) {
				size := offset.Draw(t, "size")
				if err := w.Truncate(size); err != nil {
					t.Fatal(err)
				}
				extend(size)
				model = model[:size:size]
			},
			"punch": func(t *rapid.T) {
				off, n := offset.Draw(t, "off"), length.Draw(t, "n")
				if err := w.PunchHole(off, n); err != nil {
					t.Fatal(err)
				}
				if off < int64(len(model)) {
					clear(model[off:min(off+n, int64(len(model)))])
				}
			},
			"allocate": func(t *rapid.T) {
				if err := w.Allocate(offset.Draw(t, "off"), length.Draw(t, "n")); err != nil {
					t.Fatal(err)
				}
			},
			"direct": func(*rapid.T) { w.Direct() },
			"sync": func(t *rapid.T) {
				if err := w.Sync(); err != nil {
					t.Fatal(err)
				}
			},
			"seal and go on": func(t *rapid.T) {
				if _, err := w.Seal(); err != nil {
					t.Fatal(err)
				}
				if rapid.Bool().Draw(t, "synced") {
					if err := w.Sync(); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Unseal(); err != nil {
					t.Fatal(err)
				}
			},
			"read": func(t *rapid.T) {
				same(t, w.ReadAt, model, offset.Draw(t, "off"), length.Draw(t, "n"))
			},
			"": func(t *rapid.T) {
				if w.Size() != int64(len(model)) {
					t.Fatalf("size %d, want %d", w.Size(), len(model))
				}
			},
		})
		seal, err := w.Seal()
		if err != nil {
			t.Fatal(err)
		}
		same(t, w.ReadAt, model, 0, int64(len(model))+200)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		// A store of its own reads what is on disk, not what the Writer knew.
		s = memStore(t, d)
		if err := s.Verify(1, seal); err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(1)
		if err == nil {
			err = r.Unlock(testKey)
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.Length() != int64(len(model)) {
			t.Fatalf("%d bytes, want %d", r.Length(), len(model))
		}
		for range 4 {
			off, n := offset.Draw(t, "off"), length.Draw(t, "n")
			same(t, r.ReadAt, model, off, n)
			same(t, r.ReadAtVerified, model, off, n)
		}
	})
}

// same compares one read with the model.
func same(t *rapid.T, read func([]byte, int64) (int, error), model []byte, off, n int64) {
	p := make([]byte, n)
	got, err := read(p, off)
	want := model[min(off, int64(len(model))):min(off+n, int64(len(model)))]
	if !bytes.Equal(p[:got], want) {
		t.Fatalf("%d bytes at %d: %d bytes read that differ from the %d expected", n, off, got, len(want))
	}
	if eof := off+n > int64(len(model)); err != nil && err != io.EOF || eof != (err == io.EOF) && n > 0 {
		t.Fatalf("%d bytes at %d of %d: error %v", n, off, len(model), err)
	}
}

func TestSequentialSealReadsNothing(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	w, err := s.Create(1)
	if err != nil {
		t.Fatal(err)
	}
	p := bytes.Repeat([]byte("x"), 100_000)
	for off := int64(0); off < 3_000_000; off += 170_000 { // gaps too
		if _, err := w.WriteAt(p, off); err != nil {
			t.Fatal(err)
		}
	}
	d.journal = nil
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	if len(d.journal) != 1 || d.journal[0] != "write "+w.h.path[1:] {
		t.Fatalf("seal did %q, want one write", d.journal)
	}

	// A publish that fails is tried again, perhaps often.
	if err := w.Unseal(); err != nil {
		t.Fatal(err)
	}
	d.journal = nil
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	if len(d.journal) != 1 || d.journal[0] != "write "+w.h.path[1:] {
		t.Fatalf("seal after unseal did %d calls, want one write", len(d.journal))
	}
}

func TestWriterRefuses(t *testing.T) {
	s := memStore(t, newMemDisk())
	if _, err := s.Create(0); err == nil {
		t.Fatal("blob 0 was made")
	}
	w, err := s.Create(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(1); !errors.Is(err, unix.EEXIST) {
		t.Fatalf("second create: %v", err)
	}
	if _, err := s.Reopen(1, 0); err == nil {
		t.Fatal("reopened while it is open")
	}
	if _, err := w.WriteAt([]byte("x"), -1); !errors.Is(err, unix.EINVAL) {
		t.Fatalf("negative offset: %v", err)
	}
	if err := w.Truncate(1<<63 - 1); !errors.Is(err, unix.EFBIG) {
		t.Fatalf("too long: %v", err)
	}
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteAt([]byte("x"), 0); !errors.Is(err, ErrSealed) {
		t.Fatalf("write after seal: %v", err)
	}
	if err := w.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(1); !errors.Is(err, ErrNotFound) {
		t.Fatalf("open after discard: %v", err)
	}
	if err := w.Close(); !errors.Is(err, ErrClosed) {
		t.Fatalf("close after discard: %v", err)
	}
}
