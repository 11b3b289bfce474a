package meta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// Badger makes files in which nothing is ever kept: value logs, since values stay below its
// threshold, and a registry of keys, where it encrypts nothing. It reads their headers all
// the same, and opens no database over one that it does not understand. So such a one goes
// before badger sees it, if it is empty behind the header, and badger makes another. One that
// is not empty stays: it is nothing that we have written, and badger shall judge it.

const (
	valueLogSuffix = ".vlog"

	// A registry without keys: random bytes, and a text by which badger knows that it has
	// the right key for the others.
	registryIV   = 16
	registryText = "Hello Badger"
)

// removeUnused removes what badger would not read and nothing is in. In an encrypted database
// the registry is what it has to be.
func removeUnused(dir string, keys *cipherKeys) error {
	names, err := filepath.Glob(filepath.Join(dir, "*"+valueLogSuffix))
	if err != nil {
		return err
	}
	for _, name := range names {
		bad, err := badValueLog(name, keys.id())
		if err == nil && bad {
			err = os.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	if keys != nil {
		return keys.putRegistry(dir)
	}
	return removeBadRegistry(filepath.Join(dir, badger.KeyRegistryFileName))
}

// badValueLog says whether a value log has a header that badger would not take, and only
// zeros behind it. The header names another key than the database has; or it is cut short:
// badger makes a value log at each open, and a power cut then can leave the name alone.
func badValueLog(name string, key uint64) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var header [logHeader]byte
	_, err = io.ReadFull(f, header[:])
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true, nil
	case err != nil:
		return false, err
	case binary.BigEndian.Uint64(header[:]) == key:
		return false, nil
	}
	zeros, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(f, b)
		if !bytes.Equal(b[:n], zeros[:n]) {
			return false, nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// removeBadRegistry removes a registry that has no keys if badger would not read it. A sound
// one stays: to make another costs a sync.
func removeBadRegistry(name string) error {
	b, err := os.ReadFile(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(b) > registryIV+len(registryText), bytes.HasSuffix(b, []byte(registryText)) && len(b) == registryIV+len(registryText):
		return nil
	}
	return os.Remove(name)
}
