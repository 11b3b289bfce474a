package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/trial"
	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// A restoreRun is a pastRun that knows contents, too, and goes back to what it saw.
type restoreRun struct {
	*pastRun
	bodies []map[string]string // of the live keys at each sight
}

// TestRestoreAt does random operations, renames of directories among them, and goes back
// to random moments: the whole bucket, or a part of it, is as it was then, while the
// rest stays; a dry run says before what is done; and doing it again does nothing.
func TestRestoreAt(t *testing.T) {
	for _, moving := range []bool{false, true} {
		t.Run(fmt.Sprintf("moving %v", moving), func(t *testing.T) {
			rounds := 6
			if trial.Soak() {
				rounds = 100
			}
			r := &restoreRun{pastRun: newPastRun(t, versioning.Enabled, moving)}
			for range rounds {
				r.change(25)
				r.goBack()
			}
			r.checkKeys()
			found, err := r.s.Fsck(r.ctx, nil)
			if err != nil || len(found) > 0 {
				t.Fatalf("fsck: %v %v", found, err)
			}
		})
	}
}

func (r *restoreRun) change(steps int) {
	ops := []func(){
		r.put, r.put, r.put, r.save, r.save, r.mkdir, r.mkdir, r.unlink, r.unlink, r.remove,
		r.renameFile, r.renameDir, r.renameDir, r.renameDir, r.exchange, r.exchange, r.rmdir, r.pastRun.restore,
	}
	for range steps {
		r.clock.move(time.Duration(1+r.rng.IntN(100_000)) * time.Millisecond)
		ops[r.rng.IntN(len(ops))]()
		r.see()
	}
}

// see is look, with contents.
func (r *restoreRun) see() {
	r.Helper()
	r.clock.move(2 * time.Millisecond)
	r.ok(r.se.SetBucketTags(r.ctx, pastBucket, map[string]string{"step": fmt.Sprint(len(r.sights))}))
	r.look()
	r.clock.move(2 * time.Millisecond)
	bodies := map[string]string{}
	for key := range r.sights[len(r.sights)-1].keys {
		bodies[key] = r.get(pastBucket, key, "")
	}
	r.bodies = append(r.bodies, bodies)
}

func (r *restoreRun) goBack() {
	r.Helper()
	i := r.rng.IntN(len(r.sights))
	now := len(r.sights) - 1
	root := ""
	if dirs := slices.Sorted(maps.Keys(r.sights[i].dirs)); r.rng.IntN(2) == 0 {
		root = dirs[r.rng.IntN(len(dirs))]
	}
	m, err := r.se.Moment(r.ctx, pastBucket, r.sights[i].time.Format(time.RFC3339Nano))
	r.ok(err)
	in := store.RestoreInput{At: m, DryRun: true}
	said := r.steps(root, in)
	r.see()
	r.sameBelow("", now, "a dry run changes")
	in.DryRun = false
	r.note("restore %q as of operation %d", root, i)
	done := r.steps(root, in)
	if !slices.Equal(said, done) {
		r.Fatalf("a dry run of restoring %q says\n%q, and then was done\n%q", root, said, done)
	}
	r.see()
	r.sameBelow(root, i, "restored")
	r.sameBeside(root, now)
	if again := r.steps(root, in); len(again) > 0 {
		r.Fatalf("doing it again did %q", again)
	}
}

// steps runs RestoreAt.
func (r *restoreRun) steps(root string, in store.RestoreInput) (out []string) {
	r.Helper()
	err := r.se.RestoreAt(r.ctx, pastBucket, root, in, func(s store.RestoreStep) error {
		if s.Act == store.RestoreUnknown || s.Act != store.RestoreAttrs && (s.VersionID == "") != in.DryRun {
			r.Errorf("step %+v of %+v", s, in)
		}
		if strings.HasPrefix(s.Key, root) {
			out = append(out, fmt.Sprint(s.Act, s.Key, s.Then.Seq))
		}
		return nil
	})
	r.ok(err)
	return out
}

// sameBelow compares the newest sight below a directory with another.
func (r *restoreRun) sameBelow(root string, i int, what string) {
	r.Helper()
	r.same(i, what, func(key string) bool { return strings.HasPrefix(key, root) })
}

// sameBeside compares what is not below it.
func (r *restoreRun) sameBeside(root string, i int) {
	r.Helper()
	r.same(i, "beside it", func(key string) bool { return !strings.HasPrefix(key, root) && !strings.HasPrefix(root, key) })
}

func (r *restoreRun) same(i int, what string, of func(string) bool) {
	r.Helper()
	now := len(r.sights) - 1
	keep := func(m map[string]string) map[string]string {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(key, _ string) bool { return !of(key) })
		return m
	}
	dirs := func(m map[string]struct{}) []string {
		return slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(dir string) bool { return !of(dir) })
	}
	if got, want := keep(r.bodies[now]), keep(r.bodies[i]); !maps.Equal(got, want) {
		r.Fatalf("%s: keys %q, want %q\n%s", what, got, want, strings.Join(r.log, "\n"))
	}
	if got, want := dirs(r.sights[now].dirs), dirs(r.sights[i].dirs); !slices.Equal(got, want) {
		r.Fatalf("%s: directories %q, want %q\n%s", what, got, want, strings.Join(r.log, "\n"))
	}
}

// restoreRig is a rig with a bucket and a clock.
func restoreRig(t *testing.T, state versioning.State) (*rig, *setClock) {
	clock := newClock()
	r := newRig(t, store.Options{InlineMax: 64, Now: clock.now})
	r.bucket("bkt", state)
	clock.move(time.Second)
	return r, clock
}

// moment is now, a second after what was and a second before what comes.
func (r *rig) moment(clock *setClock) store.Moment {
	r.Helper()
	clock.move(time.Second)
	m, err := r.se.Moment(r.ctx, "bkt", clock.now().Format(time.RFC3339Nano))
	r.ok(err)
	clock.move(time.Second)
	return m
}

func (r *rig) restoreAt(key string, in store.RestoreInput) (acts map[string]store.RestoreAct, err error) {
	acts = map[string]store.RestoreAct{}
	err = r.se.RestoreAt(r.ctx, "bkt", key, in, func(s store.RestoreStep) error {
		acts[s.Key] = s.Act
		return nil
	})
	return acts, err
}

// TestRestoreAtBringsEverythingBack is about what belongs to files and directories
// beside bytes, and about who is said to have done it.
func TestRestoreAtBringsEverythingBack(t *testing.T) {
	r, clock := restoreRig(t, versioning.Enabled)
	dir, err := r.se.Mkdir(r.ctx, "bkt", "d/", store.Attr{Mode: 0o2710, UID: 5, GID: 6})
	r.ok(err)
	_, err = r.se.Mkdir(r.ctx, "bkt", "d/empty/", store.Attr{Mode: 0o700, UID: 7, GID: 8})
	r.ok(err)
	r.ok(r.se.ChangeXattr(r.ctx, store.Node{Bucket: "bkt", Key: "d/", Dir: true}, store.XattrChange{Name: "user.x", Value: []byte("dir")}))
	r.save("bkt", "d/f", strings.Repeat("content ", 100))
	mode, uid, mtime := uint32(0o640), uint32(9), time.Unix(1_000_000_000, 7)
	_, err = r.se.SetAttr(r.ctx, "bkt", "d/f", store.AttrChange{Mode: &mode, UID: &uid, Mtime: &mtime})
	r.ok(err)
	file := store.Node{Bucket: "bkt", Key: "d/f"}
	r.ok(r.se.ChangeXattr(r.ctx, file, store.XattrChange{Name: "user.x", Value: []byte("file")}))
	r.ok(r.se.ChangeTags(r.ctx, file, store.TextChange{Set: map[string]string{"t": "1"}}))
	r.ok(r.se.ChangeDescription(r.ctx, file, store.DescriptionChange{
		Headers:  store.TextChange{Set: map[string]string{"content-type": "text/x"}},
		Metadata: store.TextChange{Set: map[string]string{"m": "2"}},
	}))
	_, err = r.se.Symlink(r.ctx, "bkt", "d/l", "to/where", store.Attr{})
	r.ok(err)
	was, err := r.se.Head(r.ctx, "bkt", "d/f", "")
	r.ok(err)
	m := r.moment(clock)

	r.ok(r.se.Rename(r.ctx, store.Path{Bucket: "bkt", Key: "d/"}, store.Path{Bucket: "bkt", Key: "e/"}, store.RenameFlags{}))
	r.save("bkt", "d", "a file in place of the directory")
	used := contentFiles(t, r.opts.Dir)
	acts, err := r.restoreAt("", store.RestoreInput{At: m})
	r.ok(err)
	if acts["d/f"] != store.RestoreVersion || acts["d"] != store.RestoreDelete || acts["e/f"] != store.RestoreDelete {
		t.Fatalf("what was done: %v", acts)
	}
	if now := contentFiles(t, r.opts.Dir); !slices.Equal(now, used) {
		t.Errorf("there were the content files %q, and now %q", used, now)
	}

	o, err := r.se.Head(r.ctx, "bkt", "d/f", "")
	r.ok(err)
	if o.Attr.Mode != unix.S_IFREG|mode || o.Attr.UID != uid || !o.Attr.Mtime.Equal(mtime) || !o.Attr.Btime.Equal(was.Attr.Btime) ||
		o.Tags["t"] != "1" || o.Metadata["m"] != "2" || o.Headers.ContentType != "text/x" || o.ETag != was.ETag {
		t.Errorf("the file is %+v, was %+v", o, was)
	}
	if !o.Attr.Ctime.After(m.Time) || !o.Modified.After(m.Time) || o.Principal != store.Owner().ARN {
		t.Errorf("the restored version does not tell of itself: %+v", o)
	}
	x, err := r.se.XattrsOf(r.ctx, file)
	if err != nil || string(x["user.x"]) != "file" {
		t.Errorf("attributes of the file: %q, %v", x, err)
	}
	if to, err := r.se.Readlink(r.ctx, "bkt", "d/l"); err != nil || to != "to/where" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	d, err := r.se.StatDir(r.ctx, "bkt", "d/")
	r.ok(err)
	if d.Attr.Mode != dir.Attr.Mode || d.Attr.UID != 5 || d.Attr.GID != 6 || d.Attr.Mtime.After(m.Last) || !d.Explicit {
		t.Errorf("the directory is %+v", d)
	}
	x, err = r.se.XattrsOf(r.ctx, store.Node{Bucket: "bkt", Key: "d/", Dir: true})
	if err != nil || string(x["user.x"]) != "dir" {
		t.Errorf("attributes of the directory: %q, %v", x, err)
	}
	if d, err = r.se.StatDir(r.ctx, "bkt", "d/empty/"); err != nil || d.Attr.Mode != unix.S_IFDIR|0o700 || d.Attr.UID != 7 {
		t.Errorf("the empty directory is %+v, %v", d, err)
	}
	if _, err = r.se.StatDir(r.ctx, "bkt", "e/"); !fault.Is(err, fault.NoSuchKey) {
		t.Errorf("the renamed directory is still there: %v", err)
	}
}

// TestRestoreAtOtherDirectory: a directory of the same name that was made since gets the
// attributes of the one that it stands for.
func TestRestoreAtOtherDirectory(t *testing.T) {
	r, clock := restoreRig(t, versioning.Enabled)
	_, err := r.se.Mkdir(r.ctx, "bkt", "d/", store.Attr{Mode: 0o700, UID: 5})
	r.ok(err)
	r.save("bkt", "d/f", "f")
	m := r.moment(clock)
	r.ok(r.se.Unlink(r.ctx, "bkt", "d/f"))
	r.ok(r.se.Rmdir(r.ctx, "bkt", "d/"))
	clock.move(time.Second)
	_, err = r.se.Mkdir(r.ctx, "bkt", "d/", store.Attr{Mode: 0o755, UID: 6})
	r.ok(err)
	later := r.moment(clock)
	for i, in := range []store.RestoreInput{{At: m, DryRun: true}, {At: m}, {At: m}} {
		acts, err := r.restoreAt("d/", in)
		r.ok(err)
		want := map[string]store.RestoreAct{"d/f": store.RestoreVersion, "d/": store.RestoreAttrs}
		if i == 2 {
			want = map[string]store.RestoreAct{}
		}
		if i < 2 && acts["d/"] != store.RestoreAttrs || acts["d/f"] != want["d/f"] || i == 2 && len(acts) > 0 {
			t.Fatalf("run %d did %v, want %v", i, acts, want)
		}
	}
	d, err := r.se.StatDir(r.ctx, "bkt", "d/")
	r.ok(err)
	if d.Attr.Mode != unix.S_IFDIR|0o700 || d.Attr.UID != 5 || d.Attr.Mtime.After(m.Last) {
		t.Errorf("the directory is %+v", d)
	}
	clock.move(time.Second)
	_, err = r.restoreAt("d/", store.RestoreInput{At: later})
	r.ok(err)
	if d, err = r.se.StatDir(r.ctx, "bkt", "d/"); err != nil || d.Attr.Mode != unix.S_IFDIR|0o755 || d.Attr.UID != 6 {
		t.Errorf("the later directory is not restored: %+v, %v", d, err)
	}
	found, err := r.s.Fsck(r.ctx, nil)
	if err != nil || len(found) > 0 {
		t.Errorf("fsck: %v %v", found, err)
	}
}

// TestRestoreAtKeepNew leaves what was made since.
func TestRestoreAtKeepNew(t *testing.T) {
	r, clock := restoreRig(t, versioning.Enabled)
	r.put("bkt", "a", "one")
	m := r.moment(clock)
	r.put("bkt", "a", "two")
	r.put("bkt", "b", "new")
	_, err := r.restoreAt("", store.RestoreInput{At: m, KeepNew: true})
	r.ok(err)
	if a, b := r.get("bkt", "a", ""), r.get("bkt", "b", ""); a != "one" || b != "new" {
		t.Fatalf("a is %q and b %q", a, b)
	}
}

// TestRestoreAtUnknown names what is kept no longer, and leaves it alone.
func TestRestoreAtUnknown(t *testing.T) {
	r, clock := restoreRig(t, versioning.Unversioned)
	r.put("bkt", "same", "same")
	r.put("bkt", "changed", "one")
	m := r.moment(clock)
	r.put("bkt", "changed", "two")
	if _, err := r.restoreAt("", store.RestoreInput{At: m}); !fault.Is(err, fault.InvalidBucketState) {
		t.Fatalf("a bucket without versioning was taken back: %v", err)
	}
	r.ok(r.se.SetVersioning(r.ctx, "bkt", versioning.Enabled))
	purged := r.put("bkt", "changed", "three")
	m2 := r.moment(clock)
	r.put("bkt", "changed", "four")
	r.put("bkt", "new", "new")
	_, err := r.se.Delete(r.ctx, "bkt", "changed", store.DeleteOptions{Version: purged.VersionID})
	r.ok(err)
	for _, at := range []store.Moment{m, m2} {
		acts, err := r.restoreAt("", store.RestoreInput{At: at, KeepNew: at == m2})
		r.ok(err)
		if len(acts) == 0 || acts["changed"] != store.RestoreUnknown || acts["same"] != store.RestoreNothing {
			t.Fatalf("what was done: %v", acts)
		}
		if got := r.get("bkt", "changed", ""); got != "four" {
			t.Fatalf("what nobody knows was changed to %q", got)
		}
	}
	r.ok(r.se.SetVersioning(r.ctx, "bkt", versioning.Suspended))
	if _, err := r.restoreAt("", store.RestoreInput{At: m}); !fault.Is(err, fault.InvalidBucketState) {
		t.Fatalf("a suspended bucket was taken back: %v", err)
	}
}

// TestRestoreAtAfterAllVersionsWent: of a key all of whose versions were deleted for good it is
// known that it was not there since, and not known what it was before.
func TestRestoreAtAfterAllVersionsWent(t *testing.T) {
	r, clock := restoreRig(t, versioning.Enabled)
	r.put("bkt", "stays", "one")
	first := r.put("bkt", "gone", "one")
	before := r.moment(clock)
	res, err := r.se.Delete(r.ctx, "bkt", "gone", store.DeleteOptions{})
	r.ok(err)
	for _, id := range []string{first.VersionID, res.VersionID} {
		_, err := r.se.Delete(r.ctx, "bkt", "gone", store.DeleteOptions{Version: id})
		r.ok(err)
	}
	since := r.moment(clock)
	r.put("bkt", "stays", "two")
	acts, err := r.restoreAt("", store.RestoreInput{At: before, DryRun: true})
	r.ok(err)
	if acts["gone"] != store.RestoreUnknown || acts["stays"] != store.RestoreVersion {
		t.Errorf("before: %v", acts)
	}
	acts, err = r.restoreAt("", store.RestoreInput{At: since, DryRun: true})
	r.ok(err)
	if act, ok := acts["gone"]; ok && act != store.RestoreNothing || acts["stays"] != store.RestoreVersion {
		t.Errorf("since: %v", acts)
	}
	if found, err := r.s.Fsck(r.ctx, nil); err != nil || len(found) > 0 {
		t.Errorf("fsck: %v, %v", found, err)
	}
}

// TestRestoreAtRefusals: what was not there then is not deleted by a slip of the hand.
func TestRestoreAtRefusals(t *testing.T) {
	r, clock := restoreRig(t, versioning.Enabled)
	m := r.moment(clock)
	r.put("bkt", "d/f", "f")
	r.put("bkt", "f", "f")
	r.ok(r.se.Unlink(r.ctx, "bkt", "f"))
	for _, key := range []string{"d/", "d/f", "f", "never", "never/"} {
		if acts, err := r.restoreAt(key, store.RestoreInput{At: m}); !fault.Is(err, fault.NoSuchKey) || len(acts) > 0 {
			t.Errorf("%q: %v, %v", key, acts, err)
		}
	}
	m.Seq = 0
	if _, err := r.restoreAt("", store.RestoreInput{At: m}); !fault.Is(err, fault.NoSuchKey) {
		t.Errorf("before the bucket: %v", err)
	}
}

// TestRestoreAtOneKey touches no other.
func TestRestoreAtOneKey(t *testing.T) {
	r, clock := restoreRig(t, versioning.Enabled)
	for _, key := range []string{"a", "a/b", "ab"} {
		r.put("bkt", key, "one")
	}
	m := r.moment(clock)
	for _, key := range []string{"a", "a/b", "ab"} {
		r.put("bkt", key, "two")
	}
	acts, err := r.restoreAt("a", store.RestoreInput{At: m})
	if err != nil || len(acts) != 1 || r.get("bkt", "a", "") != "one" || r.get("bkt", "a/b", "") != "two" || r.get("bkt", "ab", "") != "two" {
		t.Fatalf("%v, %v", acts, err)
	}
}

// TestRestoreAtLeavesDraftsAlone: open files go on, and what they publish is the newest
// version.
func TestRestoreAtLeavesDraftsAlone(t *testing.T) {
	r, clock := restoreRig(t, versioning.Enabled)
	r.put("bkt", "d/old", "one")
	r.put("bkt", "d/gone", "one")
	m := r.moment(clock)
	r.save("bkt", "d/old", "two")
	r.ok(r.se.Unlink(r.ctx, "bkt", "d/gone"))
	again := r.file("bkt", "d/gone", store.OpenFlags{Write: true, Create: true})
	r.write(again, 0, "made again")
	old := r.file("bkt", "d/old", store.OpenFlags{Write: true})
	r.write(old, 0, "THREE")
	_, err := r.se.Mkdir(r.ctx, "bkt", "n/", store.Attr{})
	r.ok(err)
	fresh := r.file("bkt", "n/new", store.OpenFlags{Write: true, Create: true})
	r.write(fresh, 0, "new")
	_, err = r.restoreAt("", store.RestoreInput{At: m})
	r.ok(err)
	if got := r.get("bkt", "d/old", ""); got != "one" {
		t.Fatalf("the file is %q", got)
	}
	gone, err := r.se.Head(r.ctx, "bkt", "d/gone", "")
	r.ok(err)
	if e, err := r.se.Lookup(r.ctx, "bkt", "d/", "gone"); err != nil || e.Object == nil || e.Object.Ino != gone.Ino {
		t.Fatalf("the mount shows %+v, %v instead of what was restored", e.Object, err)
	}
	if a, b := r.content(old), r.content(fresh); a != "THREE" || b != "new" {
		t.Fatalf("the open files hold %q and %q", a, b)
	}
	r.ok(again.Close(r.ctx))
	if got := r.get("bkt", "d/gone", ""); got != "made again" {
		t.Fatalf("it was published as %q", got)
	}
	r.ok(old.Close(r.ctx))
	r.ok(fresh.Close(r.ctx))
	if a, b := r.get("bkt", "d/old", ""), r.get("bkt", "n/new", ""); a != "THREE" || b != "new" {
		t.Fatalf("they were published as %q and %q", a, b)
	}
	found, err := r.s.Fsck(r.ctx, nil)
	if err != nil || len(found) > 0 {
		t.Fatalf("fsck: %v %v", found, err)
	}
}

// TestRestoreAtInterrupted goes on where it was cut short, over more keys than one page
// and one update take.
func TestRestoreAtInterrupted(t *testing.T) {
	r, clock := restoreRig(t, versioning.Enabled)
	const keys = 700
	name := func(i int) string { return fmt.Sprintf("d%d/k%03d", i%7, i) }
	for i := range keys {
		r.put("bkt", name(i), "one")
	}
	m := r.moment(clock)
	for i := range keys {
		switch i % 3 {
		case 0:
			r.put("bkt", name(i), "two")
		case 1:
			r.ok(r.se.Unlink(r.ctx, "bkt", name(i)))
		}
		r.put("bkt", "new"+name(i), "new")
	}
	ctx, cancel := context.WithCancel(r.ctx)
	n := 0
	err := r.se.RestoreAt(ctx, "bkt", "", store.RestoreInput{At: m}, func(store.RestoreStep) error {
		if n++; n == 300 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n < 300 || n >= 1000 {
		t.Fatalf("cut short after %d steps: %v", n, err)
	}
	acts, err := r.restoreAt("", store.RestoreInput{At: m})
	r.ok(err)
	if want := (keys+2)/3 + (keys+1)/3 + keys - n; len(acts) != want {
		t.Errorf("%d steps before and %d after, want %d", n, len(acts), want)
	}
	for i := range keys {
		if got := r.get("bkt", name(i), ""); got != "one" {
			t.Fatalf("%q is %q", name(i), got)
		}
	}
	p, err := r.se.List(r.ctx, "bkt", store.ListInput{Prefix: "new"})
	if err != nil || len(p.Objects) > 0 {
		t.Fatalf("%d new keys are left, %v", len(p.Objects), err)
	}
}
