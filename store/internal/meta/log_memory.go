package meta

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Badger writes its log into a mapping of the file. A page that was synced is protected
// again, so that each batch costs a page fault or two in it, and each sync has to make
// every processor forget the page: 400 us of processor time for 4.7 KB and a sync where
// writing the same with write(2) takes 140. So we put memory of our own under badger, at
// the place of its mapping, and write the file ourselves, before badger has the batch: it
// never reads its log back. Nor can a full disk raise SIGBUS there.

// zeroAhead is how many bytes of a log are written before batches come to them, as
// zeros: blocks that were written before can be synced without a change of the file's
// metadata.
const zeroAhead = 256 << 10

// A logMemory is what badger takes for the mapping of its log.
type logMemory struct {
	bytes  []byte // nil: badger writes to the file itself
	cipher *logCipher
	end    int64 // where the last batch ends in the file
	zeros  int64 // how far the file was written
	buf    []byte
}

// takeOver puts memory under badger, which must not be writing; up to end the file holds
// what badger wrote. Where its mapping cannot be found, without /proc, badger goes on
// writing to the file itself.
func (l *logs) takeOver(end int64) error {
	l.memory = logMemory{}
	if l.mapped {
		return nil
	}
	header := make([]byte, logHeader)
	if _, err := l.active.ReadAt(header, 0); err != nil {
		return err
	}
	m, err := l.mapping(header)
	if err != nil {
		l.log("the log stays mapped: %v", err)
		return nil
	}
	size := m.end - m.start
	at, err := unix.MmapPtr(-1, 0, pointer(m.start), size,
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED)
	if err != nil {
		return fmt.Errorf("memory for the log: %w", err)
	}
	room := unsafe.Slice((*byte)(at), size)
	_ = unix.Madvise(room, unix.MADV_HUGEPAGE) // advice
	l.memory = logMemory{bytes: room, cipher: l.keys.log(header), end: end, zeros: end}
	return nil
}

// pointer makes a pointer of an address that the kernel has named.
func pointer(address uintptr) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), address) }

// mapping finds badger's mapping of the active log. Its header tells it from any other:
// it has a nonce.
func (l *logs) mapping(header []byte) (found mapping, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(l.active.Fd()), &st); err != nil {
		return found, err
	}
	name, count := "/"+filepath.Base(l.path(l.number)), 0
	err = eachMapping(func(m mapping) error {
		if m.inode != st.Ino || !strings.HasSuffix(m.path, name) || int64(m.end-m.start) < st.Size {
			return nil
		}
		if there := unsafe.Slice((*byte)(pointer(m.start)), logHeader); bytes.Equal(there, header) {
			found = m
			count++
		}
		return nil
	})
	if err == nil && count != 1 {
		err = fmt.Errorf("%d mappings of %s are known", count, name)
	}
	return found, err
}

var logTable = crc32.MakeTable(crc32.Castagnoli)

// mostLogBuffer is how many bytes are kept for writing the next batch.
const mostLogBuffer = 256 << 10

// store writes a batch to the file.
func (m *logMemory) store(l *logs, number uint64, w *writes) error {
	m.buf = appendBatch(m.buf[:0], m.cipher, m.end, number, w)
	if err := m.write(l); err != nil {
		return err
	}
	m.end += int64(len(m.buf))
	if cap(m.buf) > mostLogBuffer {
		m.buf = nil
	}
	m.zeros = max(m.zeros, m.end)
	if l.syncing.Swap(false) && m.zeros < m.end+zeroAhead/2 {
		return m.zero(l)
	}
	return nil
}

// write writes the batch. The log has its blocks; but a filesystem that copies on write, or
// that cannot allocate, may want others. Then the ballast goes, and it is tried again for a
// while, because a batch that memory follows already cannot be refused any more.
func (m *logMemory) write(l *logs) error {
	for start := time.Now(); ; time.Sleep(flushPatience / 500) {
		_, err := l.active.WriteAt(m.buf, m.end)
		if !errors.Is(noSpace(err), ErrNoSpace) || time.Since(start) > flushPatience {
			return err
		}
		if l.makeRoom != nil {
			l.makeRoom()
		}
	}
}

// zero writes zeros ahead. A disk without room for them has none for their metadata: the
// log has its blocks.
func (m *logMemory) zero(l *logs) error {
	n := min(zeroAhead, int64(len(m.bytes))-m.zeros, l.room()-m.zeros)
	if n <= 0 {
		return nil
	}
	_, err := l.active.WriteAt(make([]byte, n), m.zeros)
	if err == nil {
		m.zeros += n
	}
	return unlessFull(noSpace(err))
}
