package store

import (
	"fmt"
	"math"

	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// The versions of each key, checked against what its top says of them. The three
// tables of versions sort alike, so one pass over all of them at once sees each key
// with everything that belongs to it. Renames on their way do not matter here: the
// records of a chain are consistent before and after each key moves.

// A versionStream walks one table of versions.
type versionStream struct {
	it     meta.Iterator
	split  func(k []byte) (key string, err error)
	ok     bool
	bucket uint64
	key    string
	v      *record.Version
}

func (f *fsck) versionStream(prefix []byte, split func(k []byte) (string, error)) *versionStream {
	s := &versionStream{it: f.sn.r.Scan(meta.ScanOptions{Prefix: prefix[:1]}), split: split}
	return s
}

func splitPlain(k []byte) (string, error) { return table.SplitKey(k), nil }

// next goes to the next version that can be read.
func (s *versionStream) next(f *fsck) error {
	s.ok = false
	if err := f.step(); err != nil {
		return err
	}
	if !s.it.Next() {
		if err := damaged(s.it.Err()); err != nil && !unreadable(err) {
			return err
		}
		return nil
	}
	k := s.it.Key()
	var err error
	if s.key, err = s.split(k); err != nil {
		return err
	}
	s.ok, s.bucket, s.v = true, table.SplitBucket(k), new(record.Version)
	return unmarshal(k, s.it.Value(), s.v)
}

// at says whether the stream stands at a key.
func (s *versionStream) at(bucket uint64, key string) bool {
	return s.ok && s.bucket == bucket && s.key == key
}

// checkChains checks every key that has versions.
func (f *fsck) checkChains() error {
	f.begin("versions", 0)
	heads := f.versionStream(table.Head(0, ""), splitPlain)
	dead := f.versionStream(table.Dead(0, ""), splitPlain)
	old := f.versionStream(table.NoncurrentBelow(0, ""), dropNumber(table.SplitNoncurrent))
	streams := []*versionStream{heads, dead, old}
	for _, s := range streams {
		defer s.it.Close()
		if err := s.next(f); err != nil {
			return err
		}
	}
	for {
		var min *versionStream
		for _, s := range streams {
			if s.ok && (min == nil || s.bucket < min.bucket || s.bucket == min.bucket && s.key < min.key) {
				min = s
			}
		}
		if min == nil {
			return nil
		}
		if err := f.checkChain(min.bucket, min.key, heads, dead, old); err != nil {
			return err
		}
	}
}

// checkChain checks one key and leaves the streams behind it.
func (f *fsck) checkChain(bucket uint64, key string, heads, dead, old *versionStream) error {
	c := chainCheck{f: f, bucket: bucket, key: key}
	if heads.at(bucket, key) {
		c.top, c.live = heads.v, true
		if err := heads.next(f); err != nil {
			return err
		}
	}
	if dead.at(bucket, key) {
		if c.live {
			c.say("it exists and is deleted at once")
		} else {
			c.top = dead.v
		}
		if err := dead.next(f); err != nil {
			return err
		}
	}
	c.begin()
	for old.at(bucket, key) {
		c.noncurrent(old.v)
		if err := old.next(f); err != nil {
			return err
		}
	}
	c.end()
	if c.what == "" {
		return nil
	}
	return f.add(ProblemChain, f.object(bucket, key), c.what, f.chainRemedy(bucket, key))
}

// A chainCheck follows the versions of one key, newest first.
type chainCheck struct {
	f      *fsck
	bucket uint64
	key    string
	top    *record.Version
	live   bool
	what   string // the first thing that is wrong

	count   uint64
	nullSeq uint64 // of the noncurrent null version
	seq     uint64 // of the version before
	number  uint64
	time    int64
}

// say notes what is wrong; what follows from it is not worth more lines.
func (c *chainCheck) say(format string, args ...any) {
	if c.what == "" {
		c.what = fmt.Sprintf(format, args...)
	}
}

func (c *chainCheck) begin() {
	top := c.top
	b := c.f.buckets[c.bucket]
	if top == nil {
		c.say("it has old versions and nothing on top of them")
		c.seq, c.number, c.time = math.MaxUint64, math.MaxUint64, math.MaxInt64
		return
	}
	if b != nil && !b.EverVersioned && (!c.live || !top.Null || top.Noncurrent > 0) {
		c.say("it has history in a bucket that never was versioned")
	}
	if !top.Bare && (top.Number == 0 || top.Number >= top.NextNumber) {
		c.say("its current version has number %d and the next would get %d", top.Number, top.NextNumber)
	}
	switch {
	case !top.Bare:
		c.turns(top, 0)
	case len(top.Turns) > 0: // older counters say nothing of when
		c.turns(top, 1)
	}
	c.seq, c.number, c.time = top.Seq, top.Number, top.TimeNs
	if top.Bare {
		c.number = top.NextNumber
	}
}

func (c *chainCheck) noncurrent(v *record.Version) {
	c.count++
	switch {
	case v.Seq >= c.seq:
		c.say("its versions of commits %d and %d are out of order", c.seq, v.Seq)
	case v.Number == 0 || v.Number >= c.number:
		c.say("its versions with numbers %d and %d are out of order", c.number, v.Number)
	case v.TimeNs > c.time:
		c.say("its version %d is younger than the one after it", v.Number)
	case v.Null && (c.nullSeq != 0 || c.top.GetNull()):
		c.say("it has more than one null version")
	}
	// What was covered before turns were recorded has none.
	if len(v.Turns) > 0 {
		c.turns(v, 1)
	}
	if v.Null {
		c.nullSeq = v.Seq
	}
	c.seq, c.number, c.time = v.Seq, v.Number, v.TimeNs
}

// turns checks when a version says that it was current; odd is 1 if it is not now.
func (c *chainCheck) turns(v *record.Version, odd int) {
	last := v.Seq
	for _, turn := range v.Turns {
		if turn <= last || turn > c.f.seq {
			c.say("its version of commit %d says that it was current or not since commit %d", v.Seq, turn)
			return
		}
		last = turn
	}
	if len(v.Turns)%2 != odd {
		c.say("its version of commit %d contradicts its place about whether it is current", v.Seq)
	}
}

func (c *chainCheck) end() {
	if c.top == nil {
		return
	}
	switch {
	case c.top.Noncurrent != c.count:
		c.say("it has %d old versions and its current one says %d", c.count, c.top.Noncurrent)
	case c.top.NullSeq != c.nullSeq:
		c.say("its null version is that of commit %d and its current one says %d", c.nullSeq, c.top.NullSeq)
	case c.top.Bare && c.count > 0:
		c.say("it has old versions below a mere counter")
	}
}
