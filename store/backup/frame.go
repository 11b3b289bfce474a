package backup

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"pail/store/fault"
)

const magic = "pailback"

// The kinds of frame.
const (
	frameHead    = 'H'
	frameRecords = 'R'
	frameDraft   = 'D'
	frameContent = 'C'
	framePart    = 'P'
	frameFinish  = 'F'
	frameChunk   = 'K'
	frameEnd     = 'E'
)

// maxPayload bounds what a reader takes for a frame, in bytes.
const maxPayload = 8 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frameSum is the checksum of the frame with that number.
func frameSum(number uint64, head, payload []byte) uint32 {
	sum := crc32.Checksum(binary.BigEndian.AppendUint64(nil, number), castagnoli)
	return crc32.Update(crc32.Update(sum, castagnoli, head), castagnoli, payload)
}

// A frameWriter writes a stream.
type frameWriter struct {
	w      io.Writer
	number uint64
	begun  bool
}

func (fw *frameWriter) write(kind byte, payload ...[]byte) error {
	if !fw.begun {
		fw.begun = true
		if _, err := fw.w.Write(binary.BigEndian.AppendUint32([]byte(magic), Format)); err != nil {
			return err
		}
	}
	n := 0
	for _, p := range payload {
		n += len(p)
	}
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(n))
	sum := frameSum(fw.number, head, nil)
	fw.number++
	if _, err := fw.w.Write(head); err != nil {
		return err
	}
	for _, p := range payload {
		sum = crc32.Update(sum, castagnoli, p)
		if _, err := fw.w.Write(p); err != nil {
			return err
		}
	}
	_, err := fw.w.Write(binary.BigEndian.AppendUint32(nil, sum))
	return err
}

// A frameReader reads a stream. What it answers was compared with its checksum.
type frameReader struct {
	r      io.Reader
	what   string // what is read, for errors
	number uint64
	buf    []byte
}

// begin reads what comes before the frames.
func (fr *frameReader) begin() error {
	var b [len(magic) + 4]byte
	if _, err := io.ReadFull(fr.r, b[:]); err != nil {
		return fr.broken(err, "it is no backup: it ends at once")
	}
	if string(b[:len(magic)]) != magic {
		return fault.New(fault.Damaged, "%s is no backup, or its beginning is damaged", fr.what)
	}
	return checkFormat(int64(binary.BigEndian.Uint32(b[len(magic):])), fr.what)
}

func checkFormat(n int64, what string) error {
	switch {
	case n > Format:
		return fault.New(fault.NewerFormat, "%s has format %d and this program knows %d; use a newer pail", what, n, Format)
	case n < 1:
		return fault.New(fault.Damaged, "%s is damaged: its format is %d", what, n)
	}
	return nil
}

// next reads one frame, which is valid until the next call.
func (fr *frameReader) next() (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(fr.r, head[:]); err != nil {
		return 0, nil, fr.broken(err, "it was cut off")
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxPayload {
		return 0, nil, fault.New(fault.Damaged, "%s is damaged at frame %d: it would have %d bytes", fr.what, fr.number, n)
	}
	if cap(fr.buf) < int(n)+4 {
		fr.buf = make([]byte, n+4)
	}
	b := fr.buf[:n+4]
	if _, err := io.ReadFull(fr.r, b); err != nil {
		return 0, nil, fr.broken(err, "it was cut off")
	}
	payload = b[:n:n]
	if frameSum(fr.number, head[:], payload) != binary.BigEndian.Uint32(b[n:]) {
		return 0, nil, fault.New(fault.Damaged, "%s is damaged at frame %d: its checksum is wrong", fr.what, fr.number)
	}
	fr.number++
	return head[0], payload, nil
}

// ends demands that nothing follows.
func (fr *frameReader) ends() error {
	var b [1]byte
	switch _, err := io.ReadFull(fr.r, b[:]); {
	case err == nil:
		return fault.New(fault.Damaged, "%s is damaged: something follows its end", fr.what)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return fault.Wrap(fault.IOFailed, err, "read %s", fr.what)
	}
}

func (fr *frameReader) broken(err error, why string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Damaged, "%s is damaged: %s", fr.what, why)
	}
	var fe *fault.Error
	if errors.As(err, &fe) {
		return err
	}
	return fault.Wrap(fault.IOFailed, err, "read %s", fr.what)
}

// numbers appends numbers as frames have them.
func numbers(nums ...uint64) []byte {
	b := make([]byte, 0, 8*len(nums))
	for _, n := range nums {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// takeNumbers reads what numbers wrote and answers what follows.
func takeNumbers(b []byte, nums ...*uint64) (rest []byte, err error) {
	if len(b) < 8*len(nums) {
		return nil, malformed("a frame")
	}
	for _, n := range nums {
		*n, b = binary.BigEndian.Uint64(b), b[8:]
	}
	return b, nil
}
