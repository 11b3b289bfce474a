package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pail/integration/trial"
	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

const pastBucket = "past"

// A setClock is a clock that a test sets.
type setClock struct{ ns atomic.Int64 }

func newClock() *setClock {
	c := &setClock{}
	c.ns.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *setClock) now() time.Time        { return time.Unix(0, c.ns.Load()).UTC() }
func (c *setClock) move(by time.Duration) { c.ns.Add(int64(by)) }

// TestPast runs random operations, while the clock jumps, and demands of every past
// moment what was seen then, as far as it is still kept.
func TestPast(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled, versioning.Suspended} {
		for _, moving := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v moving %v", state, moving), func(t *testing.T) {
				steps := 160
				if trial.Soak() {
					steps = 4000
				}
				newPastRun(t, state, moving).run(steps)
			})
		}
	}
}

// A sight is what a bucket showed once an operation had been done.
type sight struct {
	time time.Time
	keys map[string]uint64   // live keys and the commits of their versions
	dirs map[string]struct{} // directories, the root included
}

type pastRun struct {
	*rig
	rng    *rand.Rand
	clock  *setClock
	sights []sight
	log    []string
	always bool // every operation was done with history
}

func newPastRun(t *testing.T, state versioning.State, moving bool) *pastRun {
	clock := newClock()
	o := store.Options{InlineMax: 64, Now: clock.now}
	if moving {
		store.MoveSlowly(&o, 20*time.Millisecond, 3)
	}
	r := &pastRun{rng: seeded(t), clock: clock, rig: newRig(t, o), always: state == versioning.Enabled}
	r.bucket(pastBucket, state)
	return r
}

func (r *pastRun) run(steps int) {
	defer func() {
		if r.Failed() {
			r.Logf("the last of %d operations:\n%s", len(r.log), strings.Join(r.log[max(0, len(r.log)-40):], "\n"))
		}
	}()
	ops := []func(){
		r.put, r.put, r.put, r.put, r.save, r.save, r.mkdir, r.mkdir, r.unlink, r.unlink, r.remove, r.remove,
		r.renameFile, r.renameFile, r.renameDir, r.renameDir, r.renameDir, r.exchange, r.exchange, r.exchange, r.rmdir, r.forget, r.restore,
	}
	for i := range steps {
		switch r.rng.IntN(40) {
		case 0:
			r.clock.move(-time.Hour)
		case 1:
			r.clock.move(24 * time.Hour)
		default:
			r.clock.move(time.Duration(1+r.rng.IntN(100_000)) * time.Millisecond)
		}
		ops[r.rng.IntN(len(ops))]()
		// What failed made no commit; this one there is for certain.
		r.ok(r.se.SetBucketTags(r.ctx, pastBucket, map[string]string{"step": fmt.Sprint(i)}))
		r.look()
		for range 3 {
			r.judge(r.rng.IntN(len(r.sights)))
		}
		if i%100 == 99 {
			r.reopen()
			r.checkKeys()
		}
	}
	r.clock.move(400 * 24 * time.Hour)
	for i := range r.sights {
		r.judge(i)
	}
	r.checkKeys()
	found, err := r.s.Fsck(r.ctx, nil)
	r.ok(err)
	if len(found) > 0 {
		r.Fatalf("fsck: %v", found)
	}
}

func (r *pastRun) note(format string, args ...any) {
	r.log = append(r.log, r.clock.now().Format(time.DateTime)+" "+fmt.Sprintf(format, args...))
}

// look notes what the bucket shows now.
func (r *pastRun) look() {
	s := sight{time: r.clock.now(), keys: map[string]uint64{}, dirs: map[string]struct{}{}}
	p, err := r.se.List(r.ctx, pastBucket, store.ListInput{})
	r.ok(err)
	for _, o := range p.Objects {
		s.keys[o.Key] = o.Seq
	}
	var walk func(dir string)
	walk = func(dir string) {
		s.dirs[dir] = struct{}{}
		for _, e := range r.names(pastBucket, dir, 7) {
			if e.Dir != nil {
				walk(e.Dir.Key)
			}
		}
	}
	walk("")
	r.sights = append(r.sights, s)
}

// kept are the versions that are still there.
func (r *pastRun) kept() map[string]map[uint64]bool {
	out := map[string]map[uint64]bool{}
	in := store.ListVersionsInput{Limit: 17}
	for {
		p, err := r.se.ListVersions(r.ctx, pastBucket, in)
		r.ok(err)
		for _, o := range p.Versions {
			if out[o.Key] == nil {
				out[o.Key] = map[uint64]bool{}
			}
			out[o.Key][o.Seq] = true
		}
		if !p.Truncated {
			return out
		}
		in.KeyMarker, in.VersionMarker = p.NextKey, p.NextVersion
	}
}

// judge compares a moment of the past with what was seen then.
func (r *pastRun) judge(i int) {
	r.Helper()
	at := r.sights[i].time
	if at.After(r.clock.now()) {
		return // it lies in the future for now
	}
	// The clock may have passed that time more than once; the last time counts.
	for j := len(r.sights) - 1; j > i; j-- {
		if !r.sights[j].time.After(at) {
			i = j
			break
		}
	}
	m, err := r.se.Moment(r.ctx, pastBucket, at.Format(time.RFC3339Nano))
	r.ok(err)
	kept := r.kept()
	want, wantDirs := map[string]uint64{}, maps.Clone(r.sights[i].dirs)
	for key, seq := range r.sights[i].keys {
		if kept[key][seq] {
			want[key] = seq
		}
	}
	keys, dirs := r.walkAt(m)
	if !r.always {
		// Directories that nobody kept the history of may be missing.
		maps.DeleteFunc(wantDirs, func(dir string, _ struct{}) bool { _, ok := dirs[dir]; return !ok })
	}
	if !maps.Equal(keys, want) || !maps.Equal(dirs, wantDirs) {
		r.Fatalf("at %s, commit %d, after operation %d:\n%v %v, want\n%v %v", at, m.Seq, i,
			keys, slices.Sorted(maps.Keys(dirs)), want, slices.Sorted(maps.Keys(wantDirs)))
	}
	for key, seq := range want {
		r.openAt(m, key, seq)
	}
	r.listAt(m, want)
}

// listAt compares a listing as of a moment, flat or by directories, with what there was.
func (r *pastRun) listAt(m store.Moment, want map[string]uint64) {
	r.Helper()
	in := store.ListInput{Prefix: []string{"", "a", "a/", "d/"}[r.rng.IntN(4)], Delimiter: []string{"", "/"}[r.rng.IntN(2)], Limit: 1 + r.rng.IntN(5)}
	keys, groups := map[string]uint64{}, map[string]bool{}
	for key, seq := range want {
		rest, below := strings.CutPrefix(key, in.Prefix)
		name, _, deeper := strings.Cut(rest, "/")
		switch {
		case below && deeper && in.Delimiter != "":
			groups[in.Prefix+name+"/"] = true
		case below:
			keys[key] = seq
		}
	}
	got, gotGroups, last := map[string]uint64{}, map[string]bool{}, ""
	for {
		p, err := r.se.ListAt(r.ctx, pastBucket, m, in)
		r.ok(err)
		for _, o := range p.Objects {
			got[o.Key] = o.Seq
		}
		for _, g := range p.Prefixes {
			if gotGroups[g] {
				r.Fatalf("%q is listed twice", g)
			}
			gotGroups[g] = true
		}
		if n := len(p.Objects) + len(p.Prefixes); n > in.Limit || p.Truncated && (n < in.Limit || p.Next <= last) {
			r.Fatalf("a page of %+v has %d entries up to %q", in, n, p.Next)
		}
		if in.StartAfter, last = p.Next, p.Next; !p.Truncated {
			break
		}
	}
	if !maps.Equal(got, keys) || !maps.Equal(gotGroups, groups) {
		r.Fatalf("%+v at %d: %v %v, want %v %v", in, m.Seq, got, gotGroups, keys, groups)
	}
}

// walkAt lists everything as of a moment.
func (r *pastRun) walkAt(m store.Moment) (keys map[string]uint64, dirs map[string]struct{}) {
	r.Helper()
	keys, dirs = map[string]uint64{}, map[string]struct{}{}
	var walk func(dir string)
	walk = func(dir string) {
		dirs[dir] = struct{}{}
		if d, err := r.se.StatDirAt(r.ctx, pastBucket, dir, m); err != nil || d.Attr.Mtime.After(m.Last) || m.Last.Sub(m.Time) > time.Millisecond {
			r.Fatalf("directory %q: %+v, %v", dir, d, err)
		}
		in := store.PastInput{Begin: true, Limit: 1 + r.rng.IntN(5)}
		for {
			es, more, err := r.se.ReadDirAt(r.ctx, pastBucket, dir, m, in)
			r.ok(err)
			for _, e := range es {
				r.sameAt(dir, e, m)
				if e.Dir != nil {
					walk(e.Dir.Key)
				} else {
					keys[e.Object.Key] = e.Object.Seq
				}
				in = store.PastInput{After: e.Name, AfterDir: e.Dir != nil, Limit: in.Limit}
			}
			if !more {
				return
			}
		}
	}
	walk("")
	return keys, dirs
}

// sameAt demands that looking a name up agrees with listing it.
func (r *pastRun) sameAt(dir string, e store.PastEntry, m store.Moment) {
	r.Helper()
	got, err := r.se.LookupAt(r.ctx, pastBucket, dir, e.Name, m)
	r.ok(err)
	if e.Dir != nil && (got.Dir == nil || got.Dir.Ino != e.Dir.Ino) ||
		e.Object != nil && (got.Object == nil || got.Object.Seq != e.Object.Seq || e.Name != "" && e.Shadowed != (got.Dir != nil)) {
		r.Fatalf("%q in %q is listed as %+v and looked up as %+v", e.Name, dir, e, got)
	}
}

func (r *pastRun) openAt(m store.Moment, key string, seq uint64) {
	r.Helper()
	f, err := r.se.OpenAt(r.ctx, pastBucket, key, m)
	r.ok(err)
	defer func() { r.ok(f.Close(r.ctx)) }()
	o := f.Object()
	if got := r.content(f); o.Seq != seq || got != r.get(pastBucket, key, o.VersionID) {
		r.Fatalf("%q holds %q of commit %d, want %d", key, got, o.Seq, seq)
	}
}

// checkKeys compares the listings of history with each other.
func (r *pastRun) checkKeys() {
	r.Helper()
	for key, seqs := range r.kept() {
		newest, err := r.se.Versions(r.ctx, pastBucket, key)
		r.ok(err)
		var oldest []store.Object
		for in := (store.KeyHistoryInput{OldestFirst: true, Limit: 2}); ; {
			vs, more, err := r.se.KeyHistory(r.ctx, pastBucket, key, in)
			r.ok(err)
			oldest = append(oldest, vs...)
			if !more {
				break
			}
			in.Behind = vs[len(vs)-1].Seq
		}
		if len(newest) != len(seqs) || len(oldest) != len(seqs) {
			r.Fatalf("%q has %d versions, listed as %d and %d", key, len(seqs), len(newest), len(oldest))
		}
		for i, o := range newest {
			back := oldest[len(oldest)-1-i]
			if o.Seq != back.Seq || !seqs[o.Seq] || o.Latest != back.Latest || o.Latest != (i == 0) {
				r.Fatalf("%q: version %d is %+v and from behind %+v", key, i, o, back)
			}
			by, err := r.se.Head(r.ctx, pastBucket, key, o.VersionID)
			if err != nil || by.Seq != o.Seq {
				r.Fatalf("%q: version %s is %+v, %v", key, o.VersionID, by, err)
			}
		}
	}
	r.checkNames()
}

// checkNames demands that every key with history is found by going down the names.
func (r *pastRun) checkNames() {
	r.Helper()
	kept, found := r.kept(), map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		seen := map[string]bool{}
		for in := (store.PastInput{Begin: true, Limit: 3}); ; {
			ns, more, err := r.se.ReadHistory(r.ctx, pastBucket, dir, in)
			r.ok(err)
			for _, n := range ns {
				if seen[n.Name] {
					r.Fatalf("%q is listed twice in %q", n.Name, dir)
				}
				seen[n.Name] = true
				got, err := r.se.LookupHistory(r.ctx, pastBucket, dir, n.Name)
				r.ok(err)
				if got.Key != (len(kept[dir+n.Name]) > 0) || n.Key != got.Key && n.Name != "" {
					r.Fatalf("%q in %q is %+v, listed as %+v", n.Name, dir, got, n)
				}
				if got.Key {
					found[dir+n.Name] = true
				}
				if got.Dir {
					found[dir+n.Name+"/"] = true // if it has history; its name is not listed in itself
					walk(dir + n.Name + "/")
				}
				in = store.PastInput{After: n.Name, AfterDir: n.Dir, Limit: 3}
			}
			if !more {
				return
			}
		}
	}
	walk("")
	for key := range kept {
		if !found[key] {
			r.Fatalf("the history of %q is not found", key)
		}
	}
}

// A key of few, so that they meet.
func (r *pastRun) anyKey() string {
	return r.anyDir() + []string{"a", "b", "a-", "c"}[r.rng.IntN(4)]
}

func (r *pastRun) anyDir() string {
	dir := ""
	for range r.rng.IntN(3) {
		dir += []string{"a/", "b/", "a-/", "d/"}[r.rng.IntN(4)]
	}
	return dir
}

func (r *pastRun) body() string {
	return strings.Repeat("x", r.rng.IntN(3)*40) + fmt.Sprint(r.rng.Uint64())
}

// tried demands that an operation failed, if it did, for a reason that it may have.
func (r *pastRun) tried(err error) {
	r.Helper()
	switch fault.KindOf(err) {
	case fault.None, fault.NoSuchKey, fault.Exists, fault.NotEmpty, fault.IsDirectory, fault.NotDirectory,
		fault.SubdirOfItself, fault.NoSuchVersion, fault.MethodNotAllowed:
		return
	}
	r.Fatal(err)
}

func (r *pastRun) put() {
	key := r.anyKey()
	if r.rng.IntN(6) == 0 {
		key = r.anyDir() + "a/" // the own key of a directory, with content
	}
	r.note("put %q", key)
	_, err := r.se.Put(r.ctx, pastBucket, key, input(r.body()))
	r.tried(err)
}

func (r *pastRun) save() {
	key := r.anyKey()
	r.note("save %q", key)
	f, err := r.se.OpenFile(r.ctx, pastBucket, key, store.OpenFlags{Write: true, Create: true, Truncate: true})
	if r.tried(err); err != nil {
		return
	}
	r.write(f, 0, r.body())
	r.ok(f.Close(r.ctx))
}

func (r *pastRun) mkdir() {
	dir := r.anyDir() + "d/"
	r.note("mkdir %q", dir)
	_, err := r.se.Mkdir(r.ctx, pastBucket, dir, store.Attr{})
	r.tried(err)
}

func (r *pastRun) rmdir() {
	dir := r.anyDir() + "d/"
	r.note("rmdir %q", dir)
	r.tried(r.se.Rmdir(r.ctx, pastBucket, dir))
}

func (r *pastRun) unlink() {
	key := r.anyKey()
	r.note("unlink %q", key)
	r.tried(r.se.Unlink(r.ctx, pastBucket, key))
}

func (r *pastRun) remove() {
	key := r.anyKey()
	r.note("delete %q", key)
	_, err := r.se.Delete(r.ctx, pastBucket, key, store.DeleteOptions{})
	r.tried(err)
}

func (r *pastRun) renameFile() {
	from, to := r.anyKey(), r.anyKey()
	r.note("rename %q to %q", from, to)
	r.tried(r.se.Rename(r.ctx, store.Path{Bucket: pastBucket, Key: from}, store.Path{Bucket: pastBucket, Key: to}, store.RenameFlags{}))
}

func (r *pastRun) renameDir() {
	from, to := r.anyDir()+"a/", r.anyDir()+"d/"
	if r.rng.IntN(2) == 0 {
		from, to = to, from
	}
	r.note("rename %q to %q", from, to)
	r.tried(r.se.Rename(r.ctx, store.Path{Bucket: pastBucket, Key: from}, store.Path{Bucket: pastBucket, Key: to}, store.RenameFlags{}))
}

func (r *pastRun) exchange() {
	from, to := r.anyKey(), r.anyKey()
	switch r.rng.IntN(4) { // or two directories, or one
	case 0, 1:
		from, to = r.anyDir()+"a/", r.anyDir()+"d/"
	case 2:
		from = r.anyDir() + "a/"
	}
	r.note("exchange %q and %q", from, to)
	r.tried(r.se.Rename(r.ctx, store.Path{Bucket: pastBucket, Key: from}, store.Path{Bucket: pastBucket, Key: to}, store.RenameFlags{Exchange: true}))
}

// anyVersion is a version of some key.
func (r *pastRun) anyVersion() (o store.Object, ok bool) {
	p, err := r.se.ListVersions(r.ctx, pastBucket, store.ListVersionsInput{})
	r.ok(err)
	if len(p.Versions) == 0 {
		return store.Object{}, false
	}
	return p.Versions[r.rng.IntN(len(p.Versions))], true
}

// forget removes a version for good.
func (r *pastRun) forget() {
	o, ok := r.anyVersion()
	if !ok {
		return
	}
	r.note("remove version %d of %q for good", o.Number, o.Key)
	_, err := r.se.Delete(r.ctx, pastBucket, o.Key, store.DeleteOptions{Version: o.VersionID})
	r.ok(err)
}

func (r *pastRun) restore() {
	o, ok := r.anyVersion()
	if !ok {
		return
	}
	r.note("restore version %d of %q", o.Number, o.Key)
	_, err := r.se.Restore(r.ctx, pastBucket, o.Key, o.VersionID)
	r.tried(err)
}
