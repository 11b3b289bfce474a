package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Fsck compares everything the store says with everything it has: records with each
// other, with directories, with contents. It changes nothing and may run while the
// store is in use: records are those of one snapshot, and what the files beside them
// lack is looked up in the records as they are then before it is called a problem. So
// what is merely on its way is none: open drafts, bodies being received, pending
// publishes, directory renames, garbage.
//
// It streams. What it keeps in memory is bounded: the buckets, the fsynced drafts and
// the open uploads; one key's place in its chain; the directories above one key; a
// window of reference counts (fsckWindow) and one of inode numbers (fsckInodes), for
// whose successors the records are read again; the extents of one content at a time;
// and the problems (fsckMost).

// A Problem is one thing that Fsck found wrong.
type Problem struct {
	Kind   string // stable, see the constants
	Where  string // BUCKET/KEY, or what else it is about
	What   string // what is wrong
	Repair string // what Repair does about it, "" if it can do nothing
	Advice string // what else to do, where it can do nothing
}

// String is the problem in one line.
func (p Problem) String() string {
	if p.Repair == "" {
		return fmt.Sprintf("%s: %s: %s; %s", p.Kind, p.Where, p.What, p.Advice)
	}
	return fmt.Sprintf("%s: %s: %s; --repair %s", p.Kind, p.Where, p.What, p.Repair)
}

// The kinds of problem.
const (
	ProblemEngine        = "engine-damaged"      // a file of the engine
	ProblemRecord        = "record-damaged"      // a record cannot be read
	ProblemRecordNewer   = "record-newer"        // a record of a newer program
	ProblemRecordUnknown = "record-unknown"      // a record of no known table
	ProblemRecordWrong   = "record-wrong"        // a record that contradicts its place
	ProblemBucket        = "bucket-wrong"        // a bucket's names and numbers
	ProblemChain         = "chain-wrong"         // the versions of a key
	ProblemDirMissing    = "directory-missing"   // keys without their directory
	ProblemDirCount      = "directory-count"     // a count of children
	ProblemDirExplicit   = "directory-explicit"  // a directory and its own key
	ProblemDirEmpty      = "directory-empty"     // a directory that nothing keeps
	ProblemDirReach      = "directory-reach"     // how long keys below a directory may be
	ProblemInode         = "inode-not-unique"    // two files of one inode number
	ProblemContent       = "content-wrong"       // what a version says of its bytes
	ProblemMissing       = "content-missing"     // bytes that are gone
	ProblemDamaged       = "content-damaged"     // bytes that are not those written
	ProblemRefs          = "content-references"  // a count of owners
	ProblemUnowned       = "content-unowned"     // bytes that belong to nothing
	ProblemUnnamed       = "content-unnamed"     // a content file that no record names
	ProblemWaste         = "waste-wrong"         // the sum of dead bytes
	ProblemGarbage       = "garbage-wrong"       // what is to be deleted is in use
	ProblemDraft         = "draft-wrong"         // an fsynced draft
	ProblemRecovery      = "recovery-incomplete" // what Open could not deal with
	ProblemTooMany       = "too-many"            // more was found than is reported
)

// Bounds of memory.
const (
	fsckMost   = 10_000  // problems
	fsckWindow = 1 << 20 // reference counts at a time, 48 bytes each
	fsckInodes = 1 << 28 // inode numbers at a time, one bit each
)

// FsckOptions say how thoroughly Check looks, and who hears of its progress.
type FsckOptions struct {
	// Deep reads every content file and compares its checksums.
	Deep bool
	// Progress, if not nil, is told how far the check is: done of total units of what;
	// total is 0 where it is not known.
	Progress func(done, total int64, what string)
}

// Fsck is Check without reading contents.
func (s *Store) Fsck(ctx context.Context, progress func(done, total int64, what string)) ([]Problem, error) {
	return s.Check(ctx, FsckOptions{Progress: progress})
}

// Check finds what is wrong with the store. The error says why it could not finish;
// what it had found by then is returned with it.
func (s *Store) Check(ctx context.Context, o FsckOptions) ([]Problem, error) {
	f := &fsck{s: s, ctx: ctx, opts: o, window: fsckWindow, inodes: fsckInodes}
	return f.check()
}

var errTooMany = errors.New("too many problems")

// A fsck is one check on its way. It is for one goroutine.
type fsck struct {
	s    *Store
	ctx  context.Context
	opts FsckOptions

	sn     *snap  // what is checked; damaged records are as if they were missing
	seq    uint64 // the last commit in it
	lastID uint64 // the last number that was given out by then

	window int    // reference counts at a time
	inodes uint64 // inode numbers at a time

	bad     map[string]bool           // records that cannot be read
	buckets map[uint64]*record.Bucket // by id
	dropped map[uint64]bool           // buckets that were deleted, whose records are to go
	drafts  map[uint64]bool           // content files of fsynced drafts
	lists   map[uint64]bool           // extent lists of fsynced drafts
	uploads map[uint64]bool           // uploads whose parts may stand, by number
	held    []heldDir
	rests   map[uint64]blob.ID // extent lists that are being released, and up to which file
	lost    map[uint64]string  // content files that are not what they should be, and why
	waste   int64              // bytes of content files that are dead

	// had is what owners have of the content files that count none, in the order of offsets;
	// nil: nobody has looked. Only a repair wants to know.
	had map[uint64][]blob.Range

	repair *repairer // deals with what is found; nil: it is only told
	raw    bool      // before recovery: nothing is open, drafts and renames wait for it

	found  []Problem
	stage  string
	done   int64
	total  int64
	spoken time.Time
}

func (f *fsck) check() ([]Problem, error) {
	err := f.run()
	if errors.Is(err, errTooMany) {
		f.found = append(f.found, Problem{Kind: ProblemTooMany, Where: f.s.opts.Dir, What: "there are more problems than are listed here", Repair: "deals with those too"})
		err = nil
	}
	return f.found, err
}

func (f *fsck) run() error {
	return f.on(func() error {
		for _, p := range f.s.recovered.Problems {
			if err := f.add(ProblemRecovery, f.s.opts.Dir, p, advise("see what else is reported")); err != nil {
				return err
			}
		}
		for _, step := range []func() error{
			f.checkEngine, f.loadBuckets, f.checkRecords, f.loadRest, f.checkBuckets, f.checkConfigs, f.checkPolicies, f.checkIdentities, f.checkAccessPoints, f.checkKeys, f.checkMoves, f.checkMoments, f.checkChains, f.checkQuotas,
			f.checkDirs, f.checkInodes, f.checkFiles, f.checkContents, f.checkDrafts, f.checkGarbage, f.checkDisk,
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

// on runs fn on a snapshot.
func (f *fsck) on(fn func() error) error {
	v := f.s.db.View()
	defer v.Close()
	f.lastID = f.s.db.LastID()
	f.seq = v.Seq()
	f.bad, f.lost = map[string]bool{}, map[uint64]string{}
	f.sn = &snap{s: f.s, r: &tolerantReader{v, f.bad}}
	return fn()
}

// add notes a problem; a repair deals with it now.
func (f *fsck) add(kind, where, what string, rem remedy) error {
	p := Problem{Kind: kind, Where: where, What: what, Repair: rem.does, Advice: rem.advice}
	if f.repair != nil {
		return f.repair.meet(p, rem)
	}
	if len(f.found) >= fsckMost {
		return errTooMany
	}
	f.found = append(f.found, p)
	return nil
}

// begin starts a stage of total units, 0 if that is not known.
func (f *fsck) begin(what string, total int64) {
	f.stage, f.done, f.total = what, 0, total
	f.speak()
}

// step counts one unit of the stage, and ends the check if its caller has left.
func (f *fsck) step() error {
	if f.done++; f.done%256 != 0 {
		return nil
	}
	if time.Since(f.spoken) > 100*time.Millisecond {
		f.speak()
	}
	return f.ctx.Err()
}

func (f *fsck) speak() {
	f.spoken = time.Now()
	if f.opts.Progress != nil {
		f.opts.Progress(f.done, f.total, f.stage)
	}
}

// Advice that fits many problems.
const (
	adviseCopy   = "copy what can be read to another store"
	adviseReport = "report it as a bug"
	adviseNewer  = "use a newer pail"
)

// checkEngine compares the checksums of the engine's own files.
func (f *fsck) checkEngine() error {
	f.begin("engine tables", 0)
	err := f.s.db.VerifyTables(f.ctx)
	var d *meta.DamageError
	if errors.As(err, &d) {
		return f.add(ProblemEngine, d.Path, d.Reason, advise(adviseCopy))
	}
	return err
}

// fresh runs fn on the records as they are by now, for what is not in the snapshot.
func (f *fsck) fresh(fn func(*snap) error) error {
	return f.s.view(fn)
}

// has says whether there is a record.
func (sn *snap) has(k []byte) (bool, error) {
	_, err := sn.r.Get(k)
	if errors.Is(err, meta.ErrNotFound) {
		return false, nil
	}
	return err == nil, damaged(err)
}

// unreadable says whether err is about damage, which a check reports and goes on.
func unreadable(err error) bool {
	return fault.Is(err, fault.Damaged) || fault.Is(err, fault.NewerFormat)
}

// loadBuckets learns what the other records are told by.
func (f *fsck) loadBuckets() error {
	f.buckets, f.dropped = map[uint64]*record.Bucket{}, map[uint64]bool{}
	err := f.scan(table.Buckets(), func(k, v []byte) error {
		b := new(record.Bucket)
		if unmarshal(k, v, b) == nil {
			f.buckets[b.Id] = b
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.scan(settingDropped(), func(k, _ []byte) error {
		f.dropped[beUint64(k[len(settingDropped()):])] = true
		return nil
	})
}

// loadRest learns of moves, drafts and uploads, once it is known what cannot be read.
func (f *fsck) loadRest() error {
	if err := f.sn.loadMoves(); err != nil {
		return err
	}
	f.drafts, f.lists, f.uploads = map[uint64]bool{}, map[uint64]bool{}, map[uint64]bool{}
	err := f.scan(table.Drafts(), func(k, v []byte) error {
		var d record.Draft
		if err := unmarshal(k, v, &d); err != nil {
			return err
		}
		if d.Blob != 0 {
			f.drafts[d.Blob] = true
		}
		if d.List != 0 {
			f.lists[d.List] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	begun, err := f.sn.begunLists()
	if err != nil {
		return err
	}
	for _, list := range begun {
		f.lists[list] = true
	}
	err = f.scan(table.AllUploads(), func(k, _ []byte) error {
		_, number, err := table.SplitUpload(k)
		f.uploads[number] = true
		return err
	})
	if err != nil {
		return err
	}
	f.rests = map[uint64]blob.ID{}
	err = f.scan(settingHeld(), func(k, v []byte) error {
		if len(v) >= 8 {
			f.held = append(f.held, heldDir{beUint64(k[len(settingHeld()):]), beUint64(v[:8]), string(v[8:])})
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = f.scan(settingReleased(), func(k, v []byte) error {
		if len(v) == 12 {
			f.rests[beUint64(k[len(settingReleased()):])] = blob.ID(beUint64(v[4:]))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.scan(settingEnded(), func(k, _ []byte) error {
		f.uploads[beUint64(k[len(settingEnded()):])] = true
		return nil
	})
}
