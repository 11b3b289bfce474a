package disk

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script drives a disk in one line per act, so that cases read as what a program does.
type script struct {
	t *testing.T
	d *Disk
}

func newScript(t *testing.T) *script { return &script{t, New(Options{})} }

func (s *script) ino(path string) Ino {
	s.t.Helper()
	ino := Root
	for _, name := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' }) {
		attr, errno := s.d.Lookup(ino, name)
		if errno != 0 {
			s.t.Fatalf("look up %q: %v", path, errno)
		}
		ino = attr.Ino
	}
	return ino
}

func split(path string) (dir, name string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// run performs acts: "mkdir d", "put f text" (create if missing, write at 0), "add f text"
// (append), "cut f size", "mv a b", "ln a b", "rm a", "rmdir d", "sync a", "syncall".
func (s *script) run(acts ...string) *script {
	s.t.Helper()
	for _, act := range acts {
		if errno := s.act(strings.Fields(act)); errno != 0 {
			s.t.Fatalf("%s: %v", act, errno)
		}
	}
	return s
}

func (s *script) act(w []string) syscall.Errno {
	s.t.Helper()
	now := time.Unix(1, 0)
	if w[0] == "syncall" {
		s.d.SyncAll()
		return 0
	}
	path := w[1]
	dirPath, name := split(path)
	if path == "/" {
		dirPath, name = "", ""
	}
	dir := s.ino(dirPath)
	switch w[0] {
	case "mkdir":
		_, errno := s.d.Create(dir, name, Make{Mode: syscall.S_IFDIR | 0o755}, now)
		return errno
	case "put":
		if _, errno := s.d.Lookup(dir, name); errno == syscall.ENOENT {
			if _, errno := s.d.Create(dir, name, Make{Mode: syscall.S_IFREG | 0o644}, now); errno != 0 {
				return errno
			}
		}
		return s.d.Write(s.ino(path), []byte(w[2]), 0, now)
	case "add":
		attr, errno := s.d.Attr(s.ino(path))
		if errno != 0 {
			return errno
		}
		return s.d.Write(attr.Ino, []byte(w[2]), attr.Size, now)
	case "cut":
		var size int64
		fmt.Sscan(w[2], &size)
		return s.d.Truncate(s.ino(path), size, now)
	case "mv":
		toDir, toName := split(w[2])
		return s.d.Rename(dir, name, s.ino(toDir), toName, RenameFlags{}, now)
	case "ln":
		toDir, toName := split(w[2])
		_, errno := s.d.Link(s.ino(path), s.ino(toDir), toName, now)
		return errno
	case "rm":
		return s.d.Unlink(dir, name, now)
	case "rmdir":
		return s.d.Rmdir(dir, name, now)
	case "sync":
		return s.d.SyncFile(s.ino(path))
	}
	s.t.Fatalf("no such act: %v", w)
	return 0
}

// tree describes an image in one line: "d/ d/f=text"; zeros are dots, long runs are shortened.
func tree(t *testing.T, img *Image) string {
	t.Helper()
	var list []string
	err := img.Walk(func(path string, a Attr, read func([]byte, int64) int) error {
		switch {
		case path == "":
		case read == nil:
			list = append(list, path+"/")
		default:
			buf := make([]byte, a.Size)
			if n := read(buf, 0); n != len(buf) {
				return fmt.Errorf("%s: read %d of %d", path, n, len(buf))
			}
			list = append(list, path+"="+strings.ReplaceAll(string(buf), "\x00", "."))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

// outcomes returns the distinct trees of many cuts.
func outcomes(t *testing.T, d *Disk) []string {
	t.Helper()
	s := d.Snapshot()
	seen := map[string]bool{}
	for seed := range uint64(400) {
		img, _ := s.Cut(seed)
		seen[tree(t, img)] = true
	}
	var list []string
	for o := range seen {
		list = append(list, o)
	}
	slices.Sort(list)
	return list
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name string
		acts []string
		want []string // all outcomes, and no others
	}{
		{"nothing synced", []string{"put f x"},
			[]string{"", "f=", "f=.", "f=x"}},
		{"content without its name", []string{"put f x", "sync f"},
			[]string{"", "f=x"}},
		{"name without its content", []string{"put f x", "sync /"},
			[]string{"f=", "f=.", "f=x"}},
		{"both", []string{"put f x", "sync f", "sync /"},
			[]string{"f=x"}},
		{"append", []string{"put f x", "syncall", "add f y"},
			[]string{"f=x", "f=x.", "f=xy"}},
		{"overwrite", []string{"put f xx", "syncall", "put f y"},
			[]string{"f=xx", "f=yx"}},
		{"overwrite twice", []string{"put f x", "syncall", "put f y", "put f z"},
			[]string{"f=x", "f=y", "f=z"}},
		{"truncate", []string{"put f xyz", "syncall", "cut f 1"},
			[]string{"f=x", "f=xyz"}},
		{"extend", []string{"put f x", "syncall", "cut f 3"},
			[]string{"f=x", "f=x.."}},
		{"truncate and rewrite", []string{"put f old", "syncall", "cut f 0", "put f n"},
			[]string{"f=", "f=.", "f=n", "f=old"}},
		{"cut and grow shows no old bytes", []string{"put f xyz", "syncall", "cut f 1", "cut f 3"},
			[]string{"f=x", "f=x..", "f=xyz"}},

		{"save without a sync", []string{"put f old", "syncall", "put t new", "mv t f"},
			[]string{"f=", "f=...", "f=new", "f=old", "f=old t=", "f=old t=...", "f=old t=new"}},
		{"save without the directory", []string{"put f old", "syncall", "put t new", "sync t", "mv t f"},
			[]string{"f=new", "f=old", "f=old t=new"}},
		{"save", []string{"put f old", "syncall", "put t new", "sync t", "mv t f", "sync /"},
			[]string{"f=new"}},

		{"unlink", []string{"put f x", "syncall", "rm f"},
			[]string{"", "f=x"}},
		{"unlink, synced", []string{"put f x", "syncall", "rm f", "sync /"},
			[]string{""}},
		{"unlink and create anew", []string{"put f x", "syncall", "rm f", "put f y", "sync f"},
			[]string{"", "f=x", "f=y"}},
		{"rename in place of a file", []string{"put a x", "put b y", "syncall", "mv a b"},
			[]string{"a=x b=y", "b=x"}},
		{"names are independent", []string{"put a x", "sync a", "put b y", "sync b"},
			[]string{"", "a=x", "a=x b=y", "b=y"}},

		{"rename across directories", []string{"mkdir d", "put f x", "syncall", "mv f d/f"},
			[]string{"d/ d/f=x", "d/ f=x"}},
		{"syncing the source promises nothing", []string{"mkdir d", "put f x", "syncall", "mv f d/f", "sync /"},
			[]string{"d/ d/f=x", "d/ f=x"}},
		{"syncing the target does", []string{"mkdir d", "put f x", "syncall", "mv f d/f", "sync d"},
			[]string{"d/ d/f=x"}},
		{"link and unlink lose no file", []string{"mkdir d", "put f x", "syncall", "ln f d/f", "rm f", "sync /"},
			[]string{"d/ d/f=x", "d/ d/f=x f=x", "d/ f=x"}},
		{"into a directory that is not durable", []string{"put f x", "syncall", "mkdir d", "mv f d/f", "sync d"},
			[]string{"d/ d/f=x", "d/ f=x", "f=x"}},
		{"into one that is durable elsewhere", []string{"mkdir d", "put f x", "syncall", "mkdir e", "mv d e/d", "mv f e/d/f", "sync e/d"},
			[]string{"d/ d/f=x", "d/ d/f=x e/", "e/ e/d/ e/d/f=x"}},
		{"until it is", []string{"put f x", "syncall", "mkdir d", "mv f d/f", "sync d", "sync /"},
			[]string{"d/ d/f=x"}},
		{"a new directory's content is not its name", []string{"mkdir d", "put d/f x", "sync d/f", "sync d"},
			[]string{"", "d/ d/f=x"}},
		{"out of a directory that goes", []string{"mkdir d", "put d/f x", "syncall", "mv d/f f", "rmdir d"},
			[]string{"d/ d/f=x", "d/ f=x", "f=x"}},
		{"directory rename", []string{"mkdir d", "put d/f x", "syncall", "mv d e"},
			[]string{"d/ d/f=x", "e/ e/f=x"}},
		{"removing a directory", []string{"mkdir d", "put d/f x", "syncall", "rm d/f", "rmdir d", "sync /"},
			[]string{""}},
		{"directories make no loop", []string{"mkdir a", "mkdir b", "syncall", "mv a b/a", "mv b/a a", "mv b a/b"},
			[]string{"a/ a/b/", "a/ b/", "b/ b/a/"}},
		{"a name taken over by a synced file", []string{"mkdir d", "put a x", "syncall", "mv a d/b", "put a y", "sync a", "sync /"},
			[]string{"a=y d/ d/b=x"}},
		{"replacing an inode that was linked", []string{"put f x", "sync f", "mkdir d", "ln f d/f", "put t y", "sync t", "mv t f", "sync /"},
			[]string{"d/ d/f=x f=y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := outcomes(t, newScript(t).run(c.acts...).d)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s:\n got %q\nwant %q", strings.Join(c.acts, ", "), got, c.want)
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		want   []string
	}{
		{Strict, []string{"m/", "m/ m/a=x", "m/ m/a=x m/b=y", "m/ m/b=y"}},
		{NameWithFile, []string{"m/ m/a=x m/b=y", "m/ m/b=y"}},
		{Journal, []string{"m/ m/a=x m/b=y"}},
	} {
		s := newScript(t)
		s.d = New(Options{Policies: map[string]Policy{"m": c.policy}})
		s.run("mkdir m", "syncall", "put m/a x", "put m/b y")
		// Only the content: the names are what is asked about.
		s.d.nodes[s.ino("m/a")].data.sync()
		s.run("sync m/b")
		if got := outcomes(t, s.d); !slices.Equal(got, c.want) {
			t.Errorf("policy %d:\n got %q\nwant %q", c.policy, got, c.want)
		}
	}
}

func TestPolicyReachesDown(t *testing.T) {
	s := newScript(t)
	s.d = New(Options{Policies: map[string]Policy{"m": NameWithFile}})
	s.run("mkdir m", "syncall", "mkdir m/sub", "put m/sub/f x", "sync m/sub/f", "mkdir mm", "put mm/f y", "sync mm/f")
	want := []string{"m/ m/sub/ m/sub/f=x", "m/ m/sub/ m/sub/f=x mm/", "m/ m/sub/ m/sub/f=x mm/ mm/f=y"}
	if got := outcomes(t, s.d); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestCapacity(t *testing.T) {
	s := newScript(t)
	s.d = New(Options{Capacity: 2 * PageSize})
	s.run("put a x", "put b y")
	if errno := s.act([]string{"put", "c", "z"}); errno != syscall.ENOSPC {
		t.Errorf("a third page: %v", errno)
	}
	s.run("put a xx", "rm b")
	s.d.SyncAll()
	s.d.Forget(s.d.lastIno, 0)
	s.run("put c z")
	if s.d.Used() != 2*PageSize {
		t.Errorf("used %d", s.d.Used())
	}
}

func TestCollect(t *testing.T) {
	s := newScript(t)
	for range 100 {
		s.run("put f x", "sync f", "rm f", "sync /")
	}
	if n := len(s.d.nodes); n != 1 {
		t.Errorf("%d inodes remain of one", n)
	}
	if n := len(s.d.names.pending) + len(s.d.names.bySlot) + len(s.d.names.placed); n != 0 {
		t.Errorf("%d items of the journal remain", n)
	}
}

func TestTornPage(t *testing.T) {
	s := newScript(t).run("put f "+strings.Repeat("o", PageSize), "syncall", "put f "+strings.Repeat("n", PageSize))
	torn := 0
	for _, got := range outcomes(t, s.d) {
		content := strings.TrimPrefix(got, "f=")
		n := strings.Count(content, "n")
		if content != strings.Repeat("n", n)+strings.Repeat("o", PageSize-n) || n%SectorSize != 0 {
			t.Errorf("%d of %d bytes are new, not a prefix of sectors", n, len(content))
		}
		if n > 0 && n < PageSize {
			torn++
		}
	}
	if torn != PageSize/SectorSize-1 {
		t.Errorf("%d ways to tear a page were seen", torn)
	}
}
