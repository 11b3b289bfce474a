package blob

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound says that no blob of that id is on disk.
	ErrNotFound = errors.New("blob not found")

	// ErrDamaged says that a blob is not what was sealed: torn, short,
	// changed, or unreadable. The bytes cannot be had by trying again; the
	// error in the chain is a *DamageError that names the file.
	ErrDamaged = errors.New("blob damaged")

	// ErrUnsealed says that a blob is still being written: its bytes are to be
	// had from its Writer only.
	ErrUnsealed = errors.New("blob not sealed")

	// ErrSealed says that a Writer was asked to change a sealed blob.
	ErrSealed = errors.New("blob sealed")

	// ErrClosed says that the Store, Writer or Reader was closed.
	ErrClosed = errors.New("blob closed")

	// ErrNotDurable says that a sync failed. The kernel may have dropped the
	// bytes that it could not write, so a later sync that succeeds would prove
	// nothing: the blob stays failed for the life of the process, and what it
	// holds must be written anew under another id.
	ErrNotDurable = errors.New("blob not durable")

	// ErrKey says that an encrypted blob was to be read without its key, or with another.
	ErrKey = errors.New("blob needs another key")

	// ErrUnsupported says that a blob was written by a newer format or with a
	// cipher that this program does not know.
	ErrUnsupported = errors.New("blob format not supported")
)

// DamageError is the ErrDamaged that names the file and the place in it.
type DamageError struct {
	ID     ID
	Path   string
	Reason string // what is wrong and at which offset
	Err    error  // the system's error, if there was one
}

func (e *DamageError) Error() string {
	s := fmt.Sprintf("blob %v damaged (%s): %s", e.ID, e.Path, e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is makes errors.Is(err, ErrDamaged) hold.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

func (e *DamageError) Unwrap() error { return e.Err }

// SyncError is the ErrNotDurable of one blob. Store.Sync joins one for each
// blob that it could not make durable.
type SyncError struct {
	ID  ID
	Err error
}

func (e *SyncError) Error() string {
	return fmt.Sprintf("blob %v not durable: %v", e.ID, e.Err)
}

// Is makes errors.Is(err, ErrNotDurable) hold.
func (e *SyncError) Is(target error) bool { return target == ErrNotDurable }

func (e *SyncError) Unwrap() error { return e.Err }
