package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// recover deals with what the last owner left behind. Each step may be cut short and
// is then done again.
func (s *Store) recover(ctx context.Context) error {
	if err := s.view(s.buckets.load); err != nil {
		return err
	}
	if err := s.view(s.quotas.load); err != nil {
		return fmt.Errorf("load what buckets with quotas hold: %w", err)
	}
	if err := errors.Join(s.loadSettings(), s.loadAccessKeys(), s.loadIdentities(), s.loadKMS()); err != nil {
		return err
	}
	if err := errors.Join(s.view(s.loadAccountBlocks), s.view(s.loadAccessPoints)); err != nil {
		return err
	}
	if err := s.view(s.herald.load); err != nil {
		return err
	}
	if err := s.view(s.audit.load); err != nil {
		return err
	}
	if err := s.view(s.logs.load); err != nil {
		return err
	}
	if err := s.view(s.sampler.load); err != nil {
		return err
	}
	return s.recoverRest(ctx)
}

// recoverRest is recovery after buckets and settings are known.
func (s *Store) recoverRest(ctx context.Context) error {
	s.recovering.Store(true)
	defer s.recovering.Store(false)
	if err := s.beginUse(ctx); err != nil {
		return err
	}
	// What was renamed stands where it will be moved to for all that follows.
	if err := s.countMoves(); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		s.recoverBegun, s.recoverPending, s.recoverDrafts, s.dropHeld, s.recoverOrphans, s.finishDrops,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.settler.addGarbage()
	if s.recovered.Moves > 0 && !s.repairing.Load() { // a repair moves them itself
		s.mover.job.Wake()
	}
	s.ready = true
	if !s.repairing.Load() {
		s.publishStuck()
	}
	return s.countCursors()
}

// The settings by which one owner of the store tells the next: that its end was clean,
// and which deleted buckets have records left.
func settingClean() []byte   { return table.Setting("clean") }
func settingDropped() []byte { return table.Setting("dropped/") }

// beginUse notes that the store is in use, and learns whether the last use had a
// clean end.
func (s *Store) beginUse(ctx context.Context) error {
	err := s.view(func(sn *snap) error {
		_, err := sn.r.Get(settingClean())
		s.recovered.Unclean = errors.Is(err, meta.ErrNotFound)
		if s.recovered.Unclean {
			return nil
		}
		return damaged(err)
	})
	if err != nil || s.recovered.Unclean {
		return err
	}
	_, err = s.update(ctx, author{}, durableFreeing, func(t *txn) error {
		t.tx.Delete(settingClean())
		return nil
	})
	return err
}

// markClean notes a clean end: nothing is pending, every content file is known, and none
// that was deleted can come back.
func (s *Store) markClean(ctx context.Context) error {
	_, err := s.update(ctx, author{}, freeing, func(t *txn) error {
		t.tx.Set(settingClean(), nil)
		return nil
	})
	return err
}

// recoverPending decides about each publish whose bytes were not known to be on disk,
// newest first: if they are there it stands, else what it replaced is current again.
func (s *Store) recoverPending(ctx context.Context) error {
	var seqs []uint64
	err := s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.Pendings(), KeysOnly: true})
		defer it.Close()
		for it.Next() {
			seq, err := table.Number(it.Key())
			if err != nil {
				return fault.Wrap(fault.Damaged, err, "pending publish")
			}
			seqs = append(seqs, seq)
		}
		return damaged(it.Err())
	})
	if err != nil {
		return err
	}
	for i := len(seqs) - 1; i >= 0; i-- {
		if err := s.decide(ctx, seqs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) decide(ctx context.Context, seq uint64) error {
	var p record.Pending
	good := true
	err := s.view(func(sn *snap) error {
		if _, err := sn.get(table.Pending(seq), &p); err != nil {
			return err
		}
		for _, id := range p.Blobs {
			ok, err := sn.onDisk(id)
			if err != nil {
				return err
			}
			good = good && ok
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = s.update(ctx, author{}, durableFreeing, func(t *txn) error {
		if good {
			return t.dropPending(seq)
		}
		return t.undo(seq, &p)
	})
	switch {
	case err != nil:
		return fault.Wrap(fault.KindOf(err), err, "recover publish %d of %s", seq, p.Key)
	case good:
		s.recovered.Kept++
	default:
		s.recovered.Undone++
		if len(s.recovered.UndoneKey) < 100 {
			s.recovered.UndoneKey = append(s.recovered.UndoneKey, p.Key)
		}
	}
	return nil
}

// onDisk syncs a content file and says whether all its bytes are there. One that no
// record names is nobody's loss.
func (sn *snap) onDisk(id uint64) (bool, error) {
	var b record.Blob
	ok, err := sn.get(table.Blob(id), &b)
	if err != nil || !ok {
		return true, err
	}
	err = sn.s.blobs.Sync(blob.ID(id))
	if err == nil {
		err = sn.s.blobs.Verify(blob.ID(id), blob.Seal{Length: b.Length, Sum: b.Sum})
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, blob.ErrDamaged), errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrUnsealed):
		return false, nil
	}
	return false, blobError(err)
}

// undo takes back a publish whose bytes are lost.
func (t *txn) undo(seq uint64, p *record.Pending) error {
	t.tx.Delete(table.Pending(seq))
	t.undoes = true
	b := t.bucketByID(p.Bucket)
	pred := p.Predecessor
	if b == nil {
		if pred != nil {
			t.discarded = append(t.discarded, pred)
		}
		return nil
	}
	if pred != nil {
		if done, err := t.swapBack(b, p.Key, seq, pred); done || err != nil {
			return err
		}
	}
	v, err := t.deleteVersion(b, p.Key, seq, keepEmpty)
	if err != nil {
		return err
	}
	switch {
	case pred == nil:
	case v == nil:
		// The version was replaced or removed later; its predecessor is not wanted.
		t.discarded = append(t.discarded, pred)
	default:
		err = t.putBack(b, p.Key, pred, seq)
	}
	if err != nil || v == nil {
		return err
	}
	t.changed(Change{Kind: ObjectPut, Bucket: b.Name, Key: p.Key})
	return t.notifyStands(b, p.Key)
}

// swapBack puts what a publish replaced where the publish stands, if that is the live
// head and has no older versions below: the key was live before and is again.
func (t *txn) swapBack(b *record.Bucket, key string, seq uint64, pred *record.Version) (done bool, err error) {
	c, err := t.chain(b, key)
	if err != nil || c.live == nil || c.live.Seq != seq || c.live.Noncurrent > 0 {
		return false, err
	}
	t.discarded = append(t.discarded, c.live)
	if err := errors.Join(t.tally(b, key, c.live, -1), t.tally(b, key, pred, 1)); err != nil {
		return true, err
	}
	pred.NextNumber, pred.NullSeq, pred.Noncurrent = c.live.NextNumber, 0, 0
	turnTo(pred, true, seq)
	t.changed(Change{Kind: ObjectPut, Bucket: b.Name, Key: key, Ino: pred.Ino, VersionID: versionID(pred)})
	if err := t.put(table.Head(b.Id, key), pred); err != nil {
		return true, err
	}
	return true, t.notifyStands(b, key)
}

// putBack makes a version that was discarded part of its key's chain again: on top
// unless something newer is left there.
func (t *txn) putBack(b *record.Bucket, key string, pred *record.Version, seq uint64) error {
	c, err := t.chain(b, key)
	if err == nil {
		err = t.tally(b, key, pred, 1)
	}
	if err != nil {
		return err
	}
	top := c.top()
	if top != nil && !top.Bare && top.Seq > pred.Seq {
		old := proto.CloneOf(pred)
		old.NextNumber, old.NullSeq, old.Noncurrent = 0, 0, 0
		turnTo(old, false, seq)
		if old.Null {
			top.NullSeq = old.Seq
		}
		top.Noncurrent++
		if err := t.put(table.Noncurrent(b.Id, key, old.Seq), old); err != nil {
			return err
		}
		return t.putTop(b, key, top, c.live != nil)
	}
	turnTo(pred, true, seq)
	pred.NextNumber = max(pred.NextNumber, pred.Number+1)
	if top != nil {
		pred.NextNumber, pred.NullSeq, pred.Noncurrent = top.NextNumber, top.NullSeq, top.Noncurrent
		if !top.Bare {
			if err := t.keepNoncurrent(b, key, top, pred); err != nil {
				return err
			}
		}
	}
	return t.replaceTop(b, key, c, pred, keepEmpty)
}

// turnTo notes whether a version that comes back is current from the commit seq on. The
// publish that took it away may have found it current or, the null version of a suspended
// bucket, below others.
func turnTo(v *record.Version, current bool, seq uint64) {
	if turns := versioning.Turns(v.Turns); turns.Current() != current {
		v.Turns = turns.Turn(seq)
	}
}

// recoverDrafts publishes every draft that was fsynced, as far as rules and quotas let it.
func (s *Store) recoverDrafts(ctx context.Context) error {
	var inos []uint64
	err := s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.Drafts(), KeysOnly: true})
		defer it.Close()
		for it.Next() {
			ino, err := table.Number(it.Key())
			if err != nil {
				return fault.Wrap(fault.Damaged, err, "draft")
			}
			inos = append(inos, ino)
		}
		return damaged(it.Err())
	})
	if err != nil {
		return err
	}
	for _, ino := range inos {
		err := s.recoverDraft(ctx, ino)
		switch {
		case err == nil:
			s.recovered.Drafts++
		case fault.Is(err, fault.Damaged):
			s.problem("draft of inode %d: %v", ino, err)
			if err := s.leaveBase(ino); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// leaveBase keeps compaction away from what a draft stands on that stays in the records.
func (s *Store) leaveBase(ino uint64) error {
	return s.view(func(sn *snap) error {
		var r record.Draft
		_, err := sn.get(table.Draft(ino), &r)
		if list := r.GetBase().GetList(); list != 0 {
			s.bases.stand(list)
		}
		if unreadable(err) {
			err = nil
		}
		return err
	})
}

func (s *Store) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.log.Error("recovery", "problem", text)
	s.recovered.Problems = append(s.recovered.Problems, text)
}

// recoverDraft loads a draft as it was fsynced, as if its file were open, and
// publishes it.
func (s *Store) recoverDraft(ctx context.Context, ino uint64) error {
	s.pins.gate.RLock()
	defer s.pins.gate.RUnlock()
	n := &inode{s: s, ino: ino, linked: true}
	err := s.view(func(sn *snap) error {
		var r record.Draft
		if ok, err := sn.get(table.Draft(ino), &r); err != nil || !ok {
			return err
		}
		return sn.loadDraft(n, &r)
	})
	if err == nil && n.draft != nil {
		n.draft.se = s.authorOf(n.draft.who)
		if err = n.publish(ctx, false, nil); isRefused(err) {
			err = n.forsake(ctx, err)
		}
	}
	if fault.Is(err, fault.QuotaExceeded) || n.draft != nil && keyRefused(err) {
		return s.keepStuck(n, err)
	}
	if err == nil {
		n.release()
	}
	return err
}

func (sn *snap) loadDraft(n *inode, r *record.Draft) error {
	n.bucket, n.key = r.Bucket, r.Key
	if b := sn.bucketByID(r.Bucket); b != nil {
		n.bname = b.Name
	}
	n.attr = r.Version.GetAttr()
	d := &draft{
		s: sn.s, of: n, size: r.Version.GetSize(), dirty: true,
		who: author{principal: r.Principal, uid: r.Uid, door: Door(r.Door)},
	}
	d.sync.recorded, d.noted = true, true
	n.base = proto.CloneOf(r.Version)
	n.base.Content = r.Base
	if r.Labeled {
		n.own = labelsOf(r.Version)
	}
	if err := d.openEncryption(n, r); err != nil {
		return err
	}
	if r.Blob == 0 {
		d.alone = true
		n.draft = d
		return nil
	}
	base, err := sn.extentsOf(r.Base)
	if err != nil {
		return err
	}
	if d.file, err = sn.s.reopenDraft(r, d.key); err != nil {
		return err
	}
	n.body = &body{s: sn.s, size: base.Size()}
	n.body.encryption = d.encryption // with which what it began from can be read, too
	if r.Version.GetEncryption().GetId() != d.encryption.id() && r.Version.GetEncryption().GetMode() == encryptedS3 {
		if n.body.encryption, err = sn.s.openEncryption(r.Version.Encryption); err != nil {
			return err
		}
	}
	n.body.setExtents(base)
	d.alone = r.Base == nil
	for _, id := range r.Lent {
		d.lent.take(sn.s, blob.ID(id))
		d.lent.from.encryption = d.encryption
	}
	d.m = blob.NewMap(base)
	d.m.Truncate(min(r.BaseLimit, base.Size()))
	d.m.Truncate(d.size)
	d.sync.toFile(r.BaseLimit)
	n.draft = d
	if err := sn.overlayRegions(d, r.List); err != nil {
		return err
	}
	d.file.Forget(d.m.Extents())
	return sn.overlayPatches(n, d)
}

// overlayRegions puts the recorded regions over a draft's base.
func (sn *snap) overlayRegions(d *draft, list uint64) error {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.ExtentListOf(list)})
	defer it.Close()
	for it.Next() {
		var l record.ExtentList
		if err := unmarshal(it.Key(), it.Value(), &l); err != nil {
			return err
		}
		_, region := table.SplitExtentList(it.Key())
		at := int64(region) * regionSize
		d.m.Punch(at, regionSize)
		for _, e := range l.Extents {
			n := min(e.Len, d.size-at)
			if n > 0 && e.Blob != 0 {
				d.m.Write(at, n, blob.ID(e.Blob), e.Off)
			}
			at += e.Len
		}
	}
	return damaged(it.Err())
}

// recoverOrphans deletes content files that no record names: of uploads and drafts
// that the end of the last owner cut short. After a clean end there are none.
func (s *Store) recoverOrphans(ctx context.Context) error {
	if !s.recovered.Unclean {
		return nil
	}
	if kept, err := s.repairBegun(); kept || err != nil {
		return err // they may be what a repair has not come to yet
	}
	var orphans []blob.ID
	err := s.view(func(sn *snap) error {
		return sn.s.blobs.Walk(func(id blob.ID, _ int64, _ bool) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			known, err := sn.names(uint64(id))
			if err == nil && !known {
				orphans = append(orphans, id)
			}
			return err
		})
	})
	if err != nil {
		return blobError(err)
	}
	for _, id := range orphans {
		if err := s.blobs.Delete(id); err != nil {
			return blobError(err)
		}
	}
	s.recovered.Orphans = len(orphans)
	return nil
}

// names says whether any record names a content file. Drafts that could not be
// recovered keep theirs.
func (sn *snap) names(id uint64) (bool, error) {
	for _, k := range [][]byte{table.Blob(id), table.Garbage(id)} {
		_, err := sn.r.Get(k)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, meta.ErrNotFound) {
			return false, damaged(err)
		}
	}
	return sn.anyBelow(table.Drafts(), func(b []byte) (bool, error) {
		var d record.Draft
		err := record.Unmarshal(b, &d)
		return d.Blob == id, err
	})
}

// dropRest notes that records of a bucket that was deleted are still to be removed.
func (t *txn) dropRest(bucket uint64) {
	t.tx.Set(droppedKey(bucket), nil)
}

func droppedKey(bucket uint64) []byte {
	return binary.BigEndian.AppendUint64(settingDropped(), bucket)
}

// finishDrops removes what is left of buckets that were deleted.
func (s *Store) finishDrops(ctx context.Context) error {
	for {
		more := false
		err := inPieces(restsPerUpdate, func(most int) error {
			_, err := s.update(ctx, author{}, freeing, func(t *txn) error {
				more = false
				it := t.r.Scan(meta.ScanOptions{Prefix: settingDropped(), KeysOnly: true})
				if !it.Next() {
					defer it.Close()
					return damaged(it.Err())
				}
				k := append([]byte(nil), it.Key()...)
				it.Close()
				more = true
				return t.dropSome(k, beUint64(k[len(settingDropped()):]), most)
			})
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// dropSome removes up to most of the records that a deleted bucket left, and with the
// last of them the note that there are any.
func (t *txn) dropSome(note []byte, bucket uint64, most int) error {
	for _, prefix := range bucketRests(bucket) {
		n, err := t.deleteSome(prefix, most)
		if err != nil || n == most {
			return err
		}
	}
	t.tx.Delete(note)
	return nil
}
