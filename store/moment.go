package store

import (
	"context"
	"encoding/binary"
	"math"
	"sync/atomic"
	"time"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// Views of the past are prefixes of the order of commits: a time stands for the last
// commit that happened until then, and for all before it, whatever the clock said at
// theirs. Commits are timed to the millisecond: the first one in each is sampled. Between
// two settings back of the clock the samples rise, so that they are searched and not
// read; the runs of samples in between are told apart by table.Setback.

// A Moment is a point in the order of commits to which somebody looks back.
type Moment struct {
	// Seq is the last commit that had happened.
	Seq uint64
	// Last is when that was, up to the end of its millisecond.
	Last time.Time
	// Time is what was asked for.
	Time time.Time
	// Relative says that the expression means another moment when it is read later.
	Relative bool
}

// Moment reads a time expression (see versioning.ParseTime), as of now. InvalidArgument:
// it is none, or lies in the future. The bucket is the one to be looked at; "" is the
// list of buckets.
func (se *Session) Moment(ctx context.Context, bucket, expr string) (Moment, error) {
	act := actListBucketVersions
	if bucket == "" {
		act = actListBuckets
	}
	if err := se.authorize(act, bucket, ""); err != nil {
		return Moment{}, err
	}
	now := se.s.now()
	m, err := versioning.ParseTime(expr, now)
	if err != nil {
		return Moment{}, fault.Wrap(fault.InvalidArgument, err, "a time to look back to")
	}
	out := Moment{Time: m.Time, Relative: m.Relative}
	err = se.s.view(func(sn *snap) error {
		if m.Time.Equal(now) { // whatever the clock said before it was set back
			out.Seq = sn.lastSeq()
		} else if out.Seq, err = sn.seqAt(m.Time); err != nil {
			return err
		}
		out.Last, err = sn.timeOf(out.Seq)
		return err
	})
	return out, err
}

// lastSeq is the last commit that the snapshot sees.
func (sn *snap) lastSeq() uint64 {
	if v, ok := sn.r.(*meta.View); ok {
		return v.Seq()
	}
	return math.MaxUint64 - 1
}

// seqAt returns the last commit whose time is not after t, 0 if there is none.
func (sn *snap) seqAt(t time.Time) (uint64, error) {
	ms := t.UnixMilli()
	from, until, err := sn.runOf(ms)
	if err != nil {
		return 0, err
	}
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Times()})
	defer it.Close()
	// next is the first sample at or after a commit, math.MaxUint64 if there is none.
	next := func(seq uint64) (sample uint64, at int64, err error) {
		it.Seek(table.Time(seq))
		if !it.Next() {
			return math.MaxUint64, 0, damaged(it.Err())
		}
		if sample, err = table.Number(it.Key()); err != nil {
			return 0, 0, fault.Wrap(fault.Damaged, err, "time of a commit")
		}
		return sample, msOf(it.Value()), nil
	}
	// The first sample of the run that is after t ends it; what is before its commit
	// is in the millisecond of the sample before.
	last := sn.lastSeq()
	lo, hi := from, min(until, last+1)
	for lo < hi {
		mid := lo + (hi-lo)/2
		sample, at, err := next(mid)
		switch {
		case err != nil:
			return 0, err
		case sample >= hi || at > ms:
			hi = mid
		default:
			lo = sample + 1
		}
	}
	if lo == 0 {
		return 0, nil // it was before all that is known
	}
	sample, _, err := next(lo)
	switch {
	case err != nil:
		return 0, err
	case sample > last:
		return last, nil
	}
	return sample - 1, nil
}

// runOf returns the newest run of samples that begins by then: from its first commit
// until that of the run after it.
func (sn *snap) runOf(ms int64) (from, until uint64, err error) {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Setbacks(), Reverse: true})
	defer it.Close()
	until = math.MaxUint64
	for it.Next() {
		seq, err := table.Number(it.Key())
		if err != nil {
			return 0, 0, fault.Wrap(fault.Damaged, err, "setback of the clock")
		}
		if msOf(it.Value()) <= ms {
			return seq, until, nil
		}
		until = seq
	}
	return 0, until, damaged(it.Err())
}

// timeOf returns when a commit happened, as the end of its millisecond; zero if nobody
// knows.
func (sn *snap) timeOf(seq uint64) (time.Time, error) {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Times(), Start: table.Time(seq), Reverse: true})
	defer it.Close()
	if !it.Next() {
		return time.Time{}, damaged(it.Err())
	}
	return time.UnixMilli(msOf(it.Value()) + 1).Add(-1).UTC(), nil
}

func msOf(value []byte) int64 { return time.Unix(0, int64(beUint64(value))).UnixMilli() }

// A sampler keeps when commits happened.
type sampler struct {
	ms atomic.Int64 // of the last sample
}

// load reads the last sample.
func (s *sampler) load(sn *snap) error {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Times(), Reverse: true})
	defer it.Close()
	if !it.Next() {
		return damaged(it.Err())
	}
	s.ms.Store(msOf(it.Value()))
	return nil
}

// sampleTime keeps when the update happens, unless the millisecond has a sample.
func (t *txn) sampleTime() {
	now, last := t.tx.Now(), t.s.sampler.ms.Load()
	ms := now.UnixMilli()
	if ms == last {
		return
	}
	value := binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano()))
	t.tx.Set(table.Time(t.tx.Seq()), value)
	if ms < last {
		t.tx.Set(table.Setback(t.tx.Seq()), value)
	}
	t.onMerged(func() { t.s.sampler.ms.Store(ms) })
}
