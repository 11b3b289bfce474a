package disk

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Mode is the character of a cut. Choosing each item with the same probability would never
// show the states in which nearly everything or nearly nothing arrived.
type Mode string

const (
	None   Mode = "none"   // only what was synced
	All    Mode = "all"    // everything, as after a kill
	Prefix Mode = "prefix" // everything up to one instant, in order, and some strays after it
	Mixed  Mode = "mixed"  // each file and directory with a probability of its own
)

// Count counts pending items: at a cut, or those of them that a cut kept.
type Count struct {
	Pages   int // pages with at least one version that is not durable
	Resizes int // files whose size is not durable
	Names   int // events on names
}

// Total is the number of items of all kinds.
func (c Count) Total() int { return c.Pages + c.Resizes + c.Names }

// Report says what a cut found and did.
type Report struct {
	Seed    uint64
	Mode    Mode
	Seq     uint64 // changes made until the cut
	Pending Count  // the non-durable items at the cut
	Kept    Count  // those that the outcome shows, in their newest form
	Torn    int    // pages that tore
}

// Pending counts what a cut would decide about.
func (s *Snapshot) Pending() Count {
	c := Count{Names: len(s.pending)}
	for _, n := range s.nodes {
		if n.data != nil {
			c.Pages += len(n.data.written)
			if len(n.data.shrinks)+len(n.data.grows) > 0 {
				c.Resizes++
			}
		}
	}
	return c
}

// Cut returns one outcome of losing power at the snapshot. The same seed gives the same
// outcome of the same snapshot; the seed chooses the mode too.
func (s *Snapshot) Cut(seed uint64) (*Image, Report) {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	mode := Mixed
	switch n := rng.IntN(20); {
	case n < 2:
		mode = None
	case n < 4:
		mode = All
	case n < 9:
		mode = Prefix
	}
	return s.cut(seed, mode, rng)
}

// CutAs is Cut with the mode given.
func (s *Snapshot) CutAs(mode Mode, seed uint64) (*Image, Report) {
	return s.cut(seed, mode, rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)))
}

func (s *Snapshot) cut(seed uint64, mode Mode, rng *rand.Rand) (*Image, Report) {
	report := Report{Seed: seed, Mode: mode, Seq: s.seq, Pending: s.Pending()}
	c := &chooser{rng: rng, mode: mode}
	if mode == Prefix {
		c.aim(s)
	}
	names := s.cutNames(c, &report)
	contents := map[Ino]cutContent{}
	for _, ino := range slices.Sorted(maps.Keys(s.nodes)) {
		if f := s.nodes[ino].data; f != nil {
			c.object()
			contents[ino] = f.cut(c, &report)
		}
	}
	img := s.image(
		func(n *node) map[string]Ino { return names[n.attr.Ino] },
		func(n *node) (int64, pageSet) { k := contents[n.attr.Ino]; return k.size, k.pages })
	return img, report
}

// cutNames chooses among the pending events.
func (s *Snapshot) cutNames(c *chooser, report *Report) map[Ino]map[string]Ino {
	names := map[Ino]map[string]Ino{}
	for _, ino := range slices.Sorted(maps.Keys(s.nodes)) {
		if n := s.nodes[ino]; n.isDir() {
			names[ino] = maps.Clone(n.durable)
		}
	}
	temper := map[Ino]float64{}
	kept := make([]bool, len(s.pending))
	for i, e := range s.pending {
		p, ok := temper[e.home]
		if !ok {
			p = c.object()
			temper[e.home] = p
		}
		c.p = p
		keep := c.keep(e.seq)
		for _, need := range e.needs {
			keep = keep && kept[need]
		}
		if !keep {
			continue
		}
		kept[i] = true
		report.Kept.Names++
		for _, change := range e.changes {
			setName(names[change.slot.dir], change)
		}
	}
	return names
}

// chooser decides about pending items.
type chooser struct {
	rng     *rand.Rand
	mode    Mode
	horizon uint64  // for Prefix: the last change that arrived
	stray   float64 // for Prefix: probability of a later one to arrive too
	p       float64 // for Mixed: probability of the current object's items to arrive
}

// aim chooses the instant of a Prefix cut among the changes that are pending.
func (c *chooser) aim(s *Snapshot) {
	var seqs []uint64
	for _, e := range s.pending {
		seqs = append(seqs, e.seq)
	}
	for _, n := range s.nodes {
		if n.data == nil {
			continue
		}
		for _, list := range n.data.written {
			for _, v := range list {
				seqs = append(seqs, v.seq)
			}
		}
		for _, r := range n.data.shrinks {
			seqs = append(seqs, r.seq)
		}
	}
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	if len(seqs) > 0 {
		c.horizon = seqs[c.rng.IntN(len(seqs))]
	}
	if c.rng.IntN(2) == 0 {
		c.stray = c.rng.Float64() / 4
	}
}

// object begins another file or directory and returns its probability.
func (c *chooser) object() float64 {
	switch c.rng.IntN(4) {
	case 0:
		c.p = 0
	case 1:
		c.p = 1
	default:
		c.p = c.rng.Float64()
	}
	return c.p
}

func (c *chooser) keep(seq uint64) bool {
	switch c.mode {
	case None:
		return false
	case All:
		return true
	case Prefix:
		return seq <= c.horizon || c.rng.Float64() < c.stray
	}
	return c.rng.Float64() < c.p
}

// pick chooses one of a list of states, the first of which is durable, by the change that
// made each.
func (c *chooser) pick(seqs []uint64) int {
	last := len(seqs) - 1
	if last == 0 {
		return 0
	}
	if c.mode == Prefix {
		at := last
		for at > 0 && !c.keep(seqs[at]) {
			at--
		}
		return at
	}
	if !c.keep(seqs[last]) {
		return 0
	}
	if c.mode == Mixed && c.rng.IntN(4) == 0 {
		return 1 + c.rng.IntN(last)
	}
	return last
}

// tear returns the sector at which to tear a page that the change seq made, 0 for not.
func (c *chooser) tear(seq uint64) int {
	switch {
	case c.mode == Mixed && c.rng.IntN(5) == 0,
		c.mode == Prefix && seq == c.horizon && c.rng.IntN(2) == 0:
		return 1 + c.rng.IntN(PageSize/SectorSize-1)
	}
	return 0
}
