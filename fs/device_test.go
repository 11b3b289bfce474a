package fs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/device"
)

// A scripted is a filesystem of one file and names that behave as their tests say.
type scripted struct {
	fuse.RawFileSystem
	lookup func(name string) fuse.Status // names that do not exist
	file   *os.File                      // what "file" reads and writes
	ranged atomic.Int64                  // how often Range was asked
	copied atomic.Int64                  // how often Read was
	bad    atomic.Bool                   // Range panics
}

const scriptedFile = 2

func (s *scripted) String() string { return "scripted" }

func (s *scripted) attr(out *fuse.Attr, id uint64) {
	out.Ino, out.Nlink, out.Mode = id, 1, fuse.S_IFDIR|0o755
	if id == scriptedFile {
		out.Mode = fuse.S_IFREG | 0o644
		if fi, err := s.file.Stat(); err == nil {
			out.Size = uint64(fi.Size())
		}
	}
}

func (s *scripted) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	s.attr(&out.Attr, in.NodeId)
	return fuse.OK
}

func (s *scripted) Lookup(_ <-chan struct{}, _ *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if name == "file" && s.file != nil {
		out.NodeId = scriptedFile
		s.attr(&out.Attr, scriptedFile)
		return fuse.OK
	}
	return s.lookup(name)
}

func (s *scripted) Open(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status { return fuse.OK }

func (s *scripted) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	if size, ok := in.GetSize(); ok {
		if err := s.file.Truncate(int64(size)); err != nil {
			return fuse.ToStatus(err)
		}
	}
	s.attr(&out.Attr, in.NodeId)
	return fuse.OK
}

func (s *scripted) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	n, err := s.file.WriteAt(data, int64(in.Offset))
	return uint32(n), fuse.ToStatus(err)
}

func (s *scripted) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	s.copied.Add(1)
	n, _ := s.file.ReadAt(buf[:in.Size], int64(in.Offset))
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

func (s *scripted) Range(in *fuse.ReadIn) (device.Range, bool) {
	s.ranged.Add(1)
	if s.bad.Load() {
		panic("a range that panics")
	}
	fi, err := s.file.Stat()
	if left := fi.Size() - int64(in.Offset); err == nil && left > 0 {
		return device.Range{Fd: s.file.Fd(), Off: int64(in.Offset), Len: int(min(left, int64(in.Size))), Release: func() {}}, true
	}
	return device.Range{}, false
}

// mountScripted mounts s until the test ends, and then demands that Serve returns.
func mountScripted(t *testing.T, s *scripted) (dir string) {
	t.Helper()
	s.RawFileSystem = fuse.NewDefaultRawFileSystem()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := attachment{dir: dir, fsName: "scripted", maxRead: maxRequest}
	fd, err := a.attach()
	if err != nil {
		t.Fatal(err)
	}
	d, err := device.New(fd, s, &fuse.MountOptions{MaxWrite: maxRequest, PanicHandler: func(any) fuse.Status { return fuse.EIO }})
	if err != nil {
		_ = detach(dir, true)
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		d.Serve()
		close(served)
	}()
	t.Cleanup(func() {
		if err := detach(dir, true); err != nil {
			t.Error(err)
		}
		<-served
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := firstPoll(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Handlers that wait for each other all run, however many they are; and the mount comes
// back from that to one at a time, where the next to wait is met again.
func TestHandlersMayWaitForOthers(t *testing.T) {
	const crowd = 50
	var mu sync.Mutex
	arrived := map[string]int{}
	gates := map[string]chan struct{}{}
	s := &scripted{lookup: func(name string) fuse.Status {
		group, _, _ := strings.Cut(name, "-")
		mu.Lock()
		gate := gates[group]
		if gate == nil {
			gate = make(chan struct{})
			gates[group] = gate
		}
		if arrived[group]++; arrived[group] == crowd {
			close(gate)
		}
		mu.Unlock()
		if group != "alone" {
			<-gate
		}
		return fuse.ENOENT
	}}
	dir := mountScripted(t, s)
	var stat unix.Stat_t
	for round := range 3 {
		var group sync.WaitGroup
		for i := range crowd {
			group.Go(func() {
				var stat unix.Stat_t
				if err := unix.Stat(fmt.Sprintf("%s/r%d-%d", dir, round, i), &stat); err != unix.ENOENT {
					t.Errorf("stat: %v", err)
				}
			})
		}
		group.Wait()
		for i := range 200 {
			if err := unix.Stat(fmt.Sprintf("%s/alone-%d", dir, i), &stat); err != unix.ENOENT {
				t.Fatalf("stat: %v", err)
			}
		}
	}
}

// Whoever reads a file from its beginning to its end gets all of it spliced, however much
// he asks for at once.
func TestReadAheadIsSpliced(t *testing.T) {
	needsRoot(t, "who may say how far the kernel reads ahead")
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const size = 8 << 20
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	s := &scripted{file: file, lookup: func(string) fuse.Status { return fuse.ENOENT }}
	dir := mountScripted(t, s)
	raiseReadAhead(dir)
	for _, at := range []int{128 << 10, 1 << 20, size} {
		f, err := os.Open(dir + "/file")
		if err != nil {
			t.Fatal(err)
		}
		s.ranged.Store(0)
		for buf, n := make([]byte, at), 0; n < size; n += at {
			if _, err := f.ReadAt(buf, int64(n)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		ranged, copied := s.ranged.Load(), s.copied.Load()
		if copied > 0 || ranged == 0 || ranged > 2*size/(readAhead<<10)+4 {
			t.Errorf("in pieces of %d bytes: %d requests were spliced and %d copied", at, ranged, copied)
		}
	}
}

// Large and small, at once and one after another: what was written is read, whether it
// is spliced or not.
func TestDeviceCarriesBytes(t *testing.T) {
	needsRoot(t, "to whom the scripted file belongs")
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &scripted{file: file, lookup: func(string) fuse.Status { return fuse.ENOENT }}
	path := mountScripted(t, s) + "/file"

	random := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, 5<<20+123)
	for i := range want {
		want[i] = byte(random.Uint32())
	}
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, bad := range []bool{false, true} {
		s.bad.Store(bad)
		for _, size := range []int{1, 4 << 10, 128 << 10, 1 << 20, len(want)} {
			if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 0, len(want))
			for len(got) < len(want) {
				n, err := f.ReadAt(got[len(got):min(len(got)+size, len(want))], int64(len(got)))
				if err != nil {
					t.Fatal(err)
				}
				got = got[:len(got)+n]
				if size == 1 {
					break
				}
			}
			if !bytes.Equal(got, want[:len(got)]) {
				t.Errorf("in pieces of %d bytes: other bytes", size)
			}
		}
	}
	if s.ranged.Load() == 0 {
		t.Error("nothing was spliced")
	}
}

// A handler that panics fails its own request only.
func TestDeviceOutlivesPanics(t *testing.T) {
	dir := mountScripted(t, &scripted{lookup: func(name string) fuse.Status {
		if name == "bad" {
			panic("a lookup that panics")
		}
		return fuse.ENOENT
	}})
	var stat unix.Stat_t
	for range 20 {
		if err := unix.Stat(dir+"/bad", &stat); err != unix.EIO {
			t.Fatalf("a panic is %v", err)
		}
		if err := unix.Stat(dir+"/absent", &stat); err != unix.ENOENT {
			t.Fatalf("after a panic: %v", err)
		}
	}
}
