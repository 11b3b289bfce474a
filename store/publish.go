package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
)

// publish makes the draft of n a version, in the name of whoever opened the file for
// writing. If only data is to be published, a draft that was merely created or
// truncated waits. A file that has lost its name publishes nothing. by is who asks for it, nil:
// nobody does; see mayPublish.
//
// The bytes of a content file need not be on disk then: the version is pending, and
// what it replaced is kept, until the settler has synced them. An inlined content is
// in the same commit as its version, so it is never pending.
func (n *inode) publish(ctx context.Context, onlyData bool, by *Session) error {
	n.syncing.Lock() // no fsync may record a draft that was published
	defer n.syncing.Unlock()
	for {
		if err := n.mayPublish(by); err != nil {
			return err
		}
		err := n.tryPublish(ctx, onlyData, n.ownName)
		again, err := n.relieve(err)
		if !again || err != nil {
			return err
		}
	}
}

// relieve does what has to be done about a draft before its publish or fsync, which ended
// with an error, is tried again: what it refers to is gone, or it is in more pieces than
// one update can write, or in more content files. How many those are depends on the engine.
func (n *inode) relieve(failed error) (again bool, err error) {
	switch {
	case errors.Is(failed, errBaseGone):
		return true, n.absorb()
	case fault.Is(failed, fault.EntityTooLarge):
		n.mu.Lock()
		defer n.mu.Unlock()
		d := n.draft
		switch {
		case d == nil || d.file == nil || d.m.Len() <= 1:
			return false, failed
		case !d.wide:
			d.wide = true
			return true, nil
		}
		return true, n.rewrite(d)
	}
	return false, failed
}

// A naming says under which name an update publishes a file; a nil bucket: under none.
type naming func(t *txn) (b *record.Bucket, key string, err error)

// ownName is the name that the file has.
func (n *inode) ownName(t *txn) (*record.Bucket, string, error) {
	bucket, _, key, linked := t.s.files.name(n)
	if !linked {
		return nil, "", nil
	}
	return t.bucketByID(bucket), key, nil // nil: the bucket went, and the file's name with it
}

// tryPublish publishes the draft under the name that the update finds it to have.
func (n *inode) tryPublish(ctx context.Context, onlyData bool, name naming) (err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.draft
	if d == nil || !d.dirty && (onlyData || !d.fresh) {
		return nil
	}
	if err := n.encryptDraft(d); fault.Is(err, fault.AccessDenied) && n.s.Locked() == nil {
		return &refusedError{err} // the rules of the key have changed since it was opened
	} else if err != nil {
		return err
	}
	es, seal, err := n.sealDraft(d)
	if err != nil {
		return err
	}
	if err := d.syncIfRecorded(); err != nil {
		return err
	}
	// Pinned before anyone can see the version: whoever deletes it at once must not
	// take the files from those who have it open.
	nb := d.body(es)
	named := d.named()
	n.s.pins.add(named)
	defer func() { n.s.pins.drop(named) }()
	done := false
	defer func() {
		if !done { // also if the update panicked: the draft goes on
			nb.close()
			if d.file != nil {
				err = errors.Join(err, blobError(d.file.Unseal()))
			}
		}
	}()
	begun := uint64(0)
	if len(es) > 1 && (d.wide || len(es) > n.s.opts.tuning.aheadExtents) {
		if begun, err = n.s.beginList(ctx, es); err != nil {
			return err
		}
	}
	var v *record.Version
	_, err = n.s.update(ctx, d.who, n.s.lastMode(d.publishMode()), func(t *txn) error {
		v = nil
		b, key, err := name(t)
		if err == nil && b != nil {
			v, err = t.publishDraft(n, d, b, key, es, seal, begun)
		} else if err == nil {
			t.allToGarbage(named)
		}
		if err != nil {
			return err
		}
		return t.dropDraft(n.ino) // at last: until here it keeps what the version refers to
	})
	if begun != 0 && (err != nil || v == nil) {
		err = errors.Join(err, n.s.dropBegun(context.WithoutCancel(ctx), begun))
	}
	if err != nil {
		return err
	}
	done = true
	if v == nil {
		nb.close()
		return d.unnamed()
	}
	return n.nowPublished(d, v, nb)
}

// publishMode is how the publish is committed. What is empty takes no more room than a
// deletion, and its publish must not fail for lack of it: nobody is told of that where a
// file is closed to which nothing was written.
func (d *draft) publishMode() commitMode {
	if d.size == 0 {
		return freeing
	}
	return visible
}

// syncIfRecorded makes the bytes of a draft that was fsynced durable before it is
// published: its record goes with the publish, so there would be no way back to what
// the fsync promised if the rest were lost.
func (d *draft) syncIfRecorded() error {
	if d.file == nil || !d.sync.recorded {
		return nil
	}
	if err := d.file.Sync(); err != nil {
		return fault.Wrap(fault.StoreFailed, err, "a content could not be synced; the store no longer writes")
	}
	return nil
}

// sealDraft makes the draft's content unchangeable.
func (n *inode) sealDraft(d *draft) (blob.Extents, blob.Seal, error) {
	if d.file != nil && d.size <= int64(n.s.opts.InlineMax) {
		if err := n.shrink(d); err != nil {
			return nil, blob.Seal{}, err
		}
	}
	if d.file == nil {
		return nil, blob.Seal{}, nil
	}
	if err := n.unite(d); err != nil {
		return nil, blob.Seal{}, err
	}
	if d.lent.count() > mostLoans {
		if err := n.rewrite(d); err != nil {
			return nil, blob.Seal{}, err
		}
	}
	seal, err := d.file.Seal()
	if err == nil {
		d.kept, err = n.s.blobs.Usage(d.file.ID())
	}
	if err != nil {
		return nil, blob.Seal{}, blobError(err)
	}
	return d.m.Extents(), seal, nil
}

// rewrite copies a draft in many pieces into a file in one: at the same offsets, holes
// left out, so that a sparse file stays sparse.
func (n *inode) rewrite(d *draft) error {
	whole, key, err := n.s.newBlobFile(d.encryption, false)
	if err != nil {
		return err
	}
	if err := n.copyPieces(d, whole); err != nil {
		return errors.Join(err, whole.Discard())
	}
	m := blob.NewMap(nil)
	m.Write(0, d.size, whole.ID(), 0)
	old := d.file
	d.file, d.key, d.m, d.alone = whole, key, m, true
	d.lent.end()
	// What is recorded under the list's number goes on belonging to the file before.
	d.sync.list, d.sync.regions = 0, map[uint32]bool{}
	d.sync.limit, d.sync.again = 0, true
	d.sync.mark(0, d.size)
	return d.leave(old)
}

func (n *inode) copyPieces(d *draft, to *blob.Writer) error {
	buf := make([]byte, 1<<20)
	for at, e := range d.m.All() {
		for done := int64(0); !e.IsHole() && done < e.Len; {
			part := buf[:min(int64(len(buf)), e.Len-done)]
			if err := d.readExtents(n.body, part, at+done); err != nil {
				return err
			}
			if _, err := to.WriteAt(part, at+done); err != nil {
				return blobError(err)
			}
			done += int64(len(part))
		}
	}
	return blobError(to.Truncate(d.size))
}

// shrink takes a draft that has become small back into memory.
func (n *inode) shrink(d *draft) error {
	small := make([]byte, d.size)
	if err := d.readExtents(n.body, small, 0); err != nil {
		return err
	}
	old := d.file
	d.small, d.file, d.key, d.m, d.alone = small, nil, nil, nil, true
	d.lent.end()
	d.sync = draftSync{recorded: d.sync.recorded, again: true}
	return d.leave(old)
}

// publishDraft is the update of a publish. begun, if it is not 0, is the list of the extents,
// which was written ahead.
func (t *txn) publishDraft(n *inode, d *draft, b *record.Bucket, key string, es blob.Extents, seal blob.Seal, begun uint64) (_ *record.Version, err error) {
	t.publishes = true
	v := t.newVersion()
	v.Ino, v.Size, v.Attr = n.ino, d.size, n.attrNow()
	if err := t.inherit(n, b, key, v); err != nil {
		return nil, err
	}
	v.Etag = fmt.Sprintf("%016x%016x-1", v.Seq, v.Random)
	v.Encryption = d.encryption.record()
	var files []blob.ID
	if d.file == nil {
		if v.Content, err = t.newInline(d.small, d.encryption); err != nil {
			return nil, err
		}
	} else {
		if !d.alone && n.base != nil && n.base.Content != nil {
			if err := t.hasBase(n.base); err != nil {
				return nil, err
			}
		}
		if err := t.repay(d, es); err != nil {
			return nil, err
		}
		own, err := t.ownFile(d, es, seal)
		if err != nil {
			return nil, err
		}
		if err := t.admitAll(d, es.Blobs()); err != nil {
			return nil, err
		}
		if err := t.referAll(es, 1); err != nil {
			return nil, err
		}
		if begun != 0 {
			v.Content, err = t.ownBegun(begun, es, v.Encryption)
		} else {
			v.Content, err = t.putExtents(es, v.Encryption)
		}
		if err != nil {
			return nil, err
		}
		if own && !d.sync.recorded {
			files = []blob.ID{d.file.ID()}
		}
	}
	claimed := t.s.files.claimed(b.Id, key)
	replaced, err := t.putVersion(b, key, v)
	if err != nil {
		return nil, err
	}
	if files != nil {
		if err := t.putPending(b, key, v, files...); err != nil {
			return nil, err
		}
	}
	for _, id := range d.olds {
		t.toGarbage(uint64(id))
	}
	t.tx.Defer(func(meta.Commit) { t.s.files.published(n) })
	t.changed(Change{
		Kind: ObjectPut, Bucket: b.Name, Key: key, Ino: v.Ino, VersionID: versionID(v), Appears: replaced == nil && !claimed,
	})
	return v, nil
}

// ownFile records the draft's content file, if the content has any byte of it.
func (t *txn) ownFile(d *draft, es blob.Extents, seal blob.Seal) (bool, error) {
	id := d.file.ID()
	if !slices.Contains(es.Blobs(), id) {
		t.toGarbage(uint64(id))
		return false, nil
	}
	return true, t.newBlob(id, seal, d.kept, d.encryption, d.key)
}

// inherit gives v the labels of the file: as they are in the records, if they still have
// this file, else as the draft found them; with those that it has of its own.
func (t *txn) inherit(n *inode, b *record.Bucket, key string, v *record.Version) error {
	from := n.base
	cur, err := t.head(b.Id, key)
	if err != nil {
		return err
	}
	if cur != nil && cur.Ino == n.ino {
		from = cur
	}
	if from != nil {
		v.Headers, v.Metadata, v.Tags, v.Xattrs = from.Headers, from.Metadata, from.Tags, from.Xattrs
	}
	if n.own != nil {
		n.own.onto(v, from != nil && from == cur)
	}
	if err := t.own(b, key, v, nil); err != nil {
		return err
	}
	if from != nil && from.Owner == v.Owner {
		v.Acl = from.Acl // as its mode
	}
	return nil
}

// body is the bytes of a sealed draft, as those of a version.
func (d *draft) body(es blob.Extents) *body {
	b := &body{s: d.s, size: d.size, encryption: d.encryption}
	if d.key != nil {
		b.keys = dataKeys{d.file.ID(): d.key}
	}
	if d.file == nil {
		b.inline = d.small
	} else {
		b.setExtents(es)
	}
	return b
}

// nowPublished makes v, whose bytes are nb, what n holds. mu is held.
func (n *inode) nowPublished(d *draft, v *record.Version, nb *body) error {
	if n.body != nil {
		n.body.close()
	}
	d.lent.end() // nb keeps its own hold on what it refers to
	d.standDown()
	n.base, n.body, n.draft, n.own = v, nb, nil, nil
	if d.file != nil {
		return blobError(d.file.Close())
	}
	return nil
}

// publishAll publishes what open files hold, for a clean end. Every file is tried, and
// may use the reserve; one that cannot be published is recorded as by an fsync, so that
// the next open publishes it, when there is room.
func (s *Store) publishAll(ctx context.Context) error {
	var kept, lost []string
	var first error
	for _, n := range s.files.all() {
		err := n.publish(ctx, false, nil)
		if isRefused(err) {
			err = n.forsake(ctx, err)
		}
		if err == nil {
			continue
		}
		name := n.bname + "/" + n.key
		_, unsynced := n.syncDraft(ctx)
		switch {
		case unsynced != nil:
			s.log.Error("an unpublished file could not be kept", "file", name, "err", unsynced)
			lost = append(lost, name)
		case fault.Is(err, fault.QuotaExceeded) && s.files.isStuck(n): // as whoever closed it was told
			s.log.Warn("what was written to a file is kept and not published: it is over the quota of its bucket", "file", name)
			continue
		default:
			kept = append(kept, name)
		}
		if first == nil {
			first = err
		}
	}
	var errs []error
	if len(lost) > 0 {
		errs = append(errs, fault.Wrap(fault.KindOf(first), first, "what was written last to %s could not be published and is lost", some(lost)))
	}
	if len(kept) > 0 {
		errs = append(errs, fault.Wrap(fault.KindOf(first), first, "what was written last to %s could not be published yet; it is kept, and tried again when the store is opened", some(kept)))
	}
	return errors.Join(errs...)
}

// some names the first few.
func some(names []string) string {
	const most = 5
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more files", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}

// lastMode is how an update is committed: the reserve is there for what open files hold
// when the store closes, and for what those held that were open when its owner died.
func (s *Store) lastMode(m commitMode) commitMode {
	if !s.closing.Load() && !s.recovering.Load() {
		return m
	}
	return map[commitMode]commitMode{visible: freeing, durable: durableFreeing}[m]
}

// discardDrafts deletes the content files of drafts that nobody can publish any more:
// those of files without a name. What the records name stays.
func (s *Store) discardDrafts() error {
	var errs []error
	for _, n := range s.files.all() {
		n.mu.Lock()
		if d := n.draft; d != nil && !d.sync.recorded {
			errs = append(errs, d.discard())
			n.draft = nil
		}
		n.mu.Unlock()
	}
	return errors.Join(errs...)
}

// dropDrafts lets go of the drafts that nobody will publish, at a clean end: those of
// files that have lost their names and are still open.
func (s *Store) dropDrafts() {
	for _, n := range s.files.all() {
		n.mu.Lock()
		_, _, _, linked := s.files.name(n)
		if d := n.draft; d != nil && !(linked && (d.dirty || d.fresh)) {
			n.release()
		}
		n.mu.Unlock()
	}
}
