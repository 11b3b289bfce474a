package device

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// A Filesystem answers requests. Its methods are called from many goroutines.
type Filesystem interface {
	fuse.RawFileSystem

	// Range says where the bytes that a READ asks for are in one open file, so that they
	// need not pass through our memory; ok is false if they are not, and Read is called
	// instead. Range.Release is called once they were sent.
	Range(in *fuse.ReadIn) (r Range, ok bool)
}

// A Range is a part of an open file.
type Range struct {
	Fd      uintptr
	Off     int64
	Len     int // bytes; all of them must be there
	Release func()
}

// A Device is one connection to the kernel. Its methods may be called from many
// goroutines.
type Device struct {
	fd     int
	server *fuse.ProtocolServer
	fs     Filesystem
	debug  bool // every request is logged, by the ProtocolServer
	// onPanic is told of a handler's panic.
	onPanic func(v any) fuse.Status
	bufs    sync.Pool

	served  atomic.Uint64 // requests taken
	waiting atomic.Bool   // somebody is the waiter
	crowd   atomic.Int32  // how many looks in vain until there is no crowd
	patience
	watcher

	mu      sync.Mutex // guards what follows
	workers int
	over    bool
	ended   chan struct{} // closed when the last worker has gone
}

// New takes over fd, a descriptor of a mount that nobody serves yet, and agrees with the
// kernel on the protocol. Of o, MaxWrite (how large requests may be, in bytes) and
// PanicHandler have to be set.
func New(fd int, fs Filesystem, o *fuse.MountOptions) (*Device, error) {
	d := &Device{
		fd: fd, fs: fs, server: fuse.NewProtocolServer(fs, o), debug: o.Debug, onPanic: o.PanicHandler,
		watcher: newWatcher(), ended: make(chan struct{}),
	}
	d.score = scoreMax
	d.measure()
	d.bufs.New = func() any { return newBuffers(o.MaxWrite) }
	if err := d.greet(); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), unix.Close(fd))
	}
	return d, nil
}

// name is what messages call the device.
const name = "/dev/fuse"

// greet answers the first request, which is INIT.
func (d *Device) greet() error {
	b := d.bufs.Get().(*buffers)
	defer d.bufs.Put(b)
	n, err := unix.Read(d.fd, b.in)
	for err == unix.EINTR {
		n, err = unix.Read(d.fd, b.in)
	}
	if err != nil {
		return fmt.Errorf("read from %s: %w", name, err)
	}
	if n < int(unsafe.Sizeof(fuse.InHeader{})) {
		return fmt.Errorf("%s: a first request of %d bytes", name, n)
	}
	out := b.answer(0)
	n, status := d.server.HandleRequest([][]byte{b.in[:n]}, [][]byte{out})
	if status != fuse.OK {
		return fmt.Errorf("%s: first request: %v", name, status)
	}
	if s := (*fuse.OutHeader)(unsafe.Pointer(&out[0])).Status; s != 0 {
		return fmt.Errorf("%s: the kernel speaks another protocol: %w", name, unix.Errno(-s))
	}
	if _, err := unix.Write(d.fd, out[:n]); err != nil {
		return fmt.Errorf("write to %s: %w", name, err)
	}
	return nil
}

// Serve answers requests until the kernel ends the connection, as it does when the
// filesystem is unmounted. It is called once.
func (d *Device) Serve() {
	d.spawn()
	go d.watch()
	<-d.ended
}

// Close gives the descriptor back. Nothing may be served or notified any more.
func (d *Device) Close() error { return unix.Close(d.fd) }
