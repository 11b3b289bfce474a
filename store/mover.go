package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// A mover takes records where renames of directories have shown them to be.
type mover struct {
	s   *Store
	job *work.Job
}

func newMover(s *Store) *mover {
	mv := &mover{s: s}
	mv.job = s.jobs.Add(work.Task{Name: "rename", Delay: s.opts.tuning.moveDelay, Run: mv.run})
	return mv
}

func (mv *mover) run(ctx context.Context, p *work.Progress) error {
	for {
		var m *record.Move
		err := mv.s.view(func(sn *snap) error {
			if err := sn.loadMoves(); err != nil || len(sn.moves) == 0 {
				return err
			}
			m = sn.moves[0]
			return nil
		})
		if err != nil || m == nil {
			return err
		}
		if err := mv.finish(ctx, m, p); err != nil {
			return err
		}
	}
}

// finish brings a move to its end.
func (mv *mover) finish(ctx context.Context, m *record.Move, p *work.Progress) error {
	moved := int64(0)
	done := func(n int) {
		moved += int64(n)
		p.Set(moved, 0)
	}
	for _, half := range halves(m) {
		for _, step := range moveSteps {
			if err := mv.all(ctx, half, step, done); err != nil {
				return err
			}
		}
	}
	_, err := mv.s.update(ctx, author{}, freeing, func(t *txn) error {
		t.tx.Delete(table.Move(m.Id))
		t.arrived(m)
		t.tx.Defer(func(meta.Commit) { t.s.moves.end() })
		return nil
	})
	return err
}

// A moveStep moves up to most records that come after a key of their table; next is
// where to go on, nil at the end.
type moveStep func(t *txn, b *record.Bucket, m *record.Move, after []byte, most int) (next []byte, n int, err error)

// moveSteps are what a move consists of.
var moveSteps = [...]moveStep{(*txn).moveSomeHeads, (*txn).moveSomeDirs}

// all repeats a step to its end.
func (mv *mover) all(ctx context.Context, m *record.Move, step moveStep, done func(n int)) error {
	for after := []byte(nil); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var next []byte
		var n int
		err := inPieces(mv.s.opts.tuning.movesPerUpdate, func(most int) error {
			return mv.update(ctx, m, func(t *txn, b *record.Bucket) (err error) {
				next, n, err = step(t, b, m, after, most)
				return err
			})
		})
		if err != nil {
			return err
		}
		if done(n); next == nil {
			return nil
		}
		after = next
	}
}

func (mv *mover) update(ctx context.Context, m *record.Move, fn func(*txn, *record.Bucket) error) error {
	_, err := mv.s.update(ctx, author{}, freeing, func(t *txn) error {
		b := t.bucketByID(m.Bucket)
		if b == nil {
			return fault.New(fault.Damaged, "bucket %d of a rename on its way is gone; run pail fsck", m.Bucket)
		}
		t.unlimited = true
		return fn(t, b)
	})
	return err
}

// moveSomeHeads moves the next heads after a key of the table; next is where to go on,
// nil at the end.
func (t *txn) moveSomeHeads(b *record.Bucket, m *record.Move, after []byte, limit int) (next []byte, n int, err error) {
	type head struct {
		key string
		v   *record.Version
	}
	var batch []head
	var pending []uint64
	next, err = t.scanSome(table.Head(b.Id, m.From), after, limit, func(k, value []byte) error {
		v := new(record.Version)
		if err := unmarshal(k, value, v); err != nil || !takes(m, v.Seq) {
			return err
		}
		if t.s.settler.isPending(v.Seq) {
			pending = append(pending, v.Seq)
		}
		batch = append(batch, head{table.SplitKey(k), v})
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if len(pending) > 0 {
		return nil, 0, &pendingError{pending} // all of them with one sync
	}
	for _, h := range batch {
		if err := t.moveHead(b, m, h.key, h.v); err != nil {
			return nil, 0, err
		}
	}
	return next, len(batch), nil
}

// moveSomeDirs is moveSomeHeads for records of directories.
func (t *txn) moveSomeDirs(b *record.Bucket, m *record.Move, after []byte, limit int) (next []byte, n int, err error) {
	type dir struct {
		path string
		d    *record.Dir
	}
	var batch []dir
	next, err = t.scanSome(table.DirsBelow(b.Id, m.From), after, limit, func(k, value []byte) error {
		d := new(record.Dir)
		if err := unmarshal(k, value, d); err != nil || !takes(m, d.Born) {
			return err
		}
		path, err := table.SplitDir(k)
		batch = append(batch, dir{path, d})
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	for _, h := range batch {
		if err := t.moveDir(m, h.path, h.d); err != nil {
			return nil, 0, err
		}
	}
	return next, len(batch), nil
}

// scanSome calls fn with up to limit records below prefix that come after a key; next
// is the last one's key if there may be more.
func (sn *snap) scanSome(prefix, after []byte, limit int, fn func(k, v []byte) error) (next []byte, err error) {
	o := meta.ScanOptions{Prefix: prefix}
	if after != nil {
		o.Start = append(append([]byte(nil), after...), 0)
	}
	it := sn.r.Scan(o)
	defer it.Close()
	for n := 0; n < limit; n++ {
		if !it.Next() {
			return nil, damaged(it.Err())
		}
		next = append(next[:0], it.Key()...)
		if err := fn(it.Key(), it.Value()); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// countMoves notes the moves that the last owner of the store left unfinished.
func (s *Store) countMoves() error {
	return s.view(func(sn *snap) error {
		if err := sn.loadMoves(); err != nil {
			return err
		}
		s.moves.active.Store(0)
		s.recovered.Moves = 0
		for i, m := range sn.moves {
			if i == 0 || sn.moves[i-1].Id != m.Id { // not the other half of an exchange
				s.moves.begin()
				s.recovered.Moves++
			}
		}
		return nil
	})
}
