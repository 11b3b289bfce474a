package large

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// A pattern is the bytes that a generation of writes puts at each place: 8 of them follow
// from the generation and where they are.
type pattern uint64

func (p pattern) fill(b []byte, off int64) {
	var word [8]byte
	for len(b) > 0 {
		binary.LittleEndian.PutUint64(word[:], p.word(uint64(off/8)))
		if off%8 == 0 && len(b) >= 8 {
			copy(b, word[:])
			b, off = b[8:], off+8
			continue
		}
		n := copy(b, word[off%8:])
		b, off = b[n:], off+int64(n)
	}
}

func (p pattern) word(number uint64) uint64 {
	x := number*0x9e3779b97f4a7c15 + uint64(p)*0xd6e8feb86659fd93
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	return x ^ x>>32
}

// atOnce is how many bytes are written and read at once.
const atOnce = 1 << 20

// write fills a range of a file.
func (p pattern) write(f io.WriterAt, off, n int64) error {
	buf := make([]byte, min(n, atOnce))
	for end := off + n; off < end; {
		part := buf[:min(int64(len(buf)), end-off)]
		p.fill(part, off)
		if _, err := f.WriteAt(part, off); err != nil {
			return err
		}
		off += int64(len(part))
	}
	return nil
}

// compare demands the bytes of a range of a file, which fill tells, without keeping the
// file's pages.
func compare(f *os.File, off, n int64, fill func(b []byte, off int64)) error {
	got, want := make([]byte, atOnce), make([]byte, atOnce)
	for end := off + n; off < end; {
		part := got[:min(atOnce, end-off)]
		if _, err := f.ReadAt(part, off); err != nil {
			return fmt.Errorf("read at %d: %w", off, err)
		}
		fill(want[:len(part)], off)
		if !bytes.Equal(part, want[:len(part)]) {
			for i := range part {
				if part[i] != want[i] {
					return fmt.Errorf("byte %d of %s is %#x instead of %#x", off+int64(i), f.Name(), part[i], want[i])
				}
			}
		}
		off += int64(len(part))
	}
	return nil
}

func zeros(b []byte, _ int64) { clear(b) }
