package meta

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"golang.org/x/sys/unix"
)

// maxMapped is how many bytes of mapped files the process may hold before those of tables
// are let go.
const maxMapped = 64 * mib

// trimMapped takes pages of tables out of the process if it holds more than limit bytes.
// Badger maps its tables, so what was ever read counts as memory of the process for as
// long as the kernel has no better use for it: all of the store after one long listing.
// The page cache keeps them, so touching one again costs a minor fault.
func (db *DB) trimMapped(limit int64) error {
	n, err := mappedBytes()
	if err != nil || n < limit {
		return err
	}
	before := db.tableIDs()
	// While this iterator is open no table that it covers is unmapped, so that the range
	// below cannot have become somebody else's memory.
	it := db.cursors.txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	inodes := map[uint64]bool{}
	for id := range db.tableIDs() {
		if before[id] {
			var st unix.Stat_t
			if unix.Stat(table.NewFilename(id, db.opts.Dir), &st) == nil {
				inodes[st.Ino] = true
			}
		}
	}
	return eachMapping(func(m mapping) error {
		if !strings.HasSuffix(m.path, ".sst") || !inodes[m.inode] || path.Base(path.Dir(m.path)) != path.Base(db.opts.Dir) {
			return nil
		}
		_, _, errno := unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
		if errno != 0 {
			return fmt.Errorf("madvise %s: %w", m.path, errno)
		}
		return nil
	})
}

func (db *DB) tableIDs() map[uint64]bool {
	ids := map[uint64]bool{}
	for _, t := range db.badger.Tables() {
		ids[t.ID] = true
	}
	return ids
}

// mappedBytes is how much of mapped files the process holds (proc(5), statm: shared).
func mappedBytes() (int64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(b), &size, &resident, &shared); err != nil {
		return 0, fmt.Errorf("statm: %w", err)
	}
	return shared * int64(os.Getpagesize()), nil
}

type mapping struct {
	start, end uintptr
	inode      uint64
	path       string
}

// eachMapping calls fn for every mapped file of the process (proc(5), maps).
func eachMapping(fn func(mapping) error) error {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// start-end permissions offset device inode path
		col := strings.Fields(lines.Text())
		if len(col) < 6 {
			continue
		}
		from, to, _ := strings.Cut(col[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		inode, err3 := strconv.ParseUint(col[4], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil {
			continue
		}
		_, name, _ := strings.Cut(lines.Text(), col[5]) // which may have blanks
		m := mapping{start: uintptr(start), end: uintptr(end), inode: inode, path: col[5] + name}
		if err := fn(m); err != nil {
			return err
		}
	}
	return lines.Err()
}
