package programs

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLargestFile goes to the largest object size and beyond, for files in memory and
// such as have a content file.
func TestLargestFile(t *testing.T) {
	m := newMount(t)
	signals := make(chan os.Signal, 10)
	signal.Notify(signals, unix.SIGXFSZ)
	defer signal.Stop(signals)
	for _, limit := range []int64{1000, 2 * mb} {
		m.pail("config", "set", "max-object-size", fmt.Sprint(limit))
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			r := newRanged(t, m.path(fmt.Sprint("f", limit)), limit)
			r.refusesMore(limit)
			r.again()
			r.refusesMore(limit)
			r.again().holds("published")
		})
	}
	t.Run("a larger one from before", func(t *testing.T) {
		m.pail("config", "set", "max-object-size", "1000")
		path := m.path(fmt.Sprint("f", 2*mb))
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		wantErrno(t, "a write beyond", writesAt(f, 5000), unix.EFBIG)
		wantErrno(t, "a write within", writesAt(f, 500), nil)
		if err := f.Truncate(900); err != nil {
			t.Fatal(err)
		}
		wantErrno(t, "longer again", f.Truncate(1001), unix.EFBIG)
	})
	t.Run("the setting goes back", func(t *testing.T) {
		m.pail("config", "unset", "max-object-size")
		f, err := os.Create(m.path("large"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		const tera = int64(1) << 40
		wantErrno(t, "5 TiB", f.Truncate(5*tera), nil)
		wantErrno(t, "a byte more", f.Truncate(5*tera+1), unix.EFBIG)
		wantErrno(t, "a byte there", writesAt(f, 5*tera), unix.EFBIG)
		wantErrno(t, "the last byte", writesAt(f, 5*tera-1), nil)
	})
	if n := len(signals); n > 0 {
		t.Errorf("%d SIGXFSZ: that is for limits of the process", n)
	}
}

func writesAt(f *os.File, off int64) error {
	_, err := f.WriteAt([]byte("x"), off)
	return err
}

func wantErrno(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// refusesMore has every call that could make the file longer than a limit, which it has
// reached, refuse to.
func (r *ranged) refusesMore(limit int64) {
	r.Helper()
	fd := int(r.f.Fd())
	wantErrno(r.T, "write", writesAt(r.f, limit), unix.EFBIG)
	wantErrno(r.T, "far away", writesAt(r.f, 1<<50), unix.EFBIG)
	wantErrno(r.T, "ftruncate", r.f.Truncate(limit+1), unix.EFBIG)
	wantErrno(r.T, "truncate", os.Truncate(r.f.Name(), limit+1), unix.EFBIG)
	for _, mode := range []uint32{0, unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_ZERO_RANGE, unix.FALLOC_FL_ZERO_RANGE | unix.FALLOC_FL_KEEP_SIZE} {
		wantErrno(r.T, fmt.Sprintf("fallocate %#x", mode), unix.Fallocate(fd, mode, limit-10, 11), unix.EFBIG)
	}
	_, err := copyRange(r.f, 0, r.f, limit, 1)
	wantErrno(r.T, "copy_file_range", err, unix.EFBIG)
	app, err := os.OpenFile(r.f.Name(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		r.Fatal(err)
	}
	_, err = app.Write([]byte("x"))
	wantErrno(r.T, "append", err, unix.EFBIG)
	app.Close()
	r.holds("after what was refused")

	// What goes over the limit does as much as there is room for, as on any disk.
	n, err := unix.Pwrite(fd, []byte("0123456789"), limit-4)
	if err != nil || n != 4 {
		r.Errorf("over the limit: %d %v, want 4 bytes", n, err)
	}
	copy(r.want[limit-4:], "0123")
	n, err = unix.Pwritev(fd, [][]byte{[]byte("ab"), pattern(5, 300000)}, limit-7)
	if err != nil || n != 7 {
		r.Errorf("a vector over the limit: %d %v, want 7 bytes", n, err)
	}
	copy(r.want[limit-7:], "ab")
	copy(r.want[limit-5:], pattern(5, 5))
	n, err = copyRange(r.f, 0, r.f, limit-100, 101)
	if !errors.Is(err, unix.EFBIG) || n != 100 {
		r.Errorf("copy_file_range over the limit: %d %v, want 100 bytes and then none", n, err)
	}
	copy(r.want[limit-100:], r.want[:100])
	r.holds("after what went over the limit")
}
