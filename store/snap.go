package store

import (
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A snap is one consistent state of all records, read through the directory renames
// that are still on their way: what stands under an old name is shown at its new one.
// It is not safe for concurrent use.
type snap struct {
	s     *Store
	r     meta.Reader
	moves []*record.Move // on their way as of this state; an exchange is two
}

// view runs fn on a snapshot.
func (s *Store) view(fn func(*snap) error) error {
	started := s.moves.started.Load()
	active := s.moves.active.Load()
	v := s.db.View()
	defer v.Close()
	sn := &snap{s: s, r: v}
	if active > 0 || s.moves.active.Load() > 0 || s.moves.started.Load() != started {
		if err := sn.loadMoves(); err != nil {
			return err
		}
	}
	return fn(sn)
}

func (sn *snap) loadMoves() error {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Moves()})
	defer it.Close()
	sn.moves = nil
	for it.Next() {
		m := new(record.Move)
		if err := unmarshal(it.Key(), it.Value(), m); err != nil {
			return err
		}
		sn.moves = append(sn.moves, halves(m)...)
	}
	return damaged(it.Err())
}

// get reads the record at k into m; ok is false when there is none.
func (sn *snap) get(k []byte, m record.Record) (ok bool, err error) {
	b, err := sn.r.Get(k)
	if errors.Is(err, meta.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, damaged(err)
	}
	return true, unmarshal(k, b, m)
}

func unmarshal(k, b []byte, m record.Record) error {
	err := record.Unmarshal(b, m)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, record.ErrNewer):
		return fault.Wrap(fault.NewerFormat, err, "record %q", k)
	default:
		return fault.Wrap(fault.Damaged, err, "record %q; run pail fsck", k)
	}
}

// damaged makes a failure of the engine one of ours.
func damaged(err error) error {
	if err == nil {
		return nil
	}
	var d *meta.DamageError
	if errors.As(err, &d) {
		return fault.Wrap(fault.Damaged, err, "metadata")
	}
	return engineError(err)
}

// versionAt reads a version record; nil means that there is none.
func (sn *snap) versionAt(k []byte) (*record.Version, error) {
	v := new(record.Version)
	ok, err := sn.get(k, v)
	if !ok || err != nil {
		return nil, err
	}
	return v, nil
}

// head returns the live head of a key, nil if it has none.
func (sn *snap) head(bucket uint64, key string) (*record.Version, error) {
	v, err := sn.versionAt(table.Head(bucket, key))
	if err != nil || len(sn.moves) == 0 {
		return v, err
	}
	if v != nil {
		if m := sn.moveFrom(bucket, key); m == nil || !takes(m, v.Seq) {
			return v, nil
		}
		// It belongs to the new name already.
	}
	m := sn.moveTo(bucket, key)
	if m == nil {
		return nil, nil
	}
	old, err := sn.versionAt(table.Head(bucket, m.From+key[len(m.To):]))
	if err != nil || old == nil || !takes(m, old.Seq) {
		return nil, err
	}
	return sn.moved(m, key, old)
}

// moveFrom returns the move on its way that takes key away.
func (sn *snap) moveFrom(bucket uint64, key string) *record.Move {
	for _, m := range sn.moves {
		if m.Bucket == bucket && hasPrefix(key, m.From) {
			return m
		}
	}
	return nil
}

// moveTo returns the move on its way that brings key.
func (sn *snap) moveTo(bucket uint64, key string) *record.Move {
	for _, m := range sn.moves {
		if m.Bucket == bucket && hasPrefix(key, m.To) {
			return m
		}
	}
	return nil
}

// moved is the version that a move makes at key out of the head at the old name.
// It is the same whether asked before or when the record really moves.
func (sn *snap) moved(m *record.Move, key string, old *record.Version) (*record.Version, error) {
	top, err := sn.dead(m.Bucket, key)
	if m.Exchange && top == nil && err == nil {
		top, err = sn.versionAt(table.Head(m.Bucket, key)) // what goes the other way
	}
	if err != nil {
		return nil, err
	}
	return movedOver(m, key, old, top), nil
}

// movedOver is moved where it is known what is at the new name: top, nil for nothing.
func movedOver(m *record.Move, key string, old, top *record.Version) *record.Version {
	v := proto.CloneOf(old)
	versionAttr(v) // what came without has the times of its publish, also from now on
	v.Seq = m.Seq
	v.Random = moveRandom(m, key)
	v.TimeNs = m.TimeNs
	v.Principal, v.Uid, v.Door = m.Principal, m.Uid, m.Door
	v.NullSeq, v.Noncurrent, v.Turns, v.Lock = 0, 0, nil, nil
	v.Renamed = m.From + key[len(m.To):]
	v.Number = 1
	v.Null = versioning.State(m.Versioning) != versioning.Enabled
	if top != nil {
		v.Number = top.NextNumber
		v.TimeNs = max(v.TimeNs, top.TimeNs)
	}
	v.NextNumber = v.Number + 1
	retainNew(v, m.Retention)
	return v
}

func moveRandom(m *record.Move, key string) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(m.Random)
	_, _ = d.WriteString(key)
	return d.Sum64()
}

// dead returns the dead top of a key: a delete marker or a bare counter; nil if the
// key has none. A key whose head a move is taking away has a marker to come, which
// chains deal with (see liveChain).
func (sn *snap) dead(bucket uint64, key string) (*record.Version, error) {
	return sn.versionAt(table.Dead(bucket, key))
}

// dir returns the record of a directory, nil if there is none.
func (sn *snap) dir(bucket uint64, dir string) (*record.Dir, error) {
	d, err := sn.dirAt(bucket, dir)
	if err != nil || len(sn.moves) == 0 {
		return d, err
	}
	if d != nil {
		if m := sn.moveFrom(bucket, dir); m == nil || !takes(m, d.Born) {
			return d, nil
		}
	}
	m := sn.moveTo(bucket, dir)
	if m == nil {
		return nil, nil
	}
	d, err = sn.dirAt(bucket, m.From+dir[len(m.To):])
	if err != nil || d == nil || !takes(m, d.Born) {
		return nil, err
	}
	d.Born = m.Seq
	return d, nil
}

func (sn *snap) dirAt(bucket uint64, dir string) (*record.Dir, error) {
	d := new(record.Dir)
	ok, err := sn.get(table.Dir(bucket, dir), d)
	if !ok || err != nil {
		return nil, err
	}
	return d, nil
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && s[:len(prefix)] == prefix
}

func beUint64(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func beBytes(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
