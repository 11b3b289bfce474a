package meta

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound says that a key holds nothing.
	ErrNotFound = errors.New("no such record")
	// ErrTooLarge says that an update does not fit one batch, or a key or value not
	// one record. Nothing was written; the caller writes in smaller pieces.
	ErrTooLarge = errors.New("update is too large for one batch")
	// ErrNoSpace says that the disk is full but for the reserve. Nothing was written;
	// updates that free space are still taken.
	ErrNoSpace = errors.New("no space left but the reserve")
	// ErrClosed says that the database is closed or closing.
	ErrClosed = errors.New("database is closed")
	// ErrReadOnly says that writing to disk failed once, so that nothing more is
	// written: opening anew tells what survived. See DB.Failed for the cause.
	ErrReadOnly = errors.New("database is read-only after a failure")
	// ErrBadKey says that a key is empty or starts with a reserved byte.
	ErrBadKey = errors.New("invalid key")
)

// A DamageError says that a file does not hold what was written to it. When Open
// returns one, no file was changed.
type DamageError struct {
	Path   string // the damaged file
	Reason string // what is wrong with it, and what to do
	Cipher bool   // it is whole, but encrypted, and the database was opened without a key, or the reverse
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged: %s", e.Path, e.Reason)
}
