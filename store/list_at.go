package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// ListAt is List as it was at a moment, as far as it is kept. What changes without a
// version, attributes and tags, is as it last was. NoSuchKey: the bucket did not exist.
func (se *Session) ListAt(ctx context.Context, bucket string, at Moment, in ListInput) (ListPage, error) {
	err := se.authorizeFor(actListBucketVersions, bucket, "", func(a *asked) { a.list = &listAsked{in.Prefix, in.Delimiter, in.Asked} })
	if err != nil {
		return ListPage{}, err
	}
	limit, err := pageLimit(in.Limit)
	if err != nil {
		return ListPage{}, err
	}
	var p ListPage
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		if b.Born > at.Seq {
			return fault.New(fault.NoSuchKey, "the bucket %s did not exist then", bucket)
		}
		p, err = sn.listAt(b, at.Seq, in, limit)
		return err
	})
	return p, err
}

func (sn *snap) listAt(b *record.Bucket, at uint64, in ListInput, limit int) (ListPage, error) {
	var p ListPage
	k := sn.keys(b, in.Prefix, listStart(in.Prefix, in.Delimiter, in.StartAfter))
	defer k.Close()
	for k.Next() {
		l, err := k.Line()
		if err != nil {
			return p, err
		}
		v, _, err := l.asOf(at)
		if err != nil {
			return p, err
		}
		if v == nil {
			continue
		}
		if len(p.Objects)+len(p.Prefixes) == limit {
			p.Truncated = true
			return p, nil
		}
		if group, ok := rollUp(in.Prefix, in.Delimiter, l.key); ok {
			p.Prefixes, p.Next = append(p.Prefixes, group), group
			next, ok := afterPrefix(group)
			if !ok {
				break
			}
			k.Seek(next)
			continue
		}
		p.Objects, p.Next = append(p.Objects, toObject(b.Name, l.key, v, v == l.top)), l.key
	}
	p.Next = ""
	return p, k.Err()
}
