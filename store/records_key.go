package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/keyring"
)

// Encrypted records. A store whose master key somebody has chosen has a key for its records in
// its ring, and with it nothing in its directory tells of names, whatever was set, or who may
// do what:
//
//	meta/            the engine encrypts it (package meta)
//	trail/ logs/     each record of a spool is an envelope (audit_spool.go)
//	blobs/           contents are encrypted by themselves; the files' names are numbers
//	keys keys.copy   sealed (package keyring)
//	pail.json        says the format, a random id and the region in the clear, which is needed to
//	                 say what there is to be opened
//	lock control.sock  say nothing
//	tls/             in the clear: it protects what is on its way, with whoever has that
//	                 directory as with whoever has the machine, and tells of no record
//	daemon.log       the program leaves names out of it (cmd/pail)
//
// A store gets the key with its first file, or later (ChangeKeys): its records are written
// again beside, into meta.new, which takes the place of meta in one step: that is the file of
// keys, which says that the records are encrypted. What has to follow it is done again with the
// next opening until it is: the spools are sealed, what was there in the clear is removed, and meta.new gets
// its name, which is the end.
//
// Stores whose master key was chosen by an earlier program are opened as they are, and say so.

const (
	recordsNew   = "meta.new" // encrypted records that are not in their place yet
	creatingName = "creating" // while it is there and the label is not, all is an unfinished Create's
)

// engineOptions are how the engine is opened in a directory of records; key may be nil.
func engineOptions(o *Options, dir string, key *crypto.Key) meta.Options {
	return meta.Options{
		Dir: dir, Now: o.Now, Reserve: o.ReserveBytes, MemTableSize: o.MemTableSize, Key: key,
		Log: func(format string, args ...any) { o.Log.Debug(fmt.Sprintf(format, args...)) },
	}
}

// recordsKey is the key of the records of a ring; nil: they are not encrypted.
func recordsKey(r *keyring.Ring) *crypto.Key {
	if r == nil {
		return nil
	}
	return r.Records()
}

// RecordsEncrypted says whether the store's records are encrypted.
func (s *Store) RecordsEncrypted() bool {
	r := s.sealing.ring.Load()
	return r != nil && r.Header().Records()
}

// recordsError is openError, and tells encrypted records without keys from damage.
func (s *Store) recordsError(err error) error {
	var d *meta.DamageError
	if errors.As(err, &d) && d.Cipher && s.sealing.header() == nil {
		return keysLost(s.opts.Dir, "the store's records are encrypted with them")
	}
	return openError(err)
}

// warnOfRecords tells that a store whose master key was chosen has records in the clear.
func (s *Store) warnOfRecords() {
	if l := s.sealing.header(); l != nil && l.Source() != keyring.Beside && !l.Records() {
		s.log.Warn("names and all else in the records of the store are not encrypted; pail master-key enable encrypts them")
	}
}

// settleFiles ends what an interrupted change of the keys or an interrupted Create has left.
func (s *Store) settleFiles() error {
	if s.sealing.locked == nil {
		if err := settleRecords(&s.opts, s.sealing.ring.Load()); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(s.opts.Dir, creatingName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.IOFailed, err, "remove what making the store has left")
	}
	s.warnOfRecords()
	return nil
}

// encryptRecords writes the records of the store at o.Dir again beside, under a key. Nothing
// is changed by that alone. The kinds of failure: Damaged, NoSpace, IOFailed.
func encryptRecords(o *Options, key *crypto.Key) (err error) {
	fresh := filepath.Join(o.Dir, recordsNew)
	if err := removeDurably(fresh); err != nil {
		return err
	}
	from, err := meta.Open(engineOptions(o, filepath.Join(o.Dir, metaDir), nil))
	if err != nil {
		return openError(err)
	}
	to, err := meta.Open(engineOptions(o, fresh, key))
	if err != nil {
		return errors.Join(openError(err), from.Close())
	}
	err = from.CopyTo(context.Background(), to)
	if err = errors.Join(err, to.Close(), from.Close()); err == nil {
		err = errors.Join(syncDir(fresh), syncDir(o.Dir))
	}
	if err != nil {
		return errors.Join(openError(err), removeDurably(fresh))
	}
	return nil
}

// settleRecords ends what a change of the keys may have left: encrypted records that the ring
// knows take their place, and others are removed. The kinds of failure: Damaged, IOFailed.
func settleRecords(o *Options, r *keyring.Ring) error {
	fresh, place := filepath.Join(o.Dir, recordsNew), filepath.Join(o.Dir, metaDir)
	if _, err := os.Lstat(fresh); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	key := recordsKey(r)
	if key == nil && isThere(filepath.Join(place, manifestName)) {
		return removeDurably(fresh)
	}
	if key == nil {
		return fault.New(fault.Damaged, "the records in %s are encrypted and the store's keys say nothing of it; put %s back, from a backup", fresh, filepath.Join(o.Dir, keysName))
	}
	if _, err := os.Stat(filepath.Join(fresh, manifestName)); err != nil {
		return fault.Wrap(fault.Damaged, err, "the encrypted records in %s are not whole; nothing was changed; restore the store from a backup", fresh)
	}
	if err := sealSpools(o, fresh, key); err != nil {
		return err
	}
	for _, name := range plainLogs {
		if err := os.Remove(filepath.Join(o.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.Wrap(fault.IOFailed, err, "remove a log that is not encrypted")
		}
	}
	if err := removeDurably(place); err != nil {
		return err
	}
	if err := os.Rename(fresh, place); err != nil {
		return fault.Wrap(contentKind(err), err, "put the encrypted records in place")
	}
	if err := syncDir(o.Dir); err != nil {
		return fault.Wrap(contentKind(err), err, "sync %s", o.Dir)
	}
	return nil
}

// plainLogs are the logs of daemons that had no reason to leave names out.
var plainLogs = []string{"daemon.log", "daemon.log.old"}

// removeDurably removes a directory with all that is in it, if there is one.
func removeDurably(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fault.Wrap(fault.IOFailed, err, "remove %s", dir)
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return fault.Wrap(contentKind(err), err, "sync %s", filepath.Dir(dir))
	}
	return nil
}
