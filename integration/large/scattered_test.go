package large

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// page is how much is rewritten at once.
const page = 4096

// A scattered file is one that is rewritten in pages, at random.
type scattered struct {
	*mount
	name  string
	pages []pattern // what each holds
	rng   *rand.Rand
}

func newScattered(m *mount, name string, size int64) *scattered {
	m.Helper()
	seed := rand.Uint64()
	m.Logf("seed %d", seed)
	s := &scattered{mount: m, name: name, pages: make([]pattern, size/page), rng: rand.New(rand.NewPCG(seed, 0))}
	s.session(os.O_CREATE, func(f *os.File) { m.ok(pattern(0).write(f, 0, size)) })
	return s
}

// session opens the file for writing and publishes it.
func (s *scattered) session(flags int, fn func(f *os.File)) {
	s.Helper()
	f, err := os.OpenFile(s.path(s.name), os.O_RDWR|flags, 0o644)
	s.ok(err)
	fn(f)
	s.ok(f.Close())
}

// rewrite rewrites n pages.
func (s *scattered) rewrite(gen pattern, n int) {
	s.Helper()
	s.session(0, func(f *os.File) {
		buf := make([]byte, page)
		for range n {
			i := s.rng.IntN(len(s.pages))
			s.pages[i] = gen
			gen.fill(buf, int64(i)*page)
			if _, err := f.WriteAt(buf, int64(i)*page); err != nil {
				s.Fatal(err)
			}
		}
	})
}

func (s *scattered) size() int64 { return int64(len(s.pages)) * page }

// check demands all bytes.
func (s *scattered) check() {
	s.Helper()
	f := fresh(s.mount, s.path(s.name)) // which keeps what it shows from being deleted
	defer f.Close()
	s.ok(compare(f, 0, s.size(), func(b []byte, off int64) {
		for at := int64(0); at < int64(len(b)); at += page {
			s.pages[(off+at)/page].fill(b[at:at+page], off+at)
		}
	}))
}

// compacted waits until the file is in few pieces.
func (s *scattered) compacted(most int) int {
	s.Helper()
	pieces := 0
	s.eventually("the file is compacted", func() bool {
		pieces = s.stat(s.name, "").Pieces
		return pieces <= most
	})
	return pieces
}

// TestScattered rewrites a large file in pages at random, several times over: it is in few
// pieces soon, with the right bytes at every moment, in about its own space.
func TestScattered(t *testing.T) {
	size, rewrites := either(64*mib, gib), 4
	m := newMount(t, false)
	s := newScattered(m, "scattered", size)
	for i := range rewrites {
		s.rewrite(pattern(i+1), len(s.pages)/rewrites)
	}
	before := s.stat(s.name, "").Pieces
	s.check()
	after := s.compacted(int(size/(16*mib)) + 16)
	t.Logf("%d pieces became %d", before, after)
	if before < len(s.pages)/4 {
		t.Errorf("only %d pieces to begin with", before)
	}
	s.check()
	m.eventually("what was moved is deleted", func() bool { return m.contents() < size+size/8 })
	s.check()
}

// BenchmarkScattered reads a file from its beginning to its end, and pages of it at random, as
// it was written, rewritten in pages at random, and compacted.
func BenchmarkScattered(b *testing.B) {
	size := 1 << 30
	if testing.Short() {
		size = 64 << 20
	}
	for range b.N {
		m := newMount(b, false)
		s := newScattered(m, "scattered", int64(size))
		m.settled()
		s.measure(b, "whole")
		s.rewrite(1, len(s.pages)/4)
		s.measure(b, "fragmented")
		b.ReportMetric(float64(s.stat(s.name, "").Pieces), "pieces-fragmented")
		b.ReportMetric(float64(s.compacted(len(s.pages)/100)), "pieces-compacted")
		m.settled()
		s.measure(b, "compacted")
	}
	b.ReportMetric(0, "ns/op")
}

// measure reports how fast the file is read.
func (s *scattered) measure(b *testing.B, when string) {
	b.Helper()
	f := fresh(s.mount, s.path(s.name))
	buf := make([]byte, atOnce)
	start := time.Now()
	for off := int64(0); off < s.size(); off += atOnce {
		if _, err := f.ReadAt(buf, off); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(s.size())/1e6/time.Since(start).Seconds(), "MB/s-"+when)
	s.ok(unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
	s.ok(unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM))
	const reads = 5000
	start = time.Now()
	for range reads {
		if _, err := f.ReadAt(buf[:page], int64(s.rng.IntN(len(s.pages)))*page); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(reads/time.Since(start).Seconds(), "reads/s-"+when)
	s.ok(f.Close())
}
