package meta

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"golang.org/x/sync/errgroup"
)

const restoreAdvice = "nothing was changed; restore the store from a backup: without this file it is not " +
	"known which of its records are current"

// A survey is what the files say before badger sees them. Badger is forgiving at open: it
// cuts a log off at the first damage, drops tables with a bad checksum, deletes tables
// that its manifest does not name. The survey finds out whether anything is missing.
type survey struct {
	dir    string
	keys   *cipherKeys
	marker uint64 // the last batch that was synced, as far as known
	tables uint64 // the newest batch in a table
	logs   []logReport
	last   uint64 // the newest batch that is left
}

// surveyDir looks at everything in dir and changes nothing. Damage is a *DamageError.
func surveyDir(ctx context.Context, dir string, keys *cipherKeys) (*survey, error) {
	s := &survey{dir: dir, keys: keys}
	var err error
	if s.marker, err = readMarker(filepath.Join(dir, markerName)); err != nil {
		return nil, err
	}
	numbers, err := logNumbers(dir)
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		r, err := readLog(dir, n, keys)
		if err != nil {
			return nil, err
		}
		s.logs = append(s.logs, r)
	}
	if err := s.readTables(ctx); err != nil {
		return nil, err
	}
	return s, s.judge()
}

// readTables checks the manifest and the tables that it names.
func (s *survey) readTables(ctx context.Context) error {
	path := filepath.Join(s.dir, badger.ManifestFilename)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return s.withoutManifest(path)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, 0, badger.Options{})
	if err != nil {
		why, _, _ := strings.Cut(err.Error(), "\n") // badger says more than a line
		return &DamageError{Path: path, Reason: fmt.Sprintf("the list of tables cannot be read (%s); %s", why, restoreAdvice)}
	}
	ids := make([]uint64, 0, len(m.Tables))
	for id, t := range m.Tables {
		if t.KeyID != s.keys.id() {
			return &DamageError{Path: table.NewFilename(id, s.dir), Reason: s.otherKey() + "; " + restoreAdvice, Cipher: true}
		}
		ids = append(ids, id)
	}
	s.tables, err = checkTables(ctx, s.dir, s.keys, ids)
	return err
}

// withoutManifest accepts that there is no manifest only where there is nothing else:
// badger makes it first.
func (s *survey) withoutManifest(path string) error {
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range names {
		if strings.HasSuffix(e.Name(), ".sst") || strings.HasSuffix(e.Name(), logSuffix) || s.marker > 0 {
			return &DamageError{Path: path, Reason: "the list of tables is gone; " + restoreAdvice}
		}
	}
	return nil
}

// otherKey is what to say of a file that is encrypted otherwise than the database.
func (s *survey) otherKey() string {
	if s.keys == nil {
		return "it is encrypted and the database is not"
	}
	return "it is not encrypted as the database is"
}

// checkTables checks the tables of those ids, and returns the newest batch in them.
func checkTables(ctx context.Context, dir string, keys *cipherKeys, ids []uint64) (uint64, error) {
	newest := make([]uint64, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(min(4, runtime.GOMAXPROCS(0)))
	for i, id := range ids {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			path := table.NewFilename(id, dir)
			n, err := checkTable(path, keys)
			if errors.Is(err, os.ErrNotExist) {
				return &DamageError{Path: path, Reason: "the file is gone; " + restoreAdvice}
			}
			newest[i] = n
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	var out uint64
	for _, n := range newest {
		out = max(out, n)
	}
	return out, nil
}

// judge decides whether a batch is missing. Tables hold every batch up to their newest.
// The logs must go on from there without a gap, and reach what was synced.
func (s *survey) judge() error {
	s.last = s.tables
	for i := range s.logs {
		l := &s.logs[i]
		switch {
		case l.foreign && l.last > 0:
			return &DamageError{Path: l.path, Reason: "its header is wrong; " + restoreAdvice}
		case l.foreign && l.unread():
			return &DamageError{Path: l.path, Reason: s.otherKey() + "; " + restoreAdvice, Cipher: true}
		case l.forged != "":
			return &DamageError{Path: l.path, Reason: fmt.Sprintf("the record at key %q is not what was written there; %s", l.forged, restoreAdvice)}
		case l.broken:
			return s.gap(i, fmt.Sprintf("its batches %d to %d are not complete", l.first, l.last))
		case l.first > s.last+1:
			return s.gap(i, fmt.Sprintf("batches %d to %d are missing before it", s.last+1, l.first-1))
		}
		s.last = max(s.last, l.last)
	}
	if s.last < s.marker {
		return s.gap(len(s.logs), fmt.Sprintf("batches %d to %d were synced and are missing", s.last+1, s.marker))
	}
	return nil
}

// gap says what is missing, naming the log that should have it: the one before log i if
// there is something unreadable at its end.
func (s *survey) gap(i int, what string) error {
	path := filepath.Join(s.dir, "*"+logSuffix)
	if i < len(s.logs) {
		path = s.logs[i].path
	}
	for ; i > 0; i-- {
		if l := &s.logs[i-1]; l.unread() {
			path = l.path
			what = fmt.Sprintf("it cannot be read after byte %d, and %s", l.end, what)
			break
		}
	}
	return &DamageError{Path: path, Reason: what + "; " + restoreAdvice}
}

// logBytes is how much the logs hold, and memTable the size of memtables that they need.
func (s *survey) logBytes() (n int64) {
	for _, l := range s.logs {
		n += l.end
	}
	return n
}

func (s *survey) memTable() (n int64) {
	for _, l := range s.logs {
		n = max(n, l.holds.arenaMax())
	}
	return n
}

// settle changes what badger would stumble over: logs that were made ready and never begun,
// the torn ends of logs, files in which nothing is kept. What is left of them is made durable.
func (s *survey) settle() error {
	for i := range s.logs {
		l := &s.logs[i]
		if l.last == 0 {
			if err := os.Remove(l.path); err != nil {
				return err
			}
		} else if err := l.cut(); err != nil {
			return err
		}
	}
	if err := removeUnused(s.dir, s.keys); err != nil {
		return err
	}
	return syncDir(s.dir)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
