package crash

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A ledger is everything a writer reported, kept outside of the store. Positions are
// indices into the order in which the reports were made: an act that ended before
// another began has the smaller position.
type ledger struct {
	mu     sync.Mutex // guards what follows
	words  []string
	places []int          // their positions
	done   map[int][]deed // by worker
	size   int
	sums   sums
	sums5  sums5
	moved  int64  // bytes, by compaction
	bad    string // an act that failed and should not have
}

// A deed is an act and what became of it.
type deed struct {
	act
	begun int
	ended int // -1: not acknowledged
	ack
}

func newLedger() *ledger { return &ledger{done: map[int][]deed{}, sums: sums{}, sums5: sums5{}} }

func (l *ledger) add(e event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case e.Begin != nil:
		l.done[e.Begin.W] = append(l.done[e.Begin.W], deed{act: *e.Begin, begun: l.size, ended: -1})
	case e.End != nil:
		d := &l.done[e.End.W][e.End.N-1]
		d.ended, d.ack = l.size, *e.End
		if e.End.Err != "" && l.bad == "" {
			l.bad = fmt.Sprintf("%v failed: %s\n%s", d.act, e.End.Err, l.before(d.act))
		}
	default:
		l.words, l.places = append(l.words, e.Word), append(l.places, l.size)
		l.moved = max(l.moved, e.Compacted)
	}
	l.size++
}

// before tells what a worker did in the directory of an act that failed. mu is held.
func (l *ledger) before(a act) string {
	p := page{acts: map[int][]deed{a.W: l.done[a.W]}, mark: l.size + 1}
	dir := dirOf(a.Key)
	return p.story(a.W, func(b act) bool {
		return strings.HasPrefix(b.Key, dir) || strings.HasPrefix(b.To, dir) || strings.HasSuffix(b.Key, "/") || b.Op == opState
	})
}

// said says whether the writer has said a word. mu is held.
func (l *ledger) said(word string) bool { return slices.Contains(l.words, word) }

// mark returns the present position: acts acknowledged before it are.
func (l *ledger) mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

// A page is a ledger as one cut sees it.
type page struct {
	acts map[int][]deed // those that had begun
	mark int            // acts acknowledged before this position are promises
	// kill says that nothing but the process was lost.
	kill bool
	// closed says that the store had been closed before.
	closed bool
	sums5  sums5
	sums   sums // shared by the cuts of a run, which are judged one after another
}

// page copies what had begun until now.
func (l *ledger) page(mark int) page {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := page{acts: map[int][]deed{}, mark: mark, sums: l.sums, sums5: l.sums5}
	for i, word := range l.words {
		p.closed = p.closed || word == "closed" && l.places[i] < mark
	}
	for w, ds := range l.done {
		p.acts[w] = append([]deed(nil), ds...)
	}
	return p
}

// acked says whether d is a promise.
func (p page) acked(d deed) bool { return d.ended >= 0 && d.ended < p.mark }

// horizon returns the latest beginning of an acknowledged act that makes durable what
// ended before it: metadata if only syncs of the whole store do not count, else
// everything.
func (p page) horizon(whole bool) int {
	if d := p.lastDurable(whole); d != nil {
		return d.begun
	}
	return -1
}

func (p page) lastDurable(whole bool) (last *deed) {
	for _, ds := range p.acts {
		for i, d := range ds {
			counts := p.acked(d) && (d.Op == opSync || !whole && d.Op.durable())
			if counts && (last == nil || d.begun > last.begun) {
				last = &ds[i]
			}
		}
	}
	return last
}

// before returns how many of a worker's acts had ended before a position.
func before(ds []deed, pos int) int {
	n := 0
	for n < len(ds) && ds[n].ended >= 0 && ds[n].ended < pos {
		n++
	}
	return n
}

// floor returns how many of the worker's first acts must have happened, and how many
// must be settled too.
func (p page) floor(w int) (happened, settled int) {
	ds := p.acts[w]
	if p.kill {
		n := before(ds, p.mark)
		return n, n
	}
	if p.closed {
		return len(ds), len(ds)
	}
	happened = before(ds, p.horizon(false))
	for i, d := range ds {
		if d.Op.durable() && p.acked(d) {
			happened = max(happened, i+1)
		}
	}
	return happened, before(ds, p.horizon(true))
}

// story is the part of a worker's acts that matters for a report.
func (p page) story(w int, about func(act) bool) string {
	var b strings.Builder
	ds := p.acts[w]
	floor, settled := p.floor(w)
	fmt.Fprintf(&b, "worker %d: %d acts, the first %d must have happened, %d are settled\n", w, len(ds), floor, settled)
	if d := p.lastDurable(false); d != nil {
		fmt.Fprintf(&b, "  (the last act that was acknowledged as durable: %v)\n", d.act)
	}
	var lines []string
	for _, d := range ds {
		if !about(d.act) {
			continue
		}
		state := "not acknowledged"
		switch {
		case p.acked(d):
			state = "acknowledged"
		case d.ended >= 0:
			state = "acknowledged late"
		}
		lines = append(lines, fmt.Sprintf("  %v: %s %s number %d\n", d.act, state, d.ID, d.Number))
	}
	if n := len(lines) - 25; n > 0 {
		fmt.Fprintf(&b, "  (%d earlier ones)\n", n)
		lines = lines[n:]
	}
	return b.String() + strings.Join(lines, "")
}
