package meta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"golang.org/x/sys/unix"

	"pail/crypto"
)

// Options say where the database is and how it works.
type Options struct {
	Dir          string                           // made if it does not exist
	Now          func() time.Time                 // nil: time.Now
	MemTableSize int64                            // bytes; 0: sized for a laptop and the disk
	Reserve      int64                            // bytes kept free on the disk; 0: what the database needs to go on
	Log          func(format string, args ...any) // nil: nothing is logged
	// Key encrypts the database, which was made with the same one. nil: it is not encrypted.
	// To encrypt one that is not, copy it to another (DB.CopyTo).
	Key *crypto.Key

	mapped bool // badger writes its logs itself, as it does where they are not found
}

// A DB is an open database. It is safe for concurrent use.
type DB struct {
	opts     Options
	clock    func() time.Time
	log      func(string, ...any)
	lock     *os.File // the directory, locked
	badger   *badger.DB
	keys     *cipherKeys // nil: it is not encrypted
	sealer   sealer
	limits   limits
	maxValue int64 // bytes
	logs     *logs
	marker   marker
	cursors  *cursors
	hot      *hot
	states   *states
	dead     *dead
	sweeping sync.Mutex // held during a sweep: one watches at a time
	space    *space
	starved  bool // badger runs without compactors: there was no room for them at open
	ids      ids

	queue     *queue
	committer *committer
	backlog   *backlog
	syncer    *syncer

	failed    atomic.Pointer[error]
	rotated   atomic.Int64 // when badger last began a log, in ns; 0: memory was given back
	closeOnce sync.Once
	closeErr  error
	stop      chan struct{} // ends the goroutines in the background
	running   sync.WaitGroup
}

// Open opens the database in o.Dir, and makes it if there is none. One process at a time
// can have it open. If files are damaged it returns a *DamageError and changes nothing.
func Open(o Options) (*DB, error) {
	keys, err := newCipherKeys(o.Key)
	if err != nil {
		return nil, err
	}
	db := &DB{opts: o, clock: o.Now, log: o.Log, keys: keys, sealer: newSealer(keys),
		stop: make(chan struct{})}
	if db.clock == nil {
		db.clock = time.Now
	}
	if db.log == nil {
		db.log = func(string, ...any) {}
	}
	if err := makeDir(o.Dir); err != nil {
		return nil, err
	}
	if err := db.open(); err != nil {
		return nil, err
	}
	return db, nil
}

// open looks at the files, opens badger over them and begins to serve.
func (db *DB) open() (err error) {
	defer func() {
		if err != nil {
			db.release()
		}
	}()
	if db.lock, err = lockDir(db.opts.Dir); err != nil {
		return err
	}
	found, err := surveyDir(context.Background(), db.opts.Dir, db.keys)
	if err != nil {
		return err
	}
	if err := db.size(found); err != nil {
		return err
	}
	if err := found.settle(); err != nil {
		return err
	}
	if db.starved, err = db.roomToOpen(found.logBytes()); err != nil {
		return err
	}
	opened, err := badger.OpenManaged(db.badgerOptions())
	if err != nil {
		return openError(db.opts.Dir, err) // what it returns beside cannot be closed
	}
	db.badger = opened
	db.limits = limits{count: db.badger.MaxBatchCount() - 4, bytes: db.badger.MaxBatchSize() - batchOverhead - counterSize - 128}
	db.maxValue = min(maxValue, db.badger.MaxBatchSize()/2)
	if db.logs, err = openLogs(db.opts, db.keys, db.log); err != nil {
		return err
	}
	db.logs.makeRoom = db.space.giveUp
	if db.marker, err = openMarker(filepath.Join(db.opts.Dir, markerName)); err != nil {
		return err
	}
	at, err := db.readCounters()
	if err != nil {
		return err
	}
	if at.batch != found.last {
		return &DamageError{Path: db.opts.Dir, Reason: fmt.Sprintf(
			"its files hold batch %d but reading finds batch %d; restore the store from a backup", found.last, at.batch)}
	}
	return db.start(at)
}

// size chooses the sizes of memtables and reserve. Memtables are never smaller than what
// is in a log.
func (db *DB) size(found *survey) (err error) {
	if db.opts.MemTableSize == 0 {
		if db.opts.MemTableSize, err = memTableFor(db.opts.Dir); err != nil {
			return err
		}
	}
	db.opts.MemTableSize = max(db.opts.MemTableSize, found.memTable())
	db.space, err = newSpace(db.opts.Dir, db.opts.MemTableSize, db.opts.Reserve, db.log)
	return err
}

// release closes what is open but for the goroutines.
func (db *DB) release() (err error) {
	if db.badger != nil {
		err = db.badger.Close()
	}
	if db.logs != nil {
		db.logs.close()
	}
	if db.marker.f != nil {
		if err == nil && db.Failed() == nil && db.syncer != nil {
			err = db.marker.putDurable(db.syncer.synced.Load())
		}
		err = errors.Join(err, db.marker.f.Close())
	}
	if db.lock != nil {
		err = errors.Join(err, db.lock.Close())
	}
	return err
}

// makeDir makes dir, and its name durable, unless it is there.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// openError tells damage from a disk that fails. The files that badger alone reads (its
// key registry and value logs, which hold nothing of ours) begin with a header; it wraps
// what it thinks of that as text.
func openError(dir string, err error) error {
	text := err.Error()
	for _, damage := range []string{badger.ErrEncryptionKeyMismatch.Error(), badger.ErrInvalidDataKeyID.Error(), io.EOF.Error()} {
		if strings.Contains(text, damage) {
			why, _, _ := strings.Cut(text, "\n")
			return &DamageError{Path: dir, Reason: why + "; " + restoreAdvice}
		}
	}
	return fmt.Errorf("open badger: %w", err)
}

// lockDir takes the directory for this process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use by another process: %w", dir, err), f.Close())
	}
	return f, nil
}

// start begins to serve from the state that was found.
func (db *DB) start(at counters) error {
	db.cursors = newCursors(db.badger)
	db.badger.SetDiscardTs(at.batch)
	db.states = newStates(db.newState(at, nil, at.batch))
	db.ids.last.Store(at.idLimit)
	db.ids.limit.Store(at.idLimit)
	db.syncer = &syncer{db: db}
	db.syncer.applied.Store(at.batch)
	db.syncer.synced.Store(at.batch)
	db.dead = newDead()
	db.loadDead(at.batch)
	db.queue = newQueue()
	db.committer = &committer{db: db, at: at, seq: at.seq, batch: newWrites()}
	db.backlog = newBacklog(db)
	db.hot = newHot(db.sealer, at.batch, hotBytes)
	if err := unlessFull(noSpace(db.marker.put(at.batch))); err != nil {
		return err
	}
	err := errors.Join(unlessFull(db.reserveManifest()), unlessFull(db.allocateLog(db.space.have)),
		unlessFull(db.prepareLog(db.space.have)))
	if err != nil {
		return err
	}
	db.running.Add(3)
	go db.tend()
	go db.backlog.run()
	go db.sweepLoop()
	return nil
}

// What badger keeps decrypted of an encrypted database, in bytes: blocks, of which a scan and
// the gets of one page use few, and the indexes of tables, each of which a get asks. They are 2 %
// of the tables; beyond that each get would decrypt one.
const (
	blockCache = 32 * mib
	indexCache = 128 * mib
)

func (db *DB) badgerOptions() badger.Options {
	o := badger.DefaultOptions(db.opts.Dir)
	o.MemTableSize = db.opts.MemTableSize
	o.NumMemtables = 2
	o.NumCompactors = 2
	if db.starved {
		o.NumCompactors = 0
	}
	o.ValueThreshold = min(maxValue, db.opts.MemTableSize*15/100)
	o.ValueLogFileSize = 1 << 20
	o.DetectConflicts = false
	o.MetricsEnabled = false
	o.SyncWrites = false
	o.BypassLockGuard = true // locked already
	o.Compression = options.None
	o.BlockCacheSize = 0
	o.IndexCacheSize = 0
	o.ChecksumVerificationMode = options.NoVerification
	o.Logger = nil
	if db.keys != nil {
		o.EncryptionKey, o.EncryptionKeyRotationDuration = db.keys.wraps, keyLife
		o.BlockCacheSize, o.IndexCacheSize = blockCache, indexCache
	}
	return o
}

// readCounters reads what the last batch left.
func (db *DB) readCounters() (counters, error) {
	var c counters
	b, err := db.getRaw(newCursors(db.badger).txn, []byte(counterKey))
	switch {
	case errors.Is(err, ErrNotFound):
		return c, nil
	case err != nil:
		return c, err
	}
	return c, c.unmarshal(b)
}

// newState is what a batch made of the database, of which layers are not badger's yet:
// that has the batches up to given.
func (db *DB) newState(at counters, over []*writes, given uint64) *state {
	return &state{batch: at.batch, seq: at.seq, over: over, given: given, txn: db.badger.NewTransactionAt(at.batch, false)}
}

// publish makes a batch visible to new views.
func (db *DB) publish(at counters, over []*writes, given uint64) {
	db.badger.SetDiscardTs(db.states.advance(db.newState(at, over, given)))
}

// beforeBatch gets ready for a batch, and says whether badger has to get it at once:
// before one with which badger may begin the next log, badger has all others, the active
// log is synced and the next one is there.
func (db *DB) beforeBatch() (now bool, err error) {
	if err := db.Failed(); err != nil {
		return false, err
	}
	rotate := db.logs.mayRotate()
	if err := db.roomForLog(rotate); err != nil {
		return false, err
	}
	if !rotate {
		return !db.logs.ours(), nil
	}
	if err := db.backlog.drain(); err != nil {
		return false, err
	}
	return true, db.syncer.syncNow()
}

// afterBatch brings a batch to its log, and follows badger when it began the next one.
func (db *DB) afterBatch(number uint64, batch *writes) error {
	rotated, err := db.logs.wrote(number, batch)
	if err != nil || !rotated {
		return err
	}
	db.rotated.Store(time.Now().UnixNano())
	db.cursors.renew()
	return unlessFull(db.prepareLog(db.space.have))
}

// LastSeq is the number of the last commit that is visible.
func (db *DB) LastSeq() uint64 { return db.states.current().seq }

// Failed returns why nothing is written any more: an error that wraps ErrReadOnly and
// its cause, or nil while all is well. Reading goes on.
func (db *DB) Failed() error {
	if e := db.failed.Load(); e != nil {
		return *e
	}
	return nil
}

// fail ends all writing; the first cause stays. It returns the error of Failed.
func (db *DB) fail(cause error) error {
	err := fmt.Errorf("%w: %w", ErrReadOnly, cause)
	if db.failed.CompareAndSwap(nil, &err) {
		db.log("metadata no longer writes: %v", cause)
	}
	return db.Failed()
}

// Close finishes the updates that were asked for, waits until every view is closed, makes
// everything durable and closes the database. Closing again returns the same. On a disk
// without room for what is to be written out, or that takes no writes any more, the files
// stay as they are, whole, and locked until the process ends.
func (db *DB) Close() error {
	db.closeOnce.Do(func() { db.closeErr = db.close() })
	return db.closeErr
}

func (db *DB) close() error {
	db.queue.close()
	db.committer.role.Lock() // for good
	err := db.syncer.syncNow()
	close(db.stop)
	db.running.Wait()
	behind := db.backlog.drain()
	db.states.close()
	db.cursors.close()
	if behind != nil {
		// closing it would have badger remove the log with what it has not got
		return errors.Join(err, fmt.Errorf("close: %w; what was written is in the log, the process has to end", behind))
	}
	if full := db.space.want(db.tableRoom() + db.flushRoom()); full != nil {
		// badger would write a table and die of it; everything is durable in the logs,
		// and the next open finds it there
		db.log("%v; the records stay in the logs until the next open", full)
		return err
	}
	if err == nil {
		if e := db.saveDead(db.syncer.applied.Load()); e != nil {
			db.log("keep ranges of deleted keys: %v", e)
		}
	}
	return errors.Join(err, db.releaseOrLeave())
}

// lookAgain is how long closing may take before it is asked whether the disk takes writes.
const lookAgain = time.Second

// releaseOrLeave is release that does not wait for a disk that takes no writes: badger tries
// for ever to write out its memtable, all of which is in the logs. It goes on trying, with
// the files locked, until it succeeds or the process ends.
func (db *DB) releaseOrLeave() error {
	released := make(chan error, 1)
	go func() { released <- db.release() }()
	for {
		select {
		case err := <-released:
			return err
		case <-time.After(lookAgain):
		}
		if err := db.space.probe(); err != nil {
			return fmt.Errorf("close: the disk takes no writes, the records stay in the logs until the next open: %w", err)
		}
	}
}

// hasReservedPrefix says whether badger keeps the key to itself.
func hasReservedPrefix(key []byte) bool { return bytes.HasPrefix(key, []byte("!badger!")) }
