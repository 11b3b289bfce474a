package large

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A dirent is a name and the offset behind it.
type dirent struct {
	name string
	off  int64
}

// getdents reads once from an open directory; nothing at its end.
func getdents(fd, size int) (out []dirent, err error) {
	buf := make([]byte, size)
	n, err := unix.Getdents(fd, buf)
	if err != nil {
		return nil, err
	}
	for buf = buf[:n]; len(buf) > 0; {
		reclen := int(buf[16]) | int(buf[17])<<8
		off := int64(0)
		for i := range 8 {
			off |= int64(buf[8+i]) << (8 * i)
		}
		name, _, _ := strings.Cut(string(buf[19:reclen]), "\x00")
		if name != "." && name != ".." {
			out = append(out, dirent{name, off})
		}
		buf = buf[reclen:]
	}
	return out, nil
}

// list lists from where an open directory is; between is called after each read with how
// many entries have come.
func list(fd int, between func(n int)) (out []dirent, err error) {
	for {
		some, err := getdents(fd, 8<<10)
		if err != nil || len(some) == 0 {
			return out, err
		}
		out = append(out, some...)
		between(len(out))
	}
}

// crowd makes n files in a new directory and returns their names in order.
func (m *mount) crowd(dir string, n int) []string {
	m.Helper()
	m.ok(os.Mkdir(m.path(dir), 0o755))
	names := make([]string, n)
	var g errgroup.Group
	const workers = 4
	for w := range workers {
		g.Go(func() error {
			for i := w; i < n; i += workers {
				names[i] = fmt.Sprintf("file-%06d", i)
				if err := os.WriteFile(m.path(dir+"/"+names[i]), nil, 0o644); err != nil {
					return err
				}
			}
			return nil
		})
	}
	m.ok(g.Wait())
	return names
}

func (m *mount) openDir(dir string) (fd int, end func()) {
	m.Helper()
	fd, err := unix.Open(m.path(dir), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	m.ok(err)
	return fd, func() { unix.Close(fd) }
}

// TestCrowd lists a large directory: the daemon tells entries as they are read, each once,
// none lost, whatever comes and goes meanwhile, and every offset is good for going on.
func TestCrowd(t *testing.T) {
	n := either(20_000, 100_000)
	m := newMount(t, false)
	names := m.crowd("crowd", n)
	t.Run("streams", func(t *testing.T) { m.in(t).crowdStreams(names) })
	t.Run("changes", func(t *testing.T) { m.in(t).crowdChanges(names) })
	t.Run("seeks", func(t *testing.T) { m.in(t).crowdSeeks(names) })
}

// in is the same mount for a subtest.
func (m *mount) in(t *testing.T) *mount {
	sub := *m
	sub.TB = t
	return &sub
}

// crowdStreams demands that what the daemon has written to the kernel is in proportion to
// what was read of the listing.
func (m *mount) crowdStreams(names []string) {
	const (
		ahead    = 256 << 10 // bytes that may be told before they are asked for
		perEntry = 256       // bytes, with attributes
	)
	fd, end := m.openDir("crowd")
	defer end()
	begin := m.written()
	all, err := list(fd, func(n int) {
		if told := m.written() - begin; told > int64(n)*perEntry+ahead {
			m.Fatalf("%d entries were read, and the daemon had written %d bytes", n, told)
		}
	})
	m.ok(err)
	if told := m.written() - begin; told < int64(len(names))*24 {
		m.Fatalf("%d bytes for %d entries: this test is blind", told, len(names))
	}
	m.areNames(all, names)
}

func (m *mount) areNames(got []dirent, want []string) {
	m.Helper()
	var names []string
	for _, e := range got {
		names = append(names, e.name)
	}
	slices.Sort(names)
	if twice := len(names) - len(slices.Compact(slices.Clone(names))); twice > 0 {
		m.Fatalf("%d of %d entries came twice", twice, len(names))
	}
	if !slices.Equal(names, want) {
		m.Fatalf("%d entries came, want %d", len(names), len(want))
	}
}

// crowdChanges lists while other entries come and go all the time.
func (m *mount) crowdChanges(names []string) {
	rng := seeded(m)
	fd, end := m.openDir("crowd")
	defer end()
	come := map[string]bool{}
	all, err := list(fd, func(n int) {
		for range 3 {
			name := fmt.Sprintf("file-%06d-%d", rng.IntN(len(names)), n)
			m.ok(os.WriteFile(m.path("crowd/"+name), nil, 0o644))
			come[name] = true
			if rng.IntN(3) == 0 {
				m.ok(os.Remove(m.path("crowd/" + name)))
			}
		}
	})
	m.ok(err)
	stayed := slices.DeleteFunc(slices.Clone(all), func(e dirent) bool { return come[e.name] })
	m.areNames(stayed, names)
	seen := map[string]bool{}
	for _, e := range all {
		if seen[e.name] {
			m.Fatalf("%s came twice", e.name)
		}
		seen[e.name] = true
	}
	for name := range come {
		if err := os.Remove(m.path("crowd/" + name)); err != nil && !os.IsNotExist(err) {
			m.Fatal(err)
		}
	}
}

// crowdSeeks goes on from offsets that were told before entries went, those of entries that
// are gone included.
func (m *mount) crowdSeeks(names []string) {
	rng := seeded(m)
	fd, end := m.openDir("crowd")
	defer end()
	all, err := list(fd, func(int) {})
	m.ok(err)
	gone := map[string]bool{}
	for range 20 {
		for range 10 {
			name := all[rng.IntN(len(all))].name
			m.ok(os.RemoveAll(m.path("crowd/" + name)))
			gone[name] = true
		}
		from := rng.IntN(len(all))
		if _, err := unix.Seek(fd, all[from].off, 0); err != nil {
			m.Fatal(err)
		}
		var got, want []string
		rest, err := list(fd, func(int) {})
		m.ok(err)
		for _, e := range rest {
			if !gone[e.name] { // POSIX leaves it open whether those come
				got = append(got, e.name)
			}
		}
		for _, e := range all[from+1:] {
			if !gone[e.name] {
				want = append(want, e.name)
			}
		}
		if !slices.Equal(got, want) {
			m.Fatalf("behind entry %d of %d, %s (gone: %v), come %d entries, want %d", from, len(all), all[from].name, gone[all[from].name], len(got), len(want))
		}
	}
}

// seeded is a source of random numbers, which is told.
func seeded(m *mount) *rand.Rand {
	seed := rand.Uint64()
	m.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
