package certs

import (
	"io/fs"
	"syscall"
)

// inode tells a file from another that was put in its place with the same size and time.
func inode(fi fs.FileInfo) any {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return [2]uint64{st.Dev, st.Ino}
	}
	return nil
}
