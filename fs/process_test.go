package fs

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestProcessHoldsFile looks for descriptors of this very process.
func TestProcessHoldsFile(t *testing.T) {
	path := t.TempDir() + "/name"
	mustWrite(t, path, "")
	me := process(os.Getpid())
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	want := func(held bool, what string) {
		t.Helper()
		if got := me.holds(st.Ino, "name"); got != held {
			t.Errorf("%s: %v", what, got)
		}
	}
	open := func(flags int) int {
		t.Helper()
		fd, err := unix.Open(path, flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	want(false, "not open")
	r := open(unix.O_RDONLY)
	want(false, "open for reading")
	w := open(unix.O_RDWR)
	want(true, "open for writing")
	if me.holds(st.Ino+1, "name") || me.holds(st.Ino, "other") || process(0).holds(st.Ino, "name") {
		t.Error("another file, or nobody")
	}
	unix.Close(r)
	// Behind more descriptors than are looked at it is not found.
	high, err := unix.FcntlInt(uintptr(w), unix.F_DUPFD_CLOEXEC, 900)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(w)
	want(true, "a duplicate")
	unix.Close(high)
	want(false, "closed")
}

func BenchmarkProcessHoldsFile(b *testing.B) {
	me := process(os.Getpid())
	for b.Loop() {
		me.holds(1, "no such file")
	}
}
