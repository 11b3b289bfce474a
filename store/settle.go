package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// A settler makes published contents durable soon after their publish, and deletes
// content files that nothing refers to any more. Its state is the tables of pending
// publishes and of garbage; what is here in memory only says where to look.
type settler struct {
	s   *Store
	job *work.Job

	busy sync.Mutex // held while settling: one at a time

	mu      sync.Mutex // guards what follows
	pending map[uint64]pendingPublish
	unsafe  map[blob.ID]uint64 // the content files of those, each with its publish
	garbage bool
}

// A pendingPublish is a publish whose bytes are not known to be on disk: its key, which
// it keeps until it is settled, and its content files.
type pendingPublish struct {
	bucket uint64
	key    string
	blobs  []blob.ID
}

// A pendingError is the answer of an update that needs bytes on disk which are not
// known to be there. Store.update settles them and runs the update again.
type pendingError struct{ seqs []uint64 }

func (e *pendingError) Error() string { return fmt.Sprintf("publishes %v are pending", e.seqs) }

func newSettler(s *Store) *settler {
	st := &settler{s: s, pending: map[uint64]pendingPublish{}, unsafe: map[blob.ID]uint64{}}
	st.job = s.jobs.Add(work.Task{Name: "settle", Delay: max(s.opts.SettleAfter, 0), Run: func(ctx context.Context, _ *work.Progress) error {
		if s.opts.SettleAfter < 0 {
			return nil
		}
		return st.sweep(ctx)
	}})
	return st
}

// sweep settles all that is pending and deletes what is garbage.
func (st *settler) sweep(ctx context.Context) error {
	if err := st.settleAll(ctx); err != nil {
		return err
	}
	return st.reap(ctx)
}

// add notes a publish that is pending. It is called on the committer's goroutine.
func (st *settler) add(seq uint64, p pendingPublish) {
	st.mu.Lock()
	st.pending[seq] = p
	for _, id := range p.blobs {
		st.unsafe[id] = seq
	}
	st.mu.Unlock()
	st.job.Wake()
}

// addGarbage notes that there are content files to delete.
func (st *settler) addGarbage() {
	st.mu.Lock()
	st.garbage = true
	st.mu.Unlock()
	st.job.Wake()
}

// isPending says whether the bytes of the publish seq may not be on disk yet.
func (st *settler) isPending(seq uint64) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	_, ok := st.pending[seq]
	return ok
}

// filesOf returns the content files of a pending publish.
func (st *settler) filesOf(seq uint64) (files []blob.ID, pending bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	p, ok := st.pending[seq]
	return p.blobs, ok
}

// count returns how many publishes are pending.
func (st *settler) count() int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.pending)
}

// settledFiles fails with a pendingError if content files may not be on disk yet: those
// of a draft or a part that takes bytes from other contents, whatever versions these
// belong to by now.
func (t *txn) settledFiles(ids []blob.ID) error {
	st := t.s.settler
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.unsafe) == 0 {
		return nil
	}
	var seqs []uint64
	for _, id := range ids {
		if seq, ok := st.unsafe[id]; ok {
			seqs = append(seqs, seq)
		}
	}
	if seqs != nil {
		return &pendingError{seqs}
	}
	return nil
}

// settled fails with a pendingError if v's bytes may not be on disk yet.
func (t *txn) settled(v *record.Version) error {
	if t.s.settler.isPending(v.Seq) {
		return &pendingError{[]uint64{v.Seq}}
	}
	return nil
}

// unsettled returns the content files of a publish that is still pending and may be renamed
// as that: of a new file, of which nothing was ever durable. Should its bytes be lost, what
// it was renamed over is there again, and the file is not. Of others, which would take
// what they had before with them, it fails with a pendingError.
func (t *txn) unsettled(v *record.Version) ([]blob.ID, error) {
	files, pending := t.s.settler.filesOf(v.Seq)
	if !pending {
		return nil, nil
	}
	var p record.Pending
	if _, err := t.get(table.Pending(v.Seq), &p); err != nil {
		return nil, err
	}
	if v.Number > 1 || v.Noncurrent > 0 || p.Predecessor != nil {
		return nil, &pendingError{[]uint64{v.Seq}}
	}
	return files, nil
}

// settledBelow fails with a pendingError if the bytes of something below a directory may
// not be on disk yet.
func (t *txn) settledBelow(bucket uint64, dir string) error {
	st := t.s.settler
	st.mu.Lock()
	defer st.mu.Unlock()
	var seqs []uint64
	for seq, p := range st.pending {
		if p.bucket == bucket && hasPrefix(p.key, dir) {
			seqs = append(seqs, seq)
		}
	}
	if seqs != nil {
		return &pendingError{seqs}
	}
	return nil
}

// settleAll settles everything that is pending now.
func (st *settler) settleAll(ctx context.Context) error {
	st.mu.Lock()
	seqs := make([]uint64, 0, len(st.pending))
	for seq := range st.pending {
		seqs = append(seqs, seq)
	}
	st.mu.Unlock()
	return st.settle(ctx, seqs)
}

// settleFiles settles the publishes that some content files are of.
func (st *settler) settleFiles(ctx context.Context, ids []blob.ID) error {
	st.mu.Lock()
	var seqs []uint64
	for _, id := range ids {
		if seq, ok := st.unsafe[id]; ok {
			seqs = append(seqs, seq)
		}
	}
	st.mu.Unlock()
	return st.settle(ctx, seqs)
}

// settlePerUpdate bounds how many pendings one update drops.
const settlePerUpdate = 500

// settle syncs the contents of some publishes and drops their marks.
func (st *settler) settle(ctx context.Context, seqs []uint64) error {
	st.busy.Lock()
	defer st.busy.Unlock()
	for len(seqs) > 0 {
		var n int
		err := inPieces(settlePerUpdate, func(most int) error {
			n = min(len(seqs), most)
			return st.settleSome(ctx, seqs[:n])
		})
		if err != nil {
			return err
		}
		seqs = seqs[n:]
	}
	return nil
}

func (st *settler) settleSome(ctx context.Context, seqs []uint64) error {
	var ids []blob.ID
	var todo []uint64
	st.mu.Lock()
	for _, seq := range seqs {
		if p, ok := st.pending[seq]; ok {
			ids = append(ids, p.blobs...)
			todo = append(todo, seq)
		}
	}
	st.mu.Unlock()
	if len(todo) == 0 {
		return nil
	}
	if err := st.sync(ids); err != nil {
		return err
	}
	_, err := st.s.update(ctx, author{}, freeing, func(t *txn) error {
		for _, seq := range todo {
			if err := t.dropPending(seq); err != nil {
				return err
			}
		}
		t.onMerged(func() { st.forget(todo) })
		return nil
	})
	return err
}

// sync makes content files durable; those deleted meanwhile need not be. Any other
// failure ends all writing: what the disk has lost cannot be known.
func (st *settler) sync(ids []blob.ID) error {
	err := st.s.blobs.Sync(ids...)
	for _, e := range unjoin(err) {
		if !errors.Is(e, blob.ErrNotFound) {
			st.s.fail(e)
			return fault.Wrap(fault.StoreFailed, e, "a content could not be synced; the store no longer writes")
		}
	}
	return nil
}

func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return []error{err}
}

func (st *settler) forget(seqs []uint64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, seq := range seqs {
		for _, id := range st.pending[seq].blobs {
			delete(st.unsafe, id)
		}
		delete(st.pending, seq)
	}
}

// putPending records that the bytes of the publish v are not known to be on disk, and
// keeps what it replaced until they are.
func (t *txn) putPending(b *record.Bucket, key string, v *record.Version, blobs ...blob.ID) error {
	p := &record.Pending{Schema: record.Schema, Bucket: b.Id, Key: key}
	for _, id := range blobs {
		p.Blobs = append(p.Blobs, uint64(id))
	}
	for i, old := range t.discarded {
		if old.Marker || old.Content == nil && old.Ino == 0 {
			continue
		}
		p.Predecessor = old
		t.discarded = append(t.discarded[:i], t.discarded[i+1:]...)
		break
	}
	seq := v.Seq
	t.onMerged(func() { t.s.settler.add(seq, pendingPublish{b.Id, key, blobs}) })
	return t.put(table.Pending(seq), p)
}

// dropPending ends a publish's being pending and lets go of its predecessor.
func (t *txn) dropPending(seq uint64) error {
	var p record.Pending
	ok, err := t.get(table.Pending(seq), &p)
	if !ok || err != nil {
		return err
	}
	t.tx.Delete(table.Pending(seq))
	if p.Predecessor != nil {
		t.discarded = append(t.discarded, p.Predecessor)
	}
	return nil
}

// reapAtOnce bounds how many content files are deleted between two looks.
const reapAtOnce = 1000

// reap deletes content files that nothing refers to. The commits that let go of them
// are made durable between the look and the deletion: a power cut must not bring back a
// version without its bytes.
func (st *settler) reap(ctx context.Context) (err error) {
	if st.s.repairing.Load() {
		return nil
	}
	st.mu.Lock()
	todo := st.garbage
	st.garbage = false
	st.mu.Unlock()
	if !todo {
		return nil
	}
	defer func() {
		if err != nil { // the end of the jobs, too: Close goes on with it
			st.keepGarbage()
		}
	}()
	if err := st.s.releaseRests(ctx); err != nil {
		return err
	}
	for after := uint64(0); ; {
		ids, kept, more, err := st.garbageNow(after)
		if err != nil {
			return err
		}
		if kept {
			st.keepGarbage()
		}
		if err := st.s.db.Sync(ctx); err != nil {
			return engineError(err)
		}
		if err := st.deleteFiles(ctx, ids); err != nil {
			return err
		}
		if more == 0 {
			return nil
		}
		after = more
	}
}

// keepGarbage remembers that some garbage could not go yet.
func (st *settler) keepGarbage() {
	st.mu.Lock()
	st.garbage = true
	st.mu.Unlock()
}

// garbageNow returns garbage after an id that nobody reads, whether some is still
// being read, and where to go on; 0: that was all.
func (st *settler) garbageNow(after uint64) (ids []blob.ID, kept bool, more uint64, err error) {
	st.s.pins.gate.Lock()
	defer st.s.pins.gate.Unlock()
	err = st.s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.Garbages(), Start: table.Garbage(after + 1), KeysOnly: true})
		defer it.Close()
		for n := 0; it.Next(); n++ {
			id, err := table.Number(it.Key())
			if err != nil {
				return fault.Wrap(fault.Damaged, err, "garbage")
			}
			if n == reapAtOnce {
				return nil
			}
			more = id
			if st.s.pins.hold(blob.ID(id)) {
				kept = true
				continue
			}
			ids = append(ids, blob.ID(id))
		}
		more = 0
		return damaged(it.Err())
	})
	return ids, kept, more, err
}

func (st *settler) deleteFiles(ctx context.Context, ids []blob.ID) error {
	if len(ids) == 0 {
		return nil
	}
	for _, id := range ids {
		if err := st.s.blobs.Delete(id); err != nil && !errors.Is(err, blob.ErrNotFound) {
			return blobError(err)
		}
	}
	_, err := st.s.update(ctx, author{}, freeing, func(t *txn) error {
		for _, id := range ids {
			t.tx.Delete(table.Garbage(uint64(id)))
		}
		return nil
	})
	return err
}

// fail makes the store stop writing for good; reads go on.
func (s *Store) fail(err error) {
	if s.failed.CompareAndSwap(nil, &err) {
		s.log.Error("the store no longer writes", "err", err)
	}
}

// failure is why the store no longer writes, nil if it does.
func (s *Store) failure() error {
	if p := s.failed.Load(); p != nil {
		return *p
	}
	return s.db.Failed()
}
