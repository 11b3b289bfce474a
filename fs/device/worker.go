package device

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	// spinFor is how long the waiter looks for the next request before it sleeps. A
	// program's next request mostly comes within 20 to 50 us of an answer, and after some
	// computing within 300: git add took 0.88 of the time that it took with 100.
	spinFor = 300 * time.Microsecond
	// crowdAt is how many requests in a row of more than one caller have to be there at
	// once for a crowd.
	crowdAt = 8
	// ours is how many threads a program and its mount keep busy at times: the program, a
	// worker, and in the background what the store and the runtime do.
	ours = 4
	// crowdFor is how often a worker has to look in vain for a crowd to be over.
	crowdFor = 64
)

// spawn starts one more worker, unless the connection has ended.
func (d *Device) spawn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.over {
		d.workers++
		go d.work()
	}
}

// leave counts a worker out. The last one leaves when the connection has ended: until
// then none leaves but that another one waits.
func (d *Device) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.workers--; d.workers == 0 {
		d.over = true
		close(d.ended)
	}
}

// work takes requests and answers them, until there is nothing to do that the waiter
// could not do as well.
func (d *Device) work() {
	defer d.leave()
	b := d.bufs.Get().(*buffers)
	defer d.bufs.Put(b)
	var last caller
	for atOnce := 0; ; {
		n, errno := d.look(b.in)
		if errno == unix.EAGAIN {
			atOnce = 0
			d.calm()
			if !d.waiting.CompareAndSwap(false, true) {
				return
			}
			n, errno = d.await(b.in)
			last = caller{}
		} else if errno == 0 {
			if atOnce = last.joined(b.in[:n], atOnce); atOnce >= crowdAt {
				d.crowd.Store(crowdFor)
			}
		}
		switch errno {
		case 0:
		case unix.ENOENT, unix.EINTR: // the request was taken back
			continue
		default: // ENODEV: the connection has ended
			return
		}
		d.served.Add(1)
		if d.crowd.Load() > 0 && !d.waiting.Load() {
			d.spawn()
		}
		d.handle(b, n)
	}
}

// A caller is the thread that the last request came from, and what it wanted.
type caller struct {
	thread uint32
	opcode uint32
}

// joined counts the requests in a row that were there at once and tell of more to do than
// one caller brings, who waits for each answer: those of another caller, and those of
// reading ahead and writing back, for which nobody waits. What the kernel sends for
// itself, such as RELEASE, comes beside the next request of the same program and tells
// nothing.
func (c *caller) joined(in []byte, row int) int {
	if len(in) < inHeaderSize {
		return 0
	}
	h := (*fuse.InHeader)(unsafe.Pointer(&in[0]))
	was := *c
	ahead := h.Opcode == opRead && was.opcode == opRead || h.Opcode == opWrite && h.Pid == 0
	switch {
	case ahead:
		return row + 1
	case h.Pid == 0:
		return row
	}
	*c = caller{h.Pid, h.Opcode}
	if was.thread == 0 || was.thread == h.Pid {
		return 0
	}
	return row + 1
}

// calm notes that there was nothing to be taken.
func (d *Device) calm() {
	if c := d.crowd.Load(); c > 0 {
		d.crowd.CompareAndSwap(c, c-1)
	}
}

// look takes a request if there is one, else it is EAGAIN. The runtime is not told of
// the system call, since it does not wait.
func (d *Device) look(buf []byte) (n int, errno unix.Errno) {
	r, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(d.fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
	return int(r), errno
}

// await waits for a request and takes it. It is for the waiter, which is none when it
// returns.
func (d *Device) await(buf []byte) (n int, errno unix.Errno) {
	start := time.Now()
	errno = unix.EAGAIN
	if d.pays() {
		for errno == unix.EAGAIN && time.Since(start) < spinFor {
			n, errno = d.look(buf)
		}
	}
	slept := errno == unix.EAGAIN
	for errno == unix.EAGAIN {
		d.sleep()
		n, errno = d.look(buf)
	}
	d.learn(time.Since(start) < spinFor)
	d.waiting.Store(false)
	if slept {
		d.wakeWatch()
	}
	return n, errno
}

// sleep returns when there may be something to be taken.
func (d *Device) sleep() {
	// What it returns does not matter: reading will tell.
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}, -1)
}

// A patience knows whether looking pays. It belongs to the waiter.
type patience struct {
	score  int         // of the last waits, those that were short against those that were not
	wanted atomic.Bool // others need the processors
	busy   float64     // how many threads run or want to, lately; the watcher's
}

// scoreMax bounds how much the past weighs.
const scoreMax = 16

// pays says whether the next request will probably come soon, and nobody else has a use
// for the processor until then.
func (p *patience) pays() bool { return p.score > scoreMax/2 && !p.wanted.Load() }

// measure looks how busy the machine is. A program and its mount may keep two processors
// busy between them; with one processor there is nobody to wait for without sleeping.
func (p *patience) measure() {
	p.busy += (float64(running()-1) - p.busy) / measureWeight
	p.wanted.Store(runtime.NumCPU() == 1 || p.busy > float64(runtime.NumCPU()+ours))
}

// running is how many threads run or want to, the caller's included (proc(5), loadavg).
// The averages there are of a minute, which is too long: what has ended counts in them.
func running() int {
	fd, err := unix.Open("/proc/loadavg", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 1
	}
	defer unix.Close(fd)
	var buf [64]byte
	n, _ := unix.Read(fd, buf[:])
	var minute1, minute5, minute15 float64
	count := 1
	// 0.20 0.18 0.12 1/80 11206
	_, _ = fmt.Sscanf(string(buf[:max(n, 0)]), "%g %g %g %d/", &minute1, &minute5, &minute15, &count)
	return count
}

// learn notes whether a request came within spinFor.
func (p *patience) learn(soon bool) {
	if soon {
		p.score = min(p.score+1, scoreMax)
	} else {
		p.score = max(p.score-1, 0)
	}
}
