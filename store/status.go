package store

import (
	"sync/atomic"

	"pail/store/work"
)

// A Recovery says what Open found and did after an end that was not clean.
type Recovery struct {
	Unclean   bool     // the last owner did not close the store
	Kept      int      // pending versions whose bytes had reached the disk
	Undone    int      // pending versions whose bytes had not: what they replaced is back
	Drafts    int      // drafts that had been fsynced, now published
	Orphans   int      // content files of nobody, deleted
	Moves     int      // renames of directories that go on
	Problems  []string // what could not be dealt with; pail fsck says more
	UndoneKey []string // BUCKET/KEY of what was undone, at most 100
}

// A Status is the state of an open store at one moment.
type Status struct {
	Dir       string
	ID        string
	Format    int
	Region    string
	MasterKey string // what it is made from, as keyring.Source says; "" if there is none yet
	Free      int64  // bytes free on the disk
	Reserve   int64  // bytes of them that only deletes may use
	Stopped   string // why the store no longer writes; "" if it does
	Buckets   int
	OpenFiles int
	Drafts    int   // open files with unpublished changes
	Pending   int   // published versions whose bytes are not known to be on disk
	Moves     int   // renames of directories on their way
	Dead      int64 // bytes of content files that nothing refers to, while other bytes of them are in use
	Compacted int64 // bytes that compaction has moved since the store was opened
	LastSeq   uint64
	Versions  VersionStatus
	Jobs      []work.Status
	Scrub     ScrubStatus
	Lifecycle LifecycleStatus
	Encrypt   EncryptStatus
	Logs      LogTotal    // access logs
	Records   CacheStatus // the cache of records
	Files     CacheStatus // content files that are kept open
	Recovered Recovery
}

// A CacheStatus is how a cache does.
type CacheStatus struct {
	Entries      int
	Hits, Misses int64 // since the store was opened
}

// A VersionStatus counts versions since the store was opened.
type VersionStatus struct {
	Made    int64 // delete markers among them
	Markers int64
	Gone    int64 // overwritten without history, deleted for good or expired; markers, too
}

// A historyChange is what an update does to the number of versions.
type historyChange struct{ made, markers, gone int64 }

// A historyCount is the sum of those that were committed.
type historyCount struct{ made, markers, gone atomic.Int64 }

func (c *historyCount) add(h historyChange) {
	c.made.Add(h.made)
	c.markers.Add(h.markers)
	c.gone.Add(h.gone)
}

// Stopped is why the store no longer writes, nil if it does.
func (s *Store) Stopped() error { return s.failure() }

// Status returns what an operator wants to know.
func (s *Store) Status() Status {
	sp := s.db.Space()
	st := Status{
		Dir: s.opts.Dir, ID: s.label.ID, Format: s.label.Format, Region: s.label.Region,
		Free: sp.Free, Reserve: sp.Reserve, LastSeq: s.db.LastSeq(), Jobs: s.jobs.Status(), Recovered: s.recovered,
		Moves: int(s.moves.active.Load()), Pending: s.settler.count(),
	}
	st.MasterKey = string(s.MasterKeySource())
	if err := s.failure(); err != nil {
		st.Stopped = err.Error()
	}
	st.Scrub = s.scrubber.status()
	st.Encrypt = s.encrypter.status()
	st.Logs = s.logs.total()
	st.Lifecycle = s.expirer.status()
	st.Records, st.Files = CacheStatus(s.db.Cache()), CacheStatus(s.blobs.Cache())
	st.Compacted = s.compactor.moved.Load()
	st.Versions = VersionStatus{Made: s.history.made.Load(), Markers: s.history.markers.Load(), Gone: s.history.gone.Load()}
	err := s.view(func(sn *snap) (err error) {
		st.Dead, err = sn.wasted()
		return err
	})
	if err != nil {
		s.log.Error("the sum of dead bytes cannot be read", "err", err)
	}
	st.Buckets = len(s.buckets.all(""))
	for _, n := range s.files.all() {
		st.OpenFiles++
		n.mu.RLock()
		if n.draft != nil && (n.draft.dirty || n.draft.fresh) {
			st.Drafts++
		}
		n.mu.RUnlock()
	}
	return st
}
