package store

import (
	"errors"
	"os"
	"path/filepath"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/keyring"
)

// The master key is changed while nobody has the store open: it is a matter of one small file,
// and no daemon has to be told. What is sealed with store keys stays as it is.

// A KeysChange says what ChangeKeys does.
type KeysChange struct {
	// Under is the master key from now on. nil: it stays.
	Under *keyring.Master
	// Rotate makes a new generation of the store key. Keys that are made are new anyway, and
	// so is what follows a master key that lay beside the store.
	Rotate bool
	// Records encrypts the records, too, and all else that would tell of them, unless they are.
	// They are written again for that, which takes as much room on the disk as they have.
	Records bool
}

// ReadKeys returns the keys of the store at dir, closed, or nil if it has none. It waits for
// nobody. The kinds of failure: NoSuchStore, Damaged, NewerFormat, AccessDenied, IOFailed.
func ReadKeys(dir string) (*keyring.Locked, error) {
	if _, err := readLabel(dir, Format); err != nil {
		return nil, err
	}
	return readKeys(dir)
}

// MasterKeyNeeded is what has to be given to open the store at dir, "" if nothing.
func MasterKeyNeeded(dir string) keyring.Source {
	l, err := readKeys(dir)
	if err != nil || l == nil {
		return ""
	}
	if l.Source() == keyring.Beside {
		if _, err := os.Stat(filepath.Join(dir, masterName)); err == nil {
			return ""
		}
	}
	return l.Source()
}

// ChangeKeys changes the keys of the store at opts.Dir, of which opts.MasterKey opens those
// that are there, and returns them as they are now. Keys are made if there are none and Under
// says under what. What it returned for is durable; an end at any moment leaves the keys, and
// the records, as they were or as they are to be; in that case what they were is removed
// by the next opening. A master key that lay beside the store is removed when
// another one is in its place. The kinds of failure: those of Open (StoreLocked: a daemon has
// to be stopped first), InvalidRequest (there are no keys and no master key to make them under).
func ChangeKeys(opts Options, c KeysChange) (*keyring.Locked, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	dir := opts.Dir
	r, done, err := holdKeys(opts)
	if err != nil {
		return nil, err
	}
	defer done()
	beside := r != nil && r.Header().Source() == keyring.Beside && c.Under != nil
	switch {
	case r == nil && c.Under == nil:
		return nil, fault.New(fault.InvalidRequest, "the store at %s has no keys yet; give it a master key with: pail master-key enable", dir)
	case r == nil:
		if err := neverSealedAt(&opts); err != nil {
			return nil, err
		}
		r = keyring.New(c.Under, opts.Now())
	default:
		if c.Under != nil {
			r = r.Under(c.Under, opts.Now())
		}
		if c.Rotate || beside {
			if r, err = r.Rotated(opts.Now()); err != nil {
				return nil, fault.Wrap(fault.LimitExceeded, err, "the store's keys cannot be rotated")
			}
		}
	}
	if c.Records && r.Records() == nil {
		r = r.WithRecords(opts.Now())
		if err := encryptRecords(&opts, r.Records()); err != nil {
			return nil, err
		}
	}
	if err := putKeys(dir, r.Marshal()); err != nil {
		return nil, err
	}
	if beside {
		if err := os.Remove(filepath.Join(dir, masterName)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fault.Wrap(fault.IOFailed, err, "the new master key is in use, but the former cannot be removed")
		}
		if err := syncDir(dir); err != nil {
			return nil, fault.Wrap(fault.IOFailed, err, "sync %s", dir)
		}
	}
	if err := settleRecords(&opts, r); err != nil {
		return nil, err
	}
	return r.Header(), nil
}

// ExportMasterKey returns the master key of the store at opts.Dir, for a copy that is kept
// elsewhere. There is none of a passphrase: InvalidRequest. Other kinds of failure: those of
// ChangeKeys.
func ExportMasterKey(opts Options) (*crypto.Key, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	l, err := ReadKeys(opts.Dir)
	switch {
	case err != nil:
		return nil, err
	case l == nil:
		return nil, fault.New(fault.InvalidRequest, "the store at %s has no master key yet; it makes one when something is to be encrypted first", opts.Dir)
	case l.Source() == keyring.Passphrase:
		return nil, fault.New(fault.InvalidRequest, "the store at %s is opened with a passphrase; that is what to keep", opts.Dir)
	}
	secret, err := secretOf(opts.Dir, l, opts.MasterKey)
	if err != nil {
		return nil, err
	}
	r, err := unlock(opts.Dir, l, secret)
	if err != nil {
		return nil, err
	}
	return r.Master(), nil
}

// holdKeys opens the keys of a store, nil if it has none, and keeps others from opening the
// store until done.
func holdKeys(opts Options) (r *keyring.Ring, done func(), err error) {
	if _, err := readLabel(opts.Dir, opts.tuning.format); err != nil {
		return nil, nil, err
	}
	if err := checkDir(opts.Dir, opts.AllowAnyFS); err != nil {
		return nil, nil, err
	}
	lock, err := takeLock(opts.Dir)
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = lock.Close() }
	l, err := readKeys(opts.Dir)
	if err == nil && l != nil {
		var secret []byte
		if secret, err = secretOf(opts.Dir, l, opts.MasterKey); err == nil {
			r, err = unlock(opts.Dir, l, secret)
		}
	}
	if err == nil {
		err = settleRecords(&opts, r)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return r, done, nil
}

// createKeys gives a store that is being made its keys, nil if it is to have none from the
// start, in place of what an interrupted Create has left: nobody has records under that one's.
func createKeys(opts *Options) (*keyring.Ring, error) {
	m, err := opts.NewMasterKey, error(nil)
	if m == nil && opts.tuning.encryptRecords {
		if m, err = masterBeside(opts.Dir); err != nil {
			return nil, err
		}
	}
	begun := isThere(filepath.Join(opts.Dir, creatingName))
	if m != nil && !begun {
		if err := writeSynced(filepath.Join(opts.Dir, creatingName), nil); err != nil {
			return nil, err
		}
		if err := syncDir(opts.Dir); err != nil {
			return nil, fault.Wrap(contentKind(err), err, "make the store")
		}
	}
	if m != nil || begun {
		if err := removeDurably(filepath.Join(opts.Dir, metaDir)); err != nil {
			return nil, err
		}
	}
	for _, name := range keyFiles() {
		if err := os.Remove(filepath.Join(opts.Dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fault.Wrap(fault.IOFailed, err, "make the store")
		}
	}
	if m == nil {
		return nil, nil
	}
	r := keyring.New(m, opts.Now())
	if m.Source() != keyring.Beside || opts.tuning.encryptRecords {
		r = r.WithRecords(opts.Now())
	}
	return r, putKeys(opts.Dir, r.Marshal())
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
