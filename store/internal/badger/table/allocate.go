package table

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Pail: this file is not badger's.

// allocate gives a file its blocks, so that a mapped write to it needs none. A filesystem
// that cannot do so beforehand is left to do it then.
func allocate(f *os.File, size int) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, int64(size))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil
		}
		return err
	}
}
