package store

import (
	"context"
	"errors"
	"maps"
	"slices"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// fsync makes a draft durable and publishes nothing. What is made durable is the
// content file and, in the records, where each byte of the draft is; of a draft of any
// size only the regions that changed since are written again. If little was written
// since the last fsync, that alone is kept (draft_patch.go).

// regionSize is how much of a draft one chunk of its recorded extents is about.
const regionSize = 16 << 20

// A draftSync is what of a draft stands in the records. The inode's mu guards it.
type draftSync struct {
	recorded bool // a record of the draft may exist
	shared   bool // and is an owner of the base
	list     uint64
	regions  map[uint32]bool // those that have a chunk in the list
	changed  map[uint32]bool // those whose extents changed since
	blobSize int64           // of the content file, as recorded
	limit    int64           // the base counts up to here
	again    bool            // something else changed: bytes of a small draft, attributes

	spans   []span // what was written since the last fsync, unless whole
	spanned int64  // bytes of those
	whole   bool   // the content has changed by more than a patch can tell
	patches int    // how many the records have
	patched int64  // bytes of those
}

func (y *draftSync) toFile(base int64) {
	y.regions, y.changed = map[uint32]bool{}, map[uint32]bool{}
	y.limit, y.again = base, true
}

// mark notes that a range has changed otherwise than by a write.
func (y *draftSync) mark(off, n int64) {
	if n <= 0 || y.changed == nil {
		return
	}
	y.markRegions(off, n)
	y.changedOtherwise()
}

func (y *draftSync) markRegions(off, n int64) {
	for r := off / regionSize; r <= (off+n-1)/regionSize; r++ {
		y.changed[uint32(r)] = true
	}
}

func (y *draftSync) truncate(size int64) {
	y.limit = min(y.limit, size)
	y.mark(size, 1)
	for r := range y.regions {
		if int64(r)*regionSize >= size {
			y.changed[r] = true // what is recorded there is gone, also if the draft grows again
		}
	}
}

// A draftState is a draft as one fsync sees it.
type draftState struct {
	rec     *record.Draft
	file    *blob.Writer            // to be synced first: the draft is recorded as a whole
	chunks  map[uint32]blob.Extents // of the regions that changed
	gone    []uint32                // regions behind the end
	changed map[uint32]bool         // to put back if it fails
	wide    bool                    // that was too much for one update before
	patch   *record.Patch           // instead of all that but rec, which may be nil then
	number  uint32                  // of the patch
	olds    []blob.ID               // which no record names once rec is written

	encryption *encryption // of an encrypted draft,
	lentKeys   dataKeys    // and the data keys of what it has lent
}

// needed says whether the records must be written.
func (st *draftState) needed() bool { return st.rec != nil || st.patch != nil }

// syncDraft makes the draft of n durable, if it has something to publish; done is
// false if there is no such draft.
func (n *inode) syncDraft(ctx context.Context) (done bool, err error) {
	n.syncing.Lock()
	defer n.syncing.Unlock()
	for {
		done, err = n.trySync(ctx)
		if errors.Is(err, errNoPatch) {
			continue // the draft is recorded as a whole then
		}
		again, err := n.relieve(err)
		if !again || err != nil {
			return done, err
		}
	}
}

// errNoPatch says that a patch could not be written: it would have no record to be put
// over, or is too much for one update.
var errNoPatch = errors.New("what was written cannot be a patch")

func (n *inode) trySync(ctx context.Context) (found bool, err error) {
	d, st, err := n.unsynced()
	if d == nil || err != nil {
		return d != nil, err
	}
	recorded := false
	defer func() {
		if !recorded { // also if the update panicked
			n.unrecorded(d, &st)
		}
	}()
	if st.file != nil {
		if err := st.file.Sync(); err != nil {
			return true, fault.Wrap(fault.StoreFailed, err, "a draft could not be synced; the store no longer writes")
		}
	}
	if !st.needed() {
		recorded = true
		return true, engineError(n.s.db.Sync(ctx))
	}
	begun, err := n.syncAhead(ctx, &st)
	noted := false
	if err == nil {
		_, err = n.s.update(ctx, d.who, n.s.lastMode(durable), func(t *txn) (err error) {
			noted, err = t.putDraft(n, st)
			return err
		})
	}
	if noted { // also if that is not known to be durable
		n.mu.Lock()
		d.noted = true
		if err == nil {
			d.unnamedOlds(st.olds)
		}
		n.mu.Unlock()
	}
	if begun { // and has come to nothing, if the note is still there
		err = errors.Join(err, n.s.dropBegun(context.WithoutCancel(ctx), st.rec.List))
	}
	recorded = err == nil
	if st.patch != nil && fault.Is(err, fault.EntityTooLarge) {
		err = errNoPatch
	}
	return true, err
}

// unsynced returns the draft of n, if it has something to publish, and what must be
// recorded of it.
func (n *inode) unsynced() (d *draft, st draftState, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if d = n.draft; d == nil || !d.dirty && !d.fresh {
		return nil, st, nil
	}
	st, err = n.draftState(d)
	return d, st, err
}

// unrecorded notes that the records do not have st after all.
func (n *inode) unrecorded(d *draft, st *draftState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d.sync.again = true
	if d.sync.changed != nil {
		maps.Copy(d.sync.changed, st.changed)
		d.sync.changedOtherwise()
	}
}

// draftState takes what must be recorded. mu is held for writing.
func (n *inode) draftState(d *draft) (st draftState, err error) {
	if err := n.encryptDraft(d); err != nil {
		return st, err
	}
	y := &d.sync
	switch {
	case d.file == nil:
		if y.again || !y.recorded {
			st.rec = n.draftRecord(d)
			if st.rec.Inline = append([]byte{}, d.small...); d.encryption != nil {
				st.rec.Inline, err = d.encryption.seal(d.small, "draft", n.ino)
			}
		}
	case y.patchable():
		err = n.draftPatch(d, &st)
	default:
		st.file, st.wide = d.file, d.wide
		st.rec = n.draftRecord(d)
		err = n.draftExtents(d, &st)
	}
	if err == nil && st.rec != nil {
		st.encryption, st.olds = d.encryption, slices.Clone(d.olds)
		if err = d.encryption.spare(n.s, st.rec, n.ino); err == nil {
			st.lentKeys, err = d.lentKeys()
		}
	}
	if err == nil {
		y.recorded, y.again = true, false
	}
	return st, err
}

// draftRecord begins the record of a draft. mu is held.
func (n *inode) draftRecord(d *draft) *record.Draft {
	return &record.Draft{
		Schema: record.Schema, Version: n.unpublished(d), Labeled: n.own != nil,
		Principal: d.who.principal, Uid: d.who.uid, Door: uint32(d.who.door), Encryption: d.encryption.record(),
	}
}

// draftFile adds what is recorded of a content file besides its regions. mu is held.
func (n *inode) draftFile(d *draft, rec *record.Draft) (err error) {
	y := &d.sync
	if y.list == 0 {
		y.list = n.s.db.NextID()
	}
	rec.Blob, rec.BlobSize = uint64(d.file.ID()), y.blobSize
	rec.List, rec.BaseLimit = y.list, y.limit
	rec.Lent = d.lent.numbers()
	if d.encryption != nil {
		rec.FileKey, err = d.encryption.wrap(d.key, d.file.ID())
	}
	if !d.alone && n.base != nil && n.body != nil && n.body.extents != nil {
		rec.Base = n.base.Content
	}
	return err
}

func (n *inode) draftExtents(d *draft, st *draftState) error {
	y := &d.sync
	for r := range y.changed {
		at := int64(r) * regionSize
		if at < d.size && len(d.m.Slice(at, min(regionSize, d.size-at))) > 2*regionPieces {
			if err := n.uniteRegion(d, int64(r)); err != nil {
				return err
			}
		}
	}
	y.blobSize = d.file.Size()
	y.recordedWhole()
	if err := n.draftFile(d, st.rec); err != nil {
		return err
	}
	st.chunks, st.changed = map[uint32]blob.Extents{}, y.changed
	for r := range y.changed {
		at := int64(r) * regionSize
		if at < d.size {
			st.chunks[r] = d.m.Slice(at, min(regionSize, d.size-at))
			y.regions[r] = true
		}
	}
	for r := range y.regions {
		if int64(r)*regionSize >= d.size {
			st.gone = append(st.gone, r)
			delete(y.regions, r)
		}
	}
	y.changed = map[uint32]bool{}
	return nil
}

// unpublished is the version that publishing the draft would make, without content
// and place. mu is held.
func (n *inode) unpublished(d *draft) *record.Version {
	v := &record.Version{Schema: record.Schema, Ino: n.ino, Size: d.size, Attr: n.attrNow()}
	v.Encryption = n.base.GetEncryption() // of what it began from
	labelsOf(n.base).onto(v, false)
	if n.own != nil {
		n.own.onto(v, false)
	}
	return v
}

// putDraft writes the record of a draft and the chunks that changed. A file that has
// lost its name, or its bucket, needs none: noted is false.
func (t *txn) putDraft(n *inode, st draftState) (noted bool, err error) {
	bucket, _, key, linked := t.s.files.name(n)
	if !linked || t.bucketByID(bucket) == nil {
		return false, nil
	}
	if st.rec != nil {
		st.rec.Bucket, st.rec.Key = bucket, key
		if err := t.putDraftRecord(n, st); err != nil {
			return true, err
		}
		t.allToGarbage(st.olds)
	}
	if st.patch != nil {
		return true, t.putPatch(n, st)
	}
	return true, nil
}

func (t *txn) putDraftRecord(n *inode, st draftState) error {
	rec := st.rec
	var old record.Draft
	k := table.Draft(n.ino)
	if _, err := t.get(k, &old); err != nil {
		return err
	}
	if old.Blob != 0 && (st.file != nil || rec.Blob == 0) {
		if err := t.dropPatches(n.ino); err != nil {
			return err
		}
	}
	if old.List != 0 && old.List != rec.List {
		if err := t.deleteAll(table.ExtentListOf(old.List)); err != nil {
			return err
		}
	}
	switch {
	case rec.Base != nil && old.Base == nil:
		if err := t.shareBase(n.base); err != nil {
			return err
		}
	case rec.Base == nil && old.Base != nil:
		if err := t.release(old.Base); err != nil {
			return err
		}
	}
	if err := t.lend(old.Lent, rec.Lent); err != nil {
		return err
	}
	for id, key := range st.lentKeys {
		if err := t.admit(id, st.encryption, func() (*crypto.Key, error) { return key, nil }); err != nil {
			return err
		}
	}
	t.tx.Delete(noteKey(settingBegun(), rec.List)) // if it was written ahead
	for r, es := range st.chunks {
		err := t.put(table.ExtentList(rec.List, r), &record.ExtentList{Schema: record.Schema, Extents: fromExtents(es)})
		if err != nil {
			return err
		}
	}
	for _, r := range st.gone {
		t.tx.Delete(table.ExtentList(rec.List, r))
	}
	return t.put(k, rec)
}

// errBaseGone says that what a draft began from is no longer in the records: the
// object was overwritten or deleted meanwhile. The draft still has its files pinned.
var errBaseGone = errors.New("the content that a draft began from is gone")

// shareBase makes a draft an owner of the content of the version it began from.
func (t *txn) shareBase(base *record.Version) error {
	if err := t.hasBase(base); err != nil {
		return err
	}
	return t.share(base.Content)
}

// hasBase fails with errBaseGone if the records have let go of a version's content,
// and with a pendingError if its bytes are not on disk yet.
func (t *txn) hasBase(base *record.Version) error {
	if err := t.settled(base); err != nil {
		return err
	}
	es := toExtents(base.Content.GetExtents())
	if base.Content.GetList() != 0 {
		if _, err := t.r.Get(table.ExtentList(base.Content.List, 0)); errors.Is(err, meta.ErrNotFound) {
			return errBaseGone
		} else if err != nil {
			return damaged(err)
		}
	}
	for _, id := range es.Blobs() {
		if _, err := t.r.Get(table.Blob(uint64(id))); errors.Is(err, meta.ErrNotFound) {
			return errBaseGone
		} else if err != nil {
			return damaged(err)
		}
	}
	return nil
}

// absorb copies into the draft's own file what it still takes from its base and from
// others, so that it needs them no more.
func (n *inode) absorb() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.draft == nil || n.draft.file == nil {
		return nil
	}
	return n.absorbDraft(n.draft)
}

// absorbDraft is absorb with mu held.
func (n *inode) absorbDraft(d *draft) error {
	buf := make([]byte, 1<<20)
	for at := int64(0); at < d.size; {
		e := d.m.Slice(at, min(int64(len(buf)), d.size-at))[0]
		if !e.IsHole() && e.Blob != d.file.ID() {
			if err := d.readExtents(n.body, buf[:e.Len], at); err != nil {
				return err
			}
			if _, err := d.file.WriteAt(buf[:e.Len], at); err != nil {
				return blobError(err)
			}
			d.m.Write(at, e.Len, d.file.ID(), at)
			d.sync.mark(at, e.Len)
		}
		at += e.Len
	}
	d.lent.end()
	d.sync.limit = 0
	d.sync.again = true
	d.alone = true
	return nil
}

// dropDraft removes the record of a draft and what it owns.
func (t *txn) dropDraft(ino uint64) error {
	var old record.Draft
	k := table.Draft(ino)
	ok, err := t.get(k, &old)
	if !ok || err != nil {
		return err
	}
	t.tx.Delete(k)
	if old.List != 0 {
		if err := errors.Join(t.deleteAll(table.ExtentListOf(old.List)), t.dropPatches(ino)); err != nil {
			return err
		}
	}
	if err := t.lend(old.Lent, nil); err != nil {
		return err
	}
	if old.Base != nil {
		return t.release(old.Base)
	}
	return nil
}

// deleteAll deletes every record below a prefix.
func (t *txn) deleteAll(prefix []byte) error {
	it := t.r.Scan(meta.ScanOptions{Prefix: prefix, KeysOnly: true})
	defer it.Close()
	for it.Next() {
		t.tx.Delete(append([]byte(nil), it.Key()...))
	}
	return damaged(it.Err())
}
