package blob

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// memDisk is a disk in memory that knows what was made durable, that can be cut
// off the power, and that fails when it is told to. It is strict: a file's sync
// does not keep its name.
type memDisk struct {
	mu      sync.Mutex
	names   map[string]*memInode
	durable map[string]*memInode // the names that a power cut leaves
	journal []string             // each call that changes or syncs, and each open

	// fail answers the error of a call; it is asked before the call happens.
	fail func(call string) error
	// ignore names syncs that lie: they succeed and do nothing.
	ignore func(call string) bool
	// noPunch is a filesystem without holes to punch, noSeek one that cannot tell them.
	noPunch, noSeek bool
	// directAlign is what direct writes must be multiples of; 0: it has none.
	directAlign int
	direct      int64      // bytes that were written directly
	writtenOut  [][2]int64 // offsets and lengths that it was told to begin with
	// cached says what is in a cache that there is none of; nil: all is.
	cached     func(off, n int64) bool
	directRead int64 // bytes that were read directly
}

const memPage = 4096

// memContent is a sparse file: pages that were never written are missing.
type memContent struct {
	size  int64
	pages map[int64][]byte
}

type memInode struct{ now, durable memContent }

func (c memContent) clone() memContent {
	pages := make(map[int64][]byte, len(c.pages))
	for i, p := range c.pages {
		pages[i] = bytes.Clone(p)
	}
	return memContent{c.size, pages}
}

func newMemDisk() *memDisk {
	return &memDisk{names: map[string]*memInode{}, durable: map[string]*memInode{}, directAlign: 512}
}

// call notes a call and answers the error that it must fail with. The caller holds d.mu.
func (d *memDisk) call(op, name string) error {
	call := op + " " + strings.TrimPrefix(name, "/")
	d.journal = append(d.journal, call)
	if d.fail != nil {
		return d.fail(call)
	}
	return nil
}

func (d *memDisk) lies(op, name string) bool {
	return d.ignore != nil && d.ignore(op+" "+strings.TrimPrefix(name, "/"))
}

func (d *memDisk) Open(name string, flag int) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	op := "open"
	if flag&os.O_CREATE != 0 {
		op = "create"
	}
	if err := d.call(op, name); err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	n := d.names[name]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, &fs.PathError{Op: op, Path: name, Err: unix.ENOENT}
	case n != nil && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: op, Path: name, Err: unix.EEXIST}
	case n == nil:
		n = &memInode{now: memContent{pages: map[int64][]byte{}}}
		d.names[name] = n
	}
	direct := flag&unix.O_DIRECT != 0
	if direct && d.directAlign == 0 {
		return nil, &fs.PathError{Op: op, Path: name, Err: unix.EINVAL}
	}
	return &memFile{d, name, n, direct}, nil
}

func (d *memDisk) Mkdir(string) error { return nil }

func (d *memDisk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.call("remove", name); err != nil {
		return err
	}
	if d.names[name] == nil {
		return unix.ENOENT
	}
	delete(d.names, name)
	return nil
}

func (d *memDisk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.call("syncdir", dir); err != nil {
		return err
	}
	if d.lies("syncdir", dir) {
		return nil
	}
	for name := range d.durable {
		if filepath.Dir(name) == dir && d.names[name] == nil {
			delete(d.durable, name)
		}
	}
	for name, n := range d.names {
		if filepath.Dir(name) == dir {
			d.durable[name] = n
		}
	}
	return nil
}

func (d *memDisk) List(dir string, fn func([]string) error) error {
	d.mu.Lock()
	var names []string
	for name := range d.names {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	d.mu.Unlock()
	slices.Sort(names)
	return fn(names)
}

// cut is the power cut: of everything that was not made durable a random part
// survives, name by name and sector by sector.
func (d *memDisk) cut(rng *rand.Rand) *memDisk {
	after := newMemDisk()
	names := slices.Sorted(maps.Keys(d.names))
	for name := range d.durable {
		if d.names[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		now, old := d.names[name], d.durable[name]
		n := now
		if now != old && rng.IntN(2) == 0 {
			n = old
		}
		if n == nil {
			continue
		}
		c := n.survive(rng)
		after.names[name] = &memInode{now: c, durable: c.clone()}
		after.durable[name] = after.names[name]
	}
	return after
}

func (n *memInode) survive(rng *rand.Rand) memContent {
	c := n.durable.clone()
	if n.now.size != n.durable.size {
		low, high := min(n.now.size, n.durable.size), max(n.now.size, n.durable.size)
		switch rng.IntN(3) {
		case 0:
			c.size = n.now.size
		case 1:
			c.size = low + rng.Int64N(high-low+1)
		}
	}
	all := rng.IntN(3) == 0 // sometimes nothing is lost at all
	if all {
		return n.now.clone()
	}
	pages := slices.Sorted(maps.Keys(n.now.pages))
	for i := range n.durable.pages {
		if n.now.pages[i] == nil {
			pages = append(pages, i)
		}
	}
	slices.Sort(pages)
	for _, i := range pages {
		now := n.now.pages[i]
		if now == nil {
			now = make([]byte, memPage)
		}
		for s := 0; s < memPage; s += 512 {
			if rng.IntN(2) == 0 {
				copy(c.page(i)[s:s+512], now[s:])
			}
		}
	}
	c.clearBehind(c.size)
	return c
}

// page is a page to write to. A method on the value works: the map is shared.
func (c memContent) page(i int64) []byte {
	if c.pages[i] == nil {
		c.pages[i] = make([]byte, memPage)
	}
	return c.pages[i]
}

func (c memContent) clearBehind(size int64) {
	for i, p := range c.pages {
		if from := max(size-i*memPage, 0); from == 0 {
			delete(c.pages, i)
		} else if from < memPage {
			clear(p[from:])
		}
	}
}

type memFile struct {
	disk *memDisk
	name string
	n    *memInode

	direct bool
}

func (f *memFile) begin(op string) (func(), error) {
	f.disk.mu.Lock()
	if err := f.disk.call(op, f.name); err != nil {
		f.disk.mu.Unlock()
		return func() {}, err
	}
	return f.disk.mu.Unlock, nil
}

// errShort as a failure makes a write stop half way, and a read find nothing.
var errShort = fmt.Errorf("half written: %w", unix.ENOSPC)

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	end, err := f.begin("write")
	defer end()
	if err == errShort {
		f.disk.mu.Lock()
		defer f.disk.mu.Unlock()
		f.put(p[:len(p)/2], off)
		return len(p) / 2, unix.ENOSPC
	}
	if err != nil {
		return 0, err
	}
	if f.direct {
		if a := f.disk.directAlign; int(off)%a != 0 || len(p)%a != 0 || address(p)%min(a, memPage) != 0 {
			return 0, &fs.PathError{Op: "write", Path: f.name, Err: unix.EINVAL}
		}
		f.disk.direct += int64(len(p))
	}
	f.put(p, off)
	return len(p), nil
}

func (f *memFile) put(p []byte, off int64) {
	c := &f.n.now
	c.size = max(c.size, off+int64(len(p)))
	for len(p) > 0 {
		n := copy(c.page(off / memPage)[off%memPage:], p)
		p, off = p[n:], off+int64(n)
	}
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	end, err := f.begin("read")
	defer end()
	if err == errShort {
		return 0, io.EOF
	}
	if err != nil {
		return 0, err
	}
	if f.direct {
		if a := f.disk.directAlign; int(off)%a != 0 || len(p)%a != 0 || address(p)%min(a, memPage) != 0 {
			return 0, &fs.PathError{Op: "read", Path: f.name, Err: unix.EINVAL}
		}
	}
	c := f.n.now
	total := 0
	for total < len(p) && off < c.size {
		q := p[total:min(int64(len(p)), int64(total)+c.size-off)]
		q = q[:min(int64(len(q)), memPage-off%memPage)]
		if page := c.pages[off/memPage]; page != nil {
			copy(q, page[off%memPage:])
		} else {
			clear(q)
		}
		total, off = total+len(q), off+int64(len(q))
	}
	if f.direct {
		f.disk.directRead += int64(total)
	}
	if total < len(p) {
		return total, io.EOF
	}
	return total, nil
}

func (f *memFile) Truncate(size int64) error {
	end, err := f.begin("truncate")
	defer end()
	if err == nil {
		f.n.now.size = size
		f.n.now.clearBehind(size)
	}
	return err
}

func (f *memFile) Sync() error {
	end, err := f.begin("sync")
	defer end()
	if err == nil && !f.disk.lies("sync", f.name) {
		f.n.durable = f.n.now.clone()
	}
	return err
}

func (f *memFile) Stat() (size, allocated int64, err error) {
	end, err := f.begin("stat")
	defer end()
	return f.n.now.size, int64(len(f.n.now.pages)) * memPage, err
}

func (f *memFile) Allocate(int64, int64) error {
	end, err := f.begin("allocate")
	defer end()
	return err
}

func (f *memFile) Punch(off, n int64) error {
	end, err := f.begin("punch")
	defer end()
	if f.disk.noPunch {
		return unix.EOPNOTSUPP
	}
	if err != nil {
		return err
	}
	c := f.n.now
	for n > 0 {
		q := min(n, memPage-off%memPage)
		if p := c.pages[off/memPage]; p != nil {
			clear(p[off%memPage : off%memPage+q])
			if q == memPage {
				delete(c.pages, off/memPage)
			}
		}
		off, n = off+q, n-q
	}
	return nil
}

func (f *memFile) NextData(off int64) (start, stop int64, err error) {
	end, err := f.begin("seek")
	defer end()
	if f.disk.noSeek {
		return 0, 0, unix.EINVAL
	}
	if err != nil {
		return 0, 0, err
	}
	for ; off < f.n.now.size; off += memPage - off%memPage {
		if f.n.now.pages[off/memPage] != nil {
			return off, min(off+memPage-off%memPage, f.n.now.size), nil
		}
	}
	return 0, 0, io.EOF
}

func (f *memFile) WriteOut(off, n int64) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.writtenOut = append(f.disk.writtenOut, [2]int64{off, n})
}

func (f *memFile) Cached(off, n int64) bool {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return f.disk.cached == nil || f.disk.cached(off, n)
}

func (f *memFile) DropCache()   {}
func (f *memFile) Close() error { return nil }
func (f *memFile) OS() *os.File { return nil }
