package fs

import (
	"strings"

	"pail/fs/names"
	"pail/store"
	"pail/versioning"
)

// walkOld is walk for directories of history.
func (f *filesystem) walkOld(se *store.Session, id uint64, loc location, from cursor, page int, fn func(*listed) bool) error {
	switch {
	case loc.bucket == "" && loc.kind != kindName:
		return f.walkOldBuckets(se, id, loc, from, fn)
	case loc.bucket == "":
		return nil // a bucket has no versions of its own
	case loc.isPast():
		return f.walkPast(se, id, loc, from, page, fn)
	case loc.kind == kindName:
		return f.walkVersions(se, id, loc, from, page, fn)
	}
	return f.walkNames(se, id, loc, from, page, fn)
}

// walkOldBuckets lists the buckets as names with history, or those of a moment.
func (f *filesystem) walkOldBuckets(se *store.Session, id uint64, loc location, from cursor, fn func(*listed) bool) error {
	read := func() ([]store.Bucket, error) { return se.Buckets(f.ctx) }
	if loc.isPast() {
		read = func() ([]store.Bucket, error) { return se.BucketsAt(f.ctx, loc.at) }
	}
	all, err := read()
	if err != nil {
		return err
	}
	for i := range all {
		name := all[i].Name
		if from.set && name <= from.segment {
			continue
		}
		t := target{Target: bucketTarget(loc, name), dir: loc}
		got, err := f.findOld(se, id, name, t)
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return err
		}
		if !fn(&listed{found: got, name: name, next: cursor{set: true, segment: name}}) {
			return nil
		}
	}
	return nil
}

// pastInput is where the store goes on behind a cursor.
func (c cursor) pastInput(pending string, page int) store.PastInput {
	switch {
	case c.set:
		return store.PastInput{After: c.segment, AfterDir: c.objectDue, Limit: page}
	case pending != "":
		return store.PastInput{After: pending, Limit: page}
	}
	return store.PastInput{Begin: true, Limit: page}
}

// walkPast lists a directory as it was.
func (f *filesystem) walkPast(se *store.Session, id uint64, loc location, from cursor, page int, fn func(*listed) bool) error {
	w := walker{f: f, dir: id, place: loc.place, part: from.part, fn: fn}
	for in := from.pastInput(loc.place.Pending, page); ; {
		entries, more, err := se.ReadDirAt(f.ctx, loc.bucket, loc.place.Dir, loc.at, in)
		if err != nil {
			return err
		}
		for i := range entries {
			e := &entries[i]
			if !strings.HasPrefix(e.Name, loc.place.Pending) || !w.past(e) {
				return nil
			}
			in = store.PastInput{After: e.Name, AfterDir: e.Dir != nil, Limit: page}
		}
		if !more {
			return nil
		}
	}
}

// past lists an entry of the past.
func (w *walker) past(e *store.PastEntry) bool {
	next := cursor{set: true, segment: e.Name, objectDue: e.Dir != nil}
	switch {
	case e.Dir != nil:
		name, _, _ := w.place.Component(e.Name, names.Dir, false)
		return w.show(e.Name, names.Dir, false, next, w.f.foundPastDir(w.dir, name, e.Dir))
	case e.Name == "" && e.Object.Size == 0:
		return true // it is the directory itself
	}
	name, _, _ := w.place.Component(e.Name, names.File, e.Shadowed)
	return w.show(e.Name, names.File, e.Shadowed, next, w.f.foundPastObject(w.dir, name, e.Object))
}

// walkNames lists the names with history in a directory.
func (f *filesystem) walkNames(se *store.Session, id uint64, loc location, from cursor, page int, fn func(*listed) bool) error {
	v, err := f.veilOf(se, loc)
	if err != nil {
		return err
	}
	attr, err := f.lastAttr(se, loc.dir())
	if err != nil {
		return err
	}
	attr = loc.viewer.cover(attr)
	w := walker{f: f, dir: id, place: loc.place, part: from.part, fn: fn}
	for in := from.pastInput(loc.place.Pending, page); ; {
		entries, more, err := se.ReadHistory(f.ctx, loc.bucket, loc.place.Dir, in)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name, loc.place.Pending) {
				return nil
			}
			in = store.PastInput{After: e.Name, AfterDir: e.Dir, Limit: page}
			shown, err := v.showsName(se, loc, e.Name, mayList|mayPass)
			if err != nil {
				return err
			}
			if !shown {
				continue
			}
			next := cursor{set: true, segment: e.Name, objectDue: e.Dir}
			name, _, _ := loc.place.Component(e.Name, names.Name, false)
			got := found{id: historyID(id, name), kind: kindName, fleeting: true, unsteady: true}
			got.attr = f.turned(attr, got.id)
			if !w.show(e.Name, names.Name, false, next, got) {
				return nil
			}
		}
		if !more {
			return nil
		}
	}
}

// walkVersions lists the versions of a key, oldest first.
func (f *filesystem) walkVersions(se *store.Session, id uint64, loc location, from cursor, page int, fn func(*listed) bool) error {
	if loc.key() == "" {
		return nil
	}
	v, err := f.veilOf(se, loc)
	if err != nil {
		return err
	}
	for in := (store.KeyHistoryInput{OldestFirst: true, Behind: from.seq, Limit: page}); ; {
		vs, more, err := se.KeyHistory(f.ctx, loc.bucket, loc.key(), in)
		if isAbsent(err) {
			return nil // a directory only, or the last version is gone
		}
		if err != nil {
			return err
		}
		for i := range vs {
			o := &vs[i]
			in.Behind = o.Seq
			if !v.shows(o, mayList|mayPass) {
				continue
			}
			if !fn(&listed{found: f.foundVersionObject(id, o), name: versionName(o), next: cursor{set: true, seq: o.Seq}}) {
				return nil
			}
		}
		if !more {
			return nil
		}
	}
}

// behindOld is the position behind a name of history that was listed.
func (f *filesystem) behindOld(se *store.Session, loc location, name string, kind nodeKind) (cursor, bool) {
	switch {
	case loc.bucket == "":
		return cursor{set: true, segment: name}, true
	case loc.kind == kindName:
		seq, ok := f.seqOfName(se, loc, name)
		return cursor{set: true, seq: seq}, ok
	}
	c, ok := after(loc.place, name, kind)
	if ok && kind == kindName {
		// A name is listed where its key stands, or else where what is below it does.
		n, err := se.LookupHistory(f.ctx, loc.bucket, loc.place.Dir, c.segment)
		c.objectDue = err == nil && !n.Key
	}
	return c, ok
}

// seqOfName is the commit of the version that has a name, and need not exist any more.
func (f *filesystem) seqOfName(se *store.Session, loc location, name string) (uint64, bool) {
	ref, ok := versionOfName(name)
	if !ok {
		return 0, false
	}
	id, err := versioning.ParseID(ref)
	switch {
	case err != nil:
		return 0, false
	case !id.IsNull():
		return id.Seq, true
	}
	o, err := se.Head(f.ctx, loc.bucket, loc.key(), ref)
	return o.Seq, err == nil
}
