package store

import (
	"context"
	"errors"
	"fmt"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// Repair deals with what Check finds. It has the store to itself.
//
// The checks are its stages, in an order in which each relies on those before: records by
// themselves, buckets, renames, contents, chains, directories. A stage is run on a new
// snapshot until it has nothing to say; whatever it finds it deals with by one update
// that begins from the records as they are then. So a repair that is cut short has done
// some of it, and the next one does the rest.
//
// It comes in two parts. What recovery stands on is put right before it: records, who
// owns what, chains, directories. Bytes come after it, when there are no drafts and no
// pending publishes any more, and each version that misses some is known: it is kept in
// the lost-and-found bucket (LostFound) with all that can be read of it, and so is what
// belongs to nothing. Between the two, recovery deletes no content file.

// RepairOptions say how thoroughly Repair looks, and who hears of what it does.
type RepairOptions struct {
	FsckOptions
	// Found, if not nil, is told each problem that is dealt with, before that.
	Found func(Problem)
}

// Repair opens the store at opts.Dir, puts right what Check finds, and closes it. It
// returns the problems that are left; none: a check of the repaired store is clean. The
// kinds of failure are those of Open. Cut short at any point, it may be run again.
func Repair(ctx context.Context, opts Options, o RepairOptions) ([]Problem, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	s := newStore(opts)
	s.repairing.Store(true)
	err := s.openFiles()
	if err == nil {
		err = s.upgrade(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.shut())
	}
	r := &repairer{s: s, ctx: ctx, opts: o, damaged: map[uint64]*damagedFile{}, copies: map[uint64]bool{}, copyOf: map[uint64]uint64{}}
	left, err := r.run()
	var fix *fixError
	if errors.As(err, &fix) {
		err = fix.err
	}
	if err != nil {
		return left, errors.Join(err, s.shut())
	}
	return left, s.Close(context.WithoutCancel(ctx))
}

// Examine is Check of a store that is closed, and perhaps too damaged to be opened for use.
// Nothing is recovered and nothing changed: what recovery would deal with is no problem.
func Examine(ctx context.Context, opts Options, o FsckOptions) ([]Problem, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	s := newStore(opts)
	if err := s.openFiles(); err != nil {
		return nil, errors.Join(err, s.shut())
	}
	f := &fsck{s: s, ctx: ctx, opts: o, window: fsckWindow, inodes: fsckInodes, raw: true}
	found, err := f.check()
	return found, errors.Join(err, s.shut())
}

// repairTries is how often a stage is run before what it finds counts as beyond repair.
const repairTries = 12

// A repairer is one repair on its way. It is for one goroutine.
type repairer struct {
	s    *Store
	ctx  context.Context
	opts RepairOptions

	loaded bool // buckets and times are known
	full   bool // what waits for recovery is dealt with too
	deep   bool // all contents have been read, and nothing was left to do
	fixed  int  // problems that the stage has dealt with

	damaged map[uint64]*damagedFile // content files that are not what was written
	copies  map[uint64]bool         // content files that hold what could be read of those
	copyOf  map[uint64]uint64       // which of those is of which damaged one
	// misplaced is by content file where it is, if that is in the place of another; nil:
	// nobody has looked.
	misplaced map[blob.ID]blob.ID
}

// settingRepairing stands while a repair is on its way or was cut short: until one ends
// well, recovery deletes no content file that no record names. Its value is what the
// repair has lost, one byte.
func settingRepairing() []byte { return table.Setting("repairing") }

// lostDrafts: unsealed content files may be of drafts whose records are lost.
const lostDrafts = 1

func (r *repairer) run() ([]Problem, error) {
	if newer, err := r.newer(); len(newer) > 0 || err != nil {
		return newer, err
	}
	if err := r.begin(); err != nil {
		return nil, err
	}
	if err := r.stages(); err != nil {
		return nil, err
	}
	if err := r.recover(); err != nil {
		return nil, err
	}
	for _, full := range []bool{false, true} {
		r.full = full
		if err := r.stages(); err != nil {
			return nil, err
		}
	}
	return r.end()
}

// newer finds records of a newer program. A store that has any is left as it is: what
// they say is not known, and what they name would look like nobody's.
func (r *repairer) newer() (out []Problem, err error) {
	f := &fsck{s: r.s, ctx: r.ctx, opts: r.opts.FsckOptions}
	err = f.on(func() error { return errors.Join(f.loadBuckets(), f.checkRecords()) })
	if errors.Is(err, errTooMany) {
		err = nil
	}
	for _, p := range f.found {
		if p.Kind == ProblemRecordNewer || p.Kind == ProblemRecordUnknown {
			out = append(out, p)
		}
	}
	return out, err
}

func (r *repairer) begin() error {
	if err := r.loadCopies(); err != nil {
		return err
	}
	return r.update(func(t *txn) error {
		there, err := t.has(settingRepairing())
		if err != nil || there {
			return ignoreUnreadable(err)
		}
		clean, err := t.has(settingClean())
		if err != nil {
			return ignoreUnreadable(err)
		}
		flags := byte(0)
		if clean {
			flags = lostDrafts // there are none else
		}
		t.tx.Set(settingRepairing(), []byte{flags})
		return nil
	})
}

// loseDrafts notes that the record of a draft is lost, before it is.
func (r *repairer) loseDrafts() error {
	return r.update(func(t *txn) error {
		t.tx.Set(settingRepairing(), []byte{lostDrafts})
		return nil
	})
}

// lost is what the repair has lost.
func (sn *snap) lost() byte {
	b, err := sn.r.Get(settingRepairing())
	if err != nil || len(b) != 1 {
		return 0
	}
	return b[0]
}

// recover does what Open does after an unclean end. Where damage is in the way, that is
// dealt with first.
func (r *repairer) recover() error {
	err := r.s.recoverRest(r.ctx)
	if unreadable(err) {
		r.full = true
		if err := r.stages(); err != nil {
			return err
		}
		err = r.s.recoverRest(r.ctx)
	}
	if err != nil {
		return err
	}
	if err := r.s.mover.run(r.ctx, new(work.Progress)); err != nil {
		return err
	}
	return r.s.settler.settleAll(r.ctx)
}

// stages runs all stages to their end.
func (r *repairer) stages() error {
	if err := r.stage((*fsck).checkRecords); err != nil {
		return err
	}
	if err := r.stage((*fsck).checkBuckets); err != nil {
		return err
	}
	if err := r.s.loadForRepair(); err != nil {
		return err
	}
	r.loaded = true
	for _, stage := range [][]func(*fsck) error{
		{(*fsck).checkConfigs}, {(*fsck).checkPolicies}, {(*fsck).checkIdentities}, {(*fsck).checkKeys}, {(*fsck).checkAccessPoints}, {(*fsck).checkMoves}, {(*fsck).checkMoments}, {(*fsck).checkDrafts},
		{(*fsck).checkFiles, (*fsck).checkContents},
		{(*fsck).checkChains}, {(*fsck).checkDirs}, {(*fsck).checkInodes}, {(*fsck).checkGarbage}, {(*fsck).checkDisk},
		// What was kept changed counts, by the same rules as any publish.
		{(*fsck).checkContents}, {(*fsck).checkChains}, {(*fsck).checkDirs}, {(*fsck).checkQuotas},
	} {
		if err := r.stage(stage...); err != nil {
			return err
		}
	}
	return nil
}

// stage runs checks, each time on a new snapshot, until they find nothing to deal with.
func (r *repairer) stage(checks ...func(*fsck) error) error {
	for range repairTries {
		r.fixed = 0
		f := &fsck{s: r.s, ctx: r.ctx, opts: r.opts.FsckOptions, window: fsckWindow, inodes: fsckInodes, repair: r, raw: !r.s.ready}
		f.opts.Deep = f.opts.Deep && r.full
		err := f.on(func() error {
			if err := f.loadBuckets(); err != nil {
				return err
			}
			if err := ignoreUnreadable(f.loadRest()); err != nil {
				return err
			}
			for _, check := range checks {
				if err := check(f); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || r.fixed == 0 {
			return err
		}
	}
	return nil // the last check says what is left
}

// end checks everything once more, and ends the repair if nothing is left.
func (r *repairer) end() ([]Problem, error) {
	if err := r.forgetDamaged(); err != nil {
		return nil, err
	}
	r.s.repairing.Store(false)
	r.s.settler.addGarbage()
	if err := r.s.settler.sweep(r.ctx); err != nil {
		return nil, err
	}
	r.s.recovered.Problems = nil
	left, err := r.s.Check(r.ctx, r.opts.FsckOptions)
	if err != nil || len(left) > 0 {
		return left, err
	}
	_, err = r.s.update(r.ctx, author{}, durableFreeing, func(t *txn) error {
		t.tx.Delete(settingRepairing())
		return t.forgetDamage(r.opts.Deep)
	})
	return nil, err
}

// errNothing is the answer of a remedy that could do nothing, or not yet.
var errNothing = errors.New("nothing was repaired")

// A fixError is the failure of a remedy, which ends the repair whatever its kind is.
type fixError struct{ err error }

func (e *fixError) Error() string { return e.err.Error() }

// meet deals with a problem, if it is time.
func (r *repairer) meet(p Problem, rem remedy) error {
	if rem.fix == nil || rem.late && !r.full {
		return nil
	}
	err := rem.fix(r)
	switch {
	case errors.Is(err, errNothing):
		return nil
	case err != nil:
		return &fixError{fault.Wrap(fault.KindOf(err), err, "repair of %s", p.Where)}
	}
	r.fixed++
	if r.opts.Found != nil {
		r.opts.Found(p)
	}
	return nil
}

// update makes one step of the repair.
func (r *repairer) update(fn func(*txn) error) error {
	_, err := r.s.update(r.ctx, author{principal: Owner().ARN}, visible, func(t *txn) error {
		t.unlimited = true
		t.quiet = !r.loaded // the times of commits are not known to be in order yet
		return fn(t)
	})
	if step := r.s.opts.tuning.repairStep; step != nil && err == nil {
		err = step(r.s)
	}
	return err
}

// lastSeq is the last commit.
func (r *repairer) lastSeq() uint64 {
	v := r.s.db.View()
	defer v.Close()
	return v.Seq()
}

// loadForRepair is what recovery begins with: from here on updates know the buckets.
func (s *Store) loadForRepair() error {
	if err := s.view(s.buckets.load); err != nil {
		return fmt.Errorf("load buckets: %w", err)
	}
	if err := s.view(s.quotas.load); err != nil {
		return fmt.Errorf("load what buckets with quotas hold: %w", err)
	}
	if err := s.loadAccessKeys(); err != nil {
		return fmt.Errorf("load access keys: %w", err)
	}
	if err := s.loadIdentities(); err != nil {
		return fmt.Errorf("load identities: %w", err)
	}
	if err := s.view(s.loadAccessPoints); err != nil {
		return fmt.Errorf("load access points: %w", err)
	}
	if err := s.loadKMS(); err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	if s.ready {
		return nil
	}
	for _, load := range []func() error{
		s.loadSettings, func() error { return s.view(s.loadAccountBlocks) }, func() error { return s.view(s.herald.load) }, func() error { return s.view(s.sampler.load) }, s.countMoves, s.countCursors,
	} {
		if err := load(); err != nil {
			return err
		}
	}
	return nil
}

// repairBegun says whether a repair is on its way or was cut short.
func (s *Store) repairBegun() (begun bool, err error) {
	err = s.view(func(sn *snap) error {
		begun, err = sn.has(settingRepairing())
		return err
	})
	return begun, err
}
