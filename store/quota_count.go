package store

import (
	"context"
	"math"

	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// Counting what a bucket held when it got its quota: in updates, each of which goes on where
// the record says, adds what it finds, and says where the next one goes on.

// countedPerUpdate bounds how many versions one update counts, and so how long others wait
// for it; a key is counted in one, however many it has.
const countedPerUpdate = 5000

// newCounter is the job that goes on with what was interrupted.
func newCounter(s *Store) *work.Job {
	return s.jobs.Add(work.Task{Name: "quota", Run: func(ctx context.Context, _ *work.Progress) error {
		for _, b := range s.buckets.all("") {
			if b.Quota == nil {
				continue
			}
			if err := s.countBucket(ctx, b.Id); err != nil {
				return err
			}
		}
		return nil
	}})
}

// countBucket counts to the end what a bucket holds.
func (s *Store) countBucket(ctx context.Context, bucket uint64) error {
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := s.update(ctx, author{}, freeing, func(t *txn) (err error) {
			done, err = t.countSome(bucket)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// countSome counts the next keys of a bucket.
func (t *txn) countSome(bucket uint64) (done bool, err error) {
	b := t.bucketByID(bucket)
	if b == nil || b.Quota == nil {
		return true, nil
	}
	u, err := t.usage(bucket)
	if err != nil || u.Done {
		return true, err
	}
	where := t.snap
	where.moves = nil // records where they stand: a rename on its way takes what it takes by updates
	start := ""
	if u.Upto != "" {
		start = u.Upto + "\x00"
	}
	k := where.keys(b, "", start)
	defer k.Close()
	u.Done = true
	for n := 0; k.Next(); {
		if n >= countedPerUpdate {
			u.Done = false
			break
		}
		l, err := k.Line()
		if err != nil {
			if ignoreUnreadable(err) != nil {
				return false, err
			}
			u.Upto = k.Key() // pail fsck says more, and counts again
			continue
		}
		err = l.newest(math.MaxUint64, func(v *record.Version) (bool, error) {
			if n++; !v.Marker && !v.Bare {
				u.Bytes += v.Size
				u.Objects++
			}
			return true, nil
		})
		if err := ignoreUnreadable(err); err != nil {
			return false, err
		}
		u.Upto = k.Key()
	}
	if err := k.Err(); err != nil {
		return false, err
	}
	t.quiet = true
	return u.Done, t.putUsage(bucket, u)
}

// checkQuotas compares what buckets are said to hold with what they hold.
func (f *fsck) checkQuotas() error {
	for id, b := range f.buckets {
		if b.Quota == nil {
			continue
		}
		if err := f.checkComing(id, b.Name); err != nil {
			return err
		}
		k := usageKey(id)
		said, err := f.sn.usage(id)
		if err != nil {
			return err
		}
		if !said.Done {
			continue // it is being counted
		}
		var is record.Usage
		for _, prefix := range [][]byte{table.Head(id, ""), table.NoncurrentBelow(id, "")} {
			err := f.scan(prefix, func(k, value []byte) error {
				var v record.Version
				if err := unmarshal(k, value, &v); err != nil {
					return ignoreUnreadable(err)
				}
				if !v.Marker && !v.Bare {
					is.Bytes += v.Size
					is.Objects++
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		if is.Bytes != said.Bytes || is.Objects != said.Objects {
			err := f.wrong(k, f.countAgain(id), "bucket %q is said to hold %d bytes in %d versions and holds %d in %d", b.Name, said.Bytes, said.Objects, is.Bytes, is.Objects)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// checkComing finds room that is kept in a bucket for renames none of which is on its way.
func (f *fsck) checkComing(bucket uint64, name string) error {
	k := comingKey(bucket)
	u := new(record.Usage)
	ok, err := f.sn.get(k, u)
	if !ok || err != nil {
		return ignoreUnreadable(err)
	}
	for _, m := range f.sn.moves {
		if m.Bucket == bucket {
			return nil
		}
	}
	free := remedy{does: "gives it up", late: true, fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			if len(t.moves) == 0 {
				t.noneComes(bucket)
			}
			return nil
		})
	}}
	return f.wrong(k, free, "bucket %q keeps room for %d bytes in %d versions of renames, and none is on its way", name, u.Bytes, u.Objects)
}

// countAgain has what a bucket holds counted anew.
func (f *fsck) countAgain(bucket uint64) remedy {
	return remedy{does: "counts it anew", late: true, fix: func(r *repairer) error {
		err := r.update(func(t *txn) error { return t.putUsage(bucket, &record.Usage{Schema: record.Schema}) })
		if err != nil {
			return err
		}
		return r.s.countBucket(r.ctx, bucket)
	}}
}
