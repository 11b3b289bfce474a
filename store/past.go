package store

import (
	"strings"
	"time"

	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// The past as a snapshot shows it: what is still kept and was current once a commit had
// happened. Keys tell it by their lines, directories by when they were born and died.

// dirAsOf returns the record of a directory as it is known now, if the directory existed
// once a commit had happened; nil if it did not.
func (sn *snap) dirAsOf(b *record.Bucket, dir string, at uint64) (*record.Dir, error) {
	d, err := sn.dirAt(b.Id, dir)
	if err != nil {
		return nil, err
	}
	if d != nil {
		if m := sn.moveFrom(b.Id, dir); m != nil && takes(m, d.Born) {
			if at >= m.Seq || versioning.State(m.Versioning) == versioning.Unversioned {
				d = nil
			}
		}
	}
	if m := sn.moveTo(b.Id, dir); d == nil && m != nil && at >= m.Seq {
		if d, err = sn.dirAt(b.Id, m.From+dir[len(m.To):]); err != nil {
			return nil, err
		}
		if d != nil && takes(m, d.Born) {
			d.Born = m.Seq
		} else {
			d = nil
		}
	}
	if d != nil && d.Born <= at {
		return d, nil
	}
	if !b.EverVersioned {
		return nil, nil
	}
	return sn.pastDir(b, dir, at)
}

// pastDir returns the life of a directory, among those that have ended, in which a
// commit happened.
func (sn *snap) pastDir(b *record.Bucket, dir string, at uint64) (*record.Dir, error) {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.PastDirOf(b.Id, dir), Start: table.PastDir(b.Id, dir, at+1)})
	defer it.Close()
	if !it.Next() {
		return nil, damaged(it.Err())
	}
	d := new(record.Dir)
	if err := unmarshal(it.Key(), it.Value(), d); err != nil {
		return nil, err
	}
	if d.Born > at {
		return nil, nil
	}
	return d, nil
}

// lastDir returns a directory as it is or, if it does not exist, as it last was.
func (sn *snap) lastDir(b *record.Bucket, dir string) (*record.Dir, error) {
	d, err := sn.dir(b.Id, dir)
	if d != nil || err != nil || !b.EverVersioned {
		return d, err
	}
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.PastDirOf(b.Id, dir), Reverse: true})
	defer it.Close()
	if !it.Next() {
		return nil, damaged(it.Err())
	}
	d = new(record.Dir)
	return d, unmarshal(it.Key(), it.Value(), d)
}

// toPastDir is a directory as it was at a moment, as far as anybody knows: its times
// move with what is in it and are not kept, but they were not later than the last commit.
func toPastDir(bucket, key string, d *record.Dir, at Moment) Dir {
	out := toDir(bucket, key, d)
	for _, t := range []*time.Time{&out.Attr.Atime, &out.Attr.Mtime, &out.Attr.Ctime} {
		if t.After(at.Last) {
			*t = at.Last
		}
	}
	return out
}

// objectAsOf returns the version of a key that was current once a commit had happened,
// and whether it is now; nil if there was none.
func (sn *snap) objectAsOf(b *record.Bucket, key string, at uint64) (v *record.Version, latest bool, err error) {
	l, err := sn.line(b, key)
	if err != nil {
		return nil, false, err
	}
	v, _, err = l.asOf(at)
	return v, v != nil && v == l.top, err
}

// A pastWalk lists a directory as it was, in the order of keys: a directory stands where
// its key, with the slash, does.
type pastWalk struct {
	sn *snap
	b  *record.Bucket
	at Moment
}

// list calls fn with what was in dir, from a key on, until it returns false.
func (w *pastWalk) list(dir, start string, fn func(PastEntry) bool) error {
	k := w.sn.keys(w.b, dir, start)
	defer k.Close()
	for k.Next() {
		var e *PastEntry
		var err error
		name, _, below := strings.Cut(k.Key()[len(dir):], "/")
		if below {
			e, err = w.dir(dir, name)
		} else {
			e, err = w.object(dir, name, k)
		}
		if err != nil {
			return err
		}
		if e != nil && !fn(*e) {
			return nil
		}
		if below {
			k.Seek(dir + name + afterSlash)
		}
	}
	return k.Err()
}

// afterSlash is the character behind the slash: what begins with it comes after all that
// is in the directory.
const afterSlash = "0"

func (w *pastWalk) dir(dir, name string) (*PastEntry, error) {
	key := dir + name + "/"
	d, err := w.sn.dirAsOf(w.b, key, w.at.Seq)
	if d == nil || err != nil {
		return nil, err
	}
	o := toPastDir(w.b.Name, key, d, w.at)
	return &PastEntry{Name: name, Dir: &o}, nil
}

func (w *pastWalk) object(dir, name string, k *keyScan) (*PastEntry, error) {
	l, err := k.Line()
	if err != nil {
		return nil, err
	}
	v, _, err := l.asOf(w.at.Seq)
	if v == nil || err != nil {
		return nil, err
	}
	o := toObject(w.b.Name, l.key, v, v == l.top)
	e := &PastEntry{Name: name, Object: &o}
	if name != "" {
		d, err := w.sn.dirAsOf(w.b, l.key+"/", w.at.Seq)
		if err != nil {
			return nil, err
		}
		e.Shadowed = d != nil
	}
	return e, nil
}
