package store

import (
	"fmt"
	"math"

	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Inode numbers of live objects and directories are unique: the mount knows files by
// them. (Versions of the past share those of the file that they were.) One bit for
// each number says whether it was seen; numbers are given out one after another, so
// few bits are wasted. Of a store that has given out more than fit, the records are
// read again for each further stretch of numbers that has any.

// checkInodes finds numbers that two have, and then who has them.
func (f *fsck) checkInodes() error {
	f.begin("inode numbers", 0)
	twice := map[uint64]bool{}
	seen := make([]uint64, (min(f.inodes, f.lastID+1)+63)/64)
	for lo, next := uint64(0), uint64(0); next <= f.lastID && len(twice) < fsckMost; {
		lo, next = next, math.MaxUint64
		clear(seen)
		err := f.eachInode(func(ino uint64, _ []byte, _ func() string) error {
			if ino < lo {
				return nil
			}
			if ino-lo >= uint64(len(seen))*64 {
				next = min(next, ino)
				return nil
			}
			i, bit := (ino-lo)/64, uint64(1)<<((ino-lo)%64)
			if seen[i]&bit != 0 {
				twice[ino] = true
			}
			seen[i] |= bit
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(twice) == 0 {
		return nil
	}
	met := map[uint64]bool{}
	return f.eachInode(func(ino uint64, k []byte, where func() string) error {
		if !twice[ino] {
			return nil
		}
		rem := advise("the other one gets a new number")
		if met[ino] {
			rem = f.renumber(k)
		}
		met[ino] = true
		return f.add(ProblemInode, where(), fmt.Sprintf("another file or directory has its inode number %d too", ino), rem)
	})
}

// eachInode calls fn with the inode number of each live object and directory. It needs
// not know of renames on their way: each has one record, wherever it stands.
func (f *fsck) eachInode(fn func(ino uint64, k []byte, where func() string) error) error {
	var v record.Version
	err := f.scan(table.Head(0, "")[:1], func(k, b []byte) error {
		if err := unmarshal(k, b, &v); err != nil {
			return err
		}
		return fn(v.Ino, k, func() string { return titleKey(f, k) })
	})
	if err != nil {
		return err
	}
	var d record.Dir
	return f.scan(table.Dir(0, "")[:1], func(k, b []byte) error {
		if err := unmarshal(k, b, &d); err != nil || f.dropped[table.SplitBucket(k)] {
			return err
		}
		return fn(d.Ino, k, func() string { return f.recordTitle(k) })
	})
}

// renumber gives a file or a directory a number of its own.
func (f *fsck) renumber(k []byte) remedy {
	if k[0] == table.Dir(0, "")[0] {
		return amend("gives it a new inode number", k, func(t *txn, d *record.Dir) { d.Ino = t.tx.NextID() })
	}
	return f.newInode(k)
}
