package trail

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Frames are how records wait in a file until they are delivered: size and CRC-32C of what
// follows, four bytes each, a number of eight bytes, all big-endian, and the record.

// FrameSize is how many bytes a frame has besides its record.
const FrameSize = 8 + 8

// MaxRecord bounds a record, in bytes: a longer one in a file is damage.
const MaxRecord = 1 << 20

// ErrFrame says that a file does not go on with a whole frame.
var ErrFrame = errors.New("a record in the queue of the trail is cut off or damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendFrame appends a frame. The number says which record elsewhere this one takes the
// place of; 0: none.
func AppendFrame(b []byte, number uint64, record []byte) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(8+len(record)))
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, number)
	b = append(b, record...)
	binary.BigEndian.PutUint32(b[at+4:], crc32.Checksum(b[at+8:], castagnoli))
	return b
}

// CutFrame takes the first frame off b and says how long it was; 0: b is empty. The record
// shares its bytes with b. ErrFrame: there is something else than a frame, or a part of one.
func CutFrame(b []byte) (number uint64, record []byte, size int, err error) {
	if len(b) == 0 {
		return 0, nil, 0, nil
	}
	if len(b) < FrameSize {
		return 0, nil, 0, ErrFrame
	}
	n := int64(binary.BigEndian.Uint32(b))
	if n < 8 || n > 8+MaxRecord || n > int64(len(b)-8) {
		return 0, nil, 0, ErrFrame
	}
	body := b[8 : 8+n]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		return 0, nil, 0, ErrFrame
	}
	return binary.BigEndian.Uint64(body), body[8:], 8 + int(n), nil
}
