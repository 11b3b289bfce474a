package blob

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func frozenRig(t *testing.T) *Store {
	t.Helper()
	s, err := Open(Options{Dir: filepath.Join(t.TempDir(), "blobs")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestFrozenStays changes a blob in every way while a Frozen of it is read piece by piece.
func TestFrozenStays(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for round := range 40 {
		s := frozenRig(t)
		w, err := s.Create(ID(round + 1))
		must(t, err)
		was := make([]byte, 1+rnd.IntN(20*freezeChunk))
		for i := range was {
			was[i] = byte(1 + rnd.IntN(255))
		}
		_, err = w.WriteAt(was, 0)
		must(t, err)
		if rnd.IntN(2) == 0 {
			must(t, w.Sync())
		}
		f := s.Freeze(func() {})[w.ID()]
		if f == nil || f.Size() != int64(len(was)) {
			t.Fatalf("frozen: %+v", f)
		}
		got := make([]byte, len(was))
		for at := 0; at < len(got); {
			changeBlob(t, w, rnd, int64(len(was)))
			n := min(1+rnd.IntN(3*freezeChunk), len(got)-at)
			must(t, f.Read(got[at:at+n], int64(at)))
			at += n
		}
		if !bytes.Equal(got, was) {
			t.Fatalf("round %d: what was frozen has changed", round)
		}
		must(t, f.Close())
		if len(w.frozen) > 0 {
			t.Fatal("a closed Frozen goes on to be kept")
		}
		must(t, w.Close())
	}
}

func changeBlob(t *testing.T, w *Writer, rnd *rand.Rand, size int64) {
	t.Helper()
	off := rnd.Int64N(size + freezeChunk)
	switch rnd.IntN(5) {
	case 0:
		must(t, w.Truncate(off))
	case 1:
		must(t, w.PunchHole(off, rnd.Int64N(3*freezeChunk)))
	case 2:
		_, err := w.Seal()
		must(t, err)
		must(t, w.Unseal())
	default:
		_, err := w.WriteAt(make([]byte, 1+rnd.IntN(2*freezeChunk)), off)
		must(t, err)
	}
}

// TestFrozenOutlivesItsBlob reads what was sealed, closed and deleted meanwhile.
func TestFrozenOutlivesItsBlob(t *testing.T) {
	s := frozenRig(t)
	w, err := s.Create(7)
	must(t, err)
	was := bytes.Repeat([]byte("was "), 100_000)
	_, err = w.WriteAt(was, 0)
	must(t, err)
	f := s.Freeze(func() {})[7]
	_, err = w.WriteAt([]byte("new"), 10)
	must(t, err)
	must(t, w.Discard())
	got := make([]byte, len(was))
	must(t, f.Read(got, 0))
	if !bytes.Equal(got, was) {
		t.Error("what was frozen has changed")
	}
	must(t, f.Close())
	if _, err := s.Abandoned(7); !errors.Is(err, ErrNotFound) {
		t.Errorf("a blob that is gone: %v", err)
	}
}

// TestFreezeIsOneMoment has writers write in turns: whatever moment is frozen, no blob is
// more than one turn ahead of those that follow it.
func TestFreezeIsOneMoment(t *testing.T) {
	s := frozenRig(t)
	const blobs = 5
	var ws []*Writer
	for i := range blobs {
		w, err := s.Create(ID(i + 1))
		must(t, err)
		_, err = w.WriteAt([]byte{0}, 0)
		must(t, err)
		ws = append(ws, w)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for turn := 1; ; turn++ {
			for _, w := range ws {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := w.WriteAt([]byte{byte(turn)}, 0); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for range 300 {
		frozen := s.Freeze(func() {})
		var turns [blobs]byte
		for i := range blobs {
			f := frozen[ID(i+1)]
			must(t, f.Read(turns[i:i+1], 0))
			must(t, f.Close())
		}
		for i := 1; i < blobs; i++ {
			if ahead := turns[i-1] - turns[i]; ahead > 1 || turns[0]-turns[i] > 1 {
				t.Fatalf("turns %v were never at one moment", turns)
			}
		}
	}
	close(stop)
	wg.Wait()
	for _, w := range ws {
		must(t, w.Close())
	}
}

// copyRaw copies a sealed blob as a backup does.
func copyRaw(t *testing.T, s *Store, id ID, seal Seal) (*os.File, error) {
	t.Helper()
	r, err := s.OpenRaw(id, seal)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := os.Create(filepath.Join(t.TempDir(), "copy"))
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	must(t, f.Truncate(r.Size()))
	buf := make([]byte, RawBuffer)
	for {
		err := r.Next(buf, func(off int64, p []byte) error {
			_, err := f.WriteAt(p, off)
			return err
		})
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// TestRawCopy copies blobs with holes, and with a trailer that does not follow the data.
func TestRawCopy(t *testing.T) {
	s := frozenRig(t)
	for id, size := range []int64{0, 0, 1, 4096, 1 << 17, 1<<17 + 5, 10 << 20} {
		if id == 0 {
			continue
		}
		w, err := s.Create(ID(id))
		must(t, err)
		if size > 0 {
			_, err = w.WriteAt(bytes.Repeat([]byte("x"), int(min(size, 300_000))), max(0, size-300_000))
			must(t, err)
			_, err = w.WriteAt([]byte("begin"), 0)
			must(t, err)
			must(t, w.Sync())
			must(t, w.Truncate(w.Size()-1)) // the trailer comes behind what was synced
		}
		seal, err := w.Seal()
		must(t, err)
		must(t, w.Close())
		f, err := copyRaw(t, s, ID(id), seal)
		must(t, err)
		if err := VerifyFile(f, ID(id), seal); err != nil {
			t.Errorf("the copy of %d bytes: %v", size, err)
		}
		if got, err := SealOf(f, ID(id)); err != nil || got != seal {
			t.Errorf("the copy of %d bytes has the seal %v, %v", size, got, err)
		}
		if _, err := s.OpenRaw(ID(id), Seal{Length: seal.Length, Sum: seal.Sum + 1}); !errors.Is(err, ErrDamaged) {
			t.Errorf("another seal: %v", err)
		}
		if size < 10 {
			continue
		}
		flipByte(t, s.path(ID(id)), 2)
		if _, err := copyRaw(t, s, ID(id), seal); !errors.Is(err, ErrDamaged) {
			t.Errorf("a changed byte of %d: %v", size, err)
		}
	}
}

func flipByte(t *testing.T, path string, off int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	b := []byte{0}
	_, err = f.ReadAt(b, off)
	must(t, err)
	b[0] ^= 4
	_, err = f.WriteAt(b, off)
	must(t, err)
}
