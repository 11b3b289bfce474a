package meta

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// The format of badger's logs (memtable.go, value.go, structs.go of v4): 20 bytes of key id
// and nonce, then entries
//
//	meta (1) | user meta (1) | key size | value size | expiry | key | value | crc32c (4)
//
// with sizes and expiry as varints, the key ending in the complement of the batch number
// (8), the checksum over all before it. The entries of a batch have metaTxn set and are
// followed by one with metaEnd whose value is the batch number in decimal.
const (
	logHeader  = 20
	metaTxn    = 1 << 6
	metaEnd    = 1 << 7
	maxLogKey  = 1 << 16
	versionLen = 8
)

// A logReport is what a log holds, read as badger will read it.
type logReport struct {
	number      int
	path        string
	first, last uint64 // batches; 0: none
	broken      bool   // the batches are not numbered one after another
	keyed       bool   // the header names a cipher key, and there are none
	end         int64  // where the last whole batch ends: badger cuts the log there
	size        int64
	holds       fill // up to end
}

// readLog reads the log of that number.
func readLog(dir string, number int) (r logReport, err error) {
	r = logReport{number: number, path: logPath(dir, number)}
	f, err := os.Open(r.path)
	if err != nil {
		return r, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return r, err
	}
	r.size = st.Size()
	data, err := unix.Mmap(int(f.Fd()), 0, int(r.size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return r, &os.PathError{Op: "mmap", Path: r.path, Err: err}
	}
	defer unix.Munmap(data)
	r.parse(data)
	return r, nil
}

func (r *logReport) parse(data []byte) {
	table := crc32.MakeTable(crc32.Castagnoli)
	r.end = min(logHeader, int64(len(data)))
	for _, b := range data[:min(8, len(data))] {
		r.keyed = r.keyed || b != 0
	}
	var batch uint64   // of the entries since end
	holds := newFill() // up to at
	for at := r.end; ; {
		e, size := parseEntry(data[at:], table)
		if size == 0 {
			break
		}
		at += size
		holds.add(e.key, e.value)
		if e.meta&metaEnd == 0 {
			if e.meta&metaTxn == 0 || batch != 0 && batch != e.batch {
				break // not written by us
			}
			batch = e.batch
			continue
		}
		if batch == 0 || e.ends != batch {
			break
		}
		r.add(batch, at)
		r.holds = holds
		batch = 0
	}
}

// unread says whether there is something else than zeros behind the last whole batch.
func (r *logReport) unread() bool {
	f, err := os.Open(r.path)
	if err != nil {
		return false
	}
	defer f.Close()
	in := bufio.NewReader(io.NewSectionReader(f, r.end, r.size-r.end))
	for {
		if b, err := in.ReadByte(); err != nil || b != 0 {
			return err == nil
		}
	}
}

func (r *logReport) add(batch uint64, end int64) {
	if r.first == 0 {
		r.first = batch
	} else if batch != r.last+1 {
		r.broken = true
	}
	r.last = batch
	r.end = end
}

type logEntry struct {
	meta  byte
	key   int    // bytes, without the batch
	value int    // bytes
	batch uint64 // that the entry is of
	ends  uint64 // the batch that the entry ends
}

// parseEntry returns the entry at the start of data and its size, 0 if there is none.
func parseEntry(data []byte, table *crc32.Table) (e logEntry, size int64) {
	if len(data) < 2 {
		return e, 0
	}
	at := 2
	var nums [3]uint64
	for i := range nums {
		n, w := binary.Uvarint(data[at:])
		if w <= 0 {
			return e, 0
		}
		nums[i] = n
		at += w
	}
	klen, vlen, rest := nums[0], nums[1], uint64(len(data)-at)
	if klen < versionLen || klen > maxLogKey || vlen > rest || klen+vlen+crc32.Size > rest {
		return e, 0
	}
	key := data[at : at+int(klen)]
	value := data[at+int(klen) : at+int(klen+vlen)]
	at += int(klen + vlen)
	if binary.BigEndian.Uint32(data[at:]) != crc32.Checksum(data[:at], table) {
		return e, 0
	}
	e.meta, e.key, e.value = data[0], int(klen)-versionLen, int(vlen)
	e.batch = ^binary.BigEndian.Uint64(key[klen-versionLen:])
	if e.meta&metaEnd != 0 {
		var err error
		if e.ends, err = strconv.ParseUint(string(value), 10, 64); err != nil {
			return e, 0
		}
	}
	return e, int64(at + crc32.Size)
}

// cut takes what follows the last whole batch off the log, as badger would: it may stumble
// over the torn end that a power cut leaves. The rest is synced, so that what is written
// from now on can rely on it.
func (r *logReport) cut() error {
	f, err := os.OpenFile(r.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if r.size > r.end {
		if err := f.Truncate(r.end); err != nil {
			return err
		}
	}
	return f.Sync()
}
