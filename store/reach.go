package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// Renaming a directory to a longer name lengthens every key below it, and none may
// become longer than a key can be. So the record of a directory bounds how many bytes
// longer than its own the keys below it are. The bound is raised as keys come to life,
// which changes directories further up only when a key is longer than all before, and
// is not lowered as they die. Only where it forbids a rename are the keys looked at:
// once, in a snapshot, while nobody has to wait.

// raise makes n bytes part of the bound of a directory. It returns false if they were.
func raise(d *record.Dir, n int) bool {
	if d.Reach == 0 || n < int(d.Reach) {
		return false
	}
	d.Reach = uint32(n) + 1
	return true
}

// reaches raises the bounds of a directory, whose record d the caller puts, and of
// those above it for a key in it that is n bytes longer than its own.
func (t *txn) reaches(b *record.Bucket, dir string, d *record.Dir, n int) error {
	if t.s.counts.active.Load() > 0 {
		t.onMerged(func() { t.s.counts.born(b.Id, dir, n) })
	}
	if !raise(d, n) {
		return nil
	}
	return t.eachAbove(b, dir, func(p *record.Dir, below int) bool { return raise(p, n+below) })
}

// reachesUnknown is reaches for a directory of which it is not known how far the keys
// below it reach.
func (t *txn) reachesUnknown(b *record.Bucket, dir string, d *record.Dir) error {
	if d.Reach == 0 {
		return nil
	}
	d.Reach = 0
	return t.eachAbove(b, dir, func(p *record.Dir, _ int) bool {
		known := p.Reach != 0
		p.Reach = 0
		return known
	})
}

// eachAbove calls fn with the records of the directories above dir, and by how many
// bytes dir's key is longer than theirs, and puts them, until fn returns false.
func (t *txn) eachAbove(b *record.Bucket, dir string, fn func(p *record.Dir, below int) bool) error {
	for parent, _, ok := table.ParentDir(dir); ok; parent, _, ok = table.ParentDir(parent) {
		p, err := t.dirForWrite(b, parent)
		if err != nil {
			return err
		}
		if p == nil {
			return fault.New(fault.Damaged, "directory %q of %s has no record; run pail fsck", parent, b.Name)
		}
		if !fn(p, len(dir)-len(parent)) {
			return nil
		}
		if err := t.put(table.Dir(b.Id, parent), p); err != nil {
			return err
		}
	}
	return nil
}

// reachesAs is reaches for a directory that comes into another one: dir is its key
// there, d its record, p that of the other.
func (t *txn) reachesAs(b *record.Bucket, dir string, d *record.Dir, p *record.Dir) error {
	parent, name, _ := table.ParentDir(dir)
	if d.Reach == 0 {
		return t.reachesUnknown(b, parent, p)
	}
	return t.reaches(b, parent, p, len(name)+len("/")+int(d.Reach)-1)
}

// A reachError says that the keys below a directory have to be looked at.
type reachError struct{ dir string }

func (e *reachError) Error() string { return fmt.Sprintf("the keys below %q are not counted", e.dir) }

// fits fails with KeyTooLong if a key below a directory, whose record is d, would be too
// long after its rename. What is counted of it is in counts; if that does not say, it
// fails with a reachError.
func (t *txn) fits(b *record.Bucket, from, to string, d *record.Dir, counts []*reachCount) error {
	if len(to) <= len(from) {
		return nil
	}
	room := versioning.MaxKey - len(to)
	for _, key := range t.s.files.keysBelow(b.Id, from) { // new files are in no record
		if len(key)-len(from) > room {
			return tooLongBelow(b, from, to)
		}
	}
	if d.Reach != 0 && int(d.Reach)-1 <= room {
		return nil
	}
	for _, c := range counts {
		if n, ok := c.result(from); ok {
			if n > room {
				return tooLongBelow(b, from, to)
			}
			d.Reach = uint32(n) + 1
			return nil
		}
	}
	return &reachError{from}
}

func tooLongBelow(b *record.Bucket, from, to string) error {
	return fault.New(fault.KeyTooLong, "a key below %s would have more than %d bytes below %s", from, versioning.MaxKey, to).At(b.Name, from)
}

// A reachCount is how many bytes longer than a directory's key the keys below it are, as
// somebody who is about to rename it counts them. Keys that come to life meanwhile are
// told to it.
type reachCount struct {
	bucket uint64
	dir    string

	mu      sync.Mutex // guards what follows
	longest int
	stale   bool // a rename took it, or something above it, elsewhere
}

func (c *reachCount) result(dir string) (longest int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.longest, dir == c.dir && !c.stale
}

func (c *reachCount) note(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, n)
}

// A reachTable knows who is counting.
type reachTable struct {
	active atomic.Int64 // len(all)

	mu  sync.Mutex // guards all
	all []*reachCount
}

func (r *reachTable) add(c *reachCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, c)
	r.active.Store(int64(len(r.all)))
}

func (r *reachTable) remove(c *reachCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.all {
		if r.all[i] == c {
			r.all = append(r.all[:i], r.all[i+1:]...)
			break
		}
	}
	r.active.Store(int64(len(r.all)))
}

// born tells of a key that came to life in a directory, n bytes longer than its own.
func (r *reachTable) born(bucket uint64, dir string, n int) {
	r.each(bucket, func(c *reachCount) {
		if hasPrefix(dir, c.dir) {
			c.note(len(dir) + n - len(c.dir))
		}
	})
}

// moved tells of a rename.
func (r *reachTable) moved(m *record.Move) {
	r.each(m.Bucket, func(c *reachCount) {
		if overlap(c.dir, m.From) || overlap(c.dir, m.To) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.stale = true
		}
	})
}

func (r *reachTable) each(bucket uint64, fn func(*reachCount)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.all {
		if c.bucket == bucket {
			fn(c)
		}
	}
}

// counted runs fn, an update that renames directories, with what was counted, until it
// no longer fails for want of that.
func (se *Session) counted(ctx context.Context, bucket string, fn func([]*reachCount) error) error {
	var counts []*reachCount
	defer func() {
		for _, c := range counts {
			se.s.counts.remove(c)
		}
	}()
	for {
		err := fn(counts)
		var want *reachError
		if !errors.As(err, &want) {
			return err
		}
		c, err := se.startCount(ctx, bucket, want.dir)
		if err != nil {
			return err
		}
		counts = append(counts, c)
		if err := se.countReach(ctx, bucket, c); err != nil {
			return err
		}
	}
}

// startCount has keys told from a certain place in the order of updates on. A snapshot
// taken after it shows all that came before.
func (se *Session) startCount(ctx context.Context, bucket, dir string) (*reachCount, error) {
	c := &reachCount{dir: dir}
	_, err := se.update(ctx, freeing, bucket, func(t *txn, b *record.Bucket) error {
		t.quiet = true
		c.bucket = b.Id
		t.onMerged(func() { t.s.counts.add(c) })
		return nil
	})
	if err != nil {
		se.s.counts.remove(c)
		return nil, err
	}
	return c, nil
}

func (se *Session) countReach(ctx context.Context, bucket string, c *reachCount) error {
	count := func(sn *snap, b *record.Bucket) error {
		if err := sn.atRest(b.Id, c.dir); err != nil {
			return err
		}
		prefix := table.Head(b.Id, c.dir)
		it := sn.r.Scan(meta.ScanOptions{Prefix: prefix, KeysOnly: true})
		defer it.Close()
		longest := 0
		for n := 0; it.Next(); n++ {
			if n%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			longest = max(longest, len(it.Key())-len(prefix))
		}
		c.note(longest)
		return damaged(it.Err())
	}
	return se.s.whenAtRest(ctx, func() error { return se.view(bucket, count) })
}
