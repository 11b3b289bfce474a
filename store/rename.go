package store

import (
	"context"
	"strings"

	"google.golang.org/protobuf/proto"

	"pail/store/event"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A Path names a file, or a directory if its key ends in a slash.
type Path struct{ Bucket, Key string }

func (p Path) isDir() bool { return p.Key == "" || strings.HasSuffix(p.Key, "/") }

// RenameFlags are those of renameat2(2).
type RenameFlags struct {
	NoReplace bool // Exists if there is something at the new name
	Exchange  bool // the two change places
}

// Rename gives a file or directory another name, as one step for every reader, and
// replaces a file or an empty directory that had it. Bytes do not move. In a versioned
// bucket the history stays at the old keys, with a delete marker on top, and counts against
// its quota. In an exchange either may be a directory. The kinds of failure: NoSuchKey, Exists, NotEmpty,
// IsDirectory, NotDirectory, SubdirOfItself, QuotaExceeded, KeyTooLong (of a key below a directory,
// too), CrossDevice (another bucket: the caller copies), Busy (a bucket).
func (se *Session) Rename(ctx context.Context, from, to Path, flags RenameFlags) error {
	each, err := se.authorizeRename(from, to, flags)
	if err != nil {
		return err
	}
	if err := versioning.CheckKey(to.Key); err != nil {
		return keyError(to.Bucket, to.Key, err)
	}
	switch {
	case from.Bucket != to.Bucket:
		return fault.New(fault.CrossDevice, "renaming from bucket %s to %s means copying", from.Bucket, to.Bucket)
	case from == to:
		return nil
	case from.Key == "" || to.Key == "":
		return fault.New(fault.Busy, "a bucket cannot be renamed")
	case flags.Exchange:
		return se.exchange(ctx, from, to, each)
	case from.isDir() && !to.isDir():
		return fault.New(fault.NotDirectory, "%s is a directory and %s is not", from.Key, to.Key)
	case from.isDir():
		return se.renameDir(ctx, from, to, flags, each)
	case to.isDir():
		return fault.New(fault.IsDirectory, "%s is a directory and %s is not", to.Key, from.Key)
	}
	return se.renameFile(ctx, from, to, flags)
}

func (se *Session) renameFile(ctx context.Context, from, to Path, flags RenameFlags) error {
	defer se.s.dropStuck() // a file that was replaced
	_, err := se.update(ctx, visible, from.Bucket, func(t *txn, b *record.Bucket) error {
		if err := t.canTake(b, to.Key, flags); err != nil {
			return err
		}
		keep := keepEmpty
		if table.DirOf(from.Key) == table.DirOf(to.Key) && !t.s.files.claimed(b.Id, from.Key) {
			keep = asIs // a claim does not keep it
		}
		return t.renameOver(b, from.Key, to.Key, keep)
	})
	return err
}

// renameOver gives a file a name that it may take. keep is what becomes of the directory
// that it leaves.
func (t *txn) renameOver(b *record.Bucket, from, to string, keep dirKeep) error {
	c, err := t.chain(b, from)
	if err != nil {
		return err
	}
	claim := t.s.files.claimIno(b.Id, from)
	switch {
	case claim != 0:
		return t.renameNew(b, from, to, c, claim, keep)
	case c.live == nil:
		return noSuchKey(b.Name, from)
	}
	return t.renamePublished(b, from, to, c.live, keep)
}

// canTake says whether a file may take a name.
func (t *txn) canTake(b *record.Bucket, key string, flags RenameFlags) error {
	d, err := t.dir(b.Id, key+"/")
	if err != nil {
		return err
	}
	if d != nil {
		return fault.New(fault.IsDirectory, "%s/%s is a directory", b.Name, key).At(b.Name, key)
	}
	if err := t.hasParent(b, table.DirOf(key)+"x/"); err != nil {
		return err
	}
	if !flags.NoReplace {
		return nil
	}
	cur, err := t.head(b.Id, key)
	if err != nil {
		return err
	}
	if cur != nil || t.s.files.claimed(b.Id, key) {
		return fault.New(fault.Exists, "%s/%s exists", b.Name, key).At(b.Name, key)
	}
	return nil
}

// renameNew renames a file that was not published under this name yet: only its claim
// moves. What is published at the new name stays so until the file's own publish. If
// something else was published at the old name meanwhile, that is what goes.
func (t *txn) renameNew(b *record.Bucket, from, to string, c chain, ino uint64, keep dirKeep) error {
	var err error
	if c.live != nil {
		_, _, err = t.deleteCurrent(b, from, keep)
	} else {
		err = t.leftBehind(b, table.DirOf(from), keep)
	}
	if err != nil {
		return err
	}
	cur, err := t.head(b.Id, to)
	if err != nil {
		return err
	}
	if err := t.dropName(b, to, cur); err != nil {
		return err
	}
	if err := t.rekeyDraft(ino, to); err != nil {
		return err
	}
	t.onNames(func() { t.s.files.rename(b.Id, from, ino, to, t.now()) })
	t.changed(Change{Kind: ObjectRenamed, Bucket: b.Name, Key: from, ToBucket: b.Name, To: to, Ino: ino})
	return nil
}

// rekeyDraft has the record of a draft, if there is one, follow its file.
func (t *txn) rekeyDraft(ino uint64, key string) error {
	var d record.Draft
	ok, err := t.get(table.Draft(ino), &d)
	if !ok || err != nil {
		return err
	}
	d.Key = key
	return t.put(table.Draft(ino), &d)
}

// renamePublished moves a live head to another key.
func (t *txn) renamePublished(b *record.Bucket, from, to string, old *record.Version, keep dirKeep) error {
	files, err := t.unsettled(old)
	if err != nil {
		return err
	}
	n := len(t.discarded)
	if _, _, err := t.takeAway(b, from, keep, to); err != nil {
		return err
	}
	v := t.renamed(old, from)
	if err := t.handOverTop(n, old, v); err != nil {
		return err
	}
	t.makes = event.CreatedCopy
	replaced, err := t.putVersion(b, to, v)
	if err != nil {
		return err
	}
	if files != nil {
		if err := t.putPending(b, to, v, files...); err != nil {
			return err
		}
	}
	if err := t.dropName(b, to, replaced); err != nil {
		return err
	}
	if err := t.rekeyDraft(old.Ino, to); err != nil {
		return err
	}
	t.onNames(func() { t.s.files.rename(b.Id, from, old.Ino, to, t.now()) })
	t.changed(Change{Kind: ObjectRenamed, Bucket: b.Name, Key: from, ToBucket: b.Name, To: to, Ino: old.Ino, VersionID: versionID(v)})
	return nil
}

// renamed is the version that a rename makes of old, which was at from: the same file,
// another place in the order of commits.
func (t *txn) renamed(old *record.Version, from string) *record.Version {
	v := proto.CloneOf(old)
	attr := versionAttr(v) // what came without has the times of its publish, also from now on
	fresh := t.newVersion()
	v.Seq, v.Random, v.TimeNs = fresh.Seq, fresh.Random, fresh.TimeNs
	v.Principal, v.Uid, v.Door = fresh.Principal, fresh.Uid, fresh.Door
	v.NullSeq, v.Noncurrent, v.Number, v.NextNumber = 0, 0, 0, 0
	v.Turns, v.Renamed, v.Lock = nil, from, nil
	attr.CtimeNs = fresh.TimeNs
	return v
}

// handOverTop is handOver for a chain whose top was read anew by the update that took
// it off: old is known by its sequence.
func (t *txn) handOverTop(n int, old, v *record.Version) error {
	for i := n; i < len(t.discarded); i++ {
		if t.discarded[i].Seq == old.Seq {
			t.discarded = append(t.discarded[:i], t.discarded[i+1:]...)
			return nil
		}
	}
	return t.share(v.Content)
}

// renameDir renames a directory with everything below it.
func (se *Session) renameDir(ctx context.Context, from, to Path, flags RenameFlags, each []treeNeed) error {
	if strings.HasPrefix(to.Key, from.Key) {
		return fault.New(fault.SubdirOfItself, "%s cannot go into itself", from.Key)
	}
	return se.renameTree(ctx, from, to, each, func(t *txn, b *record.Bucket, inline int, counts []*reachCount) (bool, error) {
		return t.renameDir(b, from.Key, to.Key, flags, inline, counts)
	})
}

// A treeUpdate is the update of a rename that takes what is below a directory along. It
// moves up to inline records itself; begun says that some are still to be moved. counts
// is what was counted for it (see reach.go).
type treeUpdate func(t *txn, b *record.Bucket, inline int, counts []*reachCount) (begun bool, err error)

// renameTree runs the update of a rename once nothing else moves there; each is what is still
// to be decided for each key.
func (se *Session) renameTree(ctx context.Context, from, to Path, each []treeNeed, fn treeUpdate) error {
	begun := false
	inline := se.s.opts.tuning.movedInline
	rename := func(counts []*reachCount) error {
		_, err := se.update(ctx, visible, from.Bucket, func(t *txn, b *record.Bucket) error {
			if err := t.atRest(b.Id, from.Key, to.Key); err != nil {
				return err
			}
			if err := t.authorizeEach(se, b, each); err != nil {
				return err
			}
			var err error
			begun, err = fn(t, b, inline, counts)
			return err
		})
		return err
	}
	try := func() error {
		return se.counted(ctx, from.Bucket, func(counts []*reachCount) error {
			return se.s.whenAtRest(ctx, func() error { return rename(counts) })
		})
	}
	err := try()
	if fault.Is(err, fault.EntityTooLarge) { // few records and large ones: the mover takes them
		inline = -1
		err = try()
	}
	if begun {
		se.s.mover.job.Wake()
	}
	return err
}

// renameDir is the update of a directory's rename.
func (t *txn) renameDir(b *record.Bucket, from, to string, flags RenameFlags, inline int, counts []*reachCount) (begun bool, err error) {
	d, err := t.dir(b.Id, from)
	if err != nil {
		return false, err
	}
	if d == nil {
		return false, noSuchKey(b.Name, from)
	}
	// A publish that recovery may have to undo must be found at its own key.
	if err := t.settledBelow(b.Id, from); err != nil {
		return false, err
	}
	if err := t.fits(b, from, to, d, counts); err != nil {
		return false, err
	}
	own, err := t.clearTarget(b, d, to, flags)
	if err != nil {
		return false, err
	}
	m := t.newMove(b, from, to)
	t.forgets = t.forgets || versioning.State(b.Versioning) != versioning.Enabled
	d.Attr.CtimeNs = m.TimeNs
	if err := t.moveDir(m, from, d); err != nil {
		return false, err
	}
	if own {
		if err := t.moveOwn(b, m); err != nil {
			return false, err
		}
	}
	if err := t.moveChild(b, from, to, d); err != nil {
		return false, err
	}
	if err := t.rekeyDraftsBelow(b.Id, from, to); err != nil {
		return false, err
	}
	if err := t.rekeyHeld(m); err != nil {
		return false, err
	}
	if begun, err = t.moveBelow(b, m, inline); err != nil {
		return false, err
	}
	t.onMove(m, begun, func() { t.s.files.renameBelow(b.Id, from, to) })
	t.changed(Change{Kind: DirRenamed, Bucket: b.Name, Key: from, ToBucket: b.Name, To: to, Ino: d.Ino})
	return begun, nil
}

// onMove has memory follow a rename of directories: names gives open files theirs.
func (t *txn) onMove(m *record.Move, begun bool, names func()) {
	t.onNames(func() {
		if begun {
			t.s.moves.begin()
		}
		t.s.counts.moved(m)
		names()
	})
}

// clearTarget makes the new name of the directory d free: an empty directory there
// goes. own says that its own key is still there, for that of d to take its place: the
// marker of a delete could not stand in the same commit as the version on top of it.
func (t *txn) clearTarget(b *record.Bucket, d *record.Dir, to string, flags RenameFlags) (own bool, err error) {
	old, err := t.dir(b.Id, to)
	if err != nil {
		return false, err
	}
	if old == nil {
		return false, t.hasParent(b, to)
	}
	if flags.NoReplace {
		return false, fault.New(fault.Exists, "%s/%s exists", b.Name, to).At(b.Name, to)
	}
	if !d.Explicit || !old.Explicit {
		return false, t.rmdir(b, to, old, giveWay)
	}
	if err := t.isEmptyDir(b, to, old); err != nil {
		return false, err
	}
	return true, t.removeDir(b, to, old, asIs)
}

// moveOwn moves the own key of a directory.
func (t *txn) moveOwn(b *record.Bucket, m *record.Move) error {
	v, err := t.versionAt(table.Head(b.Id, m.From))
	if err != nil {
		return err
	}
	if v == nil {
		return fault.New(fault.Damaged, "directory %q of %s has lost its own key; run pail fsck", m.From, b.Name)
	}
	return t.moveHead(b, m, m.From, v)
}

// moveChild counts a directory in at its new parent and out at its old one.
func (t *txn) moveChild(b *record.Bucket, from, to string, d *record.Dir) error {
	oldParent, _, _ := table.ParentDir(from)
	newParent, _, _ := table.ParentDir(to)
	if err := t.addChild(b, newParent, func(p *record.Dir) error { return t.reachesAs(b, to, d, p) }); err != nil {
		return err
	}
	p, err := t.dirForWrite(b, oldParent)
	if err != nil {
		return err
	}
	if p == nil {
		return fault.New(fault.Damaged, "directory %q of %s has no record; run pail fsck", oldParent, b.Name)
	}
	p.Children--
	t.touchDir(p)
	return t.putOrPrune(b, oldParent, p, keepEmpty)
}

// moveBelow moves what is below the directory if that is at most so many records; else
// it leaves the durable intent by which the mover will.
func (t *txn) moveBelow(b *record.Bucket, m *record.Move, inline int) (begun bool, err error) {
	for _, half := range halves(m) {
		few, err := t.fewBelow(table.Head(b.Id, half.From), inline)
		if few && err == nil {
			few, err = t.fewBelow(table.DirsBelow(b.Id, half.From), inline)
		}
		if err != nil {
			return false, err
		}
		if !few {
			if err := t.reserve(b, m); err != nil {
				return false, err
			}
			return true, t.put(table.Move(m.Id), m)
		}
	}
	for _, half := range halves(m) {
		for _, step := range moveSteps {
			// The other half of an exchange meets what the first has brought, too.
			for after, more := []byte(nil), true; more; more = after != nil {
				if after, _, err = step(t, b, half, after, inline+1); err != nil {
					return false, err
				}
			}
		}
	}
	return false, nil
}

// fewBelow says whether there are so few records that a rename moves them itself,
// without a move on its way.
func (sn *snap) fewBelow(prefix []byte, most int) (bool, error) {
	n := 0
	_, err := sn.scanSome(prefix, nil, most+1, func(_, _ []byte) error {
		n++
		return nil
	})
	return n <= most, err
}

// rekeyDraftsBelow has the records of drafts follow their files.
func (t *txn) rekeyDraftsBelow(bucket uint64, from, to string) error {
	for ino, key := range t.s.files.keysBelow(bucket, from) {
		if err := t.rekeyDraft(ino, to+key[len(from):]); err != nil {
			return err
		}
	}
	return nil
}
