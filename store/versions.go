package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// Versions returns every version of a key and its delete markers, newest first.
// NoSuchKey: there is none.
func (se *Session) Versions(ctx context.Context, bucket, key string) ([]Object, error) {
	if err := se.authorize(actListBucketVersions, bucket, key); err != nil {
		return nil, err
	}
	var out []Object
	err := se.viewHistory(ctx, bucket, key, func(sn *snap, b *record.Bucket) error {
		out = nil
		vs, err := sn.versions(b, key)
		if err != nil {
			return err
		}
		for i, v := range vs {
			out = append(out, toObject(bucket, key, v, i == 0))
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = noSuchKey(bucket, key)
	}
	return out, err
}

// versions returns the whole chain of a key at rest, newest first.
func (sn *snap) versions(b *record.Bucket, key string) ([]*record.Version, error) {
	top, err := sn.head(b.Id, key)
	if err != nil {
		return nil, err
	}
	if top == nil {
		if top, err = sn.dead(b.Id, key); err != nil {
			return nil, err
		}
	}
	if top == nil || top.Bare {
		return nil, nil
	}
	return sn.appendNoncurrent([]*record.Version{top}, b, key, 0)
}

// appendNoncurrent appends the noncurrent versions of a key that are older than a
// sequence, newest first; 0: all.
func (sn *snap) appendNoncurrent(out []*record.Version, b *record.Bucket, key string, olderThan uint64) ([]*record.Version, error) {
	o := meta.ScanOptions{Prefix: table.NoncurrentOf(b.Id, key)}
	if olderThan > 0 {
		o.Start = table.Noncurrent(b.Id, key, olderThan-1)
	}
	it := sn.r.Scan(o)
	defer it.Close()
	for it.Next() {
		v := new(record.Version)
		if err := unmarshal(it.Key(), it.Value(), v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, damaged(it.Err())
}

// A ListVersionsInput says what ListVersions lists. The markers are those of the page
// before: it goes on behind KeyMarker, or, if VersionMarker is given too, behind that
// version of KeyMarker.
type ListVersionsInput struct {
	Prefix, Delimiter        string
	KeyMarker, VersionMarker string
	Limit                    int // 0: 1000
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
	if err := se.authorize(actListBucketVersions, bucket, ""); err != nil {
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
	err = se.viewHistory(ctx, bucket, in.Prefix, func(sn *snap, b *record.Bucket) error {
		p = VersionsPage{}
		return sn.listVersions(b, in, limit, &p)
	})
	return p, err
}

// A topScan walks every key that has versions, live or not, in byte order.
type topScan struct {
	heads *headScan
	dead  meta.Iterator

	hasHead, hasDead bool
	deadKey          string
	deadTop          *record.Version
	err              error
	bucket           uint64
	prefix           string
}

func (sn *snap) tops(bucket uint64, prefix, start string) *topScan {
	t := &topScan{
		heads:  sn.heads(bucket, prefix, start),
		dead:   sn.r.Scan(meta.ScanOptions{Prefix: table.Dead(bucket, prefix)}),
		bucket: bucket, prefix: prefix,
	}
	t.hasHead = t.heads.Next()
	t.seekDead(start)
	return t
}

func (t *topScan) seek(start string) {
	t.heads.Seek(start)
	t.hasHead = t.heads.Next()
	t.seekDead(start)
}

func (t *topScan) seekDead(start string) {
	t.dead.Seek(table.Dead(t.bucket, max(start, t.prefix)))
	t.nextDead()
}

func (t *topScan) nextDead() {
	for t.dead.Next() {
		v := new(record.Version)
		if t.err = unmarshal(t.dead.Key(), t.dead.Value(), v); t.err != nil {
			break
		}
		if !v.Bare {
			t.deadKey, t.deadTop, t.hasDead = table.SplitKey(t.dead.Key()), v, true
			return
		}
	}
	t.hasDead = false
	if t.err == nil {
		t.err = damaged(t.dead.Err())
	}
}

// top returns the next key and its top; ok is false at the end.
func (t *topScan) top() (key string, v *record.Version, ok bool) {
	switch {
	case t.err != nil:
	case t.hasHead && (!t.hasDead || t.heads.Key() < t.deadKey):
		return t.heads.Key(), t.heads.Version(), true
	case t.hasDead:
		return t.deadKey, t.deadTop, true
	}
	return "", nil, false
}

// next goes on behind what top returned.
func (t *topScan) next() {
	if t.hasHead && (!t.hasDead || t.heads.Key() < t.deadKey) {
		t.hasHead = t.heads.Next()
		return
	}
	t.nextDead()
}

func (t *topScan) fault() error {
	if t.err != nil {
		return t.err
	}
	return t.heads.Err()
}

func (t *topScan) close() {
	t.heads.Close()
	t.dead.Close()
}

func (sn *snap) listVersions(b *record.Bucket, in ListVersionsInput, limit int, p *VersionsPage) error {
	start := listStart(in.Prefix, in.Delimiter, in.KeyMarker)
	if in.VersionMarker != "" {
		start = in.KeyMarker
	}
	t := sn.tops(b.Id, in.Prefix, start)
	defer t.close()
	for {
		key, top, ok := t.top()
		if !ok {
			p.NextKey, p.NextVersion = "", ""
			return t.fault()
		}
		if len(p.Versions)+len(p.Prefixes) >= limit {
			p.Truncated = true
			return nil
		}
		if group, ok := rollUp(in.Prefix, in.Delimiter, key); ok {
			p.Prefixes = append(p.Prefixes, group)
			p.NextKey, p.NextVersion = group, ""
			next, ok := afterPrefix(group)
			if !ok {
				p.NextKey = ""
				return t.fault()
			}
			t.seek(next)
			continue
		}
		marker := ""
		if key == in.KeyMarker {
			marker = in.VersionMarker
		}
		full, err := sn.pageVersions(b, key, top, marker, limit, p)
		if err != nil || full {
			return err
		}
		t.next()
	}
}

// pageVersions adds the versions of one key behind a marker to a page. full says that
// the page ended amid them.
func (sn *snap) pageVersions(b *record.Bucket, key string, top *record.Version, marker string, limit int, p *VersionsPage) (full bool, err error) {
	vs := []*record.Version{top}
	olderThan, skipTop, err := behind(top, marker)
	if err != nil {
		return false, err
	}
	if top.Noncurrent > 0 {
		if vs, err = sn.appendNoncurrent(vs, b, key, olderThan); err != nil {
			return false, err
		}
	}
	for i, v := range vs {
		if i == 0 && skipTop {
			continue
		}
		if len(p.Versions)+len(p.Prefixes) >= limit {
			p.Truncated = true
			return true, nil
		}
		p.Versions = append(p.Versions, toObject(b.Name, key, v, i == 0))
		p.NextKey, p.NextVersion = key, versionID(v)
	}
	return false, nil
}

// behind says where the versions behind a marker begin: older than a sequence, and
// whether the top is not among them.
func behind(top *record.Version, marker string) (olderThan uint64, skipTop bool, err error) {
	if marker == "" {
		return 0, false, nil
	}
	id, err := versioning.ParseID(marker)
	if err != nil {
		return 0, false, fault.Wrap(fault.InvalidVersionID, err, "version marker")
	}
	seq := id.Seq
	if id.IsNull() {
		if seq = top.NullSeq; top.Null {
			seq = top.Seq
		}
	}
	return seq, seq != 0 && top.Seq >= seq, nil
}
