package fs

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	deedSeed = flag.Uint64("deedseed", 0, "seed of the deeds of several users; 0: another one each time")
	deedRuns = flag.Int("deeds", 1500, "how many deeds of several users")
)

// A pair is a mount and a directory on the disk in which the same is done.
type pair struct {
	t       *testing.T
	r       *rand.Rand
	bases   [2]string // the disk, the mount
	who     []*somebody
	log     []string
	before  [2]map[string]inodeState
	outcome map[string][2]int
}

// TestPermissionsAsOnDisk has root and two other users do random things in a mount and on
// the disk, and demands the same answers, modes, owners, sizes and attributes.
func TestPermissionsAsOnDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	t.Run("several users", func(t *testing.T) { comparePair(t, true) })
	// There the kernel does not check (see kernelOptions), and must let root do the same.
	t.Run("root alone", func(t *testing.T) { comparePair(t, false) })
}

func comparePair(t *testing.T, others bool) {
	seed := *deedSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	p := &pair{t: t, r: rand.New(rand.NewPCG(seed, 0)), outcome: map[string][2]int{}}
	dir, err := os.MkdirTemp("", "pail-permissions-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	mnt := dir + "/mnt"
	for _, d := range []string{mnt, dir + "/disk"} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mountStore(t, openStore(t), Options{Mountpoint: mnt, AllowOther: others})
	if err := os.Mkdir(mnt+"/bkt", 0o755); err != nil {
		t.Fatal(err)
	}
	p.bases = [2]string{dir + "/disk", mnt + "/bkt"}
	p.who = []*somebody{becomes(t, "root", 0, 0)}
	if others {
		p.who = append(p.who, becomes(t, "ann", 1001, 1001, 2000), becomes(t, "ben", 1002, 1002))
	}
	defer func() {
		if t.Failed() {
			t.Logf("-deedseed=%d; the last of %d deeds:\n%s", seed, len(p.log), strings.Join(p.log[max(0, len(p.log)-15):], "\n"))
		}
	}()
	p.begin()
	for i := range *deedRuns {
		if i%200 == 199 {
			p.again()
		}
		if p.step(); t.Failed() {
			return
		}
	}
	t.Logf("deeds done, and how many of them were let: %v", p.outcome)
}

// begin makes places in which somebody may do something.
func (p *pair) begin() {
	for i, c := range []deed{
		{Op: "mkdir", Path: "d", Mode: 0o755},
		{Op: "mkdir", Path: "open", Mode: 0o777},
		{Op: "mkdir", Path: "sticky", Mode: 0o777},
		{Op: "chmod", Path: "sticky", Mode: 0o1777},
		{Op: "mkdir", Path: "group", Mode: 0o775},
		{Op: "chown", Path: "group", UID: 1001, GID: 2000},
		{Op: "chmod", Path: "group", Mode: 0o2775},
		{Op: "mkdir", Path: "anns", Mode: 0o755},
		{Op: "chown", Path: "anns", UID: 1001, GID: 1001},
	} {
		for _, base := range p.bases {
			if got := p.who[0].do(p.t, base, c); got != "" {
				p.t.Fatalf("%d: %+v: %s", i, c, got)
			}
		}
	}
	for i, base := range p.bases {
		p.before[i] = treeState(p.t, base)
	}
}

// again begins anew with empty trees.
func (p *pair) again() {
	for _, base := range p.bases {
		names, err := os.ReadDir(base)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, n := range names {
			if err := os.RemoveAll(base + "/" + n.Name()); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	p.log = append(p.log, "again")
	p.begin()
}

func (p *pair) pick(s ...string) string { return s[p.r.IntN(len(s))] }

func (p *pair) dir() string {
	d := p.pick("d", "open", "sticky", "group", "anns")
	if p.r.IntN(3) == 0 {
		d += "/" + p.pick("x", "y")
	}
	return d
}

// path is mostly that of something that is there.
func (p *pair) path() string {
	if p.r.IntN(3) == 0 {
		return p.dir() + "/" + p.pick("a", "b", "c", "x", "y")
	}
	there := slices.Sorted(maps.Keys(p.before[0]))
	if len(there) < 2 {
		return "d"
	}
	return there[1+p.r.IntN(len(there)-1)] // not the root, ".", which is first
}

// file is mostly that of a file.
func (p *pair) file() string {
	var files []string
	for path, s := range p.before[0] {
		if s.Mode&unix.S_IFMT == unix.S_IFREG {
			files = append(files, path)
		}
	}
	if len(files) == 0 || p.r.IntN(5) == 0 {
		return p.path()
	}
	slices.Sort(files)
	return files[p.r.IntN(len(files))]
}

// mode is a random one, with set-id bits more often than people use them.
func (p *pair) mode() uint32 {
	m := uint32(p.r.IntN(0o1000))
	switch p.r.IntN(4) {
	case 0:
		m |= 0o700
	case 1:
		m |= 0o666
	case 2:
		m |= 0o777
	}
	if p.r.IntN(2) == 0 {
		m |= uint32(p.r.IntN(8)) << 9
	}
	return m
}

func (p *pair) id(ids ...int) int { return ids[p.r.IntN(len(ids))] }

func (p *pair) deed() deed {
	c := deed{Path: p.path(), Umask: p.id(0, 0o22, 0o27, 0o77), Size: int64(p.r.IntN(3) * 5000)}
	c.Op = p.pick("open", "open", "open", "open", "read", "mkdir", "mkdir", "rmdir", "unlink", "symlink", "rename", "rename",
		"chmod", "chmod", "chmod", "chown", "chown", "truncate", "truncate", "access", "readdir", "utimes", "utimes",
		"setxattr", "getxattr", "removexattr", "fallocate", "copyrange")
	switch c.Op {
	case "open", "read", "truncate", "fallocate", "copyrange", "unlink", "setxattr", "getxattr", "removexattr":
		c.Path = p.file()
	}
	switch c.Op {
	case "open":
		c.Mode = p.mode()
		c.Flags = []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR, unix.O_WRONLY | unix.O_CREAT, unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL,
			unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC, unix.O_WRONLY | unix.O_TRUNC, unix.O_WRONLY | unix.O_APPEND}[p.r.IntN(8)]
	case "mkdir", "chmod":
		if c.Mode = p.mode(); p.r.IntN(3) == 0 {
			c.Path = p.dir()
		}
	case "symlink":
		c.To = p.pick("a", "../d/b", "nowhere")
	case "rename":
		c.To = p.path()
	case "copyrange":
		c.To = p.file()
	case "chown":
		c.UID, c.GID = p.id(-1, 0, 1001, 1002), p.id(-1, 0, 1001, 1002, 2000)
		if p.r.IntN(4) == 0 {
			c.Path = p.dir()
		}
	case "access":
		c.Mode = uint32(p.r.IntN(8))
	case "readdir":
		c.Path = p.dir()
	case "utimes":
		for i := range c.Times {
			c.Times[i] = []int64{-1, -2, 981173106123456789, 1}[p.r.IntN(4)]
		}
	case "setxattr", "getxattr", "removexattr":
		c.To = p.pick("user.x", "user.x", "user.y", "trusted.x", "security.x")
		if p.r.IntN(3) == 0 {
			c.Path = p.dir()
		}
	}
	if c.Op == "fallocate" || c.Op == "copyrange" {
		c.Size++
	}
	return c
}

// step does one thing on both sides and compares.
func (p *pair) step() {
	p.t.Helper()
	c, who := p.deed(), p.who[p.r.IntN(len(p.who))]
	for c.Op == "chown" && c.UID == -1 && c.GID == -1 && who != p.who[0] {
		c = p.deed() // see sameOwner: the kernel does not say that it is one
	}
	began := time.Now()
	var got [2]string
	for i, base := range p.bases {
		got[i] = who.do(p.t, base, c)
	}
	p.log = append(p.log, fmt.Sprintf("%s: %+v: %q", who.name, c, got))
	n := p.outcome[c.Op]
	n[0]++
	if got[0] == "" {
		n[1]++
	}
	p.outcome[c.Op] = n
	if got[0] != got[1] {
		p.t.Errorf("the disk says %q, the mount %q", got[0], got[1])
		return
	}
	now := [2]map[string]inodeState{treeState(p.t, p.bases[0]), treeState(p.t, p.bases[1])}
	for path, disk := range now[0] {
		ours, ok := now[1][path]
		if !ok {
			p.t.Errorf("%s is on the disk only", path)
			return
		}
		p.compare(c, path, began, disk, ours)
	}
	for path := range now[1] {
		if _, ok := now[0][path]; !ok {
			p.t.Errorf("%s is on the mount only", path)
		}
	}
	p.before = now
}

// compare demands the same state, and that times moved on one side if they did so on the
// other: where the disk's clock may have stood still in between, if they did on the disk.
func (p *pair) compare(c deed, path string, began time.Time, disk, ours inodeState) {
	p.t.Helper()
	d, o := disk, ours
	d.Mtime, d.Ctime, o.Mtime, o.Ctime = unix.Timespec{}, unix.Timespec{}, unix.Timespec{}, unix.Timespec{}
	if !reflect.DeepEqual(d, o) {
		p.t.Errorf("%s is %+v on the disk and %+v on the mount", path, d, o)
	}
	if disk.Mtime.Sec < 1_000_000_000 && disk.Mtime != ours.Mtime {
		p.t.Errorf("%s has the time %v on the disk and %v on the mount", path, disk.Mtime, ours.Mtime)
	}
	was, had := p.before[0][path]
	wasOurs := p.before[1][path]
	if !had {
		return
	}
	for _, x := range []struct {
		what             string
		was, is, w2, is2 unix.Timespec
	}{{"mtime", was.Mtime, disk.Mtime, wasOurs.Mtime, ours.Mtime}, {"ctime", was.Ctime, disk.Ctime, wasOurs.Ctime, ours.Ctime}} {
		moved, ourMoved := x.was != x.is, x.w2 != x.is2
		if c.Op == "fallocate" {
			continue // of what is there already it changes nothing, so no version, so no time
		}
		coarse := began.Sub(time.Unix(x.was.Unix())) < 20*time.Millisecond
		if moved && !ourMoved || ourMoved && !moved && !coarse {
			p.t.Errorf("the %s of %s went from %v to %v on the disk, from %v to %v on the mount", x.what, path, x.was, x.is, x.w2, x.is2)
		}
	}
}

// A chown that names nobody reaches the mount as a request for nothing, as does what comes
// before a write. It clears set-id bits for those who may write.
func TestChownOfNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	dir, err := os.MkdirTemp("", "pail-permissions-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(dir+"/mnt", 0o755)); err != nil {
		t.Fatal(err)
	}
	mountStore(t, openStore(t), Options{Mountpoint: dir + "/mnt", AllowOther: true})
	ann := becomes(t, "ann", 1001, 1001)
	runIn(t, dir+"/mnt", "mkdir bkt; cd bkt; echo x > theirs; chmod 4755 theirs; echo x > shared; chmod 6777 shared; echo x > hers; chown 1001 hers; chmod 4755 hers")
	for _, c := range []struct {
		path, want string
		mode       os.FileMode
	}{{"theirs", "EPERM", os.ModeSetuid | 0o755}, {"shared", "", 0o777}, {"hers", "", 0o755}} {
		got := ann.do(t, dir+"/mnt/bkt", deed{Op: "chown", Path: c.path, UID: -1, GID: -1})
		fi, err := os.Stat(dir + "/mnt/bkt/" + c.path)
		if err != nil || got != c.want || fi.Mode() != c.mode {
			t.Errorf("%s: %q, %v, %v", c.path, got, fi.Mode(), err)
		}
	}
}

// Where root is alone the kernel checks nothing, which only who gave up capabilities can
// tell, unless it is asked to.
func TestRootWithoutCapabilities(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give up capabilities")
	}
	needs(t, "setpriv")
	st := openStore(t)
	for _, c := range []struct {
		options []string
		reads   string
	}{{nil, ""}, {[]string{"default_permissions"}, "! "}} {
		m := mountStore(t, st, Options{ExtraOptions: c.options})
		runIn(t, m.Dir(), "mkdir -p bkt; cd bkt; rm -f f; echo x > f; chown 1001 f; chmod 600 f; "+c.reads+
			"setpriv --bounding-set=-dac_override,-dac_read_search cat f")
		unmount(t, m)
	}
}
