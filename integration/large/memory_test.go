package large

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"pail/store"
)

// The design's targets for a store of 1,000,000 objects, in bytes of resident memory.
const (
	mostIdle    = 200 << 20
	mostWalking = 350 << 20
	mostListing = 350 << 20
)

// fill makes a store with n empty objects in a bucket "work", 1,000 in each directory; n is
// a multiple of that. No daemon has it yet.
func (m *mount) fill(n int) {
	m.Helper()
	ctx := context.Background()
	o := store.Options{Dir: m.store}
	m.ok(store.Create(o))
	s, err := store.Open(ctx, o)
	m.ok(err)
	se := s.As(store.Owner(), store.RequestContext{Door: store.DoorMount}) // which waits for no sync
	_, err = se.CreateBucket(ctx, "work", store.BucketOptions{})
	m.ok(err)
	var g errgroup.Group
	g.SetLimit(8)
	for first := 0; first < n; first += 1000 {
		g.Go(func() error {
			dir := fmt.Sprintf("dir-%04d/", first/1000)
			_, err := se.Mkdir(ctx, "work", dir, store.Attr{Mode: 0o755})
			for i := first; i < min(n, first+1000) && err == nil; i++ {
				var f *store.File
				f, err = se.OpenFile(ctx, "work", fmt.Sprintf("%sobject-%06d", dir, i), store.OpenFlags{Write: true, Create: true, Attr: store.Attr{Mode: 0o644}})
				if err == nil {
					err = f.Close(ctx)
				}
			}
			return err
		})
	}
	m.ok(g.Wait())
	m.ok(s.Close(ctx))
}

// within compares what is resident with the most that may be.
func (m *mount) within(objects int, what string, bytes, most int64) {
	m.Helper()
	m.Logf("%d objects, %s: %d MiB resident", objects, what, bytes/mib)
	if bytes > most {
		m.Errorf("%s: %d bytes are resident, the target is %d", what, bytes, most)
	}
}

// TestMemory holds the daemon to the design's targets with a store of many objects: after it
// was opened, while all of them are walked on the mount with their attributes, while all
// of them are listed, and when it has nothing to do again.
func TestMemory(t *testing.T) {
	n := either(20_000, 1_000_000)
	m := newPlace(t)
	m.fill(n)
	m.mount()
	now, _ := m.resident()
	m.within(n, "opened", now, mostIdle)

	m.forgetPeak()
	files := 0
	m.ok(filepath.WalkDir(m.dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		_, err = d.Info()
		return err
	}))
	_, peak := m.resident()
	m.within(n, "walked", peak, mostWalking)

	m.forgetPeak()
	cmd := m.command("ls", "work", "--recursive")
	out, err := cmd.StdoutPipe()
	m.ok(err)
	m.ok(cmd.Start())
	listed := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		listed++
	}
	m.ok(cmd.Wait())
	_, peak = m.resident()
	m.within(n, "listed", peak, mostListing)
	if files != n || listed != n+n/1000 { // a directory's own key is an object
		t.Errorf("%d objects were walked and %d listed, of %d", files, listed, n)
	}

	m.eventually("the daemon gives memory back", func() bool {
		now, _ = m.resident()
		return now < mostIdle
	})
	m.within(n, "idle again", now, mostIdle)
}
