package meta

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/sys/unix"
)

const (
	// ballastName is a file of real blocks that is given up when the disk is nearly full,
	// so that flushing, compacting and opening anew have room.
	ballastName = "ballast"
	// spaceAge is how old the answer to "how much is free" may be. Others fill the disk
	// too; what they can write in that time is small against the reserve.
	spaceAge = 5 * time.Millisecond
	// flushPatience is how long an update waits for a memtable to be written out when only
	// that gives room for a log.
	flushPatience = 3 * time.Second

	mib             = 1 << 20
	memTable        = 16 * mib // on a disk of 1 GiB or more
	smallMemTable   = 2 * mib
	reserveTables   = 10  // memtables kept free: a compaction of level 0, and a flush
	ballastTables   = 4   // memtables in the ballast: a log, a flush, a small compaction
	manifestReserve = mib // bytes of the manifest kept allocated
)

// SpaceInfo is how the disk stands.
type SpaceInfo struct {
	Free    int64 // bytes that the filesystem has left for us
	Reserve int64 // bytes that only updates which free space may go below
}

// What was written cannot go to tables on a full disk, and without that memory and logs grow.
// So updates are refused while there is still room for what badger does on its own (the
// reserve); what cannot wait has its blocks beforehand (logs); and against others that fill
// the disk there is the ballast.
type space struct {
	dir     string
	table   int64 // bytes of a memtable
	reserve int64 // bytes
	log     func(string, ...any)

	mu      sync.Mutex // guards the rest
	free    int64      // bytes, as of checked
	checked time.Time
	ballast bool // the file is there
}

// memTableFor sizes memtables for the disk that dir is on.
func memTableFor(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	total := int64(st.Blocks) * st.Bsize
	return max(smallMemTable, min(memTable, total/64/mib*mib)), nil
}

func newSpace(dir string, table, reserve int64, log func(string, ...any)) (*space, error) {
	s := &space{dir: dir, table: table, reserve: reserve, log: log}
	if s.reserve == 0 {
		s.reserve = reserveTables * table
	}
	if _, err := os.Lstat(s.ballastPath()); err == nil {
		s.ballast = true
	}
	_, err := s.freeNow()
	return s, err
}

func (s *space) ballastPath() string { return filepath.Join(s.dir, ballastName) }

// freeNow asks the filesystem.
func (s *space) freeNow() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.freeLocked(0)
}

// freeAbout returns an answer that is at most spaceAge old.
func (s *space) freeAbout() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.freeLocked(spaceAge)
}

func (s *space) freeLocked(age time.Duration) (int64, error) {
	if age > 0 && time.Since(s.checked) < age {
		return s.free, nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(s.dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: s.dir, Err: err}
	}
	s.free = int64(st.Bavail) * st.Bsize
	s.checked = time.Now()
	return s.free, nil
}

// scarce says whether updates that free nothing have to be refused. When hardly anything
// is free the ballast goes.
func (s *space) scarce() (bool, error) {
	free, err := s.freeAbout()
	if err != nil {
		return false, err
	}
	if free < s.table {
		if err := s.want(s.table); err != nil {
			s.log("%v", err)
		}
	}
	return free < s.reserve, nil
}

// have returns nil if n bytes are free, and otherwise ErrNoSpace.
func (s *space) have(n int64) error {
	free, err := s.freeNow()
	if err == nil && free < n {
		err = ErrNoSpace
	}
	return err
}

// want returns nil if n bytes are free, at the price of the ballast if need be, and
// otherwise an error that wraps ErrNoSpace.
func (s *space) want(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	free, err := s.freeLocked(0)
	if err != nil || free >= n {
		return err
	}
	if s.ballast {
		if err := os.Remove(s.ballastPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		s.ballast = false
		if free, err = s.freeLocked(0); err != nil || free >= n {
			return err
		}
	}
	return fmt.Errorf("%w: %d bytes are needed and %d are free", ErrNoSpace, n, free)
}

// giveUp removes the ballast, for a write that cannot wait and that was refused whatever the
// filesystem says is free.
func (s *space) giveUp() {
	if err := s.want(math.MaxInt64); !errors.Is(err, ErrNoSpace) {
		s.log("the ballast stays: %v", err)
	}
}

// probe says whether a file can be made and written.
func (s *space) probe() error {
	f, err := os.CreateTemp(s.dir, "probe-")
	if err != nil {
		return err
	}
	_, err = f.Write([]byte{1})
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// rebuild makes the ballast again when there is room for it besides the reserve.
func (s *space) rebuild() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := ballastTables * s.table
	free, err := s.freeLocked(0)
	if err != nil || s.ballast || free < s.reserve+2*size {
		return err
	}
	f, err := os.OpenFile(s.ballastPath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(allocate(f, size), f.Close()); err != nil {
		return errors.Join(err, os.Remove(s.ballastPath()))
	}
	s.ballast = true
	return nil
}

// Space tells how the disk stands.
func (db *DB) Space() SpaceInfo {
	free, err := db.space.freeAbout()
	if err != nil {
		db.log("free space is not known: %v", err)
	}
	return SpaceInfo{Free: free, Reserve: db.space.reserve}
}

// admit says whether an update may run now.
func (db *DB) admit(o UpdateOptions) error {
	if err := db.Failed(); err != nil {
		return err
	}
	scarce, err := db.space.scarce()
	if err != nil {
		return err
	}
	if scarce && !o.Frees {
		return ErrNoSpace
	}
	return nil
}

// roomForLog makes sure that the next batch can be written without a new block: the
// active log has its own. Where badger may begin the next log, that has to be there, and
// room for the table that the full memtable becomes.
func (db *DB) roomForLog(mayRotate bool) error {
	if db.logs.allocated && !mayRotate {
		return nil
	}
	err := db.tryRoomForLog(mayRotate)
	if errors.Is(err, ErrNoSpace) && db.awaitFlush() {
		err = db.tryRoomForLog(mayRotate) // the logs of flushed memtables are gone now
	}
	return err
}

// awaitFlush waits a while for badger to write out full memtables, and says whether it did.
func (db *DB) awaitFlush() bool {
	start := time.Now()
	for waited := false; ; waited = true {
		if db.logs.older() == 0 {
			return waited
		}
		if time.Since(start) > flushPatience {
			return false
		}
		time.Sleep(flushPatience / 500)
	}
}

func (db *DB) tryRoomForLog(mayRotate bool) error {
	if !db.logs.allocated {
		if err := db.allocateLog(db.space.want); err != nil {
			return err
		}
	}
	if !mayRotate {
		return nil
	}
	if !db.logs.prepared() {
		if err := db.prepareLog(db.space.want); err != nil {
			return err
		}
	}
	return db.space.want(db.tableRoom() + db.flushRoom())
}

// allocateLog gives the active log its blocks, if have says that there is room for it.
func (db *DB) allocateLog(have func(int64) error) error {
	if err := have(db.logs.room() + db.flushRoom()); err != nil {
		return err
	}
	return noSpace(db.logs.reserveActive())
}

// prepareLog makes the next log, if have says that there is room for it.
func (db *DB) prepareLog(have func(int64) error) error {
	if err := have(db.logs.room() + db.tableRoom() + db.flushRoom()); err != nil {
		return err
	}
	return noSpace(db.logs.prepare())
}

// tableRoom is how many bytes the table of the active memtable takes at most, and
// flushRoom those of the memtables that badger has not yet written out.
func (db *DB) tableRoom() int64 { return db.logs.room() }

func (db *DB) flushRoom() int64 { return int64(db.logs.older()) * db.logs.room() }

// unlessFull forgives that there is no room: what was tried is tried again when needed.
func unlessFull(err error) error {
	if errors.Is(err, ErrNoSpace) {
		return nil
	}
	return err
}

// reserveManifest gives the list of tables blocks to grow into: badger appends to it
// and takes no half-written entry back.
func (db *DB) reserveManifest() error {
	f, err := os.OpenFile(filepath.Join(db.opts.Dir, badger.ManifestFilename), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return noSpace(allocate(f, st.Size()+manifestReserve))
}

func noSpace(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// roomToOpen makes room for opening badger, with logs of that many bytes to be made into
// tables: it begins a log and a value log. If there is no room to compact, it is opened
// without compactors (starved).
func (db *DB) roomToOpen(logs int64) (starved bool, err error) {
	need := logs + logs/2 + mib/4
	if err := db.space.want(need); err != nil {
		return false, fmt.Errorf("open: %w; free some space first", err)
	}
	return db.space.want(need+ballastTables*db.space.table) != nil, nil
}

// relieve compacts what badger, opened without compactors, leaves lying, once there is
// room again.
func (db *DB) relieve() {
	free, err := db.space.freeNow()
	if err != nil || free < db.space.reserve {
		return
	}
	if levels := db.badger.Levels(); levels[0].NumTables >= badger.DefaultOptions("").NumLevelZeroTables {
		if err := db.badger.Flatten(1); err != nil {
			db.log("compaction: %v", err)
		}
	}
}
