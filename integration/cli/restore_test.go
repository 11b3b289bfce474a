package cli

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/trial"
	"pail/store/web/control"
)

// TestRestoreOnAMount changes a tree at random on a mount, directories renamed, deleted
// and replaced by files among it, and goes back with pail restore --at: on the mount the
// tree is as it was then, with contents, links, modes, owners, times and attributes.
func TestRestoreOnAMount(t *testing.T) {
	needMount(t, canMount())
	seed := trial.Seed(t)
	rounds := 3
	if trial.Soak() {
		rounds = 100
	}
	p := newPailDir(t)
	p.run("mount", "--background", p.mnt)
	p.run("bucket", "create", "docs", "--versioning")
	c := &changer{t: t, rng: rand.New(rand.NewPCG(seed, 0)), root: filepath.Join(p.mnt, "docs")}
	defer func() {
		if t.Failed() {
			t.Logf("what was done:\n%s", strings.Join(c.log, "\n"))
		}
	}()
	for range rounds {
		c.since = nil
		for range 60 {
			c.step()
		}
		before, then := p.moment(c)
		c.since = map[string]bool{}
		for range 60 {
			c.step()
		}
		after, now := p.moment(c)
		c.note("restore as of %s", before)
		p.goBack(c, before, then)
		c.note("restore as of %s", after)
		p.goBack(c, after, now)
	}
	p.run("umount")
	p.run("fsck", "--deep")
}

// A pailDir is a place with a store and a mountpoint.
type pailDir struct {
	t              *testing.T
	dir, mnt, pail string
}

func newPailDir(t *testing.T) *pailDir {
	root := os.Getenv(placeEnv)
	dir, err := os.MkdirTemp(root, "test-")
	if err != nil {
		t.Fatal(err)
	}
	p := &pailDir{t: t, dir: dir, mnt: filepath.Join(dir, "mnt"), pail: filepath.Join(root, "bin/pail")}
	if err := os.Mkdir(p.mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { leaveNothing(dir, filepath.Join(root, "bin")) })
	return p
}

// run runs pail, which must succeed.
func (p *pailDir) run(args ...string) string {
	p.t.Helper()
	cmd := exec.Command(p.pail, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "PAIL_STORE="+filepath.Join(p.dir, "store"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("pail %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// moment waits until everything is published, and returns the time and the tree.
func (p *pailDir) moment(c *changer) (at string, tree map[string]string) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var s control.Status
		if err := json.Unmarshal([]byte(p.run("status", "--json")), &s); err != nil {
			p.t.Fatal(err)
		}
		if s.OpenFiles == 0 {
			break
		}
		if time.Now().After(end) {
			p.t.Fatalf("%d files stay open", s.OpenFiles)
		}
	}
	time.Sleep(2 * time.Millisecond) // commits are timed to the millisecond
	at = time.Now().UTC().Format(time.RFC3339Nano)
	time.Sleep(2 * time.Millisecond)
	return at, treeOf(p.t, c.root)
}

func (p *pailDir) goBack(c *changer, at string, want map[string]string) {
	p.t.Helper()
	said := strings.Split(p.run("restore", "docs", "--at", at, "--dry-run"), "\n")
	done := p.run("restore", "docs", "--at", at)
	got := treeOf(p.t, c.root)
	for _, path := range slices.Sorted(maps.Keys(union(got, want))) {
		if got[path] != want[path] {
			p.t.Errorf("%s is\n%s, was\n%s", path, got[path], want[path])
		}
	}
	if again := p.run("restore", "docs", "--at", at); !strings.HasPrefix(again, "nothing to do") {
		p.t.Errorf("doing it again: %s", again)
	}
	if strings.TrimPrefix(said[len(said)-2], "would ") == said[len(said)-2] || done == "" {
		p.t.Errorf("the dry run said %q, and it was %q", said, done)
	}
	if p.t.Failed() {
		p.t.FailNow()
	}
}

func union(a, b map[string]string) map[string]string {
	a = maps.Clone(a)
	maps.Copy(a, b)
	return a
}

// treeOf describes everything below a directory.
func treeOf(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		out[path[len(root)+1:]], err = describe(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func describe(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", err
	}
	s := fmt.Sprintf("mode %o owner %d:%d", st.Mode, st.Uid, st.Gid)
	var body string
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		body = to
	case unix.S_IFREG:
		b, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		body = string(b)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR { // a directory's is that of what was done in it
		s += fmt.Sprintf(" mtime %d.%09d", st.Mtim.Sec, st.Mtim.Nsec)
	}
	value := make([]byte, 100)
	if n, err := unix.Lgetxattr(path, "user.x", value); err == nil {
		s += " user.x=" + string(value[:n])
	}
	return fmt.Sprintf("%s %q", s, body), nil
}

// A changer changes a tree at random.
type changer struct {
	t     *testing.T
	rng   *rand.Rand
	root  string
	since map[string]bool // not nil: attributes are changed only of what is here, which was made anew
	log   []string
}

func (c *changer) note(format string, args ...any) {
	c.log = append(c.log, strings.ReplaceAll(fmt.Sprintf(format, args...), c.root+"/", ""))
}

func (c *changer) do(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("%v\n%s", err, strings.Join(c.log, "\n"))
	}
}

// some are the files or the directories.
func (c *changer) some(dirs bool) (out []string) {
	c.do(filepath.WalkDir(c.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != c.root && d.IsDir() == dirs {
			out = append(out, path)
		}
		return err
	}))
	return out
}

func (c *changer) pick(dirs bool) (string, bool) {
	all := c.some(dirs)
	if len(all) == 0 {
		return "", false
	}
	return all[c.rng.IntN(len(all))], true
}

// place is a name that is free; there are more than steps are taken.
func (c *changer) place() string {
	for {
		dir := c.root
		if d, ok := c.pick(true); ok && c.rng.IntN(4) > 0 {
			dir = d
		}
		n := c.rng.IntN(12)
		if c.rng.IntN(4) == 0 {
			n = c.rng.IntN(10_000)
		}
		p := filepath.Join(dir, fmt.Sprintf("n%d", n))
		if _, err := os.Lstat(p); err != nil {
			return p
		}
	}
}

func (c *changer) step() {
	steps := []func(){
		c.write, c.write, c.write, c.overwrite, c.overwrite, c.overwrite, c.mkdir, c.mkdir, c.symlink,
		c.remove, c.removeAll, c.rename, c.renameDir, c.renameDir, c.fileForDir, c.dirForFile, c.attributes, c.attributes,
	}
	steps[c.rng.IntN(len(steps))]()
}

// made notes that what is at a path is newer than the moment.
func (c *changer) made(path string) {
	if c.since != nil {
		c.since[path] = true
	}
}

func (c *changer) body() []byte {
	b := make([]byte, []int{0, 10, 5000, 200_000}[c.rng.IntN(4)])
	for i := range b {
		b[i] = byte('a' + c.rng.IntN(26))
	}
	return b
}

func (c *changer) write() {
	p := c.place()
	c.note("write %s", p)
	c.do(os.WriteFile(p, c.body(), 0o644))
	c.made(p)
}

// overwrite changes a little of a file, or all of it.
func (c *changer) overwrite() {
	p, ok := c.pick(false)
	st, err := os.Lstat(p)
	if !ok || err != nil || st.Mode().Type() == fs.ModeSymlink {
		return
	}
	c.note("overwrite %s", p)
	flags := []int{os.O_WRONLY, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_TRUNC}[c.rng.IntN(3)]
	if st.Size() == 0 {
		flags = os.O_WRONLY // to empty what is empty changes its time, and makes no version
	}
	f, err := os.OpenFile(p, flags, 0)
	c.do(err)
	_, err = f.Write(append(c.body(), 'x'))
	c.do(err)
	c.do(f.Close())
	c.made(p)
}

func (c *changer) mkdir() {
	p := c.place()
	c.note("mkdir %s", p)
	c.do(os.Mkdir(p, 0o755))
	c.made(p)
}

func (c *changer) symlink() {
	p := c.place()
	c.note("symlink %s", p)
	c.do(os.Symlink(fmt.Sprint("to/", c.rng.IntN(1000)), p))
	c.made(p)
}

func (c *changer) remove() {
	if p, ok := c.pick(false); ok {
		c.note("remove %s", p)
		c.do(os.Remove(p))
	}
}

func (c *changer) removeAll() {
	if p, ok := c.pick(true); ok {
		c.note("remove all of %s", p)
		c.do(os.RemoveAll(p))
	}
}

func (c *changer) rename() {
	if p, ok := c.pick(false); ok {
		c.move(p, c.place())
	}
}

func (c *changer) renameDir() {
	p, ok := c.pick(true)
	if to := c.place(); ok && !strings.HasPrefix(to, p+"/") {
		c.move(p, to)
	}
}

func (c *changer) move(from, to string) {
	c.note("rename %s to %s", from, to)
	c.do(os.Rename(from, to))
	c.made(to)
}

// fileForDir puts a file in the place of a directory.
func (c *changer) fileForDir() {
	if p, ok := c.pick(true); ok {
		c.note("a file for the directory %s", p)
		c.do(os.RemoveAll(p))
		c.do(os.WriteFile(p, c.body(), 0o600))
		c.made(p)
	}
}

// dirForFile puts a directory with something in it in the place of a file.
func (c *changer) dirForFile() {
	if p, ok := c.pick(false); ok {
		c.note("a directory for the file %s", p)
		c.do(os.Remove(p))
		c.do(os.Mkdir(p, 0o700))
		c.do(os.WriteFile(filepath.Join(p, "in"), c.body(), 0o640))
		c.made(p)
	}
}

// attributes changes those of something. They make no version, so after the moment only
// what was made anew is touched.
func (c *changer) attributes() {
	p, ok := c.pick(c.rng.IntN(2) == 0)
	st, err := os.Lstat(p)
	if !ok || err != nil || st.Mode().Type() == fs.ModeSymlink || c.since != nil && !c.since[p] {
		return
	}
	c.note("attributes of %s", p)
	mode := fs.FileMode(0o600 | c.rng.IntN(0o100))
	if st.IsDir() {
		mode |= 0o100 // it goes on being used, not only by root
	}
	c.do(os.Chmod(p, mode))
	if os.Geteuid() == 0 {
		c.do(os.Chown(p, c.rng.IntN(5), c.rng.IntN(5)))
	}
	c.do(unix.Setxattr(p, "user.x", []byte(fmt.Sprint(c.rng.IntN(1000))), 0))
	at := time.Unix(1_700_000_000+int64(c.rng.IntN(1000)), int64(c.rng.IntN(1_000_000_000)))
	c.do(os.Chtimes(p, at, at))
}
