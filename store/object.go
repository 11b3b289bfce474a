package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// find returns the version of key that ref names, and whether it is the current one.
// The kinds of failure: NoSuchKey, NoSuchVersion, InvalidVersionID.
func (sn *snap) find(b *record.Bucket, key, ref string) (v *record.Version, latest bool, err error) {
	sel, err := versioning.ParseSelector(ref)
	if err != nil {
		return nil, false, fault.Wrap(fault.InvalidVersionID, err, "%s/%s", b.Name, key)
	}
	if !sel.Current {
		return sn.findVersion(b, key, ref, sel)
	}
	top, err := sn.head(b.Id, key)
	if err != nil {
		return nil, false, err
	}
	if top == nil {
		return nil, false, sn.noObject(b, key)
	}
	return top, true, nil
}

// findVersion is find for a version that is named.
func (sn *snap) findVersion(b *record.Bucket, key, ref string, sel versioning.Selector) (*record.Version, bool, error) {
	l, err := sn.line(b, key)
	if err != nil {
		return nil, false, err
	}
	v, latest, err := l.find(sel)
	if err == nil && v == nil {
		err = fault.New(fault.NoSuchVersion, "%s/%s has no version %s", b.Name, key, ref).At(b.Name, key)
	}
	return v, latest, err
}

func noSuchKey(bucket, key string) error {
	return fault.New(fault.NoSuchKey, "there is no object %s/%s", bucket, key).At(bucket, key)
}

func selects(sel versioning.Selector, v *record.Version) bool {
	switch {
	case sel.Number != 0:
		return v.Number == sel.Number
	case sel.ID.IsNull():
		return v.Null
	}
	return !v.Null && v.Seq == sel.ID.Seq && v.Random == sel.ID.Random
}

func readAction(ref string, current, version action) action {
	if ref == "" {
		return current
	}
	return version
}

// Head returns what is known of a version; ref is "" for the current one, else a
// version id, "null", or a version number.
func (se *Session) Head(ctx context.Context, bucket, key, ref string) (Object, error) {
	if err := se.authorizeVersion(readAction(ref, actGetObject, actGetObjectVersion), bucket, key, ref); err != nil {
		return Object{}, err
	}
	var o Object
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		v, latest, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		o = toObjectOf(b, key, v, latest)
		se.showLock(&o, v)
		return nil
	})
	return o, se.withheld(err, bucket, ref)
}

// Pieces says in how many pieces a version's bytes are, those between holes included, and
// in how many content files; ref as for Head. A small content is in none of either.
func (se *Session) Pieces(ctx context.Context, bucket, key, ref string) (pieces, files int, err error) {
	if err := se.authorizeVersion(readAction(ref, actGetObject, actGetObjectVersion), bucket, key, ref); err != nil {
		return 0, 0, err
	}
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		v, _, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		es, err := sn.extentsOf(v.Content)
		for _, e := range es {
			if !e.IsHole() {
				pieces++
			}
		}
		files = len(es.Blobs())
		return err
	})
	return pieces, files, se.withheld(err, bucket, ref)
}

// Get opens a version for reading; ref as for Head. A delete marker that is named is
// MethodNotAllowed.
func (se *Session) Get(ctx context.Context, bucket, key, ref string) (*Reader, error) {
	if err := se.authorizeVersion(readAction(ref, actGetObject, actGetObjectVersion), bucket, key, ref); err != nil {
		return nil, err
	}
	var r *Reader
	var rec *record.Version
	err := se.viewPinned(bucket, func(sn *snap, b *record.Bucket) error {
		v, latest, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		if rec = v; v.Marker {
			return notOfMarker(bucket, key, ref, v)
		}
		body, err := sn.openBody(v)
		if err != nil {
			return sn.s.lost(err, bucket, key, v, 0)
		}
		r = &Reader{o: toObjectOf(b, key, v, latest), b: body}
		se.showLock(&r.o, v)
		return nil
	})
	if err == nil {
		return se.unlockReader(r, rec)
	}
	return nil, se.withheld(err, bucket, ref)
}

// unlockReader is unlockBody of a reader, which it closes if that fails.
func (se *Session) unlockReader(r *Reader, v *record.Version) (*Reader, error) {
	err := se.unlockBody(r.b, r.o.Bucket, r.o.Key)
	if err == nil {
		return r, nil
	}
	_ = r.Close()
	if isDamage(err) {
		err = se.s.lost(err, r.o.Bucket, r.o.Key, v, 0)
	}
	return nil, err
}

// viewPinned is view for those who open what they find: no content file is deleted
// between the look and the pin.
func (se *Session) viewPinned(bucket string, fn func(*snap, *record.Bucket) error) error {
	gate := &se.s.pins.gate
	gate.RLock()
	defer gate.RUnlock()
	return se.view(bucket, fn)
}

// Tags returns the tags of a version; ref as for Head.
func (se *Session) Tags(ctx context.Context, bucket, key, ref string) (map[string]string, error) {
	tags, _, err := se.Tagging(ctx, bucket, key, ref)
	return tags, err
}

// Tagging is Tags, and says which version it is whose tags these are, "" if the bucket never
// knew versions. A delete marker that is named is MethodNotAllowed.
func (se *Session) Tagging(ctx context.Context, bucket, key, ref string) (tags map[string]string, version string, err error) {
	if err := se.authorizeVersion(readAction(ref, actGetObjectTagging, actGetObjectVersionTagging), bucket, key, ref); err != nil {
		return nil, "", err
	}
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		v, _, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		if v.Marker {
			return notOfMarker(bucket, key, ref, v)
		}
		if tags = v.Tags; b.EverVersioned {
			version = versionID(v)
		}
		return nil
	})
	return tags, version, se.withheld(err, bucket, ref)
}

// SetTags replaces the tags of a version; none removes them. It makes no version and
// is durable when it returns.
func (se *Session) SetTags(ctx context.Context, bucket, key, ref string, tags map[string]string) error {
	_, err := se.PutTagging(ctx, bucket, key, ref, tags)
	return err
}

// DeleteTagging removes all tags of a version, and returns what PutTagging does. It is durable when
// it returns.
func (se *Session) DeleteTagging(ctx context.Context, bucket, key, ref string) (version string, err error) {
	return se.replaceTagging(ctx, readAction(ref, actDeleteObjectTagging, actDeleteVersionTagging), bucket, key, ref, nil)
}

// PutTagging is SetTags, and says which version it is whose tags were replaced, "" if the
// bucket never knew versions. No tags are tags as well.
func (se *Session) PutTagging(ctx context.Context, bucket, key, ref string, tags map[string]string) (version string, err error) {
	return se.replaceTagging(ctx, readAction(ref, actPutObjectTagging, actPutObjectVersionTagging), bucket, key, ref, tags)
}

func (se *Session) replaceTagging(ctx context.Context, act action, bucket, key, ref string, tags map[string]string) (version string, err error) {
	err = se.authorizeFor(act, bucket, key, func(a *asked) { a.version, a.tags, a.tagged = ref, tags, true })
	if err != nil {
		return "", err
	}
	if err := checkTags(bucket, key, tags); err != nil {
		return "", err
	}
	nd := Node{Bucket: bucket, Key: key, Version: ref, published: true}
	err = se.changeLabels(ctx, durable, nd, kindTags, func(v *record.Version) error {
		v.Tags, version = tags, versionID(v)
		return nil
	})
	if err != nil || version != NullVersion {
		return version, se.withheld(err, bucket, ref)
	}
	return version, se.view(bucket, func(_ *snap, b *record.Bucket) error {
		if !b.EverVersioned {
			version = ""
		}
		return nil
	})
}

// edit changes a version's record in place.
func (t *txn) edit(b *record.Bucket, key, ref string, fn func(*record.Version) error) error {
	if _, err := t.chain(b, key); err != nil {
		return err
	}
	v, latest, err := t.find(b, key, ref)
	if err != nil {
		return err
	}
	was := v.Tags
	if err := fn(v); err != nil {
		return err
	}
	if err := t.notifyTags(b, key, was, v); err != nil {
		return err
	}
	t.changed(Change{Kind: ObjectChanged, Bucket: b.Name, Key: key, Ino: v.Ino, VersionID: versionID(v)})
	if !latest {
		return t.put(table.Noncurrent(b.Id, key, v.Seq), v)
	}
	if !v.Marker {
		if err := t.relabelDraft(v); err != nil {
			return err
		}
	}
	return t.putTop(b, key, v, !v.Marker)
}
