package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// TestOneActOneVersion has the store's list of versions judge what each act made.
func TestOneActOneVersion(t *testing.T) {
	a := newActor(t, versioning.Enabled)
	for i, x := range acts {
		t.Run(x.name, func(t *testing.T) { a.try(t, i, x) })
	}
}

// actsAnywhere are those of which a suspended and an unversioned bucket get a taste.
var actsAnywhere = []string{
	"echo", "echo over", "exec", "append", "truncate", "truncate(2)", "touch", "sed -i", "mv over",
	"a hundred fsyncs", "three appends", "chmod", "touch of an old file",
}

// TestActsWithoutHistory: a suspended bucket overwrites its null version and keeps the
// versions made before; an unversioned one keeps nothing.
func TestActsWithoutHistory(t *testing.T) {
	for _, state := range []versioning.State{versioning.Suspended, versioning.Unversioned} {
		a := newActor(t, state)
		for i, x := range acts {
			if slices.Contains(actsAnywhere, x.name) {
				t.Run(state.String()+"/"+x.name, func(t *testing.T) { a.try(t, i, x) })
			}
		}
	}
}

// act does x and judges the versions of f.
func (a actor) act(x act) {
	a.t.Helper()
	if a.state == versioning.Suspended {
		a.setVersioning(versioning.Enabled)
		a.run("echo kept > f; rm f")
		a.setVersioning(versioning.Suspended)
	}
	a.run(actFiles + x.before)
	before := a.versions("f")
	a.run(x.script)
	after := a.versions("f")
	versions, markers := added(before, after)
	kept, want := len(before), x.versions
	if a.state != versioning.Enabled {
		// What an act replaces is the null version, of which there is one.
		if want > 0 {
			want = 1
			kept -= count(before, func(o store.Object) bool { return o.VersionID == store.NullVersion })
		}
		if n := count(versions, func(o store.Object) bool { return o.VersionID != store.NullVersion }); n > 0 {
			a.t.Errorf("%d versions that are not null", n)
		}
	} else if n := count(versions, func(o store.Object) bool { return o.VersionID == store.NullVersion }); n > 0 {
		a.t.Errorf("%d null versions", n)
	}
	if len(versions) != want || len(markers) != x.markers || len(after) != kept+want+x.markers {
		a.t.Errorf("%d versions and %d markers, want %d and %d: %s\nbefore:\n%safter:\n%s",
			len(versions), len(markers), want, x.markers, x.why, versionLines(before), versionLines(after))
	}
}

// actFiles leaves f deleted, so that a bucket with history has some.
const actFiles = `seq 60000 | head -c 300000 > .src; printf 'all: a b c\na b c:\n\t@echo $@\n' > .mk; cp .src f; tar cf .tar f; rm f
`

func added(before, after []store.Object) (versions, markers []store.Object) {
	for _, o := range after {
		switch {
		case slices.ContainsFunc(before, func(b store.Object) bool { return b.Seq == o.Seq }):
		case o.DeleteMarker:
			markers = append(markers, o)
		default:
			versions = append(versions, o)
		}
	}
	return versions, markers
}

func count(vs []store.Object, is func(store.Object) bool) (n int) {
	for _, o := range vs {
		if is(o) {
			n++
		}
	}
	return n
}

func versionLines(vs []store.Object) string {
	var b strings.Builder
	for _, v := range vs {
		fmt.Fprintf(&b, "  %d %s %d bytes, marker %v\n", v.Number, v.VersionID, v.Size, v.DeleteMarker)
	}
	return b.String()
}

// TestRemovedAndBack: rm leaves a delete marker, and removing that brings the file back
// on the mount, which had just cached that there is none.
func TestRemovedAndBack(t *testing.T) {
	a := newActor(t, versioning.Enabled).in(t, 0)
	a.run("echo one > f; echo two > f; rm f; ! cat f 2>/dev/null; [ -z \"$(ls)\" ]")
	vs := a.versions("f")
	if len(vs) != 3 || !vs[0].DeleteMarker || vs[1].Size != 4 || vs[2].Size != 4 {
		t.Fatalf("after rm there are\n%s", versionLines(vs))
	}
	a.remove("f", vs[0].VersionID)
	if got := a.run("ls; cat f"); got != "f\ntwo\n" {
		t.Fatalf("without the marker: %q", got)
	}
	a.remove("f", vs[1].VersionID)
	if got := a.run("ls; cat f; stat -c %s f"); got != "f\none\n4\n" {
		t.Fatalf("without the second version: %q", got)
	}
	a.remove("f", vs[2].VersionID)
	if got := a.run("ls; [ ! -e f ]"); got != "" {
		t.Fatalf("without any version: %q", got)
	}
}

// An actor runs programs in a directory of a bucket on a mount, and asks the store.
type actor struct {
	t      *testing.T
	store  *store.Store
	se     *store.Session
	mount  *Server
	state  versioning.State
	dir    string // in the bucket
	python string // where the interpreter is
}

const actBucket = "acts"

func newActor(t *testing.T, state versioning.State) actor {
	t.Helper()
	needs(t, "python3", "make", "rsync", "tar", "vim", "nano")
	st := openStore(t)
	a := actor{t: t, store: st, se: beside(st), state: state}
	o := store.BucketOptions{Versioning: state}
	if state == versioning.Suspended {
		o.Versioning = versioning.Enabled
	}
	if _, err := a.se.CreateBucket(context.Background(), actBucket, o); err != nil {
		t.Fatal(err)
	}
	a.mount = mountStore(t, st, Options{Bucket: actBucket})
	// What is called python3 may be a wrapper that takes long to find the real one.
	out, err := exec.Command("python3", "-IS", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatal(err)
	}
	a.python = filepath.Dir(strings.TrimSpace(string(out)))
	return a
}

// try does an act on file i.
func (a actor) try(t *testing.T, i int, x act) {
	if x.name == "chown" {
		needsRoot(t, "to give a file away")
	}
	a.in(t, i).act(x)
}

// in is the actor in a directory of its own, for a test.
func (a actor) in(t *testing.T, i int) actor {
	t.Helper()
	a.t, a.dir = t, fmt.Sprintf("d%d", i)
	if err := os.Mkdir(a.path(""), 0o755); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a actor) key(name string) string { return a.dir + "/" + name }

func (a actor) path(name string) string { return filepath.Join(a.mount.Dir(), a.dir, name) }

// run runs a script and waits until no file is open: RELEASE comes after close has
// returned.
func (a actor) run(script string) string {
	a.t.Helper()
	out := runIn(a.t, a.path(""), "PATH="+a.python+":$PATH\n"+script)
	a.rest()
	return out
}

func (a actor) rest() {
	a.t.Helper()
	for end := time.Now().Add(30 * time.Second); a.store.Status().OpenFiles > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			a.t.Fatal("a file stays open")
		}
	}
}

func (a actor) versions(name string) []store.Object {
	a.t.Helper()
	vs, err := a.se.Versions(context.Background(), actBucket, a.key(name))
	if err != nil && !errors.Is(err, fault.NoSuchKey) {
		a.t.Fatal(err)
	}
	return vs
}

// remove removes a version for good, as pail rm --version does.
func (a actor) remove(name, version string) {
	a.t.Helper()
	if _, err := a.se.Delete(context.Background(), actBucket, a.key(name), store.DeleteOptions{Version: version}); err != nil {
		a.t.Fatal(err)
	}
	if err := a.mount.Settle(context.Background()); err != nil {
		a.t.Fatal(err)
	}
}

func (a actor) setVersioning(to versioning.State) {
	a.t.Helper()
	if err := a.se.SetVersioning(context.Background(), actBucket, to); err != nil {
		a.t.Fatal(err)
	}
}
