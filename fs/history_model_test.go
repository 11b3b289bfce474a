package fs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pail/integration/trial"
	"pail/versioning"
)

// TestHistoryAgainstModel makes, overwrites, renames and deletes at random in nested
// directories of a mount, while the clock jumps back an hour and forward a day, and
// demands every past moment and every name's history of the mount.
func TestHistoryAgainstModel(t *testing.T) {
	seed, steps := trial.Seed(t), 120
	if trial.Soak() {
		steps = 5000
	}
	m := &historyModel{
		pastBench: newPastBench(t, versioning.Enabled), rng: rand.New(rand.NewPCG(seed, 0)),
		now: map[string]string{".": "/"}, keys: map[string][]string{}, dirs: map[string]bool{".": true},
	}
	defer func() {
		if t.Failed() {
			t.Logf("the last operations:\n%s", strings.Join(m.log[max(0, len(m.log)-30):], "\n"))
		}
	}()
	for i := range steps {
		m.step(i)
		for range 2 {
			m.checkMoment(m.rng.IntN(len(m.past)))
		}
		m.checkKey()
	}
	m.ns.Add(int64(400 * 24 * time.Hour))
	for i := range m.past {
		if steps <= 200 || m.rng.IntN(10) == 0 {
			m.checkMoment(i)
		}
	}
	for key := range m.keys {
		m.checkVersions(key)
	}
	for dir := range m.dirs {
		m.checkNames(dir)
	}
}

// deletion stands for a delete marker in the history of a key.
const deletion = "\x00deleted"

type historyModel struct {
	*pastBench
	rng  *rand.Rand
	now  map[string]string   // the tree, as tree returns it
	past []historySight      // after each operation
	keys map[string][]string // each key that ever was a file, and what it held
	dirs map[string]bool     // each directory that ever was
	log  []string
}

type historySight struct {
	at   time.Time
	tree map[string]string
}

func (m *historyModel) step(i int) {
	switch m.rng.IntN(30) {
	case 0:
		m.tick(-time.Hour)
	case 1:
		m.tick(24 * time.Hour)
	default:
		m.tick(time.Duration(1+m.rng.IntN(60_000)) * time.Millisecond)
	}
	ops := []func(){m.write, m.write, m.write, m.write, m.mkdir, m.mkdir, m.remove, m.remove, m.rename, m.rename, m.renameDir, m.renameDir, m.rmdir}
	ops[m.rng.IntN(len(ops))]()
	m.quiet()
	// What changed nothing made no commit; this one there is for certain.
	if err := m.se.SetBucketTags(context.Background(), "bkt", map[string]string{"step": fmt.Sprint(i)}); err != nil {
		m.t.Fatal(err)
	}
	m.settle()
	m.past = append(m.past, historySight{m.pastBench.now(), maps.Clone(m.now)})
}

func (m *historyModel) note(format string, args ...any) {
	m.log = append(m.log, m.pastBench.now().Format(time.DateTime)+" "+fmt.Sprintf(format, args...))
}

func (m *historyModel) pick(isDir bool) (string, bool) {
	var all []string
	for p, what := range m.now {
		if (what == "/") == isDir && p != "." {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return "", false
	}
	slices.Sort(all)
	return all[m.rng.IntN(len(all))], true
}

// place is a name in some directory, taken or not.
func (m *historyModel) place() string {
	dir := "."
	if d, ok := m.pick(true); ok && m.rng.IntN(4) > 0 {
		dir = d
	}
	return path.Join(dir, []string{"a", "b", "c", "a-", "@x", ".v", strings.Repeat("long", 70)}[m.rng.IntN(6+m.rng.IntN(2))])
}

// reach is where the mount shows a path: names over 255 bytes need several.
func reach(p string) string {
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if len(part) > 255 {
			parts[i] = "%pail-part-" + part[:122] + "/%pail-file-" + part[122:]
		}
	}
	return strings.Join(parts, "/")
}

func (m *historyModel) write() {
	p := m.place()
	if m.now[p] == "/" {
		return
	}
	body := fmt.Sprint(m.rng.Uint64())
	m.note("write %s: %s", p, body)
	mustWrite(m.t, m.path(reach(p)), body)
	m.now[p] = body
	m.keys[p] = append(m.keys[p], body)
}

func (m *historyModel) remove() {
	p, ok := m.pick(false)
	if !ok {
		return
	}
	m.note("remove %s", p)
	m.do(os.Remove(m.path(reach(p))))
	m.gone(p)
}

func (m *historyModel) gone(p string) {
	if m.now[p] != "/" {
		m.keys[p] = append(m.keys[p], deletion)
	}
	delete(m.now, p)
}

func (m *historyModel) came(p, body string) {
	m.now[p] = body
	if body == "/" {
		m.dirs[p] = true
	} else {
		m.keys[p] = append(m.keys[p], body)
	}
}

func (m *historyModel) do(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *historyModel) mkdir() {
	p := m.place()
	if _, taken := m.now[p]; taken || len(path.Base(p)) > 255 || strings.Count(p, "/") > 4 {
		return
	}
	m.note("mkdir %s", p)
	m.do(os.Mkdir(m.path(p), 0o755))
	m.came(p, "/")
}

func (m *historyModel) rmdir() {
	p, ok := m.pick(true)
	if !ok {
		return
	}
	m.note("rmdir %s", p)
	err := os.Remove(m.path(p))
	for below := range m.now {
		if strings.HasPrefix(below, p+"/") {
			if !errors.Is(err, syscall.ENOTEMPTY) {
				m.t.Fatalf("%v, but it is not empty", err)
			}
			return
		}
	}
	m.do(err)
	m.gone(p)
}

func (m *historyModel) rename() {
	from, ok := m.pick(false)
	to := m.place()
	if !ok || m.now[to] == "/" || from == to {
		return
	}
	m.note("rename %s to %s", from, to)
	m.do(os.Rename(m.path(reach(from)), m.path(reach(to))))
	body := m.now[from]
	m.gone(from)
	m.came(to, body)
}

func (m *historyModel) renameDir() {
	from, ok := m.pick(true)
	to := m.place()
	if _, taken := m.now[to]; !ok || taken || len(path.Base(to)) > 255 || to == from || strings.HasPrefix(to, from+"/") {
		return
	}
	m.note("rename directory %s to %s", from, to)
	m.do(os.Rename(m.path(from), m.path(to)))
	for p, body := range maps.Clone(m.now) {
		if p == from || strings.HasPrefix(p, from+"/") {
			m.gone(p)
			m.came(to+p[len(from):], body)
		}
	}
}

// checkMoment compares the whole tree, and that below some directory, with what was
// there at a moment.
func (m *historyModel) checkMoment(i int) {
	m.t.Helper()
	at := m.past[i].at
	name := "@" + at.Format(time.RFC3339Nano)
	if at.After(m.pastBench.now()) {
		if _, err := os.Stat(m.path(".versions/" + name)); !os.IsNotExist(err) {
			m.t.Fatalf("%s lies in the future: %v", name, err)
		}
		return
	}
	// The clock may have passed that time more than once; the last time counts.
	for j := len(m.past) - 1; j > i; j-- {
		if !m.past[j].at.After(at) {
			i = j
			break
		}
	}
	want := m.past[i].tree
	m.sameTree(name, ".", m.path(".versions/"+name), want)
	// The same below a directory of then, by way of its own history, whether it still
	// exists or not.
	for p, what := range want {
		if p != "." && what == "/" && m.rng.IntN(3) == 0 {
			m.sameTree(name, p, m.path(oldPath(p)+"/.versions/"+name), want)
			if m.now[p] == "/" {
				m.sameTree(name, p, m.path(p+"/.versions/"+name), want)
			}
		}
	}
	if d, ok := m.pick(true); ok && want[d] != "/" {
		if _, err := os.Stat(m.path(d + "/.versions/" + name)); !os.IsNotExist(err) {
			m.t.Fatalf("%s did not exist at %s: %v", d, name, err)
		}
	}
}

// oldPath is the way through history to a directory or a name.
func oldPath(p string) string {
	var parts []string
	for _, part := range strings.Split(p, "/") {
		switch {
		case len(part) > 255:
			part = "%pail-part-" + part[:122] + "/%pail-name-" + part[122:]
		case part[0] == '@':
			part = "%pail-name-" + part
		}
		parts = append(parts, ".versions/"+part)
	}
	return strings.Join(parts, "/")
}

func (m *historyModel) sameTree(name, below, shown string, all map[string]string) {
	m.t.Helper()
	want := map[string]string{}
	for p, body := range all {
		switch {
		case below == ".":
			want[reach(p)] = body
		case p == below:
			want["."] = body
		case strings.HasPrefix(p, below+"/"):
			want[reach(p[len(below)+1:])] = body
		}
	}
	got := tree(m.t, shown)
	maps.DeleteFunc(got, func(p, _ string) bool { return strings.HasPrefix(path.Base(p), "%pail-part-") })
	if !maps.Equal(got, want) {
		m.t.Fatalf("%s of %s shows\n%q, want\n%q", name, below, got, want)
	}
}

func (m *historyModel) checkKey() {
	m.t.Helper()
	keys := slices.Sorted(maps.Keys(m.keys))
	if len(keys) > 0 {
		m.checkVersions(keys[m.rng.IntN(len(keys))])
	}
	dirs := slices.Sorted(maps.Keys(m.dirs))
	m.checkNames(dirs[m.rng.IntN(len(dirs))])
}

// checkVersions compares what is listed of a key with what happened to it.
func (m *historyModel) checkVersions(key string) {
	m.t.Helper()
	dir := m.path(oldPath(key))
	var got []string
	names := listDir(m.t, dir)
	for _, name := range names {
		body, err := os.ReadFile(dir + "/" + name)
		m.do(err)
		if strings.HasSuffix(name, markerSuffix) {
			got = append(got, deletion)
		} else {
			got = append(got, string(body))
		}
	}
	if !slices.Equal(got, m.keys[key]) || !slices.IsSorted(names) {
		m.t.Fatalf("versions of %s:\n%q, want\n%q\n%q", key, got, m.keys[key], names)
	}
}

// checkNames compares the names with history in a directory with all that ever was
// there.
func (m *historyModel) checkNames(dir string) {
	m.t.Helper()
	want := map[string]bool{}
	for _, all := range [][]string{slices.Collect(maps.Keys(m.keys)), slices.Collect(maps.Keys(m.dirs))} {
		for _, p := range all {
			rest, in := p, dir == "." && p != "."
			if dir != "." {
				rest, in = strings.CutPrefix(p, dir+"/")
			}
			if in {
				name, _, _ := strings.Cut(rest, "/")
				shown, _, _ := strings.Cut(strings.TrimPrefix(oldPath(name), ".versions/"), "/")
				want[shown] = true
			}
		}
	}
	shown := m.path(".versions")
	if dir != "." {
		shown = m.path(oldPath(dir) + "/.versions")
	}
	got := listDir(m.t, shown)
	slices.Sort(got)
	if !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		m.t.Fatalf("in the history of %s are\n%q, want\n%q", dir, got, slices.Sorted(maps.Keys(want)))
	}
}
