package fs

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"pail/integration/trial"
	"pail/store"
	"pail/versioning"
)

// TestMomentsAsPeopleWriteThem looks back by relative and absolute times while time
// passes, so that one name comes to mean another moment.
func TestMomentsAsPeopleWriteThem(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	for _, body := range []string{"at noon", "at one", "at two"} {
		b.put("f", body)
		b.tick(time.Hour)
	}
	// It is three o'clock.
	show := func(name, want string) {
		t.Helper()
		got, err := os.ReadFile(b.path(".versions/" + name + "/f"))
		if want == "" && os.IsNotExist(err) {
			return
		}
		if string(got) != want || err != nil {
			t.Fatalf("%s shows %q, want %q; %v", name, got, want, err)
		}
	}
	show("@-1h", "at two")
	show("@-2h", "at one")
	show("@-150m", "at noon")
	show("@-4h", "")
	show("@now", "at two")
	show("@today", "")
	show("@yesterday", "")
	show("@2026-11-23T13:30", "at one")
	show("@2026-11-23 12:00:00", "at noon")
	show("@2026-11-23T13:00:00+01:00", "at noon")
	for _, name := range []string{"@", "@tomorrow", "@-", "@2027-01-01", "@12:00", "@2026-11-23T12:00:00Zx"} {
		show(name, "")
	}
	b.tick(time.Hour)
	show("@-2h", "at two")
	show("@-3h", "at one")
	b.tick(24 * time.Hour)
	show("@today", "at two")
	show("@yesterday", "")
	b.put("f", "a day later")
	show("@now", "a day later")
	// A version's own name is a moment that includes it.
	for i, name := range listDir(t, b.path(".versions/f")) {
		at, _, _ := strings.Cut(name, "_")
		show("@"+at, []string{"at noon", "at one", "at two", "a day later"}[i])
	}
}

// TestMomentFollowsTheClock reads a past moment that the kernel keeps, sets the clock
// back before it, and changes something then.
func TestMomentFollowsTheClock(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	b.put("f", "first")
	at := b.tick(time.Hour)
	b.tick(time.Hour)
	past := b.path(".versions/@" + at + "/f")
	wantContent(t, past, "first")
	b.tick(-90 * time.Minute)
	b.put("f", "second, before it by the clock")
	b.settle()
	b.tick(2 * time.Hour)
	wantContent(t, past, "second, before it by the clock")
}

// TestHistoryForgets removes versions for good, and overwrites where nothing is kept:
// views of the past lose them at once, and show nothing in their place.
func TestHistoryForgets(t *testing.T) {
	for _, state := range []versioning.State{versioning.Enabled, versioning.Unversioned} {
		t.Run(state.String(), func(t *testing.T) {
			b := newPastBench(t, state)
			b.put("d/f", "one")
			b.put("d/g", "stays")
			at := b.tick(time.Minute)
			b.tick(time.Minute)
			past := b.path("d/.versions/@" + at)
			if got := tree(t, past); !maps.Equal(got, map[string]string{".": "/", "f": "one", "g": "stays"}) {
				t.Fatalf("%q", got)
			}
			b.put("d/f", "two")
			if state == versioning.Enabled {
				wantContent(t, past+"/f", "one")
				b.put("d/f", "three")
				old := b.path("d/.versions/f")
				for _, name := range listDir(t, old)[:2] {
					if err := os.Remove(filepath.Join(old, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
			b.settle()
			if got := tree(t, past); !maps.Equal(got, map[string]string{".": "/", "g": "stays"}) {
				t.Fatalf("afterwards %q", got)
			}
			if got := listDir(t, b.path("d/.versions/f")); len(got) != 1 {
				t.Fatalf("%q", got)
			}
		})
	}
}

// TestHistoryListingsAreFresh changes keys beside the mount and on it, and lists their
// history from within it, where nothing is looked up anew.
func TestHistoryListingsAreFresh(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	b.put("d/f", "one")
	names, versions := b.path("d/.versions"), b.path("d/.versions/f")
	inNames, inVersions := openDir(t, names), openDir(t, versions)
	list := func(fd int) (out []string) {
		t.Helper()
		if _, err := unix.Seek(fd, 0, 0); err != nil {
			t.Fatal(err)
		}
		for _, e := range readAll(t, fd) {
			if e.name != "." && e.name != ".." {
				out = append(out, e.name)
			}
		}
		return out
	}
	check := func(what string, ns, vs int) {
		t.Helper()
		b.quiet()
		b.settle()
		if got := list(inNames); len(got) != ns {
			t.Fatalf("%s: names %q", what, got)
		}
		if got := list(inVersions); len(got) != vs {
			t.Fatalf("%s: versions %q", what, got)
		}
	}
	check("at first", 1, 1)
	b.put("d/f", "two")
	check("after a put", 1, 2)
	mustWrite(t, b.path("d/f"), "three")
	check("after a write on the mount", 1, 3)
	mustWrite(t, b.path("d/g"), "g")
	check("after a new file", 2, 3)
	if _, err := b.se.Delete(context.Background(), "bkt", "d/f", store.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	check("after a delete", 2, 4)
	if _, err := b.se.Delete(context.Background(), "bkt", "d/never", store.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	check("after a marker over nothing", 3, 4)
	if err := os.Rename(b.path("d"), b.path("e")); err != nil {
		t.Fatal(err)
	}
	check("after the directory went", 3, 4)
	mustWrite(t, b.path("e/f"), "f")
	check("after a write where it went", 3, 4)
	if _, err := b.se.Delete(context.Background(), "bkt", "d/f", store.DeleteOptions{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	check("after a removal for good", 3, 3)
	if got := listDir(t, b.path("e/.versions/f")); len(got) != 1 {
		t.Fatalf("where it went: %q", got)
	}
}

// TestHistoryOfStrangeNames reaches the history of keys that the mount has to spell.
func TestHistoryOfStrangeNames(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	long := strings.Repeat("ä", 150)
	want := map[string]string{ // keys by what they hold; each is deleted afterwards
		"d/@x": "%pail-name-@x", "d/@now": "%pail-name-@now", "d/.versions": "%pail-name-.versions",
		"d/..": "%pail-name-..", "d/a\x00b": "%pail-name-a%0b", "d/%pail-file-x": "%pail-name-%%pail-file-x",
		"d/" + long: "%pail-part-" + long[:122] + "/%pail-name-" + long[122:], "d/plain": "plain", "d/": "%pail-name-",
		"d//x": "%pail-name-/.versions/x", "d/b": "b", "d/b/c": "b/.versions/c", "d/.versions/y": "%pail-name-.versions/.versions/y",
	}
	for key := range want {
		b.put(key, "body of "+key)
	}
	at := b.tick(time.Minute)
	b.tick(time.Minute)
	then := tree(t, b.path("d"))
	for key := range want {
		if _, err := b.se.Delete(context.Background(), "bkt", key, store.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	b.settle()
	if _, err := os.Stat(b.path("d")); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for key, name := range want {
		dir := b.path(".versions/d/.versions/" + name)
		got := listDir(t, dir)
		if len(got) != 2 || !strings.HasSuffix(got[1], markerSuffix) {
			t.Fatalf("%q at %s: %q", key, name, got)
		}
		wantContent(t, dir+"/"+got[0], "body of "+key)
	}
	if got := tree(t, b.path(".versions/d/.versions/@"+at)); !maps.Equal(got, then) {
		t.Fatalf("then there was\n%q\nand is shown\n%q", then, got)
	}
	if got := tree(t, b.path(".versions/@"+at+"/d")); !maps.Equal(got, then) {
		t.Fatalf("then there was\n%q\nand is shown\n%q", then, got)
	}
}

// TestHistoryOfTheRoot looks back from the list of buckets, and from a mount of a prefix.
func TestHistoryOfTheRoot(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	b.put("p/q/f", "one")
	before := b.tick(time.Minute)
	b.tick(time.Minute)
	if _, err := b.se.CreateBucket(context.Background(), "later", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	b.put("p/q/f", "two")
	peers := NewPeers()
	root := mountStore(t, b.store, Options{Peers: peers}).Dir()
	prefix := mountStore(t, b.store, Options{Peers: peers, Bucket: "bkt", Prefix: "p/q/"}).Dir()
	if got := listDir(t, root+"/.versions"); !slices.Equal(got, []string{"bkt", "later"}) {
		t.Fatalf("%q", got)
	}
	if got := listDir(t, root+"/.versions/@"+before); !slices.Equal(got, []string{"bkt"}) {
		t.Fatalf("%q", got)
	}
	wantContent(t, root+"/.versions/@"+before+"/bkt/p/q/f", "one")
	wantContent(t, root+"/bkt/p/.versions/@"+before+"/q/f", "one")
	wantContent(t, root+"/bkt/p/q/f", "two")
	if got := listDir(t, root+"/.versions/bkt/.versions/p/.versions/q/.versions/f"); len(got) != 2 {
		t.Fatalf("%q", got)
	}
	if got := listDir(t, root+"/.versions/bkt"); len(got) != 0 {
		t.Fatalf("%q", got)
	}
	wantContent(t, prefix+"/.versions/@"+before+"/f", "one")
	if got := listDir(t, prefix+"/.versions/f"); len(got) != 2 {
		t.Fatalf("%q", got)
	}
	for _, p := range []string{root + "/.versions", root + "/.versions/@" + before, root + "/.versions/bkt", prefix + "/.versions"} {
		if err := os.Mkdir(p+"/new", 0o755); err == nil {
			t.Errorf("a directory was made in %s", p)
		}
	}
	if _, err := os.Stat(root + "/.versions/@1970-01-02"); !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// TestPastIsWhole brings a tree back by cp -a: modes, times, symlinks, holes and all.
func TestPastIsWhole(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	b.sh(`mkdir -p d/sub d/empty
		echo hello > d/sub/f; chmod 640 d/sub/f; touch -d 2020-01-02T03:04:05Z d/sub/f
		printf '#!/bin/sh\n' > d/run; chmod 755 d/run
		ln -s sub/f d/link; : > d/nothing
		truncate -s 1M d/sparse; printf end >> d/sparse
		chmod 711 d/sub`)
	b.quiet()
	at := b.tick(time.Minute)
	b.tick(time.Minute)
	listing := `cd %s && find . -printf '%%P %%m %%s %%l ' -type f -printf '%%T@ ' -o -printf x -printf '\n' | sort; cd - >/dev/null`
	want := b.sh(fmt.Sprintf(listing, "d"))
	sum := b.sh("cat d/sub/f d/run d/sparse | md5sum")
	b.sh("rm -r d")
	past := "'.versions/@" + at + "/d'"
	if got := b.sh(fmt.Sprintf(listing, past)); got != want {
		t.Fatalf("the past shows\n%s, want\n%s", got, want)
	}
	b.sh("cp -a " + past + " d")
	if got := b.sh(fmt.Sprintf(listing, "d")); got != want {
		t.Fatalf("brought back is\n%s, want\n%s", got, want)
	}
	if got := b.sh("cat d/sub/f d/run d/sparse | md5sum"); got != sum {
		t.Fatal("the bytes are others")
	}
	b.sh("cd d/sub; pwd; ls .versions/f; cd .versions/f; ls; cat *; pwd")
	b.sh("rsync -a --checksum --dry-run --itemize-changes --delete " + past + "/ d/ | grep -v '^\\.' && exit 1 || true")
}

// TestPastWhileADirectoryMoves looks at the past, from both sides, while a directory of
// many files is on its way to another name.
func TestPastWhileADirectoryMoves(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	const n = 3000
	b.fill("top/from", n)
	at := b.tick(time.Minute)
	b.tick(time.Minute)
	rounds, moving := 3, 0
	for round := range rounds {
		from, to := b.path("top/from"), b.path("top/to")
		if round%2 == 1 {
			from, to = to, from
		}
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
		after := b.tick(time.Minute)
		now := b.tick(time.Minute)
		for first := true; first || b.store.Status().Moves > 0; first = false {
			if b.store.Status().Moves > 0 {
				moving++
			}
			for when, shown := range map[string]string{at: "from", after: filepath.Base(to), now: filepath.Base(to)} {
				past := b.path("top/.versions/@" + when)
				if got := listDir(t, past); !slices.Equal(got, []string{shown}) {
					t.Fatalf("round %d, %s: %q", round, when, got)
				}
				if got := listDir(t, past+"/"+shown); len(got) != n {
					t.Fatalf("round %d, %s: %d files", round, when, len(got))
				}
				if _, err := os.Stat(past + "/" + shown + "/f000017"); err != nil {
					t.Fatal(err)
				}
			}
			if got := listDir(t, b.path("top/.versions/from/.versions/f002999")); len(got) != 2+round {
				t.Fatalf("round %d: %q", round, got)
			}
			if got := listDir(t, b.path("top/.versions/to/.versions/f000000")); len(got) != 1+round {
				t.Fatalf("round %d: %q", round, got)
			}
		}
	}
	t.Logf("%d looks at the past while the directory was on its way", moving)
}

// TestLongHistory pages through a key with many versions and a directory with many names,
// goes on from any offset, and removes it all.
func TestLongHistory(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	n := 1500
	if trial.Soak() {
		n = 100_000
	}
	b.fill("many", n)
	var g errgroup.Group
	var tick atomic.Int64
	for range 64 {
		g.Go(func() error {
			for tick.Add(1) <= int64(n) {
				b.ns.Add(int64(time.Millisecond))
				if _, err := b.se.Put(context.Background(), "bkt", "long", store.PutInput{Body: strings.NewReader("")}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	at := b.tick(time.Second)
	b.tick(time.Second)
	b.sh("rm -r many")
	for _, dir := range []string{".versions/long", ".versions/many/.versions", ".versions/@" + at + "/many"} {
		before := b.mount.fs.nodes.size()
		getdents(t, openDir(t, b.path(dir)), 4096)
		if got := b.mount.fs.nodes.size() - before; got > 500 {
			t.Fatalf("the first page of %s made the mount remember %d nodes", dir, got)
		}
		all := readAll(t, openDir(t, b.path(dir)))
		if len(all) != n+2 {
			t.Fatalf("%d entries in %s", len(all), dir)
		}
		for round, at := range []int{1, 17, n / 2, n - 1} {
			fd := openDir(t, b.path(dir))
			if round%2 == 1 { // nothing here remembers the offset
				b.mount.fs.cursors.forget()
			}
			if _, err := unix.Seek(fd, all[at].off, 0); err != nil {
				t.Fatal(err)
			}
			got := readAll(t, fd)
			if len(got) != len(all)-at-1 || got[0].name != all[at+1].name {
				t.Fatalf("%s from entry %d: %d names", dir, at, len(got))
			}
		}
	}
	b.sh("rm -r .versions/long")
	if _, err := os.Stat(b.path("long")); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if got := listDir(t, b.path(".versions")); !slices.Equal(got, []string{"many"}) {
		t.Fatalf("%q", got)
	}
}

// TestAttributesOfThePast reads what S3 knew of a version and of a file and directory of
// the past, and tries to change it.
func TestAttributesOfThePast(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	mustWrite(t, b.path("f"), "one")
	if err := os.Mkdir(b.path("d"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.quiet()
	f, d := b.x("f"), b.x("d")
	f.set("user.s3.tag.of", "the first")
	f.set("user.note", "first")
	d.set("user.note", "dir")
	at := b.tick(time.Minute)
	b.tick(time.Minute)
	mustWrite(t, b.path("f"), "two, longer")
	b.quiet()
	f.set("user.s3.tag.of", "the second")
	if err := os.RemoveAll(b.path("d")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(b.path("f")); err != nil {
		t.Fatal(err)
	}
	versions := listDir(t, b.path(".versions/f"))
	past := ".versions/@" + at
	for i, path := range []string{".versions/f/" + versions[0], past + "/f", ".versions/f/" + versions[1]} {
		v := b.x(path)
		v.has("user.s3.key", "f")
		v.has("user.s3.size", []string{"3", "3", "11"}[i])
		v.has("user.s3.version-number", []string{"1", "1", "2"}[i])
		v.has("user.s3.tag.of", []string{"the first", "the first", "the second"}[i])
		v.has("user.note", "first")
		v.setFails("user.note", "x", 0, unix.EROFS)
		v.setFails("user.s3.tag.of", "x", 0, unix.EROFS)
		v.lists("user.note", "user.s3.tag.of")
		if err := unix.Lremovexattr(v.path, "user.note"); err != unix.EROFS {
			t.Fatal(err)
		}
	}
	b.x(past+"/d").has("user.note", "dir")
	b.x(past+"/d").setFails("user.note", "x", 0, unix.EROFS)
	for _, path := range []string{".versions", ".versions/f", past, ".versions/f/" + versions[2]} {
		b.x(path).fails("user.note", unix.ENODATA)
		b.x(path).setFails("user.note", "x", 0, unix.EROFS)
	}
}
