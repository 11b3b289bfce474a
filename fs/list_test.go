package fs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"pail/store"
)

// fill puts n objects below a directory, beside the mount.
func (b *bench) fill(dir string, n int) {
	b.t.Helper()
	const callers = 64 // they share syncs
	var g errgroup.Group
	for c := range callers {
		g.Go(func() error {
			for i := c; i < n; i += callers {
				_, err := b.se.Put(context.Background(), "bkt", fmt.Sprintf("%s/f%06d", dir, i), store.PutInput{Body: strings.NewReader("")})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		b.t.Fatal(err)
	}
	b.settle()
}

// A dirent is a name and the offset behind it.
type dirent struct {
	name string
	off  int64
}

// getdents reads once from an open directory.
func getdents(t *testing.T, fd int, size int) []dirent {
	t.Helper()
	buf := make([]byte, size)
	n, err := unix.Getdents(fd, buf)
	if err != nil {
		t.Fatal(err)
	}
	var out []dirent
	for buf = buf[:n]; len(buf) > 0; {
		reclen := int(buf[16]) | int(buf[17])<<8
		off := int64(0)
		for i := range 8 {
			off |= int64(buf[8+i]) << (8 * i)
		}
		name := string(buf[19:reclen])
		name = name[:strings.IndexByte(name, 0)]
		out = append(out, dirent{name, off})
		buf = buf[reclen:]
	}
	return out
}

func readAll(t *testing.T, fd int) (out []dirent) {
	t.Helper()
	for {
		some := getdents(t, fd, 4096)
		if len(some) == 0 {
			return out
		}
		out = append(out, some...)
	}
}

func openDir(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestListingSeeks lists 5,000 files and goes on from each kind of offset, cached or
// not, while entries come and go.
func TestListingSeeks(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := newBench(t)
	const n = 5000
	b.fill("dir", n)
	all := readAll(t, openDir(t, b.path("dir")))
	if len(all) != n+2 {
		t.Fatalf("%d entries", len(all))
	}
	for round := range 40 {
		fd := openDir(t, b.path("dir"))
		at := rnd.IntN(len(all))
		switch round % 4 {
		case 1: // the kernel's cache is gone
			mustWrite(t, b.path("dir/zz"), "")
			if err := os.Remove(b.path("dir/zz")); err != nil {
				t.Fatal(err)
			}
			getdents(t, fd, 4096)
		case 2: // the entry at the offset has just been removed
			if at < 2 {
				continue
			}
			if err := os.Remove(b.path("dir/" + all[at].name)); err != nil {
				t.Fatal(err)
			}
			getdents(t, fd, 4096)
		case 3: // nothing here remembers the offset
			b.mount.fs.cursors.forget()
			getdents(t, fd, 4096)
		}
		if _, err := unix.Seek(fd, all[at].off, 0); err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, e := range readAll(t, fd) {
			got = append(got, e.name)
		}
		for _, e := range all[at+1:] {
			want = append(want, e.name)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("round %d, from entry %d (%s): %d names, want %d", round, at, all[at].name, len(got), len(want))
		}
		if round%4 == 2 {
			all = slices.Delete(all, at, at+1)
		}
	}
}

// TestListingIsStreamed reads the beginning of a directory without the rest.
func TestListingIsStreamed(t *testing.T) {
	b := newBench(t)
	const n = 20000
	b.fill("dir", n)
	before := b.mount.fs.nodes.size()
	getdents(t, openDir(t, b.path("dir")), 4096)
	if got := b.mount.fs.nodes.size() - before; got > 500 {
		t.Fatalf("the first page made the mount remember %d nodes", got)
	}
	if got := b.sh(`ls -U dir | wc -l`); got != fmt.Sprintln(n) {
		t.Fatal(got)
	}
	if got := b.sh(`rm -r dir; ls | wc -l`); got != "0\n" {
		t.Fatal(got)
	}
}

// forget has the table remember nothing, as when it is too small.
func (t *cursorTable) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.ring, t.next = map[bookmarkKey]bookmark{}, nil, 0
}
