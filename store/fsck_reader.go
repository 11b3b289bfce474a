package store

import (
	"bytes"
	"errors"

	"pail/store/internal/meta"
)

// A tolerantReader reads past damage: a record that cannot be read is as if it were
// not there. What the first reading of all records could not parse is known by key;
// what the engine itself refuses is stepped over here.
type tolerantReader struct {
	r   meta.Reader
	bad map[string]bool
}

// Get implements meta.Reader.
func (t *tolerantReader) Get(key []byte) ([]byte, error) {
	if t.bad[string(key)] {
		return nil, meta.ErrNotFound
	}
	b, err := t.r.Get(key)
	var d *meta.DamageError
	if errors.As(err, &d) {
		return nil, meta.ErrNotFound
	}
	return b, err
}

// Scan implements meta.Reader.
func (t *tolerantReader) Scan(o meta.ScanOptions) meta.Iterator {
	return &tolerantScan{Iterator: t.r.Scan(o), t: t, opts: o}
}

// A tolerantScan is a scan that goes on behind what it cannot read.
type tolerantScan struct {
	meta.Iterator
	t    *tolerantReader
	opts meta.ScanOptions
	last []byte // the last key that was read or refused
}

// Next implements meta.Iterator.
func (s *tolerantScan) Next() bool {
	for {
		for s.Iterator.Next() {
			s.last = append(s.last[:0], s.Key()...)
			if len(s.t.bad) == 0 || !s.t.bad[string(s.last)] {
				return true
			}
		}
		if !s.skip() {
			return false
		}
	}
}

// skip begins behind the record that ended the scan, if that can be told.
func (s *tolerantScan) skip() bool {
	next, ok := behindDamage(s.Iterator, s.last)
	if !ok {
		return false
	}
	s.last = append(s.last[:0], next...)
	s.Iterator.Close()
	o := s.opts
	o.Start = next
	s.Iterator = s.t.r.Scan(o)
	return true
}

// behindDamage returns where a scan that damage has ended goes on: behind the damaged
// record. ok is false if it ended for another reason, or where nobody knows; last is
// the key that was read before.
func behindDamage(it meta.Iterator, last []byte) (next []byte, ok bool) {
	var d *meta.DamageError
	if !errors.As(it.Err(), &d) || bytes.Compare(it.Key(), last) <= 0 {
		return nil, false
	}
	return append(append([]byte(nil), it.Key()...), 0), true
}

// scan calls fn with every record below prefix that can be read. A failure of fn to
// parse one has been reported already, by the reading of all records.
func (f *fsck) scan(prefix []byte, fn func(k, v []byte) error) error {
	it := f.sn.r.Scan(meta.ScanOptions{Prefix: prefix})
	defer it.Close()
	for it.Next() {
		if err := f.step(); err != nil {
			return err
		}
		if err := fn(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	var d *meta.DamageError
	if err := it.Err(); !errors.As(err, &d) {
		return damaged(err)
	}
	return nil // stage one has named the place
}
