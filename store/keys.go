package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"pail/store/fault"
	"pail/store/keyring"
)

// The keys of a store are in the file "keys", which a master key opens, and again in a copy:
// without them no encrypted content can be read. A file is replaced as one step; the copy goes
// first, so that at least one of the two is whole at any moment, and is as new as the keys that
// anything was sealed with.
//
// Keys are made when they are needed first. Unless somebody has chosen a master key by then,
// that is made, too, and lies beside them.

// sealing is the store's keys.
type sealing struct {
	ring   atomic.Pointer[keyring.Ring] // nil until there are any
	mu     sync.Mutex                   // held while they are made or changed
	locked error                        // why they cannot be opened; set before the store is used
	shut   *keyring.Locked              // they, then
}

// besideMeans is what a master key beside the store is good for.
const besideMeans = "it protects contents on disks and in backups that lack that file, not against whoever has the whole directory"

// storeKeys returns the keys of the store, durable, and makes them if there are none. The kinds
// of failure: AccessDenied (opened without its master key, or the keys are lost), NoSpace, IOFailed.
func (s *Store) storeKeys() (*keyring.Ring, error) {
	k := &s.sealing
	if r := k.ring.Load(); r != nil {
		return r, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.ring.Load(); r != nil {
		return r, nil
	}
	if k.locked != nil {
		return nil, k.locked
	}
	if err := neverSealed(s.opts.Dir, s.db); err != nil {
		return nil, err
	}
	m, err := masterBeside(s.opts.Dir)
	if err != nil {
		return nil, err
	}
	r := keyring.New(m, s.now())
	if err := putKeys(s.opts.Dir, r.Marshal()); err != nil {
		return nil, err
	}
	k.ring.Store(r)
	s.log.Warn("made a master key for the store; "+besideMeans, "file", filepath.Join(s.opts.Dir, masterName))
	return r, nil
}

// keysThere returns the keys of the store for what they have sealed. Where that is and they are
// not, others would be of no use. The kinds of failure: AccessDenied.
func (s *Store) keysThere() (*keyring.Ring, error) {
	k := &s.sealing
	switch r := k.ring.Load(); {
	case r != nil:
		return r, nil
	case k.locked != nil:
		return nil, k.locked
	}
	return nil, fault.New(fault.AccessDenied, "the store's keys are missing: put %s back, from a backup", filepath.Join(s.opts.Dir, keysName))
}

// header is the keys without their secrets; nil if there are none.
func (k *sealing) header() *keyring.Locked {
	if r := k.ring.Load(); r != nil {
		return r.Header()
	}
	return k.shut
}

// MasterKeySource is what the store's master key is made from, "" if it has none yet.
func (s *Store) MasterKeySource() keyring.Source {
	if l := s.sealing.header(); l != nil {
		return l.Source()
	}
	return ""
}

// Locked is why the store was opened without its keys, nil if it has them or has none.
func (s *Store) Locked() error { return s.sealing.locked }

// openKeys opens the store's keys, if it has any, and mends the file of them and its copy.
func (s *Store) openKeys() error {
	l, err := readKeys(s.opts.Dir)
	if err != nil || l == nil {
		return err
	}
	secret, err := secretOf(s.opts.Dir, l, s.opts.MasterKey)
	if errors.Is(err, keyring.ErrNotGiven) && s.opts.WithoutMasterKey {
		if l.Records() {
			return fault.Wrap(fault.AccessDenied, err, "the records of the store are encrypted, and nothing of it can be read without")
		}
		s.sealing.locked, s.sealing.shut = err, l
		return nil
	}
	if err != nil {
		return err
	}
	r, err := unlock(s.opts.Dir, l, secret)
	if err != nil {
		return err
	}
	s.sealing.ring.Store(r)
	text := l.Marshal()
	for _, name := range []string{keysName, keysCopy} {
		if b, err := os.ReadFile(filepath.Join(s.opts.Dir, name)); err == nil && bytes.Equal(b, text) {
			continue
		}
		s.log.Warn("the store's keys are written again: a file of them was missing, damaged or older", "file", filepath.Join(s.opts.Dir, name))
		return putKeys(s.opts.Dir, text)
	}
	return nil
}

// sealedKeys is the file of keys, nil if there is none.
func (s *Store) sealedKeys() []byte {
	if l := s.sealing.header(); l != nil {
		return l.Marshal()
	}
	return nil
}

// secretOf is what opens the keys of the store at dir: what lies beside them or what ask
// returns. The kinds of failure: AccessDenied with keyring.ErrNotGiven, IOFailed.
func secretOf(dir string, l *keyring.Locked, ask func(keyring.Source) ([]byte, error)) ([]byte, error) {
	source, path := l.Source(), filepath.Join(dir, masterName)
	missing := fmt.Sprintf("the store at %s is opened with its %s", dir, sourceName(source))
	if source == keyring.Beside {
		secret, err := readSecret(path)
		if err == nil {
			return secret, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Wrap(contentKind(err), err, "read the master key")
		}
		missing = fmt.Sprintf("%s is missing, and without it what is encrypted in the store cannot be read", path)
	}
	if ask == nil {
		return nil, fault.Wrap(fault.AccessDenied, keyring.ErrNotGiven, "%s", missing)
	}
	secret, err := ask(source)
	if errors.Is(err, keyring.ErrNotGiven) {
		return nil, fault.Wrap(fault.AccessDenied, err, "%s", missing)
	}
	return secret, err
}

// unlock opens the keys of the store at dir and overwrites the secret. The kind of failure:
// AccessDenied.
func unlock(dir string, l *keyring.Locked, secret []byte) (*keyring.Ring, error) {
	defer clear(secret)
	r, err := l.Open(secret)
	if errors.Is(err, keyring.ErrWrong) {
		return nil, fault.New(fault.AccessDenied, "that is not the %s of the store at %s; nothing was changed", sourceName(l.Source()), dir)
	}
	if err != nil {
		return nil, fault.Wrap(fault.AccessDenied, err, "that is not the %s of the store at %s", sourceName(l.Source()), dir)
	}
	return r, nil
}

func sourceName(s keyring.Source) string {
	if s == keyring.Passphrase {
		return "passphrase"
	}
	return "master key"
}

// readSecret reads a key or a passphrase from a file. The end of its line is not of it.
func readSecret(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	return keyring.Line(b), err
}

// masterBeside is the master key that lies in dir, made and durable if there is none. One that
// is there already stays: something may be sealed with it.
func masterBeside(dir string) (*keyring.Master, error) {
	path := filepath.Join(dir, masterName)
	secret, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret = keyring.NewSecret()
		err = replaceSynced(path, fmt.Appendf(nil, "%s\n", secret))
	}
	if err != nil {
		return nil, fault.Wrap(contentKind(err), err, "the master key")
	}
	defer clear(secret)
	m, err := keyring.NewMaster(keyring.Beside, secret)
	if err != nil {
		return nil, fault.Wrap(fault.Damaged, err, "%s holds something else", path)
	}
	return m, nil
}

// keyFiles are the files that keys are in, and what an interrupted change leaves of them. A
// master key is none: it may be all that opens others.
func keyFiles() []string {
	return []string{keysName, keysName + ".new", keysCopy, keysCopy + ".new"}
}

// putKeys writes the file of keys and its copy, durably.
func putKeys(dir string, b []byte) error {
	for _, name := range []string{keysCopy, keysName} {
		if err := replaceSynced(filepath.Join(dir, name), b); err != nil {
			return err
		}
	}
	return nil
}

// readKeys reads the file of keys, or its copy if that is missing or damaged; nil if there are
// none. The kinds of failure: Damaged, NewerFormat, IOFailed.
func readKeys(dir string) (*keyring.Locked, error) {
	var bad error
	for _, name := range []string{keysName, keysCopy} {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fault.Wrap(fault.IOFailed, err, "read the store's keys")
		}
		l, err := keyring.Parse(b)
		switch {
		case errors.Is(err, keyring.ErrNewer):
			return nil, fault.Wrap(fault.NewerFormat, err, "%s cannot be read; use a newer pail", path)
		case err == nil:
			return l, nil
		case bad == nil:
			bad = fault.Wrap(fault.Damaged, err, "%s cannot be read, nor a copy of it; restore it from a backup", path)
		}
	}
	return nil, bad
}
