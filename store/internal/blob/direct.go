package blob

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DirectAlign is what the offset, the length and the memory of a direct write are multiples
// of. Disks ask for 512 bytes or 4096 (open(2), "O_DIRECT").
const DirectAlign = 4096

// DirectBuffer returns n bytes of memory that direct writes take as it is.
func DirectBuffer(n int) []byte {
	b := make([]byte, n+DirectAlign-1)
	skip := -address(b) & (DirectAlign - 1)
	return b[skip : skip+n : skip+n]
}

func address(p []byte) int { return int(uintptr(unsafe.Pointer(unsafe.SliceData(p)))) }

// Direct has the writes that follow pass the page cache by: for what is written once, from
// one end to the other, and not read again at once. That is so for writes of a DirectBuffer
// at a multiple of DirectAlign, but for their last bytes if they are not such a multiple
// either; all others, and all of them where the filesystem cannot do it, go by the cache as
// before. What is written is as durable as before, too: not at all until Sync.
func (w *Writer) Direct() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.sealed != nil || w.direct != nil {
		return
	}
	if f, err := w.store.files.Open(w.h.path, os.O_WRONLY|unix.O_DIRECT); err == nil {
		w.direct = f
	}
}

// endDirect ends what Direct began.
func (w *Writer) endDirect() {
	if w.direct != nil {
		_ = w.direct.Close() // it holds nothing back
		w.direct = nil
	}
}

// put writes p at off to the file, and says how much of it the cache does not have.
func (w *Writer) put(p []byte, off int64) (n, direct int, err error) {
	if w.direct != nil && off%DirectAlign == 0 && address(p)%DirectAlign == 0 {
		direct, err = w.direct.WriteAt(p[:len(p)&^(DirectAlign-1)], off)
		switch {
		case errors.Is(err, unix.EINVAL): // it would need more than DirectAlign
			w.endDirect()
		case err != nil:
			return direct, direct, err
		case direct == len(p):
			return direct, direct, nil
		}
	}
	n, err = w.h.file.WriteAt(p[direct:], off+int64(direct))
	return direct + n, direct, err
}
