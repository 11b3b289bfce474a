package store

import (
	"context"
	"maps"

	"google.golang.org/protobuf/proto"

	"pail/store/event"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Presence is what must be so of a label before it is changed.
type Presence uint8

// The demands, as setxattr(2) knows them.
const (
	Whichever Presence = iota
	Absent             // else Exists
	Present            // else NoData
)

func (p Presence) check(name string, there bool) error {
	switch {
	case p == Absent && there:
		return fault.New(fault.Exists, "there is a label %q already", name)
	case p == Present && !there:
		return noLabel(name)
	}
	return nil
}

func noLabel(name string) error { return fault.New(fault.NoData, "there is no label %q", name) }

// A TextChange changes names and their values.
type TextChange struct {
	Set    map[string]string
	Remove []string // NoData: one of them is not there
	All    bool     // what Set does not name goes
	When   Presence // of each name in Set; with All of any name at all
}

// apply returns m changed; m itself stays as it is.
func (c TextChange) apply(m map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(m)+len(c.Set))
	if c.All {
		if err := c.When.check("*", len(m) > 0); err != nil {
			return nil, err
		}
	} else {
		maps.Copy(out, m)
	}
	for name, value := range c.Set {
		if _, there := m[name]; !c.All {
			if err := c.When.check(name, there); err != nil {
				return nil, err
			}
		}
		out[name] = value
	}
	for _, name := range c.Remove {
		if _, there := out[name]; !there {
			return nil, noLabel(name)
		}
		delete(out, name)
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// ChangeTags changes the tags of a node and makes no version. Like the changes below
// it is visible when it returns; through a mount it is durable soon, through other doors
// when it returns. The kinds of failure: InvalidTag, TagTooLong, TooManyTags, Exists and
// NoData (see TextChange), MethodNotAllowed (a delete marker).
func (se *Session) ChangeTags(ctx context.Context, nd Node, c TextChange) error {
	bucket, key := nd.at()
	act := readAction(nd.version(), actPutObjectTagging, actPutObjectVersionTagging)
	err := se.authorizeFor(act, bucket, key, func(a *asked) { a.version, a.tags, a.tagged = nd.version(), c.Set, true })
	if err != nil {
		return err
	}
	return se.changeLabels(ctx, se.labelMode(), nd, kindTags, func(v *record.Version) error {
		tags, err := c.apply(v.Tags)
		if err == nil {
			err = checkTags(bucket, key, tags)
		}
		v.Tags = tags
		return err
	})
}

// A DescriptionChange changes what S3 keeps to describe an object. Headers go by their
// names in lower case, "content-type"; one with an empty value is not there.
type DescriptionChange struct {
	Headers, Metadata TextChange
}

// ChangeDescription changes headers and user metadata. A published object gets a new
// version that shares its content, as by a copy onto itself over S3; what an open file
// has not published yet gets them with its publish. What changes nothing makes no
// version. The kinds of failure: InvalidArgument, MetadataTooLarge, Exists and NoData
// (see TextChange), ReadOnly (a version of the past).
func (se *Session) ChangeDescription(ctx context.Context, nd Node, c DescriptionChange) error {
	bucket, key := nd.at()
	for _, act := range []action{actGetObject, actPutObject} {
		if err := se.authorize(act, bucket, key); err != nil {
			return err
		}
	}
	if nd.version() != "" {
		return fault.New(fault.ReadOnly, "versions of the past cannot be changed").At(bucket, key)
	}
	return se.changeLabels(ctx, se.labelMode(), nd, kindDescription, func(v *record.Version) error {
		headers, err := c.Headers.apply(headerMap(v.Headers))
		if err != nil {
			return err
		}
		metadata, err := c.Metadata.apply(v.Metadata)
		if err != nil {
			return err
		}
		if err := setHeaders(v, headers); err != nil {
			return err
		}
		v.Metadata = metadata
		return checkDescription(bucket, key, headers, metadata)
	})
}

// An XattrChange sets or removes one extended attribute.
type XattrChange struct {
	Name   string
	Value  []byte
	Remove bool // NoData: it is not there
	When   Presence
}

// ChangeXattr changes an extended attribute and makes no version. The kinds of failure:
// NameTooLong, XattrsFull, Exists, NoData, ReadOnly (a version of the past).
func (se *Session) ChangeXattr(ctx context.Context, nd Node, c XattrChange) error {
	bucket, key := nd.at()
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return err
	}
	if nd.version() != "" {
		return fault.New(fault.ReadOnly, "versions of the past cannot be changed").At(bucket, key)
	}
	return se.changeLabels(ctx, se.labelMode(), nd, kindXattrs, func(v *record.Version) (err error) {
		v.Xattrs, err = c.apply(v.Xattrs)
		return err
	})
}

// labelMode is how changes of labels are committed.
func (se *Session) labelMode() commitMode {
	if se.rc.Door == DoorMount {
		return visible
	}
	return durable
}

// A labelKind is which of the labels are changed.
type labelKind uint8

const (
	kindTags labelKind = iota
	kindXattrs
	kindDescription // makes a version
)

// changeLabels has fn change the labels of a node. fn may run more than once, each time
// on labels that it may replace and must not change in place.
func (se *Session) changeLabels(ctx context.Context, mode commitMode, nd Node, kind labelKind, fn func(*record.Version) error) error {
	switch {
	case nd.At.Seq != 0:
		return fault.New(fault.ReadOnly, "the past cannot be changed").At(nd.Bucket, nd.Key)
	case nd.version() != "":
		bucket, key := nd.at()
		var now *record.Version
		_, err := se.update(ctx, mode, bucket, func(t *txn, b *record.Bucket) error {
			return t.edit(b, key, nd.version(), func(v *record.Version) error {
				if v.Marker {
					return fault.New(fault.MethodNotAllowed, "version %s is a delete marker", versionID(v)).At(bucket, key)
				}
				now = v
				return fn(v)
			})
		})
		if err == nil {
			se.s.relabeled(now, kind, fn)
		}
		return err
	case nd.File != nil:
		return nd.File.n.changeLabels(ctx, se, mode, kind, fn)
	case nd.Dir:
		return se.changeDirLabels(ctx, mode, nd, kind, fn)
	}
	n, err := se.openAt(nd)
	if err != nil {
		return err
	}
	if n != nil {
		return n.changeLabels(ctx, se, mode, kind, fn)
	}
	var now *record.Version
	_, err = se.update(ctx, mode, nd.Bucket, func(t *txn, b *record.Bucket) error {
		t.onNames(func() {})
		now, err = t.relabel(b, nd.Key, kind, func(v *record.Version) error {
			if err := nd.isInode(v.Ino); err != nil {
				return err
			}
			return fn(v)
		})
		return err
	})
	if err == nil && se.s.relabeled(now, kind, fn) {
		// What others have read of the open file since they were told is from before.
		se.s.watchers.tell([]Change{{
			Kind: ObjectChanged, Bucket: nd.Bucket, Key: nd.Key, Ino: now.Ino,
			Time: se.s.now(), Principal: se.who.ARN, Origin: se.rc.Origin,
		}})
	}
	return err
}

// openAt returns the open file that a name stands for, nil if it is not open.
func (se *Session) openAt(nd Node) (n *inode, err error) {
	err = se.viewLive(nd.Bucket, func(sn *snap, b *record.Bucket, epoch uint64) error {
		v, err := sn.head(b.Id, nd.Key)
		if err != nil {
			return err
		}
		f := &se.s.files
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.epoch.Load() != epoch {
			return errPublished
		}
		n = se.holder(nd, b.Id, v)
		switch {
		case n != nil:
			return nd.isInode(n.ino)
		case v == nil:
			return noSuchKey(nd.Bucket, nd.Key)
		}
		return nil
	})
	return n, err
}

// relabel changes the labels of a live object and returns its head as it is then. What is
// the same as before is no change.
func (t *txn) relabel(b *record.Bucket, key string, kind labelKind, fn func(*record.Version) error) (*record.Version, error) {
	c, err := t.chain(b, key)
	if err != nil {
		return nil, err
	}
	old := c.live
	if old == nil {
		return nil, noSuchKey(b.Name, key)
	}
	if kind == kindDescription {
		return t.describe(b, key, old, fn)
	}
	was := labelsOf(old)
	if err := fn(old); err != nil {
		return nil, err
	}
	if was.same(labelsOf(old)) {
		return old, nil
	}
	versionAttr(old).CtimeNs = t.now().UnixNano()
	t.changed(Change{Kind: ObjectChanged, Bucket: b.Name, Key: key, Ino: old.Ino, VersionID: versionID(old)})
	if err := t.relabelDraft(old); err != nil {
		return nil, err
	}
	if err := t.notifyTags(b, key, was.tags, old); err != nil {
		return nil, err
	}
	return old, t.put(table.Head(b.Id, key), old)
}

// relabelDraft has the record of the draft of a file follow, if it has one: the key may
// be another's by the time that recovery publishes it.
func (t *txn) relabelDraft(now *record.Version) error {
	var r record.Draft
	ok, err := t.get(table.Draft(now.Ino), &r)
	if err != nil || !ok || r.Version == nil {
		if unreadable(err) {
			err = nil // recovery and fsck deal with it
		}
		return err
	}
	r.Version.Tags, r.Version.Xattrs = now.Tags, now.Xattrs
	if !r.Labeled {
		r.Version.Headers, r.Version.Metadata = now.Headers, now.Metadata
	}
	return t.put(table.Draft(now.Ino), &r)
}

// describe makes a new version of a live object, the same file with the same content,
// under another description. If it is the same, the object stays.
func (t *txn) describe(b *record.Bucket, key string, old *record.Version, fn func(*record.Version) error) (*record.Version, error) {
	v := t.renamed(old, "")
	v.Upload = "" // it is not what the upload made
	if err := fn(v); err != nil {
		return nil, err
	}
	if labelsOf(v).same(labelsOf(old)) {
		return old, nil
	}
	if err := t.settled(old); err != nil {
		return nil, err
	}
	n := len(t.discarded)
	t.makes = event.CreatedCopy // as over S3, where an object is copied onto itself for that
	if _, err := t.putVersion(b, key, v); err != nil {
		return nil, err
	}
	if err := t.handOverTop(n, old, v); err != nil {
		return nil, err
	}
	if err := t.relabelDraft(v); err != nil {
		return nil, err
	}
	t.changed(Change{Kind: ObjectPut, Bucket: b.Name, Key: key, Ino: v.Ino, VersionID: versionID(v)})
	return v, nil
}

// relabeled has a file follow that is open, if it is.
func (s *Store) relabeled(now *record.Version, kind labelKind, fn func(*record.Version) error) (open bool) {
	n := s.files.find(now.GetIno())
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.own != nil && kind == kindDescription {
		// Begun from labels of before; if it cannot be done there, that change is later.
		_ = n.relabelOwn(nil, fn)
	}
	n.follow(now)
	if n.draft != nil {
		n.draft.sync.again = true // its record follows the head only
	}
	return true
}

// follow takes over what became of an open file's record, unless that is of an older
// version than the last. mu is held.
func (n *inode) follow(now *record.Version) {
	if n.base.GetSeq() > now.Seq {
		return
	}
	n.attr.CtimeNs = max(n.attr.CtimeNs, now.GetAttr().GetCtimeNs())
	if n.base != nil {
		n.base = proto.CloneOf(now)
	}
	if n.own != nil {
		n.own.tags, n.own.xattrs = now.Tags, now.Xattrs
	}
}

// changeLabels is changeLabels for an open file: in its record, if there is one, unless
// the change belongs to the draft.
func (n *inode) changeLabels(ctx context.Context, se *Session, mode commitMode, kind labelKind, fn func(*record.Version) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.s.failure(); err != nil {
		return fault.Wrap(fault.StoreFailed, err, "the store no longer writes")
	}
	if n.base == nil {
		return n.relabelOwn(nil, fn)
	}
	if kind == kindDescription && n.draft != nil && (n.draft.dirty || n.draft.fresh) {
		v, err := n.published()
		if err != nil {
			return err
		}
		return n.relabelOwn(v, fn)
	}
	var now *record.Version
	_, err := n.s.update(ctx, se.author(), mode, func(t *txn) error {
		now = nil
		bucket, _, key, linked := t.s.files.name(n)
		b := t.bucketByID(bucket)
		if b == nil || !linked {
			return nil
		}
		v, err := t.head(bucket, key)
		if err != nil || v == nil || v.Ino != n.ino {
			return err
		}
		t.onNames(func() {})
		now, err = t.relabel(b, key, kind, fn)
		return err
	})
	switch {
	case err != nil:
		return err
	case now == nil:
		return n.relabelOwn(nil, fn)
	}
	n.follow(now)
	return nil
}

// relabelOwn changes labels that no record has; v is the record to begin from, nil for
// that of the last publish. mu is held.
func (n *inode) relabelOwn(v *record.Version, fn func(*record.Version) error) error {
	own := n.own
	if own == nil {
		if v == nil {
			v = n.base
		}
		own = labelsOf(v)
	}
	var to record.Version
	own.onto(&to, false)
	if err := fn(&to); err != nil {
		return err
	}
	n.own = labelsOf(&to)
	n.attr.CtimeNs = n.s.now().UnixNano()
	if n.draft != nil {
		n.draft.sync.again = true
	}
	return nil
}
