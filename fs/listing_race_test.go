package fs

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"pail/store"
)

// A watchedKernel says when it is told of a name in a directory.
type watchedKernel struct {
	kernel
	dir  uint64
	once sync.Once
	told chan struct{} // closed then
}

func (k *watchedKernel) EntryNotify(parent uint64, name string) fuse.Status {
	if parent == k.dir {
		k.once.Do(func() { close(k.told) })
	}
	return k.kernel.EntryNotify(parent, name)
}

// awaitCall waits until some goroutine is in a function.
func awaitCall(t *testing.T, function string) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if strings.Contains(string(buf[:runtime.Stack(buf, true)]), function+"(") {
			return
		}
	}
	t.Fatalf("nobody calls %s", function)
}

// namesIn lists an open directory.
func namesIn(t *testing.T, d *os.File) []string {
	t.Helper()
	names, err := d.Readdirnames(-1)
	if err != nil {
		t.Error(err)
	}
	slices.Sort(names)
	return names
}

// TestListingOnItsWay has the answer to a listing on its way while the directory changes
// and the kernel is told so. The kernel keeps listings: the next is not the old one.
func TestListingOnItsWay(t *testing.T) {
	for _, c := range []struct {
		name   string
		path   string
		of     func(f *filesystem) uint64 // the directory's node
		change func(b *bench)
		want   []string
	}{
		{
			"of a root that is another then", "", func(*filesystem) uint64 { return rootID },
			func(b *bench) {
				d, x := store.Path{Bucket: "bkt", Key: "d/"}, store.Path{Bucket: "bkt", Key: "x/"}
				if err := b.se.Rename(context.Background(), d, x, store.RenameFlags{Exchange: true}); err != nil {
					t.Error(err)
				}
			}, nil,
		},
		{
			"of names with history", ".versions", func(f *filesystem) uint64 {
				n, _ := f.nodes.child(rootID, ".versions")
				return n.id
			},
			func(b *bench) { b.put("d/A", "later") }, []string{"A", "a"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newPrefixBench(t, "d/", "x/")
			b.put("d/a", "first")
			b.settle()
			dirs := [2]*os.File{}
			for i := range dirs {
				var err error
				if dirs[i], err = os.Open(b.path(c.path)); err != nil {
					t.Fatal(err)
				}
				defer dirs[i].Close()
			}
			f := b.mount.fs
			told := &watchedKernel{kernel: f.notify.kernel, dir: c.of(f), told: make(chan struct{})}

			// The listing begins, and something changes elsewhere: its names are not told.
			f.tree.Lock()
			f.notify.kernel, f.notifyOld.kernel = told, told
			listed := make(chan []string, 1)
			held := []func(){f.tree.Unlock}
			letGo := func() {
				for _, unlock := range held {
					unlock()
				}
				held = nil
			}
			defer letGo() // this process could not end before the answer
			go func() { listed <- namesIn(t, dirs[0]) }()
			awaitCall(t, "fs.(*filesystem).list")
			b.put("elsewhere", "")

			// It is read, but not answered.
			f.cursors.mu.Lock()
			letGo()
			held = append(held, f.cursors.mu.Unlock)
			awaitCall(t, "fs.(*cursorTable).put")

			c.change(b)
			settled := make(chan error)
			go func() { settled <- b.mount.Settle(context.Background()) }()
			var err error
			select {
			case err = <-settled:
				letGo()
			case <-told.told: // which waits for the listing
				letGo()
				err = <-settled
			}
			if err != nil {
				t.Error(err)
			}
			if got := <-listed; !slices.Equal(got, []string{"a"}) {
				t.Errorf("the listing on its way was %q", got)
			}
			if got := namesIn(t, dirs[1]); !slices.Equal(got, c.want) {
				t.Errorf("the next listing is %q, want %q", got, c.want)
			}
		})
	}
}
