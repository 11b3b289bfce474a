package main

import (
	"bytes"
	"os"
)

// holeBlock is what is left out of a file if it holds zeros only, in bytes: a block of
// most filesystems.
const holeBlock = 4096

// A sparseWriter writes a new file one piece after another and leaves blocks of zeros out,
// so that what is mostly holes does not fill the disk. The file has to be extended to its
// length in the end.
type sparseWriter struct {
	f  *os.File
	at int64
}

// Write implements io.Writer.
func (w *sparseWriter) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n := w.run(p[done:])
		if !isZero(p[done:][:n]) {
			if _, err := w.f.WriteAt(p[done:][:n], w.at); err != nil {
				return done, err
			}
		}
		done += n
		w.at += int64(n)
	}
	return done, nil
}

// run is how many bytes of p are alike: blocks of zeros, or others.
func (w *sparseWriter) run(p []byte) int {
	n := w.block(p, 0)
	for zero := isZero(p[:n]); n < len(p); {
		next := w.block(p, n)
		if isZero(p[n:next]) != zero {
			break
		}
		n = next
	}
	return n
}

// block is where the block ends in which p[n] is.
func (w *sparseWriter) block(p []byte, n int) int {
	at := w.at + int64(n)
	return min(len(p), n+int(holeBlock-at%holeBlock))
}

func isZero(p []byte) bool {
	var zeros [holeBlock]byte
	for len(p) > 0 {
		n := min(len(p), len(zeros))
		if !bytes.Equal(p[:n], zeros[:n]) {
			return false
		}
		p = p[n:]
	}
	return true
}
