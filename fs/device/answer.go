package device

import (
	"os"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/hanwen/go-fuse/v2/splice"
	"golang.org/x/sys/unix"
)

const (
	inHeaderSize  = int(unsafe.Sizeof(fuse.InHeader{}))
	outHeaderSize = int(unsafe.Sizeof(fuse.OutHeader{}))
	pageSize      = 4096

	// smallAnswer is the largest answer, in bytes, to requests that do not say how much
	// they have room for: READLINK's, which is a path.
	smallAnswer = 8 << 10

	// spliceMin is the smallest READ, in bytes, that is spliced. Setting up the pipe
	// costs more than copying less.
	spliceMin = 32 << 10
	// MaxSplice is the largest, in bytes.
	MaxSplice = 1<<20 - 4*pageSize
)

// Requests that are told apart here; those but WRITE have answers whose size is theirs to
// choose, and say it. The numbers are the kernel's (linux/fuse.h).
const (
	opRead        = 15
	opWrite       = 16
	opGetXAttr    = 22
	opListXAttr   = 23
	opReadDir     = 28
	opIoctl       = 39
	opReadDirPlus = 44
)

// buffers are what a worker needs to answer a request.
type buffers struct {
	in  []byte
	out []byte
}

// newBuffers makes buffers for requests that bring up to maxWrite bytes. Those of a WRITE
// begin at a page.
func newBuffers(maxWrite int) *buffers {
	const head = int(unsafe.Sizeof(fuse.WriteIn{}))
	room := make([]byte, maxWrite+3*pageSize)
	skip := (2*pageSize - head - int(uintptr(unsafe.Pointer(&room[0]))%pageSize)) % pageSize
	return &buffers{in: room[skip : skip+maxWrite+pageSize], out: make([]byte, smallAnswer)}
}

// answer is where an answer with n bytes behind what is fixed goes.
func (b *buffers) answer(n int) []byte {
	if want := n + pageSize; want > len(b.out) {
		b.out = make([]byte, want)
	}
	return b.out
}

// handle answers the request in the first n bytes of b.in.
func (d *Device) handle(b *buffers, n int) {
	if n < inHeaderSize {
		return // not a request
	}
	in := b.in[:n]
	if d.spliced(in) {
		return
	}
	out := b.answer(roomFor(in))
	n, status := d.server.HandleRequest([][]byte{in}, [][]byte{out})
	switch {
	case status != fuse.OK:
		header := (*fuse.InHeader)(unsafe.Pointer(&in[0]))
		*(*fuse.OutHeader)(unsafe.Pointer(&out[0])) = fuse.OutHeader{Length: uint32(outHeaderSize), Status: -int32(status), Unique: header.Unique}
		n = outHeaderSize
	case n == 0:
		return // it wants no answer
	}
	d.reply(out[:n])
}

// reply sends an answer. The kernel refuses it if nobody waits for it any more, which
// is as well. It does not wait, so the runtime is not told.
func (d *Device) reply(out []byte) {
	for {
		_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(d.fd), uintptr(unsafe.Pointer(&out[0])), uintptr(len(out)))
		if errno != unix.EINTR {
			return
		}
	}
}

// roomFor is how many bytes an answer may have behind what is fixed.
func roomFor(in []byte) int {
	switch (*fuse.InHeader)(unsafe.Pointer(&in[0])).Opcode {
	case opRead, opReadDir, opReadDirPlus:
		if len(in) >= int(unsafe.Sizeof(fuse.ReadIn{})) {
			return int((*fuse.ReadIn)(unsafe.Pointer(&in[0])).Size)
		}
	case opGetXAttr, opListXAttr:
		if len(in) >= int(unsafe.Sizeof(fuse.GetXAttrIn{})) {
			return int((*fuse.GetXAttrIn)(unsafe.Pointer(&in[0])).Size)
		}
	case opIoctl:
		if len(in) >= int(unsafe.Sizeof(fuse.IoctlIn{})) {
			return int((*fuse.IoctlIn)(unsafe.Pointer(&in[0])).OutSize)
		}
	}
	return 0
}

// spliced answers a READ from the page cache of the file where the bytes are, if they
// are in one file. After a failure READ is answered as usual.
func (d *Device) spliced(in []byte) bool {
	header := (*fuse.InHeader)(unsafe.Pointer(&in[0]))
	if header.Opcode != opRead || len(in) < int(unsafe.Sizeof(fuse.ReadIn{})) || d.debug || !splice.Resizable() {
		return false
	}
	read := (*fuse.ReadIn)(unsafe.Pointer(&in[0]))
	if read.Size < spliceMin || read.Size > MaxSplice {
		return false
	}
	r, ok := d.rangeOf(read)
	if !ok {
		return false
	}
	defer r.Release()
	return d.splice(header.Unique, r) == nil
}

// rangeOf asks the filesystem for a range; a panic is no range.
func (d *Device) rangeOf(read *fuse.ReadIn) (r Range, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			d.onPanic(v)
			ok = false
		}
	}()
	return d.fs.Range(read)
}

// splice sends a range of a file.
func (d *Device) splice(unique uint64, r Range) error {
	total := outHeaderSize + r.Len
	pair, err := splice.Get()
	if err != nil {
		return err
	}
	defer splice.Done(pair) // which empties it
	// Without the extra page the kernel waits when the pipe is almost full.
	if err := pair.Grow(total + 2*os.Getpagesize()); err != nil {
		return err
	}
	head := fuse.OutHeader{Length: uint32(total), Unique: unique}
	if _, err := pair.Write(unsafe.Slice((*byte)(unsafe.Pointer(&head)), outHeaderSize)); err != nil {
		return err
	}
	switch n, err := pair.LoadFromAt(r.Fd, r.Len, r.Off); {
	case err != nil:
		return err
	case n != r.Len:
		return unix.EIO // the file is shorter than it should be: reading will say so
	}
	_, err = pair.WriteTo(uintptr(d.fd), total)
	return err
}
