package crash

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"pail/store"
)

// outcomes count what became of what was in flight, over many cuts.
type outcomes struct {
	cuts    int // in which anything was at stake
	kept    int // pending publishes whose bytes were there
	undone  int // and whose bytes were not
	drafts  int // synced drafts that were published
	moves   int // renames of directories that went on
	orphans int

	moved     int64 // bytes that were compacted before
	compacted int64 // and afterwards

	deep [4]int     // cuts whose recovery was cut, by how many times
	acts map[op]int // that had been acknowledged before a cut in which anything was at stake
}

// saw counts the acts of a page.
func (o *outcomes) saw(p page) {
	if o.acts == nil {
		o.acts = map[op]int{}
	}
	for _, ds := range p.acts {
		for _, d := range ds {
			if d.ended >= 0 {
				o.acts[d.Op]++
			}
		}
	}
}

// missing are the ops of which there was no act.
func (o *outcomes) missing(all []op) []op {
	return slices.DeleteFunc(slices.Clone(all), func(x op) bool { return o.acts[x] > 0 })
}

// An aftermath is what a store did after a cut.
type aftermath struct {
	store.Recovery
	compacted int64 // bytes
}

func (o *outcomes) add(r aftermath) {
	o.kept += r.Kept
	o.undone += r.Undone
	o.drafts += r.Drafts
	o.moves += r.Moves
	o.orphans += r.Orphans
	o.compacted += r.compacted
}

func (o outcomes) String() string {
	return fmt.Sprintf("%d cuts: %d pending kept, %d undone, %d drafts recovered, %d moves resumed, %d orphans, %d bytes compacted before and %d after",
		o.cuts, o.kept, o.undone, o.drafts, o.moves, o.orphans, o.moved, o.compacted)
}

// examine opens the store that a cut left in dir, compares it with the ledger, checks
// it, and uses it.
func examine(dir string, p plan, pg page, homes []home) (r aftermath, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	o := p.options(filepath.Join(dir, "store"))
	s, err := store.Open(ctx, o)
	if err != nil {
		return r, fmt.Errorf("open after the cut: %w", err)
	}
	defer func() {
		err = errors.Join(err, s.Close(ctx))
		if err == nil && p.Gated {
			err = noContents(dir)
		}
	}()
	r.Recovery = s.Status().Recovered
	if len(r.Problems) > 0 {
		return r, fmt.Errorf("recovery could not deal with: %s", strings.Join(r.Problems, "; "))
	}
	l, err := look(ctx, s)
	if err != nil {
		return r, err
	}
	if err := judgeRivals(pg, homes, l); err != nil {
		return r, err
	}
	var judged []home
	for _, h := range homes {
		if h.kind != "rival" {
			judged = append(judged, h)
		}
	}
	if err := judgeAll(pg, judged, l, p.InlineMax); err != nil {
		return r, err
	}
	if err := check(ctx, s); err != nil {
		return r, err
	}
	if p.Gated {
		if err := compactAndCompare(ctx, s, p, pg, judged); err != nil {
			return r, err
		}
		r.compacted = s.Status().Compacted
	}
	if err := use(ctx, s, p.InlineMax); err != nil || !p.Gated {
		return r, err
	}
	return r, clearAll(ctx, s)
}

// recreate demands of what a cut left of a store that was being made that it is none and
// can be made, or that it is whole.
func recreate(dir string, p plan) (err error) {
	ctx := context.Background()
	o := p.options(filepath.Join(dir, "store"))
	if !store.IsStore(o.Dir) {
		if err := store.Create(o); err != nil {
			return fmt.Errorf("make the store again: %w", err)
		}
	}
	s, err := store.Open(ctx, o)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	if err := check(ctx, s); err != nil {
		return err
	}
	return use(ctx, s, p.InlineMax)
}

// check demands that the store's own check finds nothing.
func check(ctx context.Context, s *store.Store) error {
	problems, err := s.Fsck(ctx, nil)
	if err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	if len(problems) > 0 {
		return fmt.Errorf("fsck finds %d problems, first %+v", len(problems), problems[0])
	}
	return nil
}

// use demands that the store takes writes of every kind.
func use(ctx context.Context, s *store.Store, inlineMax int) error {
	p := newPerformer(s)
	m := newModel(inlineMax)
	const after = "after-the-cut"
	big := int64(3 * inlineMax)
	for i, a := range []act{
		{Op: opBucket, Key: after}, {Op: opPut, Key: "a", Len: 10}, {Op: opPut, Key: "b", Len: big},
		{Op: opSave, Key: "a", Len: big, Mode: 0o600}, {Op: opOpen, Key: "c", Mode: 0o600},
		{Op: opWrite, Handle: 5, Len: big}, {Op: opFsync, Handle: 5}, {Op: opClose, Handle: 5},
		{Op: opRename, Key: "c", To: "b"}, {Op: opDelete, Key: "a"},
	} {
		a.N, a.Bucket, a.Gen = i+1, after, genOf(1000, i)
		o, err := p.perform(ctx, a)
		if err != nil {
			return fmt.Errorf("after the cut, %v: %w", a, err)
		}
		m.apply(a, ack{ID: o.VersionID, Number: o.Number})
	}
	l, err := look(ctx, s)
	if err != nil {
		return err
	}
	h := home{worker: 1000, bucket: after} // who has nothing from before the cut
	j := &judge{home: h, sight: l, page: page{kill: true, sums: sums{}, sums5: sums5{}}}
	if sb := l.buckets[after]; sb != nil {
		j.found = sb.below("")
	}
	if err := j.compare(m); err != nil {
		return fmt.Errorf("what was done after the cut: %w", err)
	}
	return check(ctx, s)
}
