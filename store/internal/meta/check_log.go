package meta

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"pail/crypto"
)

// The format of badger's logs (memtable.go, value.go, structs.go of v4): 20 bytes of key id
// and nonce, then entries
//
//	meta (1) | user meta (1) | key size | value size | expiry | key | value | crc32c (4)
//
// with sizes and expiry as varints, the key ending in the complement of the batch number
// (8), the checksum over all before it. The entries of a batch have metaTxn set and are
// followed by one with metaEnd whose value is the batch number in decimal. Key and value of
// an encrypted log are encrypted (cipher.go), which the checksum is over then.
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
	foreign     bool   // the header names another key than that of the database
	forged      string // the key of the first record that is not what was written
	end         int64  // where the last whole batch ends: badger cuts the log there
	size        int64
	holds       fill // up to end
}

// readLog reads the log of that number.
func readLog(dir string, number int, keys *cipherKeys) (r logReport, err error) {
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
	r.parse(data, keys)
	return r, nil
}

func (r *logReport) parse(data []byte, keys *cipherKeys) {
	r.end = min(logHeader, int64(len(data)))
	if r.end < logHeader {
		return
	}
	r.foreign = binary.BigEndian.Uint64(data) != keys.id()
	in := logReader{data: data, cipher: keys.log(data[:logHeader])}
	var batch uint64   // of the entries since end
	var forged string  // one of them
	holds := newFill() // up to at
	for at := r.end; ; {
		e, size := in.entry(at)
		if size == 0 {
			break
		}
		at += size
		holds.add(len(e.key), len(e.value))
		if forged == "" && keys != nil && !e.genuine(keys.mac) {
			forged = string(e.key)
		}
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
		if r.forged == "" {
			r.forged = forged
		}
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
	key   []byte // without the batch
	value []byte
	batch uint64 // that the entry is of
	ends  uint64 // the batch that the entry ends
}

// genuine says whether the value is what was written at the key in the batch. A deletion has
// none, nor what ends a batch.
func (e *logEntry) genuine(mac *crypto.MAC) bool {
	if e.meta&(metaDelete|metaEnd) != 0 {
		return true
	}
	n := len(e.value) - macSize
	return n >= 0 && mac.Is(e.value[n:], e.batch, e.key, e.value[:n])
}

// A logReader reads the entries of a log.
type logReader struct {
	data   []byte // the log
	cipher *logCipher
	plain  []byte // key and value of the last entry
}

// entry returns the entry at a place in the log and its size, 0 if there is none. Its key and
// value are valid until the next call.
func (l *logReader) entry(place int64) (e logEntry, size int64) {
	data := l.data[place:]
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
	both := data[at : at+int(klen+vlen)]
	at += int(klen + vlen)
	if binary.BigEndian.Uint32(data[at:]) != crc32.Checksum(data[:at], logTable) {
		return e, 0
	}
	if l.cipher != nil {
		l.plain = append(l.plain[:0], both...)
		both = l.plain
		l.cipher.xor(both, both, place)
	}
	e.meta, e.key, e.value = data[0], both[:klen-versionLen], both[klen:]
	e.batch = ^binary.BigEndian.Uint64(both[klen-versionLen:])
	if e.meta&metaEnd != 0 {
		var err error
		if e.ends, err = strconv.ParseUint(string(e.value), 10, 64); err != nil {
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
