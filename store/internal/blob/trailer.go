package blob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"pail/crypto"
)

// A sealed blob is its data, then a trailer: the table of segment checksums
// and a footer of fixed size that ends the file. All numbers little endian.
//
//	table   runs of segments: uvarint(count<<1 | written), and for a written
//	        run count checksums (CRC32C, 4 bytes each); runs alternate
//	footer   0  8  magic "pailblob"
//	         8  2  format number, 1
//	        10  2  cipher, 0 = none, 1 = AES-256-GCM in slots (package crypto)
//	        12  1  segment size, as a power of two
//	        13  1  layout of the slots, zero without a cipher
//	        14  2  zero
//	        16  8  blob id
//	        24  8  data length, of a blob with a cipher that of slots and index
//	        32  8  trailer's offset: the data length, or more (see Writer.Truncate)
//	        40  8  table's length
//	        48  8  length of what is encrypted, zero without a cipher
//	        56  8  zero
//	        64  8  xxhash64 of the table
//	        72  8  xxhash64 of the 72 bytes before: Seal.Sum
const (
	magic      = "pailblob"
	format     = 1
	footerSize = 80

	cipherGCM = 1
)

// footer is the fixed end of a sealed blob.
type footer struct {
	cipher uint16
	shift  uint8
	id     ID
	length int64
	offset int64
	table  int64
	layout crypto.Layout // with a cipher
	plain  int64         // and the length of what is encrypted
	tabled uint64        // sum of the table
	sum    uint64
}

func (f *footer) segments() int64 { return segmentCount(f.length, uint(f.shift)) }

// fileSize is the size of the whole file.
func (f *footer) fileSize() int64 { return f.offset + f.table + footerSize }

// segmentRange is the place of segment i in the file.
func (f *footer) segmentRange(i int64) (off, end int64) {
	off = i << f.shift
	return off, min(off+1<<f.shift, f.length)
}

func (f *footer) seal() Seal { return Seal{Length: f.size(), Sum: f.sum} }

// size is the length of the blob's bytes, which of an encrypted one are not those of the file.
func (f *footer) size() int64 {
	if f.cipher == cipherGCM {
		return f.plain
	}
	return f.length
}

// A veiledFooter is what the footer of an encrypted blob says besides.
type veiledFooter struct {
	layout crypto.Layout
	length int64
}

// known fails with ErrUnsupported for a cipher that only a newer program knows. Whoever does
// not read the bytes need not ask.
func (f *footer) known() error {
	if f.cipher > cipherGCM {
		return fmt.Errorf("%w: cipher %d", ErrUnsupported, f.cipher)
	}
	return nil
}

func (f *footer) veil(v *veiledFooter) {
	if v != nil {
		f.cipher, f.layout, f.plain = cipherGCM, v.layout, v.length
	}
}

// marshal fills in the sum.
func (f *footer) marshal() []byte {
	b := make([]byte, footerSize)
	copy(b, magic)
	binary.LittleEndian.PutUint16(b[8:], format)
	binary.LittleEndian.PutUint16(b[10:], f.cipher)
	b[12] = f.shift
	binary.LittleEndian.PutUint64(b[16:], uint64(f.id))
	binary.LittleEndian.PutUint64(b[24:], uint64(f.length))
	binary.LittleEndian.PutUint64(b[32:], uint64(f.offset))
	binary.LittleEndian.PutUint64(b[40:], uint64(f.table))
	b[13] = byte(f.layout)
	binary.LittleEndian.PutUint64(b[48:], uint64(f.plain))
	binary.LittleEndian.PutUint64(b[64:], f.tabled)
	f.sum = xxhash.Sum64(b[:72])
	binary.LittleEndian.PutUint64(b[72:], f.sum)
	return b
}

// parseFooter reads the last footerSize bytes of a file of the given size. It
// answers ErrUnsupported for a format it does not know, and other errors for
// what is no footer.
func parseFooter(b []byte, fileSize int64) (*footer, error) {
	switch {
	case len(b) != footerSize:
		return nil, errors.New("shorter than a footer")
	case string(b[:8]) != magic:
		return nil, errors.New("no footer at the end")
	case binary.LittleEndian.Uint64(b[72:]) != xxhash.Sum64(b[:72]):
		return nil, errors.New("footer's checksum is wrong")
	}
	if n := binary.LittleEndian.Uint16(b[8:]); n != format {
		return nil, fmt.Errorf("%w: format %d", ErrUnsupported, n)
	}
	f := &footer{
		cipher: binary.LittleEndian.Uint16(b[10:]),
		shift:  b[12],
		id:     ID(binary.LittleEndian.Uint64(b[16:])),
		length: int64(binary.LittleEndian.Uint64(b[24:])),
		offset: int64(binary.LittleEndian.Uint64(b[32:])),
		table:  int64(binary.LittleEndian.Uint64(b[40:])),
		layout: crypto.Layout(b[13]),
		plain:  int64(binary.LittleEndian.Uint64(b[48:])),
		tabled: binary.LittleEndian.Uint64(b[64:]),
		sum:    binary.LittleEndian.Uint64(b[72:]),
	}
	switch {
	case b[14]|b[15] != 0 || binary.LittleEndian.Uint64(b[56:]) != 0 || f.cipher == 0 && (f.layout != 0 || f.plain != 0):
		return nil, errors.New("footer's padding is not zero")
	case f.cipher == cipherGCM && (f.layout != crypto.Dense && f.layout != crypto.Double || f.plain < 0 || f.plain > maxVeiled):
		return nil, errors.New("footer's layout or length is out of range")
	case f.shift < minSegmentShift || f.shift > maxShift:
		return nil, errors.New("footer's segment size is out of range")
	case f.length < 0 || f.offset < f.length || f.table < 0 || f.segments() > maxSegments:
		return nil, errors.New("footer's lengths are out of range")
	case f.table > fileSize-footerSize || f.offset != fileSize-footerSize-f.table:
		return nil, errors.New("footer's lengths do not add up to the file's")
	}
	return f, nil
}

// table is the checksum of each segment, unpacked.
type table struct {
	crc     []uint32
	written []uint64 // one bit a segment; the others are holes
}

func newTable(segments int64) *table {
	return &table{crc: make([]uint32, segments), written: make([]uint64, (segments+63)/64)}
}

func (t *table) set(i int64, crc uint32) {
	t.crc[i] = crc
	t.written[i/64] |= 1 << (i % 64)
}

func (t *table) hole(i int64) bool { return t.written[i/64]&(1<<(i%64)) == 0 }

// run is the first segment after i that is not of i's kind.
func (t *table) run(i int64) int64 {
	hole := t.hole(i)
	for end := int64(len(t.crc)); i < end; {
		word := t.written[i/64]
		if !hole {
			word = ^word
		}
		word >>= i % 64
		if word != 0 {
			return min(i+int64(bits.TrailingZeros64(word)), end)
		}
		i += 64 - i%64
	}
	return int64(len(t.crc))
}

// marshal packs the table; long holes cost a few bytes.
func (t *table) marshal() []byte {
	var b []byte
	for i := int64(0); i < int64(len(t.crc)); {
		end := t.run(i)
		head := uint64(end-i) << 1
		if t.hole(i) {
			b = binary.AppendUvarint(b, head)
			i = end
			continue
		}
		b = binary.AppendUvarint(b, head|1)
		for ; i < end; i++ {
			b = binary.LittleEndian.AppendUint32(b, t.crc[i])
		}
	}
	return b
}

var errTable = errors.New("table of checksums is malformed")

// parseTable unpacks what marshal packed, and nothing else: every accepted
// input is the one encoding of its table.
func parseTable(b []byte, segments int64) (*table, error) {
	t := newTable(segments)
	last := uint64(2)
	var i int64
	for len(b) > 0 {
		head, n := binary.Uvarint(b)
		if n <= 0 || n > 1 && b[n-1] == 0 { // a longer varint than needed
			return nil, errTable
		}
		b = b[n:]
		count, kind := head>>1, head&1
		if count == 0 || kind == last || count > uint64(segments-i) {
			return nil, errTable
		}
		last = kind
		end := i + int64(count)
		if kind == 0 {
			i = end
			continue
		}
		if uint64(len(b)) < 4*count {
			return nil, errTable
		}
		for ; i < end; i++ {
			t.set(i, binary.LittleEndian.Uint32(b))
			b = b[4:]
		}
	}
	if i != segments {
		return nil, errTable
	}
	return t, nil
}

// sealTrailer is the table and the footer as they follow the data.
func sealTrailer(f *footer, t *table) []byte {
	b := t.marshal()
	f.table = int64(len(b))
	f.tabled = xxhash.Sum64(b)
	return append(b, f.marshal()...)
}
