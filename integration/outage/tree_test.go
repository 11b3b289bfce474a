package outage

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A tree is what there should be below a worker's directory, by name.
type tree map[string]node

// A node is a file, a symbolic link or a directory; what it holds is never changed in place.
type node struct {
	dir   bool
	link  string
	data  []byte
	mode  fs.FileMode
	xattr string
}

// after is the tree as an act makes it.
func (t tree) after(a act) tree {
	out := maps.Clone(t)
	n := out[a.Name]
	switch a.Op {
	case opSave:
		if n.mode == 0 {
			n.mode = 0o644
		}
		n.data = a.data()
	case opAppend:
		n.data = slices.Concat(n.data, a.data())
	case opLog:
		n.mode, n.data = 0o644, slices.Concat(n.data, a.data())
	case opPatch:
		data := slices.Clone(n.data)
		if end := int(a.Off) + a.Len; end > len(data) {
			data = append(data, make([]byte, end-len(data))...)
		}
		copy(data[a.Off:], a.data())
		n.data = data
	case opMode:
		n.mode = fs.FileMode(a.Mode)
	case opXattr:
		n.xattr = a.xattr()
	case opMkdir:
		n = node{dir: true, mode: 0o755}
	case opSymlink:
		n = node{link: a.To}
	case opUnlink, opRmdir:
		delete(out, a.Name)
		return out
	case opRename:
		for name, is := range t {
			if rest, below := strings.CutPrefix(name, a.Name); below && (rest == "" || rest[0] == '/') {
				delete(out, name)
				out[a.To+rest] = is
			}
		}
		return out
	}
	out[a.Name] = n
	return out
}

func (t tree) empty(dir string) bool {
	for name := range t {
		if strings.HasPrefix(name, dir+"/") {
			return false
		}
	}
	return true
}

func (t tree) is(name string, what func(node) bool) bool {
	n, ok := t[name]
	return ok && what(n)
}

func plain(n node) bool  { return !n.dir && n.link == "" }
func folder(n node) bool { return n.dir }

// pick is a name of which something is so.
func (t tree) pick(rng *rand.Rand, what func(node) bool) (string, bool) {
	var names []string
	for name, n := range t {
		if what(n) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "", false
	}
	slices.Sort(names)
	return names[rng.IntN(len(names))], true
}

// place is a name of a file in a directory that exists.
func (t tree) place(rng *rand.Rand) string {
	name := fmt.Sprintf("f%d", rng.IntN(5))
	if dir, ok := t.pick(rng, folder); ok && rng.IntN(2) == 0 {
		name = dir + "/" + name
	}
	return name
}

// next thinks up an act that is possible; log is the name of the log that may be open.
func (t tree) next(rng *rand.Rand, log string) act {
	sizes := []int{1, 300, 5000, 40_000, 300_000}
	for {
		a := act{Op: ops[rng.IntN(len(ops))], Gen: rng.Uint64() >> 1, Len: 1 + rng.IntN(sizes[rng.IntN(len(sizes))])}
		if rng.IntN(3) == 0 {
			a.Op = opSave // else there is nothing to work on
		}
		if t.fill(&a, rng, log) {
			return a
		}
	}
}

func (t tree) fill(a *act, rng *rand.Rand, log string) (ok bool) {
	file := func(n node) bool { return plain(n) }
	switch a.Op {
	case opSave, opSymlink:
		a.Name = t.place(rng)
		_, there := t[a.Name]
		if a.Op == opSymlink {
			a.Len, a.To = 0, fmt.Sprintf("../%d", a.Gen)
			return !there
		}
		return !there || t.is(a.Name, file)
	case opLog:
		a.Name, a.Len = log, min(a.Len, 20_000)
		return true
	case opMkdir:
		a.Name, a.Len = fmt.Sprintf("d%d", rng.IntN(3)), 0
		_, there := t[a.Name]
		return !there
	case opRmdir:
		a.Len = 0
		a.Name, ok = t.pick(rng, folder)
		return ok && t.empty(a.Name)
	case opRename:
		return t.fillRename(a, rng, log)
	case opUnlink:
		a.Len = 0
		a.Name, ok = t.pick(rng, func(n node) bool { return !n.dir })
		return ok && a.Name != log && rng.IntN(2) == 0
	}
	a.Name, ok = t.pick(rng, file)
	switch a.Op {
	case opPatch:
		a.Off = rng.Int64N(int64(len(t[a.Name].data)) + 1)
	case opMode, opXattr:
		a.Len, a.Mode = 0, []uint32{0o600, 0o640, 0o755}[rng.IntN(3)]
	}
	return ok && a.Name != log
}

func (t tree) fillRename(a *act, rng *rand.Rand, log string) (ok bool) {
	a.Len = 0
	if rng.IntN(3) == 0 {
		a.Name, ok = t.pick(rng, folder)
		a.To = fmt.Sprintf("d%d", rng.IntN(3))
		return ok && a.Name != a.To && t.empty(a.To)
	}
	a.Name, ok = t.pick(rng, func(n node) bool { return !n.dir })
	a.To = t.place(rng)
	return ok && a.Name != log && a.Name != a.To
}

// compare says how what is below dir differs from the tree.
func (t tree) compare(dir string) error {
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		found[name] = true
		want, ok := t[name]
		if !ok {
			return fmt.Errorf("%s is there and should not be", name)
		}
		if err := want.compare(path); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if !found[name] {
			return fmt.Errorf("%s is missing", name)
		}
	}
	return nil
}

func (n node) compare(path string) error {
	fi, err := os.Lstat(path)
	if err != nil {
		return err
	}
	switch {
	case n.dir != fi.IsDir(), (n.link != "") != (fi.Mode().Type() == fs.ModeSymlink):
		return fmt.Errorf("found %v", fi.Mode())
	case n.dir:
		return nil
	case n.link != "":
		to, err := os.Readlink(path)
		if err == nil && to != n.link {
			err = fmt.Errorf("found a link to %s instead of %s", to, n.link)
		}
		return err
	case fi.Mode().Perm() != n.mode:
		return fmt.Errorf("found mode %v instead of %v", fi.Mode().Perm(), n.mode)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, n.data) {
		at := 0
		for at < min(len(data), len(n.data)) && data[at] == n.data[at] {
			at++
		}
		return fmt.Errorf("found %d bytes instead of %d, the first that differs is %d", len(data), len(n.data), at)
	}
	buf := make([]byte, 64)
	size, err := unix.Lgetxattr(path, xattrName, buf)
	if err == unix.ENODATA {
		size, err = 0, nil
	}
	if err == nil && string(buf[:size]) != n.xattr {
		err = fmt.Errorf("found extended attribute %q instead of %q", buf[:size], n.xattr)
	}
	return err
}
