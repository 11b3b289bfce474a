package store

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/multimd5"
	"pail/store/keyring"
	"pail/store/work"
)

// Defaults of Options.
const (
	DefaultRegion        = "us-east-1"
	DefaultMaxObjectSize = 5 << 40
	DefaultMinPartSize   = 5 << 20
	DefaultInlineMax     = 16 << 10
	DefaultSettleAfter   = 300 * time.Millisecond
	DefaultCompactAfter  = 5 * time.Second
	DefaultCompactPieces = 16
)

// Options say how to open a store.
type Options struct {
	// Dir is the store's directory.
	Dir string
	// Region is for Create: the region of buckets that name none. "": us-east-1.
	Region string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log receives what an operator should know; nil discards it.
	Log *slog.Logger
	// AllowAnyFS opens a store on a network or FUSE filesystem, whose promises about
	// fsync and locks nobody knows.
	AllowAnyFS bool
	// MkdirVersioning is for Create: buckets that mkdir makes start versioned. It is a
	// setting like others (Session.SetSetting) that is made with the store.
	MkdirVersioning bool
	// MaxObjectSize is the largest object, in bytes. 0: as the store's settings say, 5 TB
	// if they do not.
	MaxObjectSize int64
	// MinPartSize is the smallest part of a multipart upload that is not its last, in
	// bytes. 0: DefaultMinPartSize; less than 0: any.
	MinPartSize int64
	// InlineMax is the largest content, in bytes, that is kept beside the metadata
	// rather than in a file of its own. 0: DefaultInlineMax.
	InlineMax int
	// SettleAfter is how long a published version may wait before its bytes are
	// synced. 0: DefaultSettleAfter; less than 0: never, for tests.
	SettleAfter time.Duration
	// CompactAfter is how long a content in too many pieces, or a content file that is mostly
	// dead, is left as it is before compaction deals with it. 0: DefaultCompactAfter; less
	// than 0: for ever, but for Store.Compact.
	CompactAfter time.Duration
	// CompactPieces is the least number of pieces and content files that compacting a
	// stretch of a content must save. 0: DefaultCompactPieces.
	CompactPieces int
	// VerifyReads compares the checksums of content files on every read. Without it what
	// the disk has changed shows in scrubs and checks only, and reads of large contents
	// need no copy in memory. Small contents are always verified. See SetVerifyReads.
	VerifyReads bool
	// PublicByDefault makes buckets without Block Public Access, which all of it is on in
	// otherwise, as with S3.
	PublicByDefault bool
	// LifecycleDay is how long a day is to the rules of lifecycles. 0: 24 hours. Tests that
	// cannot wait make it shorter.
	LifecycleDay time.Duration
	// MasterKey is asked for the secret that opens the store's keys, if it does not lie beside
	// them: a passphrase, or a key, as the source says. nil is as if it returned
	// keyring.ErrNotGiven; with that, or another error, the store is not opened. What it
	// returned is overwritten.
	MasterKey func(source keyring.Source) (secret []byte, err error)
	// NewMasterKey is for Create: the master key of the store. nil: one is made when it is
	// needed first, and lies beside the store.
	NewMasterKey *keyring.Master
	// WithoutMasterKey opens the store without its keys if the secret for them is not given:
	// whatever needs them is refused.
	WithoutMasterKey bool
	// ReserveBytes is how much of the disk is kept free. 0: what the engine needs.
	ReserveBytes int64
	// MemTableSize bounds the engine's tables in memory, in bytes. 0: the default.
	MemTableSize int64

	tuning tuning // other than usual in tests only
}

// A tuning is what of the store's inner workings a test may set.
type tuning struct {
	movedInline    int                // how many records a rename of a directory moves itself
	movesPerUpdate int                // how many records a mover's update moves, and so how long others wait
	moveDelay      time.Duration      // how long a mover sleeps on
	sparseMin      int64              // bytes: what a content file must have dead at least to be moved
	stretchMax     int64              // bytes: what compaction moves at once
	aheadExtents   int                // how long a list is written in one update
	format         int                // the newest that this program knows
	upgrades       []upgrade          // to it
	repairStep     func(*Store) error // runs after each step of a repair
	encryptAll     bool               // every bucket asks for encryption
	encryptRecords bool               // with a master key beside the store, too
}

// encryptAll is the default of both, for tests that do all that others do with encrypted contents.
var encryptAll bool

func (t *tuning) setDefaults() {
	t.encryptAll = t.encryptAll || encryptAll
	t.encryptRecords = t.encryptRecords || encryptAll
	if t.movedInline == 0 {
		t.movedInline = 200
	}
	if t.movesPerUpdate == 0 {
		t.movesPerUpdate = 500
	}
	if t.sparseMin == 0 {
		t.sparseMin = sparseMin
	}
	if t.stretchMax == 0 {
		t.stretchMax = stretchMax
	}
	if t.aheadExtents == 0 {
		t.aheadExtents = aheadExtents
	}
	if t.format == 0 {
		t.format, t.upgrades = Format, upgrades[:]
	}
}

func (o *Options) setDefaults() error {
	if o.Dir == "" {
		return fault.New(fault.InvalidArgument, "no store directory was given; name one with --store")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fault.Wrap(fault.InvalidArgument, err, "store directory %s", o.Dir)
	}
	o.Dir = dir
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MinPartSize == 0 {
		o.MinPartSize = DefaultMinPartSize
	}
	if o.InlineMax == 0 {
		o.InlineMax = DefaultInlineMax
	}
	if o.SettleAfter == 0 {
		o.SettleAfter = DefaultSettleAfter
	}
	if o.CompactAfter == 0 {
		o.CompactAfter = DefaultCompactAfter
	}
	if o.CompactPieces == 0 {
		o.CompactPieces = DefaultCompactPieces
	}
	if o.LifecycleDay <= 0 {
		o.LifecycleDay = 24 * time.Hour
	}
	o.tuning.setDefaults()
	return nil
}

// A Store is one open store. Its methods, and those of its sessions and files, may be
// called from many goroutines.
type Store struct {
	opts    Options
	log     *slog.Logger
	lock    *os.File
	label   label
	db      *meta.DB
	blobs   *blob.Store
	jobs    *work.Runner
	settler *settler
	mover   *mover

	compactor *compactor
	history   historyCount
	scrubber  *scrubber
	encrypter *encrypter
	herald    *herald
	expirer   *expirer
	counter   *work.Job // counts what buckets with quotas hold
	quotas    quotasInMemory
	audit     *auditor
	logs      *accessLogger

	publisher *work.Job

	sealing    sealing
	bucketKeys bucketKeys
	buckets    bucketTable
	keys       iam.Keys
	directory  atomic.Pointer[iam.Directory]
	tokens     tokens
	uses       lastUses
	guesses    iam.Guesses
	configs    configCache
	points     accessPoints
	kms        keyService

	accountBlocks atomic.Pointer[map[string]PublicAccess] // Block Public Access of accounts

	holds     bucketHolds
	chosen    atomic.Pointer[record.Settings] // the store's own settings; nil: none
	moves     moveState
	counts    reachTable
	pins      pins
	bases     bases
	files     fileTable
	watchers  watchers
	sampler   sampler
	cursors   atomic.Int64 // durable cursors of the feed; 0: no feed is written
	recovered Recovery
	ready     bool                  // recovery has ended; until then one goroutine has the store
	failed    atomic.Pointer[error] // why the store no longer writes

	rules atomic.Uint64 // the generation of what decides over who may do what (open_rights.go)

	verifying  atomic.Bool // reads compare checksums
	unblocked  atomic.Bool // new buckets have no Block Public Access
	recovering atomic.Bool
	repairing  atomic.Bool // no content file is deleted yet
	closing    atomic.Bool
	receiving  atomic.Int64 // contents that are being received and belong to no version yet
	buffers    sync.Pool    // of bufferSize bytes each, for what is received
	md5s       *multimd5.Group
	closeOnce  sync.Once
	closeErr   error
	unlocking  []func() // see BeforeUnlock
}

// Open opens the store at opts.Dir, takes its lock for as long as it is open, and
// recovers what the last owner left behind. The kinds of failure: NoSuchStore,
// StoreLocked (another process owns it), NewerFormat, AccessDenied, Damaged, NoSpace,
// NotSupported (the filesystem).
func Open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	s := newStore(opts)
	if err := s.open(ctx); err != nil {
		s.shut()
		return nil, err
	}
	return s, nil
}

// newStore is a store before anything of it was read.
func newStore(opts Options) *Store {
	s := &Store{opts: opts, log: opts.Log, md5s: multimd5.NewGroup()}
	s.SetPublicByDefault(opts.PublicByDefault)
	s.files.init()
	s.rules.Store(1)
	s.directory.Store(firstDirectory())
	s.kms.init(s)
	return s
}

func (s *Store) open(ctx context.Context) error {
	if err := s.openFiles(); err != nil {
		return err
	}
	if err := s.upgrade(ctx); err != nil {
		return err
	}
	if err := s.recover(ctx); err != nil {
		return err
	}
	if err := s.view(s.scrubber.load); err != nil {
		return err
	}
	if err := s.view(s.expirer.load); err != nil {
		return err
	}
	if err := s.view(s.encrypter.load); err != nil {
		return err
	}
	if s.quotas.any() {
		s.counter.Wake()
	}
	s.compactor.begin()
	s.kms.job.Wake()
	s.encrypter.job.Wake()
	return nil
}

// openFiles takes the lock and opens what is on disk.
func (s *Store) openFiles() (err error) {
	if s.label, err = readLabel(s.opts.Dir, s.opts.tuning.format); err != nil {
		return err
	}
	if err := checkDir(s.opts.Dir, s.opts.AllowAnyFS); err != nil {
		return err
	}
	if s.lock, err = takeLock(s.opts.Dir); err != nil {
		return err
	}
	if err := hasRecords(s.opts.Dir); err != nil {
		return err
	}
	if err := s.openKeys(); err != nil {
		return err
	}
	if err := s.settleFiles(); err != nil {
		return err
	}
	s.db, err = meta.Open(engineOptions(&s.opts, filepath.Join(s.opts.Dir, metaDir), recordsKey(s.sealing.ring.Load())))
	if err != nil {
		return s.recordsError(err)
	}
	if s.blobs, err = blob.Open(blob.Options{Dir: filepath.Join(s.opts.Dir, blobDir), Failed: s.fail}); err != nil {
		return fault.Wrap(fault.IOFailed, err, "open contents")
	}
	s.jobs = work.NewRunner(s.log)
	s.settler = newSettler(s)
	s.pins.free = s.settler.addGarbage
	s.mover = newMover(s)
	s.publisher = newPublisher(s)
	s.compactor = newCompactor(s)
	s.scrubber = newScrubber(s)
	s.encrypter = newEncrypter(s)
	s.herald = newHerald(s)
	s.expirer = newExpirer(s)
	s.uses.job = newUseKeeper(s)
	s.counter = newCounter(s)
	s.kms.job = s.jobs.Add(work.Task{Name: "keys", Run: s.kms.tend})
	s.audit = newAuditor(s)
	s.logs = newAccessLogger(s)
	s.SetVerifyReads(s.opts.VerifyReads)
	return nil
}

func openError(err error) error {
	var d *meta.DamageError
	switch {
	case errors.As(err, &d):
		return fault.Wrap(fault.Damaged, err, "the store was not opened")
	case errors.Is(err, unix.EWOULDBLOCK):
		return fault.Wrap(fault.StoreLocked, err, "another process still owns the store")
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fault.Wrap(fault.AccessDenied, err, "open metadata")
	case errors.Is(err, unix.ENOSPC), errors.Is(err, meta.ErrNoSpace):
		return fault.Wrap(fault.NoSpace, err, "open metadata; free some space")
	default:
		return fault.Wrap(fault.IOFailed, err, "the store's records cannot be opened; nothing was changed; if a file is damaged restore it from a backup")
	}
}

// Close publishes what open files still hold, makes everything durable, ends the
// jobs and gives the lock back. Calls after the first return what the first returned.
func (s *Store) Close(ctx context.Context) error {
	s.closeOnce.Do(func() {
		s.logs.last(ctx)
		s.audit.last(ctx)
		s.closing.Store(true)
		err := s.publishAll(ctx)
		s.dropDrafts()
		s.scrubber.end()
		s.herald.end()
		s.expirer.end()
		s.kms.end()
		s.audit.end()
		s.logs.end()
		s.jobs.Close()
		err = errors.Join(err, s.discardDrafts())
		if s.failure() == nil {
			err = errors.Join(err, s.keepUses(ctx, 0))
		}
		if s.failure() == nil {
			err = errors.Join(err, s.settler.sweep(ctx), blobError(s.blobs.SyncRemovals(s.recovered.Unclean)))
			if err == nil && s.receiving.Load() == 0 {
				err = s.markClean(ctx)
			}
		}
		s.closeErr = errors.Join(err, s.shut())
	})
	return s.closeErr
}

// BeforeUnlock has Close call fn, after those given before, when everything is durable
// and the lock is not yet given back: for what only the owner of the store may do, such as
// taking its socket away. It must not be called at the same time as Close.
func (s *Store) BeforeUnlock(fn func()) { s.unlocking = append(s.unlocking, fn) }

// shut ends whatever open has begun.
func (s *Store) shut() error {
	var errs []error
	if s.jobs != nil {
		s.jobs.Close()
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.blobs != nil {
		errs = append(errs, s.blobs.Close())
	}
	if s.audit != nil {
		errs = append(errs, s.audit.spool.close())
	}
	if s.logs != nil {
		errs = append(errs, s.logs.close()...)
	}
	for _, fn := range s.unlocking {
		fn()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Sync makes every commit and every published content until now durable.
func (s *Store) Sync(ctx context.Context) error {
	if err := s.settler.settleAll(ctx); err != nil {
		return err
	}
	return engineError(s.db.Sync(ctx))
}

// Dir is the store's directory, an absolute path.
func (s *Store) Dir() string { return s.opts.Dir }

// SocketPath is where the daemon that owns the store listens for commands.
func (s *Store) SocketPath() string { return SocketPath(s.opts.Dir) }

// SocketPath is where the daemon that owns the store at dir listens for commands.
func SocketPath(dir string) string { return filepath.Join(dir, "control.sock") }

// SetVerifyReads has every read from now on compare the checksums of content files, or
// none. It says nothing of what the kernel has in its page cache already.
func (s *Store) SetVerifyReads(on bool) { s.verifying.Store(on) }

// SetPublicByDefault has buckets that are made from now on be without Block Public Access, or
// with all of it (Options.PublicByDefault).
func (s *Store) SetPublicByDefault(on bool) { s.unblocked.Store(on) }

// PublicByDefault says whether buckets are made without Block Public Access.
func (s *Store) PublicByDefault() bool { return s.unblocked.Load() }

// now is the store's clock.
func (s *Store) now() time.Time { return s.opts.Now() }

// As returns the store as one principal sees it through one door. It is the only way
// to the data.
func (s *Store) As(p Principal, rc RequestContext) *Session {
	return &Session{s: s, who: p, rc: rc}
}
