package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// What is known to be damaged. Each range of a content file or an inlined content that is
// not what was written has a record, with whose bytes it is; scrubbing makes and removes
// them. A read that meets damage is told of in the log at once, with what was read, and
// has scrubbing look at that content.

// A Damage is a range of bytes that an object, or something that is to become one, has
// lost: reading them fails.
type Damage struct {
	Bucket  string
	Key     string
	Version string // version id; empty if What is not
	Number  uint64 // of the version within its key
	Off     int64  // in the object, in bytes
	Len     int64
	What    string // what has lost them if it is no version: "draft" or "part of an upload"
	Why     string
	Found   time.Time
}

// String is the damage in one line.
func (d Damage) String() string {
	what := "version " + d.Version
	if d.Version == "" {
		what = d.What
	}
	return fmt.Sprintf("%s/%s %s: bytes %d to %d: %s", d.Bucket, d.Key, what, d.Off, d.Off+d.Len-1, d.Why)
}

// A contentID names a content file or an inlined content.
type contentID struct {
	id      uint64
	inlined bool
}

// A damageID is where a damaged range begins.
type damageID struct {
	contentID
	off int64
}

func damageIDOf(d *record.Damage) damageID {
	return damageID{contentID{d.Id, d.Inlined}, d.Off}
}

// settingDamage is where records of damage stand, by what is damaged and where.
func settingDamage() []byte { return table.Setting("damage/") }

func (id damageID) key() []byte {
	k := append(settingDamage(), 0)
	if id.inlined {
		k[len(k)-1] = 1
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(k, id.id), uint64(id.off))
}

// Bounds of memory.
const (
	damageMost = 1000   // damages that are kept
	partsMost  = 100    // owners of one of them
	toldMost   = 10_000 // places that the log has told of
)

// loadDamage reads the records of damage. mu is held.
func (c *scrubber) loadDamage(sn *snap) error {
	return eachRecord(context.Background(), sn, settingDamage(), nil, func(k, v []byte, err error) error {
		d := new(record.Damage)
		if err == nil && unmarshal(k, v, d) == nil {
			c.known[damageIDOf(d)] = d
		}
		return nil
	})
}

// file notes damage that has been named, and tells the log of what it has not. What nobody
// owns is none.
func (c *scrubber) file(found []*record.Damage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range found {
		id := damageIDOf(d)
		if len(d.Parts) == 0 {
			continue
		}
		for _, p := range d.Parts {
			if c.known[id] == nil && c.told.first(contentID{d.Id, d.Inlined}, p.Bucket, p.Key, p.Version) {
				c.s.log.Error("damage", "bucket", p.Bucket, "key", p.Key, "version", p.Version, "offset", p.Off, "length", p.Len, "what", p.What, "err", d.Why)
			}
		}
		if c.known[id] == nil && len(c.known) >= damageMost {
			c.more++
			continue
		}
		c.known[id] = d
		c.unwritten[id] = true
	}
}

// confirm takes away what was known of a content behind an offset and is not among what
// was found there now.
func (c *scrubber) confirm(id contentID, from int64, found map[damageID]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for known := range c.known {
		if known.contentID == id && known.off >= from && !found[known] {
			c.forget(known)
		}
	}
}

// forget takes a damage away. mu is held.
func (c *scrubber) forget(id damageID) {
	delete(c.known, id)
	c.unwritten[id] = true
}

// prune takes away what was known of contents that have gone, when a pass has ended.
func (c *scrubber) prune() error {
	gone := map[contentID]bool{}
	err := c.s.view(func(sn *snap) error {
		for _, d := range c.all() {
			id := contentID{d.Id, d.Inlined}
			there, err := sn.hasContent(id)
			if err != nil {
				return err
			}
			gone[id] = !there
		}
		return nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.more = 0
	for id := range c.known {
		if gone[id.contentID] {
			c.forget(id)
		}
	}
	return err
}

// hasContent says whether a content is there. What cannot be read is.
func (sn *snap) hasContent(id contentID) (bool, error) {
	k := table.Blob(id.id)
	if id.inlined {
		k = table.Inline(id.id)
	}
	there, err := sn.has(k)
	if unreadable(err) {
		return true, nil
	}
	return there, err
}

// all returns what is known, in order.
func (c *scrubber) all() []*record.Damage {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*record.Damage, 0, len(c.known))
	for _, d := range c.known {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *record.Damage) int {
		return slices.Compare(damageIDOf(a).key(), damageIDOf(b).key())
	})
	return out
}

// write records what has changed of the damages, and how far scrubbing is.
func (c *scrubber) write(ctx context.Context, st *record.Scrub) error {
	c.mu.Lock()
	put, gone := []*record.Damage{}, []damageID{}
	for id := range c.unwritten {
		if d := c.known[id]; d != nil {
			put = append(put, d)
		} else {
			gone = append(gone, id)
		}
	}
	c.mu.Unlock()
	_, err := c.s.update(ctx, author{}, freeing, func(t *txn) error {
		t.quiet = true
		for _, id := range gone {
			t.tx.Delete(id.key())
		}
		for _, d := range put {
			if err := t.put(damageIDOf(d).key(), d); err != nil {
				return err
			}
		}
		return t.put(settingScrub(), st)
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range put {
		delete(c.unwritten, damageIDOf(d))
	}
	for _, id := range gone {
		delete(c.unwritten, id)
	}
	return nil
}

// damage returns what is known to be damaged and still there, in the order of names.
func (c *scrubber) damage() (out []Damage, more int, err error) {
	known := c.all()
	c.mu.Lock()
	more = c.more
	c.mu.Unlock()
	err = c.s.view(func(sn *snap) error {
		for _, d := range known {
			there, err := sn.hasContent(contentID{d.Id, d.Inlined})
			if err != nil {
				return err
			}
			if !there {
				continue
			}
			more += int(d.More)
			for _, p := range d.Parts {
				out = append(out, Damage{
					Bucket: p.Bucket, Key: p.Key, Version: p.Version, Number: p.Number,
					Off: p.Off, Len: p.Len, What: p.What, Why: d.Why, Found: time.Unix(0, d.FoundNs),
				})
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b Damage) int {
		return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Key, b.Key), cmp.Compare(b.Number, a.Number), cmp.Compare(a.Off, b.Off))
	})
	return out, more, err
}

// suspect has scrubbing look at a content.
func (c *scrubber) suspect(id contentID) {
	c.mu.Lock()
	full := len(c.suspects) >= damageMost
	if !full {
		c.suspects[id] = true
	}
	c.mu.Unlock()
	c.job.Wake()
}

func (c *scrubber) suspecting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.suspects) > 0
}

func (c *scrubber) takeSuspects() []contentID {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]contentID, 0, len(c.suspects))
	for id := range c.suspects {
		out = append(out, id)
	}
	clear(c.suspects)
	return out
}

// A contentError is a failure to read a content, with the content.
type contentError struct {
	id  contentID
	err error
}

func (e *contentError) Error() string { return e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// isDamage says whether a read has failed because of what is on the disk.
func isDamage(err error) bool {
	return fault.Is(err, fault.Damaged) || fault.Is(err, fault.IOFailed)
}

// A lostError is the failure of a read that met damage, which the log has told of.
type lostError struct{ err *fault.Error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// Told says whether the store's log tells already of what has failed with err, so that
// nobody needs to tell it again for each time that it is tried.
func Told(err error) bool {
	var l *lostError
	return errors.As(err, &l)
}

// lost tells the log, once, that a read of a version has met damage, and names the version
// in the error.
func (s *Store) lost(err error, bucket, key string, v *record.Version, off int64) error {
	if err == nil || !isDamage(err) {
		return err
	}
	id, number := "", uint64(0)
	if v != nil {
		id, number = versionID(v), v.Number
	}
	return s.lostBytes(err, bucket, key, id, number, off)
}

func (s *Store) lostBytes(err error, bucket, key, version string, number uint64, off int64) error {
	var at *contentError
	var content contentID
	if errors.As(err, &at) {
		content = at.id
	}
	if s.scrubber.told.first(content, bucket, key, version) {
		s.log.Error("damage", "bucket", bucket, "key", key, "version", version, "number", number, "offset", off, "err", err)
	}
	if at != nil {
		s.scrubber.suspect(content) // told already: it would tell of it by other bytes
	}
	return &lostError{fault.Wrap(fault.KindOf(err), err, "%s/%s version %s cannot be read at offset %d", bucket, key, version, off).At(bucket, key)}
}

// toldDamage remembers what damage the log has told of.
type toldDamage struct {
	mu   sync.Mutex // guards seen
	seen map[toldKey]bool
}

type toldKey struct {
	contentID
	bucket, key, version string
}

// first says whether this is the first time that a version's damage is to be told.
func (t *toldDamage) first(id contentID, bucket, key, version string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := toldKey{id, bucket, key, version}
	if t.seen[k] {
		return false
	}
	if t.seen == nil || len(t.seen) >= toldMost {
		t.seen = map[toldKey]bool{}
	}
	t.seen[k] = true
	return true
}

// inlineError is a contentError of an inlined content, nil if err is.
func inlineError(id uint64, err error) error {
	if err == nil {
		return nil
	}
	return &contentError{contentID{id, true}, err}
}

// fileError is a contentError of a content file, nil if err is.
func fileError(id blob.ID, err error) error {
	if err == nil {
		return nil
	}
	return &contentError{contentID{uint64(id), false}, err}
}
