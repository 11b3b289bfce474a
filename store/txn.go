package store

import (
	"context"
	"errors"
	"time"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
)

// An author is who makes a change: recorded with versions, told to watchers.
type author struct {
	principal string
	uid       uint32
	door      Door
	origin    uint64
	ip        string // of an HTTP caller
	request   string // id of its request
	expires   bool   // it is the lifecycle job
	who       Principal
	process   Process      // of the caller of a mount, if the audit trail or an access log is to tell it
	block     PublicAccess // of the access point that it came through
	act       *Act         // of the audit trail; nil: the changes themselves tell what is done
	untold    bool         // neither audit trail nor access log is told
}

// A txn is one update of the records: a snap that also writes. It lives on the
// committer's goroutine for the length of one function, which may run again.
type txn struct {
	snap
	tx      *meta.Tx
	who     author
	changes []Change
	dirs    map[dirID]uint64 // inodes of directories met on the way, see locateChanges
	merged  []func()

	quiet     bool              // it writes nothing, and asks for its place in the order only
	discarded []*record.Version // no longer of any key, their contents still owned
	forgets   bool              // a version that was there is in history no more
	undoes    bool              // it undoes what never was durable
	unlimited bool              // quotas do not count: what it makes is counted and not refused
	publishes bool              // it publishes a draft: quotas count in recovery as well
	usages    map[uint64]*tallied
	bypass    bool          // whoever asks bypasses retentions of mode Governance, and may
	events    uint32        // how many it has noted for webhooks
	history   historyChange // what it adds to and takes from history
	makes     string        // the type of event that its puts are; "": event.CreatedPut
	sets      string        // how the audit trail calls its changes of objects; "": SetObjectAttributes
	waste     int64         // bytes of content files that became dead, less those that went
	removes   bool          // it removes a version that was named
	rules     bool          // it changes what decides over who may do what
	keys      bool          // and keys of the key management service
	logged    []logLine     // what access logs are told when it is visible
}

// How an update is committed.
type commitMode uint8

const (
	visible        commitMode = iota // return once everybody sees it
	durable                          // return once it survives a power cut
	freeing                          // like visible, and allowed below the reserve
	durableFreeing                   // both
)

// update runs fn as one update; all of it happens or nothing. Pending bytes that fn
// needs are settled first and fn runs again.
func (s *Store) update(ctx context.Context, who author, mode commitMode, fn func(*txn) error) (meta.Commit, error) {
	if who.act = s.audit.actOf(ctx); who.act == nil && s.audit.on() && who.door == DoorMount {
		s.audit.awaitRoom()
	}
	opts := meta.UpdateOptions{Durable: mode == durable || mode == durableFreeing, Frees: mode == freeing || mode == durableFreeing}
	var logged []logLine // of the last run of fn
	for {
		if err := s.failure(); err != nil {
			return meta.Commit{}, fault.Wrap(fault.StoreFailed, err, "the store no longer writes")
		}
		c, err := s.db.Update(ctx, opts, func(tx *meta.Tx) (err error) {
			logged, err = s.runTxn(tx, who, fn)
			return err
		})
		var pending *pendingError
		switch {
		case err == nil:
			s.logs.addAll(logged)
			return c, nil
		case errors.As(err, &pending):
			if err := s.settler.settle(ctx, pending.seqs); err != nil {
				return meta.Commit{}, err
			}
		default:
			return meta.Commit{}, engineError(err)
		}
	}
}

// inPieces calls fn with how much one update is to do, and with half of that again while
// it is too much for one: what fits depends on the sizes of the records.
func inPieces(most int, fn func(most int) error) error {
	for {
		err := fn(most)
		if !fault.Is(err, fault.EntityTooLarge) || most <= 1 {
			return err
		}
		most /= 2
	}
}

func (s *Store) runTxn(tx *meta.Tx, who author, fn func(*txn) error) ([]logLine, error) {
	t := &txn{snap: snap{s: s, r: tx}, tx: tx, who: who}
	if s.moves.active.Load() > 0 {
		if err := t.loadMoves(); err != nil {
			return nil, err
		}
	}
	if err := fn(t); err != nil {
		return nil, err
	}
	if err := t.letGo(); err != nil {
		return nil, err
	}
	if err := t.settleUsage(); err != nil {
		return nil, err
	}
	if err := t.countWaste(); err != nil {
		return nil, err
	}
	return t.logged, t.finish()
}

// finish writes what every update writes and arranges for watchers to hear of it.
func (t *txn) finish() error {
	if !t.quiet {
		t.sampleTime()
	}
	if err := t.audit(); err != nil {
		return err
	}
	if err := t.logChanges(); err != nil {
		return err
	}
	for i := range t.changes {
		t.changes[i].Forgets = t.forgets
	}
	if len(t.changes) > 0 {
		if err := t.feedChanges(); err != nil {
			return err
		}
		if err := t.locateChanges(); err != nil {
			return err
		}
		changes := t.changes
		t.tx.Defer(func(meta.Commit) { t.s.watchers.tell(changes) })
	}
	t.tellRules()
	if h := t.history; h != (historyChange{}) {
		t.onMerged(func() { t.s.history.add(h) })
	}
	for _, fn := range t.merged {
		t.tx.Merged(fn)
	}
	return nil
}

// onMerged runs fn on the committer's goroutine if and when this update becomes part
// of a batch, before any other update runs: the moment at which memory must follow.
func (t *txn) onMerged(fn func()) { t.merged = append(t.merged, fn) }

func (t *txn) now() time.Time { return t.tx.Now() }

// put writes a record.
func (t *txn) put(k []byte, m record.Record) error {
	b, err := record.Marshal(m)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "record %q", k)
	}
	t.tx.Set(k, b)
	return nil
}

// engineError gives failures of the engine their kind; ours pass unchanged.
func engineError(err error) error {
	var f *fault.Error
	var busy moveBusyError
	var count *reachError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return err
	case errors.As(err, &busy):
		return busy
	case errors.As(err, &count):
		return count
	case errors.Is(err, meta.ErrNoSpace):
		return fault.Wrap(fault.NoSpace, err, "the disk is full but for the store's reserve; free some space")
	case errors.Is(err, meta.ErrClosed):
		return fault.Wrap(fault.Unavailable, err, "the store is closing")
	case errors.Is(err, meta.ErrReadOnly):
		return fault.Wrap(fault.StoreFailed, err, "the store no longer writes")
	case errors.Is(err, meta.ErrTooLarge):
		return fault.Wrap(fault.EntityTooLarge, err, "too much for one update")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	default:
		return fault.Wrap(fault.Internal, err, "metadata")
	}
}
