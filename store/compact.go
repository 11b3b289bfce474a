package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// Compaction puts the pieces of fragmented contents together, and moves what is left of
// content files that are mostly dead. What there is to do stands in notes, in the table of
// settings: an update that makes a list of many pieces leaves one, and so does one that
// leaves a content file mostly dead. What is done about them compact_plan.go decides.
//
// A step copies bytes, checked against their checksums, into a new content file, makes
// that durable, and then has lists refer to it in one update. Before the update there is a
// file that no record names, after it there is garbage; so a step may be cut short
// anywhere, and a later run finds what is left to do. Lists on which drafts stand are
// passed over (bases.go). Whoever has a file open keeps what it has.

// settingFragmented is where it stands by the number of a list that it may be in too many
// pieces, settingSparse by that of a content file that it was mostly dead.
func settingFragmented() []byte { return table.Setting("fragmented/") }
func settingSparse() []byte     { return table.Setting("sparse/") }

// settingWasted is where it stands how many bytes of all content files are dead.
func settingWasted() []byte { return table.Setting("wasted") }

func (t *txn) noteFragmented(list uint64) {
	t.tx.Set(noteKey(settingFragmented(), list), nil)
	t.wakeCompactor()
}

func (t *txn) noteSparse(id uint64) {
	t.tx.Set(noteKey(settingSparse(), id), nil)
	t.wakeCompactor()
}

func (t *txn) wakeCompactor() {
	t.tx.Defer(func(meta.Commit) { t.s.compactor.job.Wake() })
}

// countWaste keeps the sum of dead bytes.
func (t *txn) countWaste() error {
	if t.waste == 0 {
		return nil
	}
	n, err := t.wasted()
	if err == nil {
		t.tx.Set(settingWasted(), beBytes(uint64(n+t.waste)))
	}
	return err
}

// wasted is how many bytes of content files are dead.
func (sn *snap) wasted() (int64, error) {
	b, err := sn.r.Get(settingWasted())
	if errors.Is(err, meta.ErrNotFound) {
		return 0, nil
	}
	return int64(beUint64(b)), damaged(err)
}

// A compactor is the job and what it needs.
type compactor struct {
	s     *Store
	job   *work.Job
	moved atomic.Int64 // bytes

	mu      sync.Mutex // held during a run
	ready   bool       // recovery has ended: no record of a draft stands on a list unnoticed
	extents int        // how many of a list one update was able to change
}

func newCompactor(s *Store) *compactor {
	c := &compactor{s: s, extents: stretchExtents}
	c.job = s.jobs.Add(work.Task{Name: "compact", Delay: max(s.opts.CompactAfter, 0), Run: func(ctx context.Context, p *work.Progress) error {
		if s.opts.CompactAfter < 0 {
			return nil
		}
		return c.run(ctx, newPace(p))
	}})
	return c
}

// Compact does now, and as fast as it can, what compaction does by and by. What drafts
// stand on is left.
func (s *Store) Compact(ctx context.Context) error {
	return s.compactor.run(ctx, nil)
}

// begin lets compaction run, after recovery.
func (c *compactor) begin() {
	c.mu.Lock()
	c.ready = true
	c.mu.Unlock()
	c.job.Wake()
}

func (c *compactor) run(ctx context.Context, p *pace) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ready || c.s.closing.Load() {
		return nil
	}
	lists, err := c.notes(settingFragmented())
	if err != nil {
		return err
	}
	for _, list := range lists {
		if err := c.compactList(ctx, list, p); err != nil {
			return err
		}
	}
	return c.compactSparse(ctx, p)
}

// notes returns the numbers that notes are about.
func (c *compactor) notes(setting []byte) ([]uint64, error) {
	var out []uint64
	err := c.s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: setting, KeysOnly: true})
		defer it.Close()
		for it.Next() {
			out = append(out, beUint64(it.Key()[len(setting):]))
		}
		return damaged(it.Err())
	})
	return out, err
}

// dropNote ends what a note asks for.
func (c *compactor) dropNote(ctx context.Context, setting []byte, number uint64) error {
	_, err := c.s.update(ctx, author{}, freeing, func(t *txn) error {
		t.tx.Delete(noteKey(setting, number))
		return nil
	})
	return err
}

// outcome is what becomes of a note when its step has ended with err: it is dropped unless
// the step is to be tried again. What is damaged stays as it is, for fsck to find: its
// bytes must not get new checksums.
func (c *compactor) outcome(ctx context.Context, setting []byte, number uint64, err error) error {
	switch {
	case errors.Is(err, errPassed):
		return nil
	case unreadable(err):
		c.s.log.Error("a content cannot be compacted; run pail fsck", "err", err)
	case err != nil:
		return err
	}
	return c.dropNote(ctx, setting, number)
}

// errPassed says that a run leaves a list alone: a draft stands on it, or it has changed
// since it was looked at.
var errPassed = errors.New("the content is in use")

// compactList puts the pieces of a list together, stretch by stretch.
func (c *compactor) compactList(ctx context.Context, list uint64, p *pace) error {
	for {
		moved := false
		err := inPieces(c.extents, func(most int) (err error) {
			c.extents = most
			moved, err = c.compactSome(ctx, list, p)
			return err
		})
		if err != nil || !moved {
			return c.outcome(ctx, settingFragmented(), list, err)
		}
	}
}

// compactSome moves one stretch of a list; moved is false if there is none to be moved.
func (c *compactor) compactSome(ctx context.Context, list uint64, p *pace) (moved bool, err error) {
	if c.s.bases.stoodOn(list) {
		return false, errPassed
	}
	l, s, unpin, err := c.findStretch(list)
	defer unpin()
	if err != nil || l == nil {
		return false, err
	}
	es := l.extents()
	if s.bytes == 0 {
		return false, c.repack(ctx, l)
	}
	if err := c.s.settler.settleFiles(ctx, es[s.i:s.j].Blobs()); err != nil {
		return false, err
	}
	to, err := c.s.newPacker(ctx, p, l.encryption)
	if err != nil {
		return false, err
	}
	var packed blob.Extents
	for _, e := range es[s.i:s.j] {
		if e, err = to.add(e); err != nil {
			return false, errors.Join(err, to.discard())
		}
		packed = packed.Push(e)
	}
	rw := &rewrite{}
	rw.list(l, l.replaced(s.i, s.j, packed))
	return true, c.commit(ctx, to, rw)
}

// findStretch looks for a stretch of a list that is to be moved, and keeps its files from
// being deleted until unpin. l is nil if there is no such list; the stretch is empty if
// nothing is to be moved.
func (c *compactor) findStretch(list uint64) (l *extentList, s stretch, unpin func(), err error) {
	gate := &c.s.pins.gate
	gate.RLock()
	defer gate.RUnlock()
	unpin = func() {}
	err = c.s.view(func(sn *snap) error {
		if l, err = sn.readListByID(list); l == nil || err != nil {
			return err
		}
		es := l.extents()
		others, err := sn.othersOwn(es)
		if err != nil {
			return err
		}
		model := c.s.opts.compactModel()
		model.extents = c.extents
		todo := model.todo(es, others)
		if len(todo) == 0 {
			return nil
		}
		s = todo[0]
		ids := es[s.i:s.j].Blobs()
		c.s.pins.add(ids)
		unpin = func() { c.s.pins.drop(ids) }
		return nil
	})
	return l, s, unpin, err
}

// othersOwn says of the content files of some extents whether they have other owners.
func (sn *snap) othersOwn(es blob.Extents) (func(blob.ID) bool, error) {
	refs := map[blob.ID]uint64{}
	for _, id := range es.Blobs() {
		b, err := sn.blobRecord(id)
		if err != nil {
			return nil, err
		}
		refs[id] = b.Refs
	}
	return func(id blob.ID) bool { return refs[id] > 1 }, nil
}

// commit makes what was packed durable and has lists refer to it.
func (c *compactor) commit(ctx context.Context, to *packer, rw *rewrite) error {
	err := to.finish()
	if err == nil {
		err = c.rewrite(ctx, to, rw)
	}
	return to.done(err)
}

// rewrite changes lists in one update. No draft begins on one meanwhile.
func (c *compactor) rewrite(ctx context.Context, to *packer, rw *rewrite) error {
	gate := &c.s.bases.gate
	gate.Lock()
	defer gate.Unlock()
	_, err := c.s.update(ctx, author{}, visible, func(t *txn) error {
		if to != nil && !to.recorded {
			if err := to.record(t); err != nil {
				return err
			}
		}
		return t.rewriteLists(rw)
	})
	if to != nil && err == nil && !to.recorded {
		to.recorded = true
		c.moved.Add(to.size)
	}
	return err
}

// repack puts a list that compaction has left in few extents into as few chunks.
func (c *compactor) repack(ctx context.Context, l *extentList) error {
	es := l.extents()
	if full := inChunks(es); len(full) <= repackMost && 2*len(full) <= len(l.chunks) {
		rw := &rewrite{}
		rw.list(l, full)
		return c.rewrite(ctx, nil, rw)
	}
	return nil
}

// repackMost is how many chunks one update may write anew.
const repackMost = 16

// A pace has a job rest as long as it works, so that it takes no more than half of what
// the disk and a processor can do. nil: no rest.
type pace struct {
	p     *work.Progress
	done  int64
	since time.Time
}

// maxRest bounds one rest: what took longer was kept waiting by others.
const maxRest = 200 * time.Millisecond

func newPace(p *work.Progress) *pace { return &pace{p: p, since: time.Now()} }

// worked notes n bytes more and rests.
func (p *pace) worked(ctx context.Context, n int64) error {
	if p == nil {
		return ctx.Err()
	}
	p.done += n
	p.p.Set(p.done, 0)
	rest := time.NewTimer(min(time.Since(p.since), maxRest))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
	p.since = time.Now()
	return ctx.Err()
}
