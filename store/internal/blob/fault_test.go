package blob

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// failNth makes call n (from 0) that match accepts fail.
func failNth(n int, err error, match func(string) bool) (fail func(string) error, hit func() bool) {
	seen := 0
	return func(call string) error {
		if match != nil && !match(call) {
			return nil
		}
		if seen++; seen == n+1 {
			return err
		}
		return nil
	}, func() bool { return seen > n }
}

// life is the life of a blob, each step with the bytes that it acknowledged.
// Errors of steps are collected, not obeyed: what can be tried after a failure
// is tried.
type life struct {
	errs    []error
	seal    Seal
	sealed  bool // Seal answered nil
	durable bool // the last sync after sealing answered nil
}

func live(s *Store, data []byte) *life {
	l := &life{}
	try := func(err error) bool {
		if err != nil {
			l.errs = append(l.errs, err)
		}
		return err == nil
	}
	w, err := s.Create(5)
	if !try(err) {
		return l
	}
	half := int64(len(data) / 2)
	ok := try(second(w.WriteAt(data[half:], half))) // backwards: Seal reads again
	ok = try(second(w.WriteAt(data[:half], 0))) && ok
	ok = try(w.Sync()) && ok
	ok = try(second(w.WriteAt(data[:half], 0))) && ok
	if ok {
		l.seal, err = w.Seal()
		l.sealed = try(err)
	}
	l.durable = try(w.Sync()) && l.sealed
	try(s.Sync(5))
	try(w.Close())
	if l.sealed {
		try(s.Verify(5, l.seal))
		if r, err := s.Open(5); try(err) {
			p := make([]byte, len(data))
			if _, err := r.ReadAt(p, 0); try(err) && !bytes.Equal(p, data) {
				l.errs = append(l.errs, errors.New("read answered other bytes"))
			}
			try(r.Close())
		}
	}
	return l
}

func second(_ int, err error) error { return err }

// TestEveryCallFails fails each single call of a blob's life, in each way, and
// demands that somebody is told and that what was acknowledged is there.
func TestEveryCallFails(t *testing.T) {
	data := crashData(3)
	for _, fault := range []error{unix.EIO, unix.ENOSPC, errShort} {
		for n := 0; ; n++ {
			d := newMemDisk()
			s := memStore(t, d)
			var hit func() bool
			d.fail, hit = failNth(n, fault, nil)
			l := live(s, data)
			d.fail = nil
			if !hit() {
				if n < 10 || len(l.errs) > 0 {
					t.Fatalf("%d calls, errors %v", n, l.errs)
				}
				break
			}
			failed := d.journal[len(d.journal)-1]
			advice := false // SEEK_DATA only spares reads
			for i, call := range d.journal {
				if i == n+fixedCalls {
					failed, advice = call, strings.HasPrefix(call, "seek")
				}
			}
			if len(l.errs) == 0 && !advice {
				t.Errorf("%v at call %d (%s): nobody was told", fault, n, failed)
			}
			for _, err := range l.errs {
				if strings.Contains(err.Error(), "other bytes") {
					t.Errorf("%v at call %d (%s): %v", fault, n, failed, err)
				}
			}
			if l.sealed {
				after := memStore(t, d)
				if whole, err := wholeOrDamaged(after, 5, l.seal, data); err != nil || !whole {
					t.Errorf("%v at call %d (%s): sealed, but whole is %v: %v", fault, n, failed, whole, err)
				}
			}
			for seed := uint64(0); l.durable && seed < 10; seed++ {
				after := memStore(t, d.cut(rand.New(rand.NewPCG(seed, uint64(n)))))
				if whole, err := wholeOrDamaged(after, 5, l.seal, data); err != nil || !whole {
					t.Errorf("%v at call %d (%s), cut %d: synced, but whole is %v: %v", fault, n, failed, seed, whole, err)
				}
			}
		}
	}
}

// fixedCalls are made by opening the store.
const fixedCalls = 2

// TestFailedSyncStaysFailed: a sync that failed is never retried into success.
func TestFailedSyncStaysFailed(t *testing.T) {
	for _, call := range []string{"sync ", "syncdir "} {
		d := newMemDisk()
		s := memStore(t, d)
		w, err := put(s, 5, crashData(0))
		if err != nil {
			t.Fatal(err)
		}
		d.fail, _ = failNth(0, unix.EIO, func(c string) bool { return strings.HasPrefix(c, call) })
		for try := range 3 {
			if err := w.Sync(); !errors.Is(err, ErrNotDurable) || !errors.Is(err, unix.EIO) {
				t.Fatalf("%stry %d: %v", call, try, err)
			}
		}
		if err := s.Sync(5); !errors.Is(err, ErrNotDurable) {
			t.Fatalf("%sby the store: %v", call, err)
		}
		if call == "sync " {
			if _, err := w.Seal(); !errors.Is(err, ErrNotDurable) {
				t.Fatalf("seal: %v", err)
			}
		}
		var which *SyncError
		if !errors.As(s.Sync(5), &which) || which.ID != 5 {
			t.Fatalf("the error does not name the blob: %v", which)
		}
		if err := w.Discard(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSyncNamesThoseThatFailed: of several blobs the others are durable.
func TestSyncNamesThoseThatFailed(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	for id := ID(1); id <= 3; id++ {
		if _, err := put(s, id, crashData(0)); err != nil {
			t.Fatal(err)
		}
	}
	d.fail = func(call string) error {
		if strings.HasPrefix(call, "sync ") && strings.HasSuffix(call, "2") {
			return unix.EIO
		}
		return nil
	}
	err := s.Sync(1, 2, 3, 400)
	var which *SyncError
	if !errors.As(err, &which) || which.ID != 2 || !errors.Is(err, ErrNotFound) {
		t.Fatalf("sync: %v", err)
	}
	d.journal = nil
	if err := s.Sync(1, 3); err != nil || len(d.journal) != 0 {
		t.Fatalf("the others: %v, calls %q", err, d.journal)
	}
}

// TestFullDisk: a write that does not fit changes nothing else, and goes on
// when there is room again.
func TestFullDisk(t *testing.T) {
	for _, fault := range []error{unix.ENOSPC, errShort} {
		for _, call := range []string{"write", "seal"} {
			d := newMemDisk()
			s := memStore(t, d)
			data := crashData(0)
			w, err := put(s, 5, data)
			if err != nil {
				t.Fatal(err)
			}
			d.fail, _ = failNth(0, fault, func(c string) bool { return strings.HasPrefix(c, "write") })
			more := crashData(9)
			if call == "write" {
				n, err := w.WriteAt(more, int64(len(data)))
				if !errors.Is(err, unix.ENOSPC) || w.Size() != int64(len(data)+n) {
					t.Fatalf("write: %d, %v, size %d", n, err, w.Size())
				}
				if err := w.Truncate(int64(len(data))); err != nil {
					t.Fatal(err)
				}
			} else if _, err := w.Seal(); !errors.Is(err, unix.ENOSPC) {
				t.Fatalf("seal: %v", err)
			}
			if size := d.names["/blobs/00/0000000000000005"].now.size; size != int64(len(data)) {
				t.Fatalf("%s left %d bytes", call, size)
			}
			if _, err := w.WriteAt(more, int64(len(data))); err != nil {
				t.Fatal(err)
			}
			seal, err := w.Seal()
			if err != nil {
				t.Fatal(err)
			}
			if whole, err := wholeOrDamaged(s, 5, seal, append(data, more...)); err != nil || !whole {
				t.Fatalf("afterwards: %v, %v", whole, err)
			}
		}
	}
}

// TestFailedWriteTail: bytes that a failed write left behind the end never
// become visible.
func TestFailedWriteTail(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	w, err := put(s, 5, []byte("head"))
	if err != nil {
		t.Fatal(err)
	}
	// The disk took the bytes, and says that it failed.
	(&memFile{d, "/blobs/00/0000000000000005", d.names["/blobs/00/0000000000000005"], false}).put([]byte("junk"), 6)
	d.fail, _ = failNth(0, unix.EIO, func(c string) bool { return strings.HasPrefix(c, "write") })
	if _, err := w.WriteAt([]byte("xxxx"), 6); !errors.Is(err, unix.EIO) {
		t.Fatal(err)
	}
	if _, err := w.WriteAt([]byte("tail"), 10); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 14)
	if _, err := w.ReadAt(p, 0); err != nil || string(p) != "head\x00\x00\x00\x00\x00\x00tail" {
		t.Fatalf("%q, %v", p, err)
	}
}

func TestLostFileIsNotFound(t *testing.T) {
	s := memStore(t, newMemDisk())
	_, openErr := s.Open(77)
	_, reopenErr := s.Reopen(77, 1)
	_, usageErr := s.Usage(77)
	for name, err := range map[string]error{
		"open": openErr, "reopen": reopenErr, "usage": usageErr,
		"delete": s.Delete(77), "sync": s.Sync(77), "verify": s.Verify(77, Seal{}),
	} {
		if !errors.Is(err, ErrNotFound) || errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
