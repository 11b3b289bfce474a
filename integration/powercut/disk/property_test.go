package disk

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ledger knows, without the model's help, what a cut may show: which bytes were ever written
// where, which contents were synced and not touched since, which files must have a name.
type ledger struct {
	d       *Disk
	written map[Ino]map[int64][]byte // values by offset
	synced  map[Ino][]byte           // contents at the last sync, until the next change
	sizes   map[Ino][]int64
	named   map[Ino]bool // durably named, and never unlinked or replaced
	serial  byte
}

func newLedger() *ledger {
	return &ledger{d: New(Options{}), written: map[Ino]map[int64][]byte{}, synced: map[Ino][]byte{},
		sizes: map[Ino][]int64{}, named: map[Ino]bool{}}
}

var ledgerNames = []string{"a", "b", "d/a", "d/b", "e/a", "d", "e"}

// find returns the inode of a path, 0 if there is none.
func (l *ledger) find(path string) Ino {
	ino := Root
	if path == "" {
		return ino
	}
	for _, name := range strings.Split(path, "/") {
		attr, errno := l.d.Lookup(ino, name)
		if errno != 0 {
			return 0
		}
		ino = attr.Ino
	}
	return ino
}

// step performs one act with the choices drawn; acts that do not apply do nothing.
func (l *ledger) step(draw func(n int) int) {
	now := time.Unix(1, 0)
	path := ledgerNames[draw(len(ledgerNames))]
	dirPath, name := split(path)
	dir, ino := l.find(dirPath), l.find(path)
	if dir == 0 || !l.d.nodes[dir].isDir() {
		return
	}
	isDir := ino != 0 && l.d.nodes[ino].isDir()
	switch draw(9) {
	case 0, 1:
		if ino == 0 {
			ino = l.make(dir, name, len(path) == 1 && path > "c", now)
			isDir = l.d.nodes[ino].isDir()
		}
		if !isDir {
			l.write(ino, int64(draw(3))*3000, 1+draw(2)*5000, now)
		}
	case 2:
		if ino != 0 && !isDir {
			size := int64(draw(4)) * 3000
			l.d.Truncate(ino, size, now)
			l.sizes[ino] = append(l.sizes[ino], size)
			delete(l.synced, ino)
		}
	case 3:
		if ino != 0 {
			l.sync(ino)
		}
	case 4:
		l.sync(dir)
	case 5, 6:
		l.rename(path, ledgerNames[draw(len(ledgerNames))], now)
	case 7:
		if ino != 0 && isDir {
			if l.d.Rmdir(dir, name, now) == 0 {
				delete(l.named, ino)
			}
		} else if ino != 0 {
			l.d.Unlink(dir, name, now)
			delete(l.named, ino)
		}
	case 8:
		toDir, toName := split(ledgerNames[draw(len(ledgerNames))])
		if to := l.find(toDir); ino != 0 && to != 0 {
			l.d.Link(ino, to, toName, now)
		}
	}
}

func (l *ledger) make(dir Ino, name string, directory bool, now time.Time) Ino {
	mode := uint32(syscall.S_IFREG | 0o644)
	if directory {
		mode = syscall.S_IFDIR | 0o755
	}
	attr, _ := l.d.Create(dir, name, Make{Mode: mode}, now)
	l.sizes[attr.Ino] = []int64{0}
	return attr.Ino
}

func (l *ledger) write(ino Ino, off int64, n int, now time.Time) {
	l.serial++
	l.d.Write(ino, bytes.Repeat([]byte{l.serial}, n), off, now)
	if l.written[ino] == nil {
		l.written[ino] = map[int64][]byte{}
	}
	for i := off; i < off+int64(n); i++ {
		l.written[ino][i] = append(l.written[ino][i], l.serial)
	}
	attr, _ := l.d.Attr(ino)
	l.sizes[ino] = append(l.sizes[ino], attr.Size)
	delete(l.synced, ino)
}

func (l *ledger) sync(ino Ino) {
	l.d.SyncFile(ino)
	n := l.d.nodes[ino]
	if n.data != nil {
		attr, _ := l.d.Attr(ino)
		buf := make([]byte, attr.Size)
		l.d.Read(ino, buf, 0)
		l.synced[ino] = buf
		return
	}
	// A name is durable for certain if every directory above it was made durable too.
	if ino != Root && !l.named[ino] {
		return
	}
	for _, child := range n.entries {
		l.named[child] = true
	}
}

func (l *ledger) rename(from, to string, now time.Time) {
	fromDir, fromName := split(from)
	toDir, toName := split(to)
	a, b, replaced := l.find(fromDir), l.find(toDir), l.find(to)
	if a == 0 || b == 0 {
		return
	}
	if l.d.Rename(a, fromName, b, toName, RenameFlags{}, now) == 0 && replaced != 0 && replaced != l.find(from) {
		delete(l.named, replaced)
	}
}

// check judges one cut.
func (l *ledger) check(img *Image) error {
	found := map[Ino]bool{}
	err := img.Walk(func(path string, a Attr, read func([]byte, int64) int) error {
		if found[a.Ino] && read == nil {
			return fmt.Errorf("%s: a directory with two names", path)
		}
		found[a.Ino] = true
		if read == nil {
			return nil
		}
		buf := make([]byte, a.Size)
		if n := read(buf, 0); n != len(buf) {
			return fmt.Errorf("%s: read %d of %d", path, n, len(buf))
		}
		if want, ok := l.synced[a.Ino]; ok && !bytes.Equal(want, buf) {
			return fmt.Errorf("%s: synced content differs", path)
		}
		if a.Size > slices.Max(l.sizes[a.Ino]) || a.Size%PageSize != 0 && !slices.Contains(l.sizes[a.Ino], a.Size) {
			return fmt.Errorf("%s: size %d was never there, %d", path, a.Size, l.sizes[a.Ino])
		}
		for off, got := range buf {
			if got != 0 && !bytes.Contains(l.written[a.Ino][int64(off)], []byte{got}) {
				return fmt.Errorf("%s: byte %d is %d, never written there", path, off, got)
			}
		}
		return nil
	})
	for ino := range l.named {
		if err == nil && !found[ino] {
			err = fmt.Errorf("inode %d had a durable name and has none", ino)
		}
	}
	return err
}

// checkAll judges many cuts of the present state.
func (l *ledger) checkAll(seeds uint64) error {
	s := l.d.Snapshot()
	for seed := range seeds {
		img, report := s.Cut(seed)
		if err := l.check(img); err != nil {
			return fmt.Errorf("%+v: %w", report, err)
		}
	}
	return nil
}

func describe(img *Image) string {
	var b strings.Builder
	img.Walk(func(path string, a Attr, read func([]byte, int64) int) error {
		var buf []byte
		if read != nil {
			buf = make([]byte, a.Size)
			read(buf, 0)
		}
		fmt.Fprintf(&b, "%s %d %o %q\n", path, a.Ino, a.Mode, buf)
		return nil
	})
	return b.String()
}

func TestCutsAreLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			l.step(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") })
		}
		if err := l.checkAll(10); err != nil {
			t.Fatal(err)
		}
		s := l.d.Snapshot()
		all, _ := s.CutAs(All, 1)
		none, _ := s.CutAs(None, 1)
		live, durable := describe(s.Live()), describe(s.Durable())
		if describe(all) != live {
			t.Fatalf("the cut that keeps all is not the live state:\n%s\n%s", describe(all), live)
		}
		if describe(none) != durable {
			t.Fatalf("the cut that keeps nothing is not the durable state:\n%s\n%s", describe(none), durable)
		}
		l.d.SyncAll()
		s = l.d.Snapshot()
		for seed := range uint64(5) {
			if img, r := s.Cut(seed); describe(img) != live || r.Pending.Total() != 0 {
				t.Fatalf("all is synced, yet %+v:\n%s\n%s", r, describe(img), live)
			}
		}
	})
}

// TestSameSeedSameCut also shows that the snapshot does not change with the disk.
func TestSameSeedSameCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	l := newLedger()
	for range 200 {
		l.step(rng.IntN)
	}
	s := l.d.Snapshot()
	first := map[uint64]string{}
	for seed := range uint64(50) {
		img, _ := s.Cut(seed)
		first[seed] = describe(img)
	}
	for range 200 {
		l.step(rng.IntN)
	}
	for seed := range uint64(50) {
		if img, _ := s.Cut(seed); describe(img) != first[seed] {
			t.Fatalf("seed %d: another outcome", seed)
		}
	}
	if len(slices.Compact(slices.Sorted(maps.Values(first)))) < 10 {
		t.Error("fifty seeds gave fewer than ten outcomes")
	}
}

// TestSmallSequences cuts after every sequence of a few acts on few names, which is where
// CrashMonkey found 24 of 26 known bugs of filesystems.
func TestSmallSequences(t *testing.T) {
	acts := []string{"write a", "cut a", "sync a", "mv a b", "mv b a", "mv a d/a", "mv d/a b",
		"rm a", "ln a d/b", "mkdir e", "mv a e/a", "mv d e/d", "sync d", "sync root", "sync e"}
	perform := func(l *ledger, act string) {
		w := strings.Fields(act)
		now := time.Unix(1, 0)
		ino := l.find(w[1])
		dirPath, name := split(w[1])
		switch w[0] {
		case "write":
			if ino == 0 {
				ino = l.make(Root, w[1], false, now)
			}
			l.write(ino, 100, 5000, now)
		case "cut":
			if ino != 0 {
				l.d.Truncate(ino, 50, now)
				l.sizes[ino] = append(l.sizes[ino], 50)
				delete(l.synced, ino)
			}
		case "sync":
			if w[1] == "root" {
				ino = Root
			}
			if ino != 0 {
				l.sync(ino)
			}
		case "mv":
			l.rename(w[1], w[2], now)
		case "rm":
			if ino != 0 {
				l.d.Unlink(l.find(dirPath), name, now)
				delete(l.named, ino)
			}
		case "ln":
			toDir, toName := split(w[2])
			if to := l.find(toDir); ino != 0 && to != 0 {
				l.d.Link(ino, to, toName, now)
			}
		case "mkdir":
			if ino == 0 {
				l.make(Root, name, true, now)
			}
		}
	}
	for i := range len(acts) * len(acts) * len(acts) {
		sequence := []string{acts[i%len(acts)], acts[i/len(acts)%len(acts)], acts[i/len(acts)/len(acts)]}
		l := newLedger()
		for _, name := range []string{"a", "d"} {
			l.make(Root, name, name == "d", time.Unix(1, 0))
		}
		l.write(l.find("a"), 0, 3, time.Unix(1, 0))
		l.sync(l.find("a"))
		l.sync(Root)
		for _, act := range sequence {
			perform(l, act)
		}
		if err := l.checkAll(6); err != nil {
			t.Fatalf("%q: %v", sequence, err)
		}
	}
}

func TestImageRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	l := newLedger()
	for range 60 {
		l.step(rng.IntN)
	}
	l.d.Create(Root, "link", Make{Mode: syscall.S_IFLNK | 0o777, Target: "a/b"}, time.Unix(1, 0))
	l.d.Create(Root, "socket", Make{Mode: syscall.S_IFSOCK | 0o600}, time.Unix(1, 0))
	for seed := range uint64(20) {
		img, report := l.d.Snapshot().Cut(seed)
		dir := t.TempDir()
		if err := img.WriteTo(dir); err != nil {
			t.Fatalf("%+v: %v", report, err)
		}
		loaded, err := Load(dir, Options{})
		if err != nil {
			t.Fatalf("%+v: %v", report, err)
		}
		if a, b := tree(t, img), tree(t, loaded.Snapshot().Durable()); a != b {
			t.Errorf("%+v: not the same after a round trip:\n%.300q\n%.300q", report, a, b)
		}
	}
}
