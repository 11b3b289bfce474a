package store

import (
	"bytes"
	"maps"

	"google.golang.org/protobuf/proto"

	"pail/store/event"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// heldAt returns what the key held once a commit had happened, nil if it was not there;
// known is false if nothing that is kept tells.
func (l *line) heldAt(at uint64) (v *record.Version, known bool, err error) {
	err = l.newest(at, func(old *record.Version) (bool, error) {
		v = old
		return false, nil
	})
	switch {
	case err != nil:
		return nil, false, err
	case v == nil && l.emptied(at):
		return nil, true, nil
	case v == nil:
		known, err = l.whole()
		return nil, known, err
	case !versioning.Turns(v.Turns).CurrentAt(at):
		return nil, false, nil
	case v.Marker:
		return nil, true, nil
	}
	return v, true, nil
}

// decide says what is to be done to a key, and with which version.
func (r *restorer) decide(l *line) (RestoreStep, *record.Version, error) {
	step := RestoreStep{Key: l.key}
	v, known, err := l.heldAt(r.in.At.Seq)
	switch {
	case err != nil:
	case !known:
		step.Act = RestoreUnknown
	case v == nil && l.live && !r.in.KeepNew:
		step.Act = RestoreDelete
	case v != nil && !(l.live && sameVersion(l.top, v)):
		step.Act, step.Then = RestoreVersion, toObject(r.bucket, l.key, v, false)
	}
	return step, v, err
}

// sameVersion says whether restoring old over cur would change nothing. Atime and ctime
// do not count, nor who made it.
func sameVersion(cur, old *record.Version) bool {
	if cur.Seq == old.Seq {
		return true
	}
	a, b := toAttr(cur.Attr, fileMode, cur.TimeNs), toAttr(old.Attr, fileMode, old.TimeNs)
	return cur.Size == old.Size && cur.Etag == old.Etag && proto.Equal(cur.Content, old.Content) &&
		cur.StorageClass == old.StorageClass && labelsOf(cur).same(labelsOf(old)) && sameAttr(a, b)
}

func sameAttr(a, b Attr) bool {
	return a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Unowned == b.Unowned && a.Modeless == b.Modeless && a.Mtime.Equal(b.Mtime) && a.Btime.Equal(b.Btime)
}

// step takes one step.
func (r *restorer) step(t *txn, b *record.Bucket, it *restoreItem) error {
	if it.dir {
		return r.restoreDir(t, b, it)
	}
	if _, err := t.chain(b, it.key); err != nil {
		return err // from here on the key's history is in its place
	}
	l, err := t.line(b, it.key)
	if err != nil {
		return err
	}
	step, v, err := r.decide(l)
	if err != nil {
		return err
	}
	switch {
	case !step.of(it.pass):
		step.Act = RestoreNothing // somebody changed it just now
	case step.Act == RestoreVersion:
		step.VersionID, err = r.restoreVersion(t, b, it.key, v)
	case step.Act == RestoreDelete:
		var res DeleteResult
		res, err = t.deleteKey(b, it.key, pruneEmpty)
		step.VersionID = res.VersionID
	}
	it.step = step
	return err
}

// restoreVersion makes a new version of a key out of an old one.
func (r *restorer) restoreVersion(t *txn, b *record.Bucket, key string, old *record.Version) (id string, err error) {
	if err := t.settled(old); err != nil {
		return "", err
	}
	if err := t.bearAsOf(b, table.DirOf(key), r.in.At.Seq); err != nil {
		return "", err
	}
	v := t.revived(old)
	if err := t.share(v.Content); err != nil {
		return "", err
	}
	t.makes = event.CreatedCopy
	if _, err := t.putVersion(b, key, v); err != nil {
		return "", err
	}
	t.overtake(b, key, v)
	t.changed(Change{Kind: ObjectPut, Bucket: b.Name, Key: key, Ino: v.Ino, VersionID: versionID(v)})
	return versionID(v), nil
}

// revived begins a version that is what another was, attributes included. What came
// without has the times of its publish.
func (t *txn) revived(old *record.Version) *record.Version {
	v := t.copyOf(old)
	v.Xattrs, v.Owner, v.Acl = old.Xattrs, old.Owner, old.Acl
	v.Attr = proto.CloneOf(versionAttr(&record.Version{Attr: old.Attr, TimeNs: old.TimeNs}))
	v.Attr.CtimeNs = t.now().UnixNano()
	return v
}

// bearAsOf makes a directory that existed once a commit had happened and does not now,
// and those above it, with the attributes that they had: nobody gets in meanwhile who
// could not then.
func (t *txn) bearAsOf(b *record.Bucket, dir string, at uint64) error {
	d, err := t.dirForWrite(b, dir)
	if d != nil || err != nil {
		return err
	}
	past, err := t.dirAsOf(b, dir, at)
	if past == nil || err != nil {
		return err
	}
	if parent, _, ok := table.ParentDir(dir); ok {
		if err := t.bearAsOf(b, parent, at); err != nil {
			return err
		}
	}
	d = t.newDir(proto.CloneOf(past.Attr))
	d.Attr.CtimeNs = t.now().UnixNano()
	d.Xattrs = past.Xattrs
	return t.bear(b, dir, d, true)
}

// livesOf returns a directory as it is and as it was in another life, in which a commit
// happened; past is nil if it existed all the time, or not then.
func (sn *snap) livesOf(b *record.Bucket, dir string, at uint64) (d, past *record.Dir, err error) {
	if d, err = sn.dir(b.Id, dir); d == nil || err != nil {
		return d, nil, err
	}
	past, err = sn.dirAsOf(b, dir, at)
	if past.GetBorn() == d.Born {
		past = nil
	}
	return d, past, err
}

// sameDir says whether a directory has the attributes of another; times do not count,
// which follow what is in it.
func sameDir(a, b *record.Dir) bool {
	return a.Attr.Mode == b.Attr.Mode && a.Attr.Uid == b.Attr.Uid && a.Attr.Gid == b.Attr.Gid && a.Attr.Unowned == b.Attr.Unowned && a.Attr.ModeGiven == b.Attr.ModeGiven &&
		maps.EqualFunc(a.Xattrs, b.Xattrs, bytes.Equal)
}

// restoreDir gives a directory the attributes that it had in another life, and the time
// at which it was changed last, as far as that is known.
func (r *restorer) restoreDir(t *txn, b *record.Bucket, it *restoreItem) error {
	if _, err := t.dirForWrite(b, it.key); err != nil {
		return err
	}
	it.step = RestoreStep{}
	d, past, err := t.livesOf(b, it.key, r.in.At.Seq)
	if d == nil || past == nil || err != nil {
		return err
	}
	mtime := min(past.Attr.MtimeNs, r.in.At.Last.UnixNano())
	if sameDir(d, past) {
		if d.Attr.MtimeNs == mtime && d.Attr.BtimeNs == past.Attr.BtimeNs {
			return nil
		}
	} else {
		it.step = RestoreStep{Act: RestoreAttrs, Key: it.key}
		// Another life begins, so that what it was until now can be restored, too.
		if err := t.bury(b, it.key, d); err != nil {
			return err
		}
		d.Born = t.tx.Seq()
	}
	d.Attr = proto.CloneOf(past.Attr)
	d.Attr.MtimeNs, d.Attr.CtimeNs, d.Xattrs = mtime, t.now().UnixNano(), past.Xattrs
	t.changed(Change{Kind: DirChanged, Bucket: b.Name, Key: it.key, Ino: d.Ino})
	return t.put(table.Dir(b.Id, it.key), d)
}
