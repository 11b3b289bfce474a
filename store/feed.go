package store

import (
	"context"
	"time"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A Cursor is a durable place in the change feed: a reader that was away, across
// restarts too, gets every change since, in commit order. The feed is kept only as
// far back as the slowest cursor, and not at all without one. A Cursor is for one
// goroutine.
type Cursor struct {
	s    *Store
	name string
}

// OpenCursor returns the cursor of that name; a new one begins with the changes
// committed after it was made.
func (s *Store) OpenCursor(ctx context.Context, name string) (*Cursor, error) {
	_, err := s.update(ctx, author{}, durable, func(t *txn) error {
		var c record.Cursor
		ok, err := t.get(table.Cursor(name), &c)
		if ok || err != nil {
			return err
		}
		// From the next update on, whatever its batch, the feed is written.
		t.onMerged(func() { s.cursors.Add(1) })
		return t.put(table.Cursor(name), &record.Cursor{Schema: record.Schema, Name: name, Seq: t.tx.Seq()})
	})
	if err != nil {
		return nil, err
	}
	return &Cursor{s: s, name: name}, nil
}

// DropCursor forgets a cursor and what the feed kept only for it.
func (s *Store) DropCursor(ctx context.Context, name string) error {
	_, err := s.update(ctx, author{}, freeing, func(t *txn) error {
		var c record.Cursor
		ok, err := t.get(table.Cursor(name), &c)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.InvalidArgument, "there is no cursor %q", name)
		}
		t.tx.Delete(table.Cursor(name))
		t.onMerged(func() { s.cursors.Add(-1) })
		return nil
	})
	if err != nil {
		return err
	}
	return s.trimFeed(ctx)
}

// Next returns up to limit of the oldest changes that were not acknowledged yet. It
// does not wait: none means that there are none now (Watch tells when to ask again).
func (c *Cursor) Next(ctx context.Context, limit int) ([]Change, error) {
	var out []Change
	err := c.s.view(func(sn *snap) error {
		at, err := c.at(sn)
		if err != nil {
			return err
		}
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.Feeds(), Start: table.Feed(at+1, 0)})
		defer it.Close()
		for it.Next() {
			var r record.Change
			if err := unmarshal(it.Key(), it.Value(), &r); err != nil {
				return err
			}
			seq, _ := table.SplitFeed(it.Key())
			// A commit's changes are acknowledged together, so they come together.
			if len(out) >= limit && out[len(out)-1].Seq != seq {
				break
			}
			out = append(out, Change{
				Seq: seq, Kind: ChangeKind(r.Kind), Bucket: r.BucketName, Key: r.Key, To: r.To, ToBucket: r.ToBucketName,
				Ino: r.Ino, VersionID: r.Version, Time: time.Unix(0, r.TimeNs).UTC(), Principal: r.Principal, Origin: r.Origin,
			})
		}
		return damaged(it.Err())
	})
	return out, err
}

func (c *Cursor) at(sn *snap) (uint64, error) {
	var r record.Cursor
	ok, err := sn.get(table.Cursor(c.name), &r)
	if err == nil && !ok {
		err = fault.New(fault.InvalidArgument, "there is no cursor %q", c.name)
	}
	return r.Seq, err
}

// Acknowledge says that all changes up to the commit seq have been dealt with; it is
// durable when it returns. Going back is ignored.
func (c *Cursor) Acknowledge(ctx context.Context, seq uint64) error {
	_, err := c.s.update(ctx, author{}, durable, func(t *txn) error {
		at, err := c.at(&t.snap)
		if err != nil || at >= seq {
			return err
		}
		return t.put(table.Cursor(c.name), &record.Cursor{Schema: record.Schema, Name: c.name, Seq: seq})
	})
	if err != nil {
		return err
	}
	return c.s.trimFeed(ctx)
}

// feedChanges writes the update's changes to the feed if anyone reads it.
func (t *txn) feedChanges() error {
	if t.s.cursors.Load() == 0 {
		return nil
	}
	for i, c := range t.changes {
		if c.Implied {
			continue
		}
		err := t.put(table.Feed(t.tx.Seq(), uint32(i)), &record.Change{
			Schema: record.Schema, Kind: uint32(c.Kind), BucketName: c.Bucket, Key: c.Key, To: c.To, ToBucketName: c.ToBucket,
			Ino: c.Ino, Version: c.VersionID, TimeNs: c.Time.UnixNano(), Principal: c.Principal, Origin: c.Origin,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// trimFeed removes what every cursor has passed, some thousand entries at a time.
func (s *Store) trimFeed(ctx context.Context) error {
	const atOnce = 2000
	for {
		n := 0
		_, err := s.update(ctx, author{}, freeing, func(t *txn) error {
			n = 0
			low, any, err := t.slowestCursor()
			if err != nil {
				return err
			}
			it := t.r.Scan(meta.ScanOptions{Prefix: table.Feeds(), KeysOnly: true})
			defer it.Close()
			for n < atOnce && it.Next() {
				if seq, _ := table.SplitFeed(it.Key()); any && seq > low {
					break
				}
				t.tx.Delete(append([]byte(nil), it.Key()...))
				n++
			}
			return damaged(it.Err())
		})
		if err != nil || n < atOnce {
			return err
		}
	}
}

func (sn *snap) slowestCursor() (low uint64, any bool, err error) {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Cursors()})
	defer it.Close()
	for it.Next() {
		var c record.Cursor
		if err := unmarshal(it.Key(), it.Value(), &c); err != nil {
			return 0, false, err
		}
		if !any || c.Seq < low {
			low, any = c.Seq, true
		}
	}
	return low, any, damaged(it.Err())
}

// countCursors learns at open whether anyone reads the feed.
func (s *Store) countCursors() error {
	return s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.Cursors(), KeysOnly: true})
		defer it.Close()
		n := int64(0)
		for it.Next() {
			n++
		}
		s.cursors.Store(n)
		return damaged(it.Err())
	})
}
