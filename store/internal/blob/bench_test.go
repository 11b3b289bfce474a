package blob

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkSequential is 64 MiB in writes of 1 MiB: a plain file, and a blob
// with its checksums, sealed.
func BenchmarkSequential(b *testing.B) {
	const total, step = 64 << 20, 1 << 20
	p := make([]byte, step)
	_, _ = rand.Read(p)
	b.Run("file", func(b *testing.B) {
		dir := b.TempDir()
		b.SetBytes(total)
		for b.Loop() {
			name := filepath.Join(dir, "f")
			f, err := os.Create(name)
			if err != nil {
				b.Fatal(err)
			}
			for off := int64(0); off < total; off += step {
				if _, err := f.WriteAt(p, off); err != nil {
					b.Fatal(err)
				}
			}
			_ = f.Close()
			_ = os.Remove(name)
		}
	})
	b.Run("blob", func(b *testing.B) {
		s := openStore(b)
		b.SetBytes(total)
		id := ID(0)
		for b.Loop() {
			id++
			w, err := s.Create(id)
			if err != nil {
				b.Fatal(err)
			}
			for off := int64(0); off < total; off += step {
				if _, err := w.WriteAt(p, off); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := w.Seal(); err != nil {
				b.Fatal(err)
			}
			if err := w.Discard(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSealRandom seals 64 MiB that were written in random pages: all of it
// is read again.
func BenchmarkSealRandom(b *testing.B) {
	const pages = 16 << 10
	s := openStore(b)
	p := make([]byte, 4096)
	_, _ = rand.Read(p)
	rng := mathrand.New(mathrand.NewPCG(1, 1))
	b.SetBytes(pages * 4096)
	id := ID(0)
	for b.Loop() {
		b.StopTimer()
		id++
		w, err := s.Create(id)
		if err != nil {
			b.Fatal(err)
		}
		for _, i := range rng.Perm(pages) {
			if _, err := w.WriteAt(p, int64(i)*4096); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if _, err := w.Seal(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := w.Discard(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkRead is a hot blob: open, read 4 KiB, close.
func BenchmarkRead(b *testing.B) {
	s := openStore(b)
	w, err := put(s, 1, crashData(0))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Seal(); err != nil {
		b.Fatal(err)
	}
	_ = w.Close()
	read := func(verified bool) func(*testing.B) {
		return func(b *testing.B) {
			p := make([]byte, 4096)
			for b.Loop() {
				r, err := s.Open(1)
				if err != nil {
					b.Fatal(err)
				}
				f := r.ReadAt
				if verified {
					f = r.ReadAtVerified
				}
				if _, err := f(p, 8192); err != nil {
					b.Fatal(err)
				}
				_ = r.Close()
			}
		}
	}
	b.Run("plain", read(false))
	b.Run("verified", read(true))
}

// BenchmarkMap writes 4 KiB at random places of a base of 16 GiB. One op is
// 1,000,000 writes.
func BenchmarkMap(b *testing.B) {
	const writes, pages = 1_000_000, 4 << 20
	for b.Loop() {
		m := NewMap(Extents{{Blob: 1, Len: pages * 4096}})
		rng := mathrand.New(mathrand.NewPCG(1, 1))
		for range writes {
			off := rng.Int64N(pages) * 4096
			m.Write(off, 4096, 2, off)
		}
		b.ReportMetric(float64(m.Len()), "pieces")
		n := 0
		for range m.All() {
			n++
		}
		if n != m.Len() {
			b.Fatal(n)
		}
	}
}

// BenchmarkMapAppend is a file written forward: one op is one write.
func BenchmarkMapAppend(b *testing.B) {
	m := NewMap(nil)
	for b.Loop() {
		m.Write(m.Size(), 4096, 2, m.Size())
	}
}

// BenchmarkSettle makes 256 blobs of 64 KiB durable. One op is all of them.
func BenchmarkSettle(b *testing.B) {
	s := openStore(b)
	p := make([]byte, 64<<10)
	_, _ = rand.Read(p)
	next := ID(0)
	for b.Loop() {
		b.StopTimer()
		var ids []ID
		for range 256 {
			next++
			w, err := put(s, next, p)
			if err == nil {
				_, err = w.Seal()
			}
			if err != nil {
				b.Fatal(err)
			}
			_ = w.Close()
			ids = append(ids, next)
		}
		b.StartTimer()
		if err := s.Sync(ids...); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		for _, id := range ids {
			if err := s.Delete(id); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
}
