package multimd5

import (
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

const (
	// worth is how many bytes are worth waiting for others.
	worth = 8 << 10
	// most is how many bytes of each lane are hashed before others are let in.
	most = 16 << 10
)

// A Group is streams whose MD5 is computed at once when they are written to at once. Its
// methods may be called concurrently.
type Group struct {
	kernel kernel // 0: there is none

	mu      sync.Mutex // guards what follows
	waiting []*job     // first come, first served
	leaders int        // who compute
}

// NewGroup returns a group of no streams.
func NewGroup() *Group {
	g := new(Group)
	if all := kernels(); len(all) > 0 {
		g.kernel = all[0]
	}
	return g
}

// A job is what a stream has to hash. It belongs to who computes it.
type job struct {
	d    *digest
	p    []byte    // whole blocks
	turn chan bool // true: it is done; false: its owner is to go on with it; made for the first to wait
}

// hash hashes whole blocks.
func (g *Group) hash(j *job, p []byte) {
	j.p = p
	g.mu.Lock()
	wait := g.leaders > 0 && (len(g.waiting) < int(g.kernel) || g.leaders >= runtime.GOMAXPROCS(0))
	if wait {
		if j.turn == nil {
			j.turn = make(chan bool, 1)
		}
		g.waiting = append(g.waiting, j)
	} else {
		g.leaders++
	}
	g.mu.Unlock()
	if wait && <-j.turn {
		return
	}
	g.lead(j)
}

// lead computes until own is done, for those who wait too as far as there are lanes.
func (g *Group) lead(own *job) {
	lanes := append(make([]*job, 0, maxLanes), own)
	for len(own.p) > 0 {
		g.mu.Lock()
		lanes = append(lanes, g.take(int(g.kernel)-len(lanes))...)
		g.mu.Unlock()
		g.step(lanes)
		lanes = slices.DeleteFunc(lanes, func(j *job) bool {
			done := len(j.p) == 0
			if done && j != own {
				j.turn <- true
			}
			return done
		})
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(lanes, g.waiting...)
	if len(g.waiting) == 0 || g.leaders > 1 && len(g.waiting) < int(g.kernel) {
		g.leaders-- // the others see to those who wait
		return
	}
	g.take(1)[0].turn <- false
}

// take takes n of those who wait, fewer if there are fewer. The caller holds mu.
func (g *Group) take(n int) []*job {
	n = min(n, len(g.waiting))
	taken := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return taken
}

// step hashes the next blocks of each job, as many as all have.
func (g *Group) step(lanes []*job) {
	var s states
	var at pointers
	n := most
	for i, j := range lanes {
		j.d.load(&s, i)
		at[i] = unsafe.Pointer(unsafe.SliceData(j.p))
		n = min(n, len(j.p))
	}
	for i := len(lanes); i < maxLanes; i++ {
		at[i] = at[0] // each lane has to read something
	}
	g.kernel.hash(&s, &at, n/blockSize)
	for i, j := range lanes {
		j.d.store(&s, i)
		j.p = j.p[n:]
	}
}
