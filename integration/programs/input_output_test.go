package programs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestWaysToReadAndWrite uses the calls that move bytes otherwise than read and write do.
func TestWaysToReadAndWrite(t *testing.T) {
	m := newMount(t)
	for name, fn := range map[string]func(t *testing.T, m *mount){
		"O_DIRECT":          directIO,
		"vectors":           vectors,
		"sendfile":          sendfile,
		"splice":            splices,
		"advice":            advice,
		"readahead":         readahead,
		"O_APPEND":          appends,
		"append and others": appendAmongOthers,
	} {
		t.Run(name, func(t *testing.T) { fn(t, m.in(t)) })
	}
}

// aligned is memory that O_DIRECT takes.
func aligned(n int) []byte {
	const page = 4096
	b := make([]byte, n+page)
	skip := page - int(uintptr(unsafe.Pointer(&b[0]))%page)
	return b[skip : skip+n]
}

func directIO(t *testing.T, m *mount) {
	f, err := os.OpenFile(m.path("direct"), os.O_RDWR|os.O_CREATE|unix.O_DIRECT, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := pattern(1, 3*mb)
	buf := aligned(len(want))
	copy(buf, want)
	if n, err := f.WriteAt(buf, 0); err != nil || n != len(buf) {
		t.Fatal(n, err)
	}
	cached, err := os.OpenFile(m.path("direct"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer cached.Close()
	got := make([]byte, 2*len(want))
	if n, err := cached.ReadAt(got, 0); err != io.EOF || !bytes.Equal(got[:n], want) {
		t.Fatalf("through the cache: %d bytes, %v", n, err)
	}
	// What was written through the cache is read beside it, and the other way round.
	if _, err := cached.WriteAt([]byte("through the cache"), 8190); err != nil {
		t.Fatal(err)
	}
	copy(want[8190:], "through the cache")
	clear(buf)
	if n, err := f.ReadAt(buf, 0); err != nil || !bytes.Equal(buf[:n], want) {
		t.Fatalf("beside the cache: %d bytes, %v", n, err)
	}
	copy(buf[:4096], pattern(2, 4096))
	copy(want[mb:], buf[:4096])
	if _, err := f.WriteAt(buf[:4096], mb); err != nil {
		t.Fatal(err)
	}
	if n, err := cached.ReadAt(got, 0); err != io.EOF || !bytes.Equal(got[:n], want) {
		t.Fatalf("through the cache again: %d bytes, %v", n, err)
	}
	if n, err := f.ReadAt(buf[:8192], int64(len(want))-4096); err != io.EOF || n != 4096 {
		t.Fatalf("at the end: %d %v", n, err)
	}
}

func vectors(t *testing.T, m *mount) {
	f, err := os.OpenFile(m.path("vectors"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	for _, flags := range []int{0, unix.RWF_DSYNC, unix.RWF_SYNC, unix.RWF_HIPRI} {
		n, err := unix.Pwritev2(fd, [][]byte{[]byte("one,"), nil, []byte("two,"), pattern(3, 70000)}, 5, flags)
		if err != nil || n != 70008 {
			t.Fatalf("pwritev2 %#x: %d %v", flags, n, err)
		}
	}
	a, b := make([]byte, 9), make([]byte, 100000)
	n, err := unix.Preadv2(fd, [][]byte{a, b}, 0, 0)
	if err != nil || n != 70013 || string(a) != "\x00\x00\x00\x00\x00one," || string(b[:4]) != "two," || !bytes.Equal(b[4:70004], pattern(3, 70000)) {
		t.Fatalf("preadv2: %d %v %q", n, err, a)
	}
	// Offset -1 is the descriptor's own; RWF_APPEND goes to the end whatever the offset.
	if _, err := unix.Pwritev2(fd, [][]byte{[]byte("tail")}, 0, unix.RWF_APPEND); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Preadv2(fd, [][]byte{b}, 70013, 0); err != nil || string(b[:n]) != "tail" {
		t.Fatalf("appended: %q %v", b[:n], err)
	}
	if _, err := unix.Seek(fd, 5, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Readv(fd, [][]byte{a[:4], b[:4]}); err != nil || n != 8 || string(a[:4])+string(b[:4]) != "one,two," {
		t.Fatalf("readv: %d %v", n, err)
	}
	if _, err := unix.Preadv2(fd, [][]byte{b}, 0, 1<<30); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatalf("a flag that there is not: %v", err)
	}
}

func sendfile(t *testing.T, m *mount) {
	src := newRanged(t, m.path("sent"), mb, 100*kb, 300*kb)
	for _, published := range []bool{false, true} {
		if published {
			src.again()
		}
		for _, dir := range []string{m.dir, t.TempDir()} {
			to, err := os.Create(dir + "/received")
			if err != nil {
				t.Fatal(err)
			}
			defer to.Close()
			off := int64(3)
			for int(off) < len(src.want) {
				if n, err := unix.Sendfile(int(to.Fd()), int(src.f.Fd()), &off, len(src.want)); err != nil || n == 0 {
					t.Fatal(n, err)
				}
			}
			wantContent(t, to.Name(), string(src.want[3:]))
		}
	}
}

// splices moves bytes out of a file and into another through a pipe.
func splices(t *testing.T, m *mount) {
	src := newRanged(t, m.path("spliced"), 900*kb).again()
	to, err := os.Create(m.path("spliced-to"))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for in, out := int64(0), int64(0); in < int64(len(src.want)); {
		n, err := unix.Splice(int(src.f.Fd()), &in, int(w.Fd()), nil, 60000, 0)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		for left := n; left > 0; {
			n, err := unix.Splice(int(r.Fd()), nil, int(to.Fd()), &out, int(left), 0)
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			left -= n
		}
	}
	wantContent(t, to.Name(), string(src.want))
}

func advice(t *testing.T, m *mount) {
	r := newRanged(t, m.path("advice"), mb)
	for _, how := range []int{
		unix.FADV_NORMAL, unix.FADV_SEQUENTIAL, unix.FADV_RANDOM, unix.FADV_NOREUSE, unix.FADV_WILLNEED, unix.FADV_DONTNEED,
	} {
		for _, n := range []int64{0, 100 * kb, 1 << 40} {
			if err := unix.Fadvise(int(r.f.Fd()), 4096, n, how); err != nil {
				t.Errorf("advice %d on %d bytes: %v", how, n, err)
			}
		}
		r.holds(fmt.Sprint("after advice ", how))
	}
	if err := unix.SyncFileRange(int(r.f.Fd()), 0, mb, unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER); err != nil {
		t.Errorf("sync_file_range: %v", err)
	}
	if err := unix.Fdatasync(int(r.f.Fd())); err != nil {
		t.Errorf("fdatasync: %v", err)
	}
	dir, err := os.Open(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := errors.Join(unix.Fsync(int(dir.Fd())), unix.Fdatasync(int(dir.Fd())), unix.Syncfs(int(dir.Fd()))); err != nil {
		t.Errorf("of a directory: %v", err)
	}
}

func readahead(t *testing.T, m *mount) {
	r := newRanged(t, m.path("ahead"), 2*mb).again()
	for _, at := range []int64{0, mb, 2*mb - 1, 2 * mb, 1 << 40} {
		if _, _, errno := unix.Syscall(unix.SYS_READAHEAD, r.f.Fd(), uintptr(at), uintptr(mb)); errno != 0 {
			t.Errorf("readahead at %d: %v", at, errno)
		}
	}
	r.holds("after readahead")
}

// appends writes at the end, whatever offsets say and whoever made the file longer.
func appends(t *testing.T, m *mount) {
	f, err := os.OpenFile(m.path("append"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	mustWrite(t, f, "one")
	if err := os.Truncate(m.path("append"), 10); err != nil {
		t.Fatal(err)
	}
	// Linux, other than POSIX, has pwrite(2) append here too.
	if _, err := unix.Pwrite(fd, []byte("two"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, "three")
	if at, err := unix.Seek(fd, 0, io.SeekCurrent); err != nil || at != 18 {
		t.Fatalf("the offset is %d, %v", at, err)
	}
	wantContent(t, f.Name(), "one\x00\x00\x00\x00\x00\x00\x00twothree")
}

// appendAmongOthers writes with two descriptors by turns, and truncates.
func appendAmongOthers(t *testing.T, m *mount) {
	a, err := os.OpenFile(m.path("turns"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := os.OpenFile(m.path("turns"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	mustWrite(t, a, "aaaa")
	mustWrite(t, b, "b")
	mustWrite(t, a, "a")
	if err := b.Truncate(2); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, a, "A")
	mustWrite(t, b, "B")
	mustWrite(t, b, "BB")
	mustWrite(t, a, "A")
	wantContent(t, a.Name(), "bBBBA")
}
