package meta

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4/skl"
	"golang.org/x/sys/unix"
)

const logSuffix = ".mem"

// logs are badger's write-ahead logs, one for each memtable, seen from outside: we write
// (log_memory.go) and sync them through descriptors of our own.
//
// Badger begins a new log when the memtable is full, in the middle of a commit. Its file
// is already there then: we make the next log, empty but with blocks allocated behind its
// end, so that writing it cannot run into a full disk, and with its name synced. Badger takes an empty file for a new one.
type logs struct {
	dir     string
	dirFile *os.File
	keys    *cipherKeys
	size    int64 // of a memtable: a log is full when it holds that much
	fill    fill  // of the active log; only the committer uses it, and the next
	// allocated says that the active log has its blocks.
	allocated bool
	// unforeseen counts logs that badger began while fill said it could not; it stays 0.
	unforeseen int
	memory     logMemory // of the active log; only the committer uses it
	mapped     bool      // it has none
	log        func(format string, args ...any)
	makeRoom   func()      // gives up the ballast; nil: there is none
	syncing    atomic.Bool // the active log was synced since the last batch

	mu     sync.Mutex // guards the descriptors
	active *os.File
	spare  *os.File // the next log; nil if there is no room for it
	number int      // of the active log
}

// openLogs finds the log that badger began when it was opened.
func openLogs(o Options, keys *cipherKeys, log func(string, ...any)) (*logs, error) {
	l := &logs{dir: o.Dir, keys: keys, size: o.MemTableSize, mapped: o.mapped, fill: newFill(), log: log}
	var err error
	if l.dirFile, err = os.Open(l.dir); err != nil {
		return nil, err
	}
	numbers, err := logNumbers(l.dir)
	if err == nil && len(numbers) == 0 {
		err = errors.New("badger made no log")
	}
	if err == nil {
		l.number = numbers[len(numbers)-1]
		l.active, err = os.OpenFile(l.path(l.number), os.O_RDWR, 0)
	}
	if err == nil {
		err = l.dirFile.Sync()
	}
	if err == nil {
		err = l.takeOver(logHeader)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// logNumbers returns the numbers of the logs in dir, in order.
func logNumbers(dir string) ([]int, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, e := range names {
		if n, ok := strings.CutSuffix(e.Name(), logSuffix); ok {
			if i, err := strconv.Atoi(n); err == nil {
				out = append(out, i)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

func (l *logs) path(n int) string { return logPath(l.dir, n) }

func logPath(dir string, n int) string {
	return filepath.Join(dir, fmt.Sprintf("%05d%s", n, logSuffix))
}

// room is how many bytes a log can take up: full, and the batch that came before badger
// noticed.
func (l *logs) room() int64 { return l.size + l.size/2 }

// reserveActive allocates the blocks of the active log.
func (l *logs) reserveActive() error {
	err := allocate(l.active, l.room())
	l.allocated = err == nil
	return err
}

// prepared says whether the next log is there.
func (l *logs) prepared() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spare != nil
}

// prepare makes the next log, unless it is there.
func (l *logs) prepare() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spare != nil {
		return nil
	}
	name := l.path(l.number + 1)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err = allocate(f, l.room()); err == nil {
		err = l.dirFile.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(name))
	}
	l.spare = f
	return nil
}

// allocate gives f blocks for size bytes without making it longer. Where the filesystem
// cannot, that is no error: then the reserve is all there is against a full disk.
func allocate(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
		switch err {
		case unix.EINTR:
		case nil, unix.EOPNOTSUPP, unix.ENOSYS:
			return nil
		default:
			return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
		}
	}
}

// older counts the logs of memtables that badger has not yet made into tables.
func (l *logs) older() int {
	numbers, err := logNumbers(l.dir)
	if err != nil {
		return 2 // as many as there can be but for the time after opening
	}
	n := 0
	for _, i := range numbers {
		if i < l.number {
			n++
		}
	}
	return n
}

// mayRotate says that badger may begin the next log with the next batch that it gets.
func (l *logs) mayRotate() bool { return l.fill.atLeast(l.size) }

// ours says whether we write the active log, so that badger may get its batches later.
func (l *logs) ours() bool { return l.memory.bytes != nil }

// ahead writes a batch to the active log, for badger to get it later; without the entry
// that ends a batch then.
func (l *logs) ahead(number uint64, w *writes) error {
	l.fill.plus(w.fill())
	return l.memory.store(l, number, w)
}

// wrote accounts for a batch that badger just took, brings it to its file if that is ours,
// and says whether badger began the next log with it. That one badger has written itself
// so far.
func (l *logs) wrote(number uint64, w *writes) (rotated bool, err error) {
	batch := w.fill()
	batch.end()
	if rotated, err = l.begun(); err != nil {
		return false, err
	}
	if rotated {
		return true, l.rotate(batch)
	}
	l.fill.plus(batch)
	if !l.ours() {
		return false, nil
	}
	return false, l.memory.store(l, number, w)
}

// begun says whether badger has begun the next log.
func (l *logs) begun() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spare == nil {
		return false, nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(l.spare.Fd()), &st); err != nil {
		return false, &os.PathError{Op: "fstat", Path: l.spare.Name(), Err: err}
	}
	return st.Size > 0, nil
}

// rotate follows badger to the next log.
func (l *logs) rotate(batch fill) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.active
	if !l.fill.atLeast(l.size) {
		// not foreseen, so not synced before; better late than never
		l.unforeseen++
		if err := old.Sync(); err != nil {
			return err
		}
	}
	l.active, l.spare = l.spare, nil
	l.number++
	l.fill, l.allocated = newFill(), true
	l.fill.plus(batch)
	if err := old.Close(); err != nil {
		return err
	}
	r, err := readLog(l.dir, l.number, l.keys)
	if err != nil {
		return err
	}
	return l.takeOver(r.end)
}

// sync makes everything in the active log durable. Older logs were synced before badger
// left them.
func (l *logs) sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.syncing.Store(true)
	for {
		if err := unix.Fdatasync(int(l.active.Fd())); err != unix.EINTR {
			return err
		}
	}
}

// close forgets the logs, and removes the next one if nothing is in it.
func (l *logs) close() {
	if l.spare != nil {
		_ = l.spare.Close()
		_ = os.Remove(l.spare.Name())
	}
	if l.active != nil {
		_ = l.active.Close()
	}
	if l.dirFile != nil {
		_ = l.dirFile.Sync()
		_ = l.dirFile.Close()
	}
}

// fill tells how full a memtable is, in its log and in its skip list. All but the heights of
// the list's nodes is exact: while it says that badger may begin the next log, each batch
// waits for a sync, so that time should be short.
type fill struct {
	entries    int64
	log, arena int64 // bytes; arena without the towers of the nodes
}

const (
	towerStep  = 4
	towerMax   = 20
	nodeSize   = skl.MaxNodeSize - towerMax*towerStep + 7 // 7 are lost to alignment
	arenaStart = skl.MaxNodeSize + 8
)

// newFill is a memtable with nothing in it.
func newFill() fill { return fill{log: logHeader, arena: int64(arenaStart)} }

// add counts an entry.
func (f *fill) add(key, value int) {
	key += versionLen
	f.entries++
	f.log += int64(2 + uvarintLen(key) + uvarintLen(value) + 1 + key + value + crc32.Size)
	f.arena += int64(nodeSize + key + value + 3)
}

// end counts the entry that ends a batch; it is in the log only.
func (f *fill) end() {
	f.log += int64(2+3) + int64(len("!badger!txn")+versionLen) + 20 + crc32.Size
}

// fill is what the writes take up.
func (w *writes) fill() (f fill) {
	w.tree.Scan(func(key string, v write) bool {
		f.add(len(key), len(v.value))
		return true
	})
	return f
}

func (f *fill) plus(g fill) {
	f.entries += g.entries
	f.log += g.log
	f.arena += g.arena
}

func (f *fill) atLeast(size int64) bool { return f.log >= size || f.arenaMax() >= size }

// arenaMax is how large the skip list may be. A tower has 1.5 steps on average and a
// deviation of 0.87; eleven deviations more do not happen.
func (f *fill) arenaMax() int64 {
	steps := 1.5*float64(f.entries) + 10*math.Sqrt(float64(f.entries)) + 80
	return f.arena + int64(steps*towerStep)
}

func uvarintLen(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}
