package store

import (
	"context"
	"math"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// Versions returns every version of a key and its delete markers, newest first.
// NoSuchKey: there is none. KeyHistory does so in pages.
func (se *Session) Versions(ctx context.Context, bucket, key string) ([]Object, error) {
	var out []Object
	for in := (KeyHistoryInput{}); ; {
		vs, more, err := se.KeyHistory(ctx, bucket, key, in)
		if err != nil {
			return nil, err
		}
		out = append(out, vs...)
		if !more {
			return out, nil
		}
		in.Behind = vs[len(vs)-1].Seq
	}
}

// A KeyHistoryInput says what KeyHistory lists.
type KeyHistoryInput struct {
	OldestFirst bool
	Behind      uint64 // go on behind the version of this commit; 0: from the beginning
	Limit       int    // 0: 1000
}

// KeyHistory returns one page of the versions and delete markers of a key, newest first
// unless OldestFirst; more says that there are others behind. NoSuchKey: there is none
// at all.
func (se *Session) KeyHistory(ctx context.Context, bucket, key string, in KeyHistoryInput) (vs []Object, more bool, err error) {
	if err := se.authorize(actListBucketVersions, bucket, key); err != nil {
		return nil, false, err
	}
	limit, err := pageLimit(in.Limit)
	if err != nil {
		return nil, false, err
	}
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		l, err := sn.line(b, key)
		if err != nil {
			return err
		}
		if !l.some() {
			return noSuchKey(bucket, key)
		}
		add := func(v *record.Version) (bool, error) {
			if more = len(vs) == limit; !more {
				vs = append(vs, toObject(bucket, key, v, v == l.top))
			}
			return !more, nil
		}
		switch {
		case in.OldestFirst:
			return l.oldest(in.Behind, add)
		case in.Behind == 0:
			return l.newest(math.MaxUint64, add)
		}
		return l.newest(in.Behind-1, add)
	})
	return vs, more, err
}

// A ListVersionsInput says what ListVersions lists. The markers are those of the page
// before: it goes on behind KeyMarker, or, if VersionMarker is given too, behind that
// version of KeyMarker.
type ListVersionsInput struct {
	Prefix, Delimiter        string
	KeyMarker, VersionMarker string
	Limit                    int // 0: 1000
	Asked                    int // as of ListInput
}

// A VersionsPage is one page of versions and delete markers: keys in byte order, the
// newest version of each first.
type VersionsPage struct {
	Versions             []Object
	Prefixes             []string
	NextKey, NextVersion string
	Truncated            bool
}

// ListVersions returns one page of all versions of a bucket.
func (se *Session) ListVersions(ctx context.Context, bucket string, in ListVersionsInput) (VersionsPage, error) {
	err := se.authorizeFor(actListBucketVersions, bucket, "", func(a *asked) { a.list = &listAsked{in.Prefix, in.Delimiter, in.Asked} })
	if err != nil {
		return VersionsPage{}, err
	}
	limit, err := pageLimit(in.Limit)
	if err != nil {
		return VersionsPage{}, err
	}
	if in.VersionMarker != "" && in.KeyMarker == "" {
		return VersionsPage{}, fault.New(fault.InvalidArgument, "a version marker needs a key marker")
	}
	var p VersionsPage
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		p = VersionsPage{}
		return sn.listVersions(b, in, limit, &p)
	})
	return p, err
}

func (sn *snap) listVersions(b *record.Bucket, in ListVersionsInput, limit int, p *VersionsPage) error {
	start := listStart(in.Prefix, in.Delimiter, in.KeyMarker)
	if in.VersionMarker != "" {
		start = in.KeyMarker
	}
	k := sn.keys(b, in.Prefix, start)
	defer k.Close()
	for k.Next() {
		l, err := k.Line()
		if err != nil {
			return err
		}
		if !l.some() {
			continue
		}
		if len(p.Versions)+len(p.Prefixes) >= limit {
			p.Truncated = true
			return nil
		}
		if group, ok := rollUp(in.Prefix, in.Delimiter, k.Key()); ok {
			p.Prefixes = append(p.Prefixes, group)
			p.NextKey, p.NextVersion = group, ""
			next, ok := afterPrefix(group)
			if !ok {
				break
			}
			k.Seek(next)
			continue
		}
		marker := ""
		if k.Key() == in.KeyMarker {
			marker = in.VersionMarker
		}
		full, err := sn.pageVersions(b, l, marker, limit, p)
		if err != nil || full {
			return err
		}
	}
	p.NextKey, p.NextVersion = "", ""
	return k.Err()
}

// pageVersions adds the versions of one key behind a marker to a page. full says that
// the page ended amid them.
func (sn *snap) pageVersions(b *record.Bucket, l *line, marker string, limit int, p *VersionsPage) (full bool, err error) {
	until, err := l.behind(marker)
	if err != nil {
		return false, err
	}
	rules := rulesOf(b)
	err = l.newest(until, func(v *record.Version) (bool, error) {
		if len(p.Versions)+len(p.Prefixes) >= limit {
			p.Truncated, full = true, true
			return false, nil
		}
		p.Versions = append(p.Versions, rules.owned(toObject(b.Name, l.key, v, v == l.top), v))
		p.NextKey, p.NextVersion = l.key, versionID(v)
		return true, nil
	})
	return full, err
}

// behind says where the versions behind a marker begin: with the newest one that is not
// younger than a commit.
func (l *line) behind(marker string) (until uint64, err error) {
	if marker == "" {
		return math.MaxUint64, nil
	}
	id, err := versioning.ParseID(marker)
	if err != nil {
		return 0, fault.Wrap(fault.InvalidVersionID, err, "version marker")
	}
	seq := id.Seq
	if id.IsNull() {
		seq = l.nullSeq()
	}
	return seq - 1, nil // without a null version: all
}
