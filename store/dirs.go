package store

import (
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Directories are kept in step with keys inside the same update: a key that comes
// to life makes the directories it needs, a key that dies lets implied ones go.

// dirMode is what an implied directory gets.
const dirMode = unix.S_IFDIR | 0o755

// dirKeep says what becomes of a directory that loses its last child or key.
type dirKeep uint8

const (
	pruneEmpty dirKeep = iota // S3: an implied directory goes with its last key, and so those above it; not while a file is being made there
	keepEmpty                 // the mount: it stays, and is explicit from now on
	asIs                      // a rename: it stays what it is, for something comes into it by the same update
	goAlone                   // rmdir: this one goes, those above it are keepEmpty
	giveWay                   // a rename over it: this one goes, those above it stay asIs
)

// newDir makes the record of a directory as of this update.
func (t *txn) newDir(attr *record.Attr) *record.Dir {
	if attr == nil {
		now := t.now().UnixNano()
		attr = &record.Attr{Mode: dirMode, AtimeNs: now, MtimeNs: now, CtimeNs: now, BtimeNs: now, Unowned: true}
	}
	return &record.Dir{Schema: record.Schema, Ino: t.tx.NextID(), Attr: attr, Born: t.tx.Seq(), Reach: 1}
}

// needDir returns the record of a directory and makes it, and those above it, if it
// does not exist.
func (t *txn) needDir(b *record.Bucket, dir string) (*record.Dir, error) {
	d, err := t.dirForWrite(b, dir)
	if d != nil || err != nil {
		return d, err
	}
	d = t.newDir(nil)
	return d, t.bear(b, dir, d, true)
}

// bear puts the record of a directory that did not exist and counts it as a child; implied
// says that nobody asked for it.
func (t *txn) bear(b *record.Bucket, dir string, d *record.Dir, implied bool) error {
	if parent, _, ok := table.ParentDir(dir); ok {
		if err := t.addChild(b, parent, func(p *record.Dir) error { return t.reachesAs(b, dir, d, p) }); err != nil {
			return err
		}
	}
	t.changed(Change{Kind: DirMade, Bucket: b.Name, Key: dir, Ino: d.Ino, Implied: implied})
	return t.put(table.Dir(b.Id, dir), d)
}

// addChild counts one more child of a directory, which is made if need be, and moves
// its times. reach raises the bound of its record for the child (see reach.go).
func (t *txn) addChild(b *record.Bucket, dir string, reach func(*record.Dir) error) error {
	d, err := t.needDir(b, dir)
	if err != nil {
		return err
	}
	t.met(b, dir, d)
	d.Children++
	t.touchDir(d)
	if err := reach(d); err != nil {
		return err
	}
	return t.put(table.Dir(b.Id, dir), d)
}

func (t *txn) touchDir(d *record.Dir) {
	now := t.now().UnixNano()
	d.Attr.MtimeNs, d.Attr.CtimeNs = now, now
}

// dirForWrite is dir, after a directory that a rename is bringing or taking has
// really moved, so that it can be changed where it stands.
func (t *txn) dirForWrite(b *record.Bucket, dir string) (*record.Dir, error) {
	if len(t.moves) > 0 {
		if err := t.settleDir(b.Id, dir); err != nil {
			return nil, err
		}
	}
	return t.dir(b.Id, dir)
}

// keyBorn keeps directories in step with a key that came to life.
func (t *txn) keyBorn(b *record.Bucket, key string) error {
	dir := table.DirOf(key)
	if dir != key {
		return t.addChild(b, dir, func(d *record.Dir) error { return t.reaches(b, dir, d, len(key)-len(dir)) })
	}
	d, err := t.needDir(b, dir)
	if err != nil {
		return err
	}
	t.met(b, dir, d)
	d.Explicit = true
	return t.put(table.Dir(b.Id, dir), d)
}

// keyDied keeps directories in step with a key that is no longer live.
func (t *txn) keyDied(b *record.Bucket, key string, keep dirKeep) error {
	dir := table.DirOf(key)
	d, err := t.dirForWrite(b, dir)
	if err != nil {
		return err
	}
	if d == nil {
		return fault.New(fault.Damaged, "directory %q of %s has no record; run pail fsck", dir, b.Name)
	}
	t.met(b, dir, d)
	if dir == key {
		d.Explicit = false
	} else {
		d.Children--
		t.touchDir(d)
	}
	return t.putOrPrune(b, dir, d, keep)
}

// putOrPrune writes a directory that lost something, or removes it if nothing says
// that it exists any more.
func (t *txn) putOrPrune(b *record.Bucket, dir string, d *record.Dir, keep dirKeep) error {
	if err := t.put(table.Dir(b.Id, dir), d); err != nil {
		return err
	}
	if dir == "" || d.Children > 0 || d.Explicit {
		return nil
	}
	if keep == pruneEmpty && t.s.files.claimBelow(b.Id, dir) {
		t.hold(b, dir, d)
		return nil
	}
	switch keep {
	case keepEmpty:
		return t.makeExplicit(b, dir)
	case asIs:
		return nil
	case goAlone:
		keep = keepEmpty
	case giveWay:
		keep = asIs
	}
	return t.removeDir(b, dir, d, keep)
}

// removeDir takes a directory's record away and counts it out of its parent.
func (t *txn) removeDir(b *record.Bucket, dir string, d *record.Dir, keep dirKeep) error {
	t.tx.Delete(table.Dir(b.Id, dir))
	if err := t.bury(b, dir, d); err != nil {
		return err
	}
	parent, _, ok := table.ParentDir(dir)
	if !ok {
		return nil
	}
	p, err := t.dirForWrite(b, parent)
	if err != nil {
		return err
	}
	if p == nil {
		return fault.New(fault.Damaged, "directory %q of %s has no record; run pail fsck", parent, b.Name)
	}
	t.met(b, parent, p)
	if keep == pruneEmpty {
		t.changed(Change{Kind: DirRemoved, Bucket: b.Name, Key: dir, Ino: d.Ino, Implied: true})
	}
	p.Children--
	t.touchDir(p)
	return t.putOrPrune(b, parent, p, keep)
}

// bury keeps the life of a directory for views of the past.
func (t *txn) bury(b *record.Bucket, dir string, d *record.Dir) error {
	if !b.EverVersioned {
		return nil
	}
	past := proto.CloneOf(d)
	past.Died = t.tx.Seq()
	return t.put(table.PastDir(b.Id, dir, past.Died), past)
}

// makeExplicit gives a directory its own key, an empty object.
func (t *txn) makeExplicit(b *record.Bucket, dir string) error {
	v := t.ownKey()
	if err := t.own(b, dir, v, nil); err != nil {
		return err
	}
	_, err := t.putVersion(b, dir, v)
	return err
}

// ownKey begins the version that makes a directory explicit.
func (t *txn) ownKey() *record.Version {
	v := t.newVersion()
	v.Headers = &record.Headers{ContentType: DirectoryType}
	v.Etag = emptyMD5
	v.Ino = t.tx.NextID()
	return v
}

// DirectoryType is the content type of the own keys of directories, where nobody gave
// another.
const DirectoryType = "application/x-directory"

// emptyMD5 is the ETag of an empty object.
const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"
