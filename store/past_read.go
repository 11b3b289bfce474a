package store

import (
	"context"
	"math"
	"strings"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// A PastEntry is what one name in a directory stood for: a directory or an object. Where
// it stood for both there are two.
type PastEntry struct {
	Name     string // the segment of the key, without a slash; empty for the directory's own key
	Dir      *Dir
	Object   *Object
	Shadowed bool // there was a directory of the object's name
}

// A PastInput says where ReadDirAt and ReadHistory go on. Their order is that of keys: a
// directory comes where its key, with the slash, stands.
type PastInput struct {
	Begin    bool   // from the beginning; else:
	After    string // the name after which to go on
	AfterDir bool   // it was that of a directory
	Limit    int    // how many entries at most
}

// start is the first key that is wanted.
func (in PastInput) start(dir string) string {
	switch {
	case in.Begin:
		return dir
	case in.AfterDir:
		return dir + in.After + afterSlash
	}
	return dir + in.After + "\x00"
}

// StatDirAt returns a directory as it was at a moment; "" is the bucket's root. What
// changes without a version, mode and owner, is as it last was. NoSuchKey: it did not
// exist.
func (se *Session) StatDirAt(ctx context.Context, bucket, dir string, at Moment) (Dir, error) {
	if err := se.authorizeList(actListBucketVersions, bucket, dir); err != nil {
		return Dir{}, err
	}
	var out Dir
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		d, err := sn.dirAsOf(b, dir, at.Seq)
		if err == nil && d == nil {
			err = noSuchKey(bucket, dir)
		}
		if err == nil {
			out = toPastDir(bucket, dir, d, at)
		}
		return err
	})
	return out, err
}

// LookupAt returns what a name in a directory stood for at a moment; the empty name is
// the directory's own key. NoSuchKey: nothing, or what it was is kept no longer.
func (se *Session) LookupAt(ctx context.Context, bucket, dir, segment string, at Moment) (Entry, error) {
	key := dir + segment
	if err := se.authorize(actGetObjectVersion, bucket, key); err != nil {
		return Entry{}, err
	}
	e := Entry{Name: segment}
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		d, err := sn.dirAsOf(b, key+"/", at.Seq)
		if err != nil {
			return err
		}
		if d != nil {
			o := toPastDir(bucket, key+"/", d, at)
			e.Dir = &o
		}
		v, latest, err := sn.objectAsOf(b, key, at.Seq)
		if v != nil {
			o := toObject(bucket, key, v, latest)
			e.Object = &o
		}
		return err
	})
	if err == nil && e.Dir == nil && e.Object == nil {
		err = noSuchKey(bucket, key)
	}
	return e, err
}

// ReadDirAt returns what was in a directory at a moment; more says that there is more
// behind. NoSuchKey: the directory did not exist.
func (se *Session) ReadDirAt(ctx context.Context, bucket, dir string, at Moment, in PastInput) (entries []PastEntry, more bool, err error) {
	if err := se.authorizeList(actListBucketVersions, bucket, dir); err != nil {
		return nil, false, err
	}
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		d, err := sn.dirAsOf(b, dir, at.Seq)
		if err == nil && d == nil {
			err = noSuchKey(bucket, dir)
		}
		if err != nil {
			return err
		}
		w := pastWalk{sn: sn, b: b, at: at}
		return w.list(dir, in.start(dir), func(e PastEntry) bool {
			if more = len(entries) == in.Limit; !more {
				entries = append(entries, e)
			}
			return !more
		})
	})
	return entries, more, err
}

// OpenAt opens what a key held at a moment, for reading. NoSuchKey: nothing, or what it
// was is kept no longer.
func (se *Session) OpenAt(ctx context.Context, bucket, key string, at Moment) (*File, error) {
	if err := se.authorize(actGetObjectVersion, bucket, key); err != nil {
		return nil, err
	}
	var r *Reader
	var rec *record.Version
	err := se.viewPinned(bucket, func(sn *snap, b *record.Bucket) error {
		v, latest, err := sn.objectAsOf(b, key, at.Seq)
		rec = v
		if err == nil && v == nil {
			err = noSuchKey(bucket, key)
		}
		if err != nil {
			return err
		}
		body, err := sn.openBody(v)
		err = sn.s.lost(err, bucket, key, v, 0)
		if err == nil {
			r = &Reader{o: toObject(bucket, key, v, latest), b: body}
		}
		return err
	})
	if err == nil {
		r, err = se.unlockReader(r, rec)
	}
	if err != nil {
		return nil, err
	}
	return &File{se: se, frozen: r}, nil
}

// OpenVersion opens a version of a key for reading; ref as for Head, and not empty. A
// delete marker reads as an empty file.
func (se *Session) OpenVersion(ctx context.Context, bucket, key, ref string) (*File, error) {
	if err := se.authorize(actGetObjectVersion, bucket, key); err != nil {
		return nil, err
	}
	if ref == "" {
		return nil, fault.New(fault.InvalidVersionID, "no version of %s/%s was named", bucket, key)
	}
	var r *Reader
	var rec *record.Version
	err := se.viewPinned(bucket, func(sn *snap, b *record.Bucket) error {
		v, latest, err := sn.find(b, key, ref)
		if err != nil {
			return err
		}
		rec = v
		body := &body{s: sn.s}
		if !v.Marker {
			body, err = sn.openBody(v)
			err = sn.s.lost(err, bucket, key, v, 0)
		}
		if err == nil {
			r = &Reader{o: toObject(bucket, key, v, latest), b: body}
		}
		return err
	})
	if err == nil {
		r, err = se.unlockReader(r, rec)
	}
	if err != nil {
		return nil, err
	}
	return &File{se: se, frozen: r}, nil
}

// BucketsAt returns the caller's buckets of today that existed at a moment, in the order
// of their names. A bucket that is deleted was empty, history included.
func (se *Session) BucketsAt(ctx context.Context, at Moment) ([]Bucket, error) {
	all, err := se.Buckets(ctx)
	if err != nil {
		return nil, err
	}
	var out []Bucket
	err = se.s.view(func(sn *snap) error {
		for i := range all {
			b, err := sn.bucket(all[i].Name)
			switch {
			case fault.Is(err, fault.NoSuchBucket):
			case err != nil:
				return err
			case b.Born <= at.Seq:
				out = append(out, all[i])
			}
		}
		return nil
	})
	return out, err
}

// A HistoryName is a name in a directory under which there is history, of what exists
// now or of what is deleted.
type HistoryName struct {
	Name string // the segment of the key; empty for the directory's own key
	Key  bool   // the key itself has versions
	Dir  bool   // keys below it have; of a listing: only if Key is false
}

// ReadHistory returns the names with history in a directory, whether that exists now or
// not; more says that there are others behind. A directory's own key is among them if it
// ever had content.
func (se *Session) ReadHistory(ctx context.Context, bucket, dir string, in PastInput) (names []HistoryName, more bool, err error) {
	if err := se.authorizeList(actListBucketVersions, bucket, dir); err != nil {
		return nil, false, err
	}
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		return sn.eachHistory(b, dir, in.start(dir), func(n HistoryName) bool {
			if more = len(names) == in.Limit; !more {
				names = append(names, n)
			}
			return !more
		})
	})
	return names, more, err
}

func (sn *snap) eachHistory(b *record.Bucket, dir, start string, fn func(HistoryName) bool) error {
	k := sn.keys(b, dir, start)
	defer k.Close()
	for k.Next() {
		l, err := k.Line()
		if err != nil {
			return err
		}
		if !l.some() {
			continue
		}
		name, _, below := strings.Cut(k.Key()[len(dir):], "/")
		shows := true
		switch {
		case below:
			shows, err = sn.first(b, dir, name)
		case name == "":
			shows, err = l.hadBody()
		}
		if err != nil {
			return err
		}
		if shows && !fn(HistoryName{Name: name, Key: !below, Dir: below}) {
			return nil
		}
		if below {
			k.Seek(dir + name + afterSlash)
		}
	}
	return k.Err()
}

// first says whether a directory is listed for a name: the key of that name, if it has
// history, was listed where it stands.
func (sn *snap) first(b *record.Bucket, dir, name string) (bool, error) {
	key, err := sn.line(b, dir+name)
	if err != nil {
		return false, err
	}
	listed := key.some()
	if name == "" {
		listed, err = key.hadBody()
	}
	return !listed, err
}

// hadBody says whether any version of the key has content.
func (l *line) hadBody() (had bool, err error) {
	err = l.newest(math.MaxUint64, func(v *record.Version) (bool, error) {
		had = v.Size > 0
		return !had, nil
	})
	return had, err
}

// LookupHistory says what history there is under a name in a directory. NoSuchKey: none.
func (se *Session) LookupHistory(ctx context.Context, bucket, dir, segment string) (HistoryName, error) {
	key := dir + segment
	if err := se.authorize(actListBucketVersions, bucket, key); err != nil {
		return HistoryName{}, err
	}
	n := HistoryName{Name: segment}
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		if key != "" {
			l, err := sn.line(b, key)
			if err != nil {
				return err
			}
			n.Key = l.some()
		}
		err := sn.eachHistory(b, key+"/", key+"/", func(HistoryName) bool {
			n.Dir = true
			return false
		})
		if err != nil || n.Dir {
			return err
		}
		own, err := sn.line(b, key+"/")
		n.Dir = err == nil && own.some()
		return err
	})
	if err == nil && !n.Key && !n.Dir {
		err = fault.New(fault.NoSuchKey, "there is no history of %s/%s", bucket, key).At(bucket, key)
	}
	return n, err
}

// LastDir returns a directory as it is or, if it does not exist, as it last was, as far
// as anybody knows. NoSuchKey: there never was one.
func (se *Session) LastDir(ctx context.Context, bucket, dir string) (Dir, error) {
	if err := se.authorizeList(actListBucketVersions, bucket, dir); err != nil {
		return Dir{}, err
	}
	var out Dir
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		d, err := sn.lastDir(b, dir)
		if err == nil && d == nil {
			err = noSuchKey(bucket, dir)
		}
		if err == nil {
			out = toDir(bucket, dir, d)
		}
		return err
	})
	return out, err
}
