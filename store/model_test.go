package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

const modelBucket = "model"

// TestModel runs random operations on a store and on the reference and compares what
// they touched after each, and everything now and then.
func TestModel(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled, versioning.Suspended} {
		t.Run(state.String(), func(t *testing.T) {
			steps := 1500
			if testing.Short() {
				steps = 500
			}
			o := store.Options{InlineMax: 64}
			store.CompactEagerly(&o)
			newModelRun(t, state, o).run(steps)
		})
	}
}

// TestModelWhileMoving is TestModel with every directory renamed by a move that stays
// on its way for a while, and every list of extents written ahead.
func TestModelWhileMoving(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled, versioning.Suspended} {
		t.Run(state.String(), func(t *testing.T) {
			steps := 800
			if testing.Short() {
				steps = 300
			}
			o := store.Options{InlineMax: 64}
			store.MoveSlowly(&o, 30*time.Millisecond, 3)
			store.ListsAhead(&o, 1)
			r := newModelRun(t, state, o)
			r.run(steps)
		})
	}
}

// A modelRun is one run of random operations.
type modelRun struct {
	*rig
	rng     *rand.Rand
	m       *reference
	handles []*refHandle
	log     []string
}

// A refHandle is an open handle and what it should be.
type refHandle struct {
	f      *store.File
	n      *refInode
	past   *refVersion // instead of n
	write  bool
	maker  bool
	append bool
}

func newModelRun(t *testing.T, state versioning.State, o store.Options) *modelRun {
	r := &modelRun{rng: seeded(t), m: newReference(state), rig: newRig(t, o)}
	r.bucket(modelBucket, state)
	return r
}

func (r *modelRun) run(steps int) {
	defer func() {
		if r.Failed() {
			r.Logf("the last of %d operations:\n%s", len(r.log), strings.Join(r.log[max(0, len(r.log)-25):], "\n"))
		}
	}()
	var bag []func()
	for _, op := range []struct {
		weight int
		fn     func()
	}{
		{14, r.opPut}, {6, r.opPutIf}, {4, r.opRead}, {8, r.opDelete}, {6, r.opDeleteVersion},
		{4, r.opCopy}, {4, r.opRestore}, {3, r.opTags}, {12, r.opLabel}, {3, r.opMode}, {6, r.opList}, {3, r.opListVersions},
		{6, r.opMkdir}, {5, r.opRmdir}, {8, r.opUnlink}, {8, r.opRenameFile}, {8, r.opRenameDir}, {8, r.opExchange},
		{4, r.opReadDir}, {20, r.opOpen}, {20, r.opWrite}, {6, r.opTruncate}, {3, r.opPunch}, {4, r.opSync},
		{8, r.opFlush}, {16, r.opClose}, {2, r.opVersioning}, {1, r.opReopen}, {3, r.opCompact},
	} {
		for range op.weight {
			bag = append(bag, op.fn)
		}
	}
	for i := range steps {
		bag[r.rng.IntN(len(bag))]()
		if i%50 == 49 {
			r.checkAll()
		}
	}
	for len(r.handles) > 0 {
		r.closeHandle(0)
	}
	r.checkAll()
	r.reopen()
	r.checkAll()
	problems, err := r.s.Check(r.ctx, store.FsckOptions{Deep: true})
	r.ok(err)
	if len(problems) > 0 {
		r.Fatalf("fsck: %v", problems)
	}
}

func (r *modelRun) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

// want demands an error of a kind after an operation.
func (r *modelRun) want(err error, want fault.Kind) {
	r.Helper()
	r.kind(err, want)
}

var segments = []string{"a", "b", "a.", "a-", "a+", "a0", "", "é", "\x00", "\U0010ffff", ".", "..", "B"}

// key picks a key: often one that is or was there.
func (r *modelRun) key() string {
	if r.rng.IntN(3) > 0 && len(r.m.keys) > 0 {
		keys := slices.Sorted(maps.Keys(r.m.keys))
		return keys[r.rng.IntN(len(keys))]
	}
	key := ""
	if r.rng.IntN(2) > 0 {
		key = r.dir()
	}
	for range r.rng.IntN(2) {
		key += segments[r.rng.IntN(len(segments))] + "/"
	}
	if key += segments[r.rng.IntN(len(segments))]; key == "" {
		return "a"
	}
	return key
}

// file picks a key that a mount's file can have here: not a directory's own.
func (r *modelRun) fileKey() string {
	for {
		key := r.key()
		if len(r.m.claims) > 0 && r.rng.IntN(6) == 0 {
			keys := slices.Sorted(maps.Keys(r.m.claims))
			key = keys[r.rng.IntN(len(keys))]
		}
		// An exchange may leave a new file where a directory has its own key: that names the
		// directory.
		if !strings.HasSuffix(key, "/") {
			return key
		}
	}
}

// dir picks a directory that exists.
func (r *modelRun) dir() string {
	dirs := slices.Sorted(maps.Keys(r.m.dirs))
	return dirs[r.rng.IntN(len(dirs))]
}

// newDir picks a directory that may not exist.
func (r *modelRun) newDir() string {
	if r.rng.IntN(3) == 0 {
		return r.dir()
	}
	return r.dir() + segments[r.rng.IntN(len(segments))] + "/"
}

// version picks a way to name a version of a key.
func (r *modelRun) version(key string) string {
	list := r.m.versions(key)
	switch n := r.rng.IntN(8); {
	case n < 4 && len(list) > 0:
		return list[r.rng.IntN(len(list))].id
	case n < 6 && r.m.keys[key] != nil:
		return fmt.Sprint(1 + r.rng.Uint64N(r.m.keys[key].last+1))
	case n == 6:
		return store.NullVersion
	}
	return versioning.ID{Seq: 1 << 60, Random: 5}.String()
}

var fillers = []string{"x", "yz", "0123456789", "é"}

func (r *modelRun) body() string {
	n := r.rng.IntN(40)
	switch r.rng.IntN(4) {
	case 0:
		n = 60 + r.rng.IntN(10)
	case 1:
		n = r.rng.IntN(4000)
	}
	return strings.Repeat(fillers[r.rng.IntN(len(fillers))], n+1)[:n]
}

func (r *modelRun) pairs() map[string]string {
	if r.rng.IntN(3) > 0 {
		return nil
	}
	return map[string]string{"k": fmt.Sprint(r.rng.IntN(10))}
}

func (r *modelRun) opPut() { r.putIf(r.key(), store.Conditions{}) }

func (r *modelRun) opPutIf() {
	key := r.key()
	if r.rng.IntN(2) == 0 {
		key = r.fileKey()
	}
	c := store.Conditions{}
	etag := emptyETag
	if v := r.m.head(key); v != nil && v.etag != "" && r.rng.IntN(2) == 0 {
		etag = v.etag
	}
	switch r.rng.IntN(4) {
	case 0:
		c.IfNoneMatch = "*"
	case 1:
		c.IfMatch = "*"
	case 2:
		c.IfMatch = etag
	default:
		c.IfNoneMatch = etag
	}
	r.putIf(key, c)
}

func (r *modelRun) putIf(key string, c store.Conditions) {
	in := input(r.body())
	body := make([]byte, in.Size)
	_, _ = in.Body.Read(body)
	in = input(string(body))
	in.Metadata, in.Tags, in.Conditions = r.pairs(), r.pairs(), c
	r.note("put %q %d bytes if %+v", key, len(body), c)
	want := r.m.conditions(key, c)
	o, err := r.se.Put(r.ctx, modelBucket, key, in)
	r.want(err, want)
	if want == fault.None {
		v := &refVersion{body: string(body), meta: in.Metadata, tags: in.Tags, mode: 0o644}
		r.m.push(key, v, false)
		v.ino, v.etag = o.Ino, o.ETag
		r.m.overtake(key)
		r.learn(v, o)
	}
	r.check(key)
}

// learn keeps what the store chose for a version, which it said when it made it.
func (r *modelRun) learn(v *refVersion, o store.Object) {
	r.Helper()
	if v.null != (o.VersionID == store.NullVersion) || v.number != o.Number {
		r.Fatalf("made version %q number %d, want null=%v number %d", o.VersionID, o.Number, v.null, v.number)
	}
	v.id, v.ino, v.etag = o.VersionID, o.Ino, o.ETag
}

func (r *modelRun) opRead() {
	key := r.key()
	ref := r.version(key)
	r.note("read %q version %q", key, ref)
	v, want := r.m.find(key, ref)
	o, err := r.se.Head(r.ctx, modelBucket, key, ref)
	r.want(err, want)
	if want == fault.None {
		r.same(key, v, o, v == r.m.versions(key)[0])
	}
	if v != nil && v.marker {
		want = fault.MethodNotAllowed
	}
	body, err := r.read(modelBucket, key, ref)
	r.want(err, want)
	if want == fault.None && body != v.body {
		r.Fatalf("%q version %q has other bytes", key, ref)
	}
}

func (r *modelRun) opDelete() {
	key := r.key()
	c := store.Conditions{}
	if r.rng.IntN(5) == 0 {
		c.IfMatch = "*"
	}
	r.note("delete %q if %+v", key, c)
	want := r.m.conditions(key, c)
	res, err := r.se.Delete(r.ctx, modelBucket, key, store.DeleteOptions{Conditions: c})
	r.want(err, want)
	if want == fault.None {
		r.m.remove(key, false)
		if res.DeleteMarker != (r.m.state != versioning.Unversioned) {
			r.Fatalf("delete answers %+v", res)
		}
		if res.DeleteMarker {
			r.m.versions(key)[0].id = res.VersionID
		}
	}
	r.check(key)
}

func (r *modelRun) opDeleteVersion() {
	key := r.key()
	ref := r.version(key)
	if ref == "" {
		return // an id that was not seen yet
	}
	r.note("delete %q version %q", key, ref)
	v, _ := r.m.find(key, ref)
	res, err := r.se.Delete(r.ctx, modelBucket, key, store.DeleteOptions{Version: ref})
	r.want(err, fault.None)
	if v != nil {
		r.m.removeVersion(key, v)
		if res.DeleteMarker != v.marker || v.id != "" && res.VersionID != v.id {
			r.Fatalf("deleting %q answers %+v, want %+v", ref, res, v)
		}
	}
	r.check(key)
}

func (r *modelRun) opCopy() {
	from, to := r.key(), r.key()
	ref := ""
	if r.rng.IntN(2) == 0 {
		ref = r.version(from)
	}
	in := store.CopyInput{}
	if r.rng.IntN(3) == 0 {
		in.ReplaceMetadata, in.Metadata = true, r.pairs()
	}
	if r.rng.IntN(4) == 0 {
		in.ReplaceTags, in.Tags = true, r.pairs()
	}
	if r.rng.IntN(4) == 0 {
		in.Conditions.IfNoneMatch = "*"
	}
	r.note("copy %q version %q to %q %+v", from, ref, to, in)
	v, want := r.m.find(from, ref)
	switch {
	case want == fault.None && (v.marker || from == to && ref == "" && !in.ReplaceMetadata):
		want = fault.InvalidRequest
	case want == fault.None:
		want = r.m.conditions(to, in.Conditions)
	}
	o, err := r.se.Copy(r.ctx, store.Source{Bucket: modelBucket, Key: from, Version: ref}, modelBucket, to, in)
	r.want(err, want)
	if want == fault.None {
		n := v.copyOf()
		if in.ReplaceMetadata {
			n.meta = in.Metadata
		}
		if in.ReplaceTags {
			n.tags = in.Tags
		}
		r.m.push(to, n, false)
		r.m.overtake(to)
		r.learn(n, o)
	}
	r.check(from, to)
}

func (r *modelRun) opRestore() {
	key := r.key()
	ref := r.version(key)
	r.note("restore %q version %q", key, ref)
	v, want := r.m.find(key, ref)
	if v != nil && v.marker {
		want = fault.MethodNotAllowed
	}
	o, err := r.se.Restore(r.ctx, modelBucket, key, ref)
	r.want(err, want)
	if want == fault.None && v != r.m.head(key) {
		n := v.copyOf()
		n.mode, n.xattrs = v.mode, v.xattrs
		r.m.push(key, n, false)
		r.m.overtake(key)
		r.learn(n, o)
	}
	r.check(key)
}

func (r *modelRun) opTags() {
	key := r.key()
	ref := r.version(key)
	if r.rng.IntN(2) == 0 {
		ref = ""
	}
	tags := r.pairs()
	r.note("tag %q version %q %v", key, ref, tags)
	v, want := r.m.find(key, ref)
	if v != nil && v.marker {
		want = fault.MethodNotAllowed
	}
	r.want(r.se.SetTags(r.ctx, modelBucket, key, ref, tags), want)
	if want == fault.None {
		v.tags = tags
		if n := r.m.opened(v.ino); n != nil && n.base != nil && n.base.number == v.number && n.key == key {
			n.base.tags = tags // should the object go, the file keeps them
		}
	}
	r.check(key)
}

func (r *modelRun) opMode() {
	key, mode := r.fileKey(), uint32(r.rng.IntN(0o1000))
	r.note("chmod %q %o", key, mode)
	n, head := r.m.claims[key], r.m.head(key)
	if n == nil && head != nil {
		n = r.m.opened(head.ino)
	}
	want := fault.None
	if n == nil && head == nil {
		want = fault.NoSuchKey
	}
	_, err := r.se.SetAttr(r.ctx, modelBucket, key, store.AttrChange{Mode: &mode})
	r.want(err, want)
	if n != nil {
		n.mode = mode
		if head = r.m.head(n.key); head != nil && (!n.linked || head.ino != n.ino) {
			head = nil
		}
	}
	if head != nil {
		head.mode = mode
	}
	r.check(key)
}

func (r *modelRun) opMkdir() {
	dir := r.newDir()
	if dir == "" {
		return
	}
	r.note("mkdir %q", dir)
	d, err := r.se.Mkdir(r.ctx, modelBucket, dir, store.Attr{Mode: 0o700})
	want := r.m.mkdir(dir)
	r.want(err, want)
	if want == fault.None {
		r.m.dirs[dir].ino = d.Ino
	}
	r.check(dir)
}

func (r *modelRun) opRmdir() {
	dir := r.newDir()
	r.note("rmdir %q", dir)
	err := r.se.Rmdir(r.ctx, modelBucket, dir)
	r.want(err, r.m.rmdir(dir))
	if dir != "" {
		r.check(dir, parentOf(dir))
	}
}

func (r *modelRun) opUnlink() {
	key := r.fileKey()
	r.note("unlink %q", key)
	err := r.se.Unlink(r.ctx, modelBucket, key)
	r.want(err, r.m.unlink(key))
	r.check(key)
}

func (r *modelRun) opRenameFile() {
	from, to := r.fileKey(), r.fileKey()
	if r.rng.IntN(2) == 0 {
		to = r.dir() + "f" + fmt.Sprint(r.rng.IntN(5))
	}
	noReplace := r.rng.IntN(4) == 0
	r.note("rename %q to %q, noreplace %v", from, to, noReplace)
	err := r.rename(from, to, store.RenameFlags{NoReplace: noReplace})
	r.want(err, r.m.renameFile(from, to, noReplace))
	r.check(from, to)
}

func (r *modelRun) rename(from, to string, flags store.RenameFlags) error {
	return r.se.Rename(r.ctx, store.Path{Bucket: modelBucket, Key: from}, store.Path{Bucket: modelBucket, Key: to}, flags)
}

func (r *modelRun) exchange(a, b string) error {
	return r.rename(a, b, store.RenameFlags{Exchange: true})
}

func (r *modelRun) opRenameDir() {
	from, to := r.newDir(), r.newDir()
	noReplace := r.rng.IntN(4) == 0
	r.note("rename directory %q to %q, noreplace %v", from, to, noReplace)
	below := r.below(from, to)
	err := r.rename(from, to, store.RenameFlags{NoReplace: noReplace})
	r.want(err, r.m.renameDir(from, to, noReplace))
	r.check(slices.DeleteFunc(append(below, from, to), func(s string) bool { return s == "" })...)
}

func (r *modelRun) opVersioning() {
	state := versioning.State(r.rng.IntN(3))
	r.note("versioning %v", state)
	want := fault.None
	if r.m.state.Change(state) != nil {
		want = fault.IllegalVersioning
	} else if state != versioning.Unversioned && r.m.state == versioning.Unversioned && r.rng.IntN(4) > 0 {
		return // let a bucket be unversioned for a while
	}
	r.want(r.se.SetVersioning(r.ctx, modelBucket, state), want)
	if want == fault.None {
		r.m.state = state
		r.m.ever = r.m.ever || state != versioning.Unversioned
	}
}

// opCompact moves bytes about, and changes nothing for anybody.
func (r *modelRun) opCompact() {
	r.note("compact")
	r.ok(r.s.Compact(r.ctx))
}

// opReopen closes the store with files open and opens it again.
func (r *modelRun) opReopen() {
	names := map[string]bool{}
	for _, n := range r.m.open {
		if n.linked && n.draft && names[n.key] {
			// Two files would publish under one name, in no certain order.
			for len(r.handles) > 0 {
				r.closeHandle(0)
			}
			break
		}
		names[n.key] = n.linked && n.draft || names[n.key]
	}
	r.note("reopen with %d files open", len(r.m.open))
	for _, n := range r.m.open {
		r.m.publish(n, false)
	}
	r.m.open, r.handles = nil, nil
	r.m.claims = map[string]*refInode{}
	r.reopen()
	r.checkAll()
}
