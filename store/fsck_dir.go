package store

import (
	"fmt"
	"strings"

	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Directories against keys, as the renames on their way show both. One pass over the
// live keys in byte order has, at each moment, the directories above one key open and
// knows when it has left one for good: its keys are counted then, and its
// subdirectories are those whose records say so. A second pass over the records of
// directories finds those that no key keeps.

func (f *fsck) checkDirs() error {
	for id, b := range f.buckets {
		f.begin("directories of "+b.Name, 0)
		if err := f.checkKeyDirs(id); err != nil {
			return err
		}
		if err := f.checkDirRecords(id); err != nil {
			return err
		}
	}
	return nil
}

// An openDir is a directory amid whose keys the pass is.
type openDir struct {
	path    string
	objects uint64 // live keys directly in it
	own     bool   // its own key is live
	longest int    // the length of the longest key below it
}

// checkKeyDirs checks the directory of every live key.
func (f *fsck) checkKeyDirs(bucket uint64) error {
	open := []openDir{{}}
	var err error
	h := f.sn.heads(bucket, "", "")
	defer h.Close()
	for h.Next() {
		if err := f.step(); err != nil {
			return err
		}
		key := h.Key()
		for !hasPrefix(key, open[len(open)-1].path) {
			if open, err = f.leaveDir(bucket, open); err != nil {
				return err
			}
		}
		at := len(open[len(open)-1].path)
		for i := strings.IndexByte(key[at:], '/'); i >= 0; i = strings.IndexByte(key[at:], '/') {
			at += i + 1
			open = append(open, openDir{path: key[:at]})
		}
		d := &open[len(open)-1]
		if d.path == key {
			d.own = true
		} else {
			d.objects++
		}
		d.longest = max(d.longest, len(key))
	}
	if err := h.Err(); err != nil && !unreadable(err) {
		return err
	}
	for len(open) > 0 {
		if open, err = f.leaveDir(bucket, open); err != nil {
			return err
		}
	}
	return nil
}

// leaveDir checks the innermost directory, all of whose keys have been seen.
func (f *fsck) leaveDir(bucket uint64, open []openDir) ([]openDir, error) {
	last := len(open) - 1
	if last > 0 {
		above := &open[last-1]
		above.longest = max(above.longest, open[last].longest)
	}
	return open[:last], f.closeDir(bucket, open[last])
}

// closeDir compares a directory's record with what its keys say.
func (f *fsck) closeDir(bucket uint64, o openDir) error {
	d, err := f.sn.dir(bucket, o.path)
	if err != nil {
		return err
	}
	where := f.object(bucket, o.path)
	if d == nil {
		return f.add(ProblemDirMissing, where, "there are keys in this directory and no record of it, so the mount does not show them",
			f.makeDir(bucket, o.path))
	}
	dirs, err := f.countDirs(bucket, o.path)
	if err != nil {
		return err
	}
	k, err := f.dirKey(bucket, o.path)
	if err != nil {
		return err
	}
	if d.Children != o.objects+dirs {
		err := f.add(ProblemDirCount, where, fmt.Sprintf("it says that it has %d children and has %d files and %d directories", d.Children, o.objects, dirs),
			amend("counts them anew", k, func(_ *txn, d *record.Dir) { d.Children = o.objects + dirs }))
		if err != nil {
			return err
		}
	}
	if n := o.longest - len(o.path); d.Reach != 0 && n >= int(d.Reach) {
		err := f.add(ProblemDirReach, where, fmt.Sprintf("a key below it is %d bytes longer than its own, and it says that none is longer than %d", n, d.Reach-1),
			amend("has it measured anew", k, func(_ *txn, d *record.Dir) { d.Reach = 0 }))
		if err != nil {
			return err
		}
	}
	if o.path != "" && d.Explicit != o.own {
		return f.add(ProblemDirExplicit, where, fmt.Sprintf("whether its own key exists is recorded as %t and is %t", d.Explicit, o.own),
			amend("goes by the key", k, func(_ *txn, d *record.Dir) { d.Explicit = o.own }))
	}
	return nil
}

// countDirs counts the directories directly below one.
func (f *fsck) countDirs(bucket uint64, dir string) (uint64, error) {
	const page = 1000
	b := &record.Bucket{Id: bucket}
	var n uint64
	for start := ""; ; {
		es, err := f.sn.childDirs(b, dir, start, page)
		if err != nil {
			return 0, err
		}
		n += uint64(len(es))
		if len(es) < page {
			return n, nil
		}
		start = es[len(es)-1].Name + "\x00"
	}
}

// checkDirRecords checks that every directory has a parent and something that keeps
// it: keys below, or a key of its own.
func (f *fsck) checkDirRecords(bucket uint64) error {
	root, err := f.sn.dir(bucket, "")
	if err != nil {
		return err
	}
	if root == nil {
		// The pass over the keys has said so, if there are any.
		return nil
	}
	return f.scan(table.Dir(bucket, ""), func(k, v []byte) error {
		var d record.Dir
		if err := unmarshal(k, v, &d); err != nil {
			return err
		}
		dir, err := table.SplitDir(k)
		if err != nil || dir == "" {
			return err
		}
		if m := f.sn.moveFrom(bucket, dir); m != nil && takes(m, d.Born) {
			dir = m.To + dir[len(m.From):]
		}
		return f.checkDirRecord(bucket, dir, &d)
	})
}

func (f *fsck) checkDirRecord(bucket uint64, dir string, d *record.Dir) error {
	parent, _, _ := table.ParentDir(dir)
	ok, err := f.sn.dir(bucket, parent)
	if err != nil {
		return err
	}
	if ok == nil {
		err := f.add(ProblemDirMissing, f.object(bucket, parent), fmt.Sprintf("there is a directory %q in it and no record of it itself", dir),
			f.makeDir(bucket, parent))
		if err != nil {
			return err
		}
	}
	any, err := f.anyKeyBelow(bucket, dir)
	if err != nil || any {
		return err
	}
	for _, h := range f.held {
		if held, err := h.holds(f.sn, bucket, dir); held || err != nil {
			return err
		}
	}
	if d.Explicit {
		return f.add(ProblemDirEmpty, f.object(bucket, dir), "it was made on purpose, and its own key is gone", f.makeOwnKey(bucket, dir))
	}
	k, err := f.dirKey(bucket, dir)
	if err != nil {
		return err
	}
	return f.add(ProblemDirEmpty, f.object(bucket, dir), "nothing is in it, and it was not made on purpose", drop("removes it", k))
}

// anyKeyBelow says whether there is a live key at or below a directory.
func (f *fsck) anyKeyBelow(bucket uint64, dir string) (bool, error) {
	if len(f.sn.moves) == 0 {
		it := f.sn.r.Scan(meta.ScanOptions{Prefix: table.Head(bucket, dir), KeysOnly: true})
		defer it.Close()
		if it.Next() {
			return true, nil
		}
		if err := damaged(it.Err()); err != nil && !unreadable(err) {
			return false, err
		}
		return false, nil
	}
	h := f.sn.heads(bucket, dir, dir)
	defer h.Close()
	if h.Next() {
		return true, nil
	}
	if err := h.Err(); err != nil && !unreadable(err) {
		return false, err
	}
	return false, nil
}
