package multimd5

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"hash"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// groups are a group of each kind that there can be on this machine.
func groups(tb testing.TB) map[string]*Group {
	all := map[string]*Group{"crypto/md5": {}}
	for _, k := range kernels() {
		all[fmt.Sprintf("%d lanes", k)] = &Group{kernel: k}
	}
	if tb != nil {
		tb.Logf("%d kinds", len(all))
	}
	return all
}

func randomBytes(rng *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

func TestAllLengths(t *testing.T) {
	data := randomBytes(rand.New(rand.NewPCG(1, 2)), 600)
	for name, g := range groups(t) {
		for n := range data {
			h := g.New()
			_, _ = h.Write(data[:n/3])
			_ = h.Sum(nil) // changes nothing
			_, _ = h.Write(data[n/3 : n])
			if got, want := h.Sum([]byte("x")), md5.Sum(data[:n]); !bytes.Equal(got, append([]byte("x"), want[:]...)) {
				t.Fatalf("%s: %d bytes: %x, want %x", name, n, got, want)
			}
			h.Reset()
			_, _ = h.Write(data[:1])
			if got, want := h.Sum(nil), md5.Sum(data[:1]); !bytes.Equal(got, want[:]) {
				t.Fatalf("%s: after Reset: %x, want %x", name, got, want)
			}
		}
	}
}

// Streams of many lengths and writes come and go, more of them than there are lanes.
func TestManyStreams(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for name, g := range groups(t) {
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(i)))
				for range 4 {
					data := randomBytes(rng, rng.IntN(300<<10))
					want := md5.Sum(data)
					h := g.New()
					for rest := data; len(rest) > 0; {
						n := min(len(rest), 1+rng.IntN([]int{63, 64 << 10, 200 << 10}[rng.IntN(3)]))
						_, _ = h.Write(rest[:n])
						rest = rest[n:]
					}
					if got := h.Sum(nil); !bytes.Equal(got, want[:]) {
						t.Errorf("%s: %d bytes: %x, want %x", name, len(data), got, want)
					}
				}
			})
		}
		wg.Wait()
		if g.leaders != 0 || len(g.waiting) != 0 {
			t.Errorf("%s: %d compute and %d wait for ever", name, g.leaders, len(g.waiting))
		}
	}
}

// Those who come while somebody computes are computed with it: the lanes are filled.
func TestLanesAreShared(t *testing.T) {
	for name, g := range groups(t) {
		if g.kernel == 0 {
			continue
		}
		own, other := g.New().(*digest), g.New().(*digest)
		data := make([]byte, 2*most)
		g.leaders = 1 // somebody computes
		done := make(chan bool)
		go func() {
			_, _ = other.Write(data)
			close(done)
		}()
		for waiting := 0; waiting == 0; {
			g.mu.Lock()
			waiting = len(g.waiting)
			g.mu.Unlock()
		}
		own.job.p = data
		g.lead(&own.job)
		if left := len(other.job.p); left > 0 {
			t.Errorf("%s: %d bytes of another stream are left", name, left)
		}
		<-done
		want := md5.Sum(data)
		own.size = uint64(len(data))
		for _, d := range []hash.Hash{own, other} {
			if got := d.Sum(nil); !bytes.Equal(got, want[:]) {
				t.Errorf("%s: %x, want %x", name, got, want)
			}
		}
	}
}

func FuzzSum(f *testing.F) {
	f.Add([]byte("a"), uint16(0))
	f.Add(bytes.Repeat([]byte("0123456789"), 100), uint16(77))
	all := groups(nil)
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		at := min(int(cut), len(data))
		want := md5.Sum(data)
		for name, g := range all {
			h := g.New()
			_, _ = h.Write(data[:at])
			_, _ = h.Write(data[at:])
			if got := h.Sum(nil); !bytes.Equal(got, want[:]) {
				t.Errorf("%s: %x, want %x", name, got, want)
			}
		}
	})
}

func BenchmarkStreams(b *testing.B) {
	for name, g := range groups(b) {
		for _, streams := range []int{1, 2, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", name, streams), func(b *testing.B) {
				b.SetBytes(int64(streams) << 20)
				data := make([]byte, 256<<10)
				for b.Loop() {
					var wg sync.WaitGroup
					for range streams {
						wg.Go(func() {
							h := g.New()
							for range 4 {
								_, _ = h.Write(data)
							}
							_ = h.Sum(nil)
						})
					}
					wg.Wait()
				}
			})
		}
	}
}
