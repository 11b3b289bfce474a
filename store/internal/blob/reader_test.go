package blob

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

const fivePath = "/blobs/00/0000000000000005"

// sealFive leaves blob 5 on the disk, with a hole in the middle.
func sealFive(t *testing.T, d *memDisk) ([]byte, Seal) {
	t.Helper()
	s := memStore(t, d)
	data := append(append(crashData(0), make([]byte, 3<<minSegmentShift)...), crashData(2)...)
	w, err := put(s, 5, crashData(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteAt(crashData(2), int64(len(data)-len(crashData(2)))); err != nil {
		t.Fatal(err)
	}
	seal, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return data, seal
}

// TestEveryChangeIsNoticed flips bits, and cuts and lengthens the file; what
// is read verified afterwards is right or ErrDamaged, and Verify never passes.
func TestEveryChangeIsNoticed(t *testing.T) {
	d := newMemDisk()
	data, seal := sealFive(t, d)
	good := d.names[fivePath].now
	rng := rand.New(rand.NewPCG(4, 4))
	damage := map[string]func(*memContent){
		"cut by one":   func(c *memContent) { c.size-- },
		"cut to half":  func(c *memContent) { c.size /= 2 },
		"empty":        func(c *memContent) { c.size = 0 },
		"one too long": func(c *memContent) { c.size++ },
	}
	for at := good.size - 200; at < good.size; at++ {
		damage[fmt.Sprintf("trailer bit at %d", at)] = flip(at, rng)
	}
	for range 100 {
		at := rng.Int64N(good.size)
		damage[fmt.Sprintf("bit at %d", at)] = flip(at, rng)
	}
	for name, change := range damage {
		c := good.clone()
		change(&c)
		d.names[fivePath] = &memInode{now: c}
		s := memStore(t, d)
		err := s.Verify(5, seal)
		var which *DamageError
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: verify says %v", name, err)
		} else if errors.As(err, &which) && (which.ID != 5 || which.Path != fivePath || which.Reason == "") {
			t.Errorf("%s: %v names no place", name, err)
		}
		r, err := s.Open(5)
		if err != nil {
			continue
		}
		p := make([]byte, len(data))
		if _, err := r.ReadAtVerified(p, 0); err == nil && !bytes.Equal(p, data) {
			t.Errorf("%s: a verified read answered other bytes", name)
		}
	}
}

func flip(at int64, rng *rand.Rand) func(*memContent) {
	bit := byte(1) << rng.IntN(8)
	return func(c *memContent) { c.page(at / memPage)[at%memPage] ^= bit }
}

// TestReadErrorsAreDamage: neither an I/O error nor a short file reads as zeros.
func TestReadErrorsAreDamage(t *testing.T) {
	d := newMemDisk()
	data, _ := sealFive(t, d)
	s := memStore(t, d)
	r, err := s.Open(5)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, len(data))
	for _, read := range []func([]byte, int64) (int, error){r.ReadAt, r.ReadAtVerified} {
		for _, fault := range []error{unix.EIO, errShort} {
			d.fail, _ = failNth(0, fault, nil)
			if _, err := read(p, 0); !errors.Is(err, ErrDamaged) {
				t.Errorf("%v: %v", fault, err)
			}
		}
		d.fail = nil
		if _, err := read(p, 0); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

func TestUnknownCipherAndFormat(t *testing.T) {
	d := newMemDisk()
	_, seal := sealFive(t, d)
	c := d.names[fivePath].now
	at := c.size - footerSize
	end := make([]byte, footerSize)
	read := memFile{d, fivePath, d.names[fivePath], false}
	if _, err := read.ReadAt(end, at); err != nil {
		t.Fatal(err)
	}
	foot, err := parseFooter(end, c.size)
	if err != nil {
		t.Fatal(err)
	}
	foot.cipher = 9
	read.put(foot.marshal(), at)
	s := memStore(t, d)
	if _, err := s.Open(5); !errors.Is(err, ErrUnsupported) {
		t.Errorf("open with a cipher: %v", err)
	}
	// Scrub and fsck need no keys.
	if err := s.Verify(5, Seal{seal.Length, foot.sum}); err != nil {
		t.Errorf("verify with a cipher: %v", err)
	}
	newer := foot.marshal()
	newer[8]++
	mendFooter(nil, newer)
	read.put(newer, at)
	if _, err := memStore(t, d).Open(5); !errors.Is(err, ErrUnsupported) {
		t.Errorf("open of a newer format: %v", err)
	}
}

func TestHotBlobOpensNoFile(t *testing.T) {
	d := newMemDisk()
	sealFive(t, d)
	s := memStore(t, d)
	for i := range 3 {
		d.journal = nil
		r, err := s.Open(5)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && len(d.journal) > 0 {
			t.Fatalf("open %d did %q", i, d.journal)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); !errors.Is(err, ErrClosed) {
			t.Fatalf("second close: %v", err)
		}
		if _, err := r.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrClosed) {
			t.Fatalf("read after close: %v", err)
		}
	}
}

// TestEvictionSyncsFirst: the descriptor that wrote is not closed before its
// sync has told what became of the bytes.
func TestEvictionSyncsFirst(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d) // keeps 4 files
	d.fail = func(call string) error {
		if strings.HasPrefix(call, "sync ") && strings.HasSuffix(call, "1") {
			return unix.EIO
		}
		return nil
	}
	for id := ID(1); id <= 8; id++ {
		w, err := put(s, id, []byte("small"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Seal(); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.open); n != 4 {
		t.Fatalf("%d files are open", n)
	}
	d.fail = nil
	if err := s.Sync(1); !errors.Is(err, ErrNotDurable) {
		t.Fatalf("the failure was forgotten: %v", err)
	}
	if err := s.Sync(2, 3, 4, 5, 6, 7, 8); err != nil {
		t.Fatal(err)
	}
}

// TestDeleteWhileOpen, on a real disk: an unlinked file is read to the end.
func TestDeleteWhileOpen(t *testing.T) {
	s := openStore(t)
	data := crashData(0)
	w, err := put(s, 5, data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(5)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Delete(5), w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(5); !errors.Is(err, ErrNotFound) {
		t.Fatalf("open after delete: %v", err)
	}
	p := make([]byte, len(data))
	if _, err := r.ReadAt(p, 0); err != nil || !bytes.Equal(p, data) {
		t.Fatalf("read after delete: %v", err)
	}
	f := r.File()
	if _, err := f.Stat(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("the file stayed open: %v", err)
	}
}

// TestSparse, on a real disk: 6 GiB of which two pages were written.
func TestSparse(t *testing.T) {
	s := openStore(t)
	const size = 6 << 30
	w, err := put(s, 5, bytes.Repeat([]byte("p"), 4096))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteAt(bytes.Repeat([]byte("q"), 4096), 3<<30+77); err != nil {
		t.Fatal(err)
	}
	if err := w.Truncate(size); err != nil {
		t.Fatal(err)
	}
	seal, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Sync(), w.Close(), s.Verify(5, seal)); err != nil {
		t.Fatal(err)
	}
	used, err := s.Usage(5)
	if err != nil || used > 64<<10 {
		t.Fatalf("%d bytes used, %v", used, err)
	}
	st, err := os.Stat(s.path(5))
	if err != nil || st.Size() > size+200 {
		t.Fatalf("the file has %d bytes, %v", st.Size(), err)
	}
	// After a crash nothing is known of an unsealed file, and holes still are.
	if _, err := s.Reopen(5, size); err == nil {
		t.Fatal("reopened a blob that is open")
	}
	_ = s.Close()
	s, err = Open(Options{Dir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if w, err = s.Reopen(5, size); err != nil {
		t.Fatal(err)
	}
	if again, err := w.Seal(); err != nil || again != seal {
		t.Fatalf("sealed again as %+v, %v", again, err)
	}
}

func TestWalkAndForeignNames(t *testing.T) {
	s := openStore(t)
	want := map[ID]bool{1: true, 0x1ff: false, 0xabcdef: true}
	for id, seal := range want {
		w, err := put(s, id, []byte("five!"))
		if err != nil {
			t.Fatal(err)
		}
		if seal {
			_, err = w.Seal()
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"00/notes", "00/00000000000000FF", "01/0000000000000002"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := map[ID]bool{}
	err := s.Walk(func(id ID, size int64, sealed bool) error {
		if size != 5 {
			t.Errorf("blob %v has %d bytes", id, size)
		}
		got[id] = sealed
		return nil
	})
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("walk found %v, %v", got, err)
	}
	stop := errors.New("stop")
	if err := s.Walk(func(ID, int64, bool) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("walk: %v", err)
	}
}

// TestManyAtOnce has readers, writers, deleters and settlers at the same blobs,
// with fewer descriptors than they want.
func TestManyAtOnce(t *testing.T) {
	s, err := Open(Options{Dir: filepath.Join(t.TempDir(), "blobs"), MaxOpen: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 30 {
				id := ID(g*1000 + i + 1)
				data := bytes.Repeat([]byte{byte(id)}, 5000)
				w, err := put(s, id, data)
				if err == nil {
					_, err = w.Seal()
				}
				if err == nil {
					err = w.Close()
				}
				if i%10 == 0 {
					err = errors.Join(err, s.Sync(id))
				}
				for peer := range 8 {
					r, oerr := s.Open(ID(peer*1000 + i + 1))
					if oerr != nil {
						if !errors.Is(oerr, ErrNotFound) && !errors.Is(oerr, ErrUnsealed) && !errors.Is(oerr, ErrDamaged) {
							err = errors.Join(err, oerr)
						}
						continue
					}
					p := make([]byte, 5000)
					_, rerr := r.ReadAtVerified(p, 0)
					err = errors.Join(err, rerr, r.Close())
				}
				if i%3 == 0 {
					err = errors.Join(err, s.Delete(id))
				}
				if err != nil {
					t.Errorf("blob %v: %v", id, err)
				}
			}
		})
	}
	group.Wait()
	if n := len(s.open); n > 3 {
		t.Errorf("%d files stayed open", n)
	}
}
