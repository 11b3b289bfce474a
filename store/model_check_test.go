package store_test

import (
	"crypto/md5"
	"encoding/hex"
	"maps"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/fault"
)

// Comparisons of the store with the reference.

// check compares keys, the directories above them and their names there.
func (r *modelRun) check(keys ...string) {
	r.Helper()
	for _, key := range keys {
		r.checkHead(key)
		r.checkVersions(key)
		for dir := dirOf(key); ; dir = parentOf(dir) {
			r.checkDir(dir)
			if dir == "" {
				break
			}
		}
		r.checkName(key)
	}
}

func (r *modelRun) checkHead(key string) {
	r.Helper()
	v, want := r.m.find(key, "")
	o, err := r.se.Head(r.ctx, modelBucket, key, "")
	if fault.KindOf(err) != want {
		r.Fatalf("head %q: %v, want %v", key, err, want)
	}
	if want == fault.None {
		r.same(key, v, o, true)
		if body, err := r.read(modelBucket, key, ""); err != nil || body != v.body {
			r.Fatalf("%q has %d bytes, want %d, or others; %v", key, len(body), len(v.body), err)
		}
	}
	p, err := r.se.List(r.ctx, modelBucket, store.ListInput{Prefix: key, Limit: 1})
	r.ok(err)
	if listed := len(p.Objects) > 0 && p.Objects[0].Key == key; listed != (want == fault.None) {
		r.Fatalf("%q: listed %v, want %v", key, listed, want)
	}
}

// same compares a version with what the store says of it, and learns what only the
// store can choose.
func (r *modelRun) same(key string, v *refVersion, o store.Object, latest bool) {
	r.Helper()
	mode := uint32(unix.S_IFREG) | v.mode
	if v.marker {
		mode = 0
	}
	if v.id == "" && o.VersionID != store.NullVersion {
		v.id = o.VersionID
	}
	if v.ino == 0 && !v.marker {
		v.ino = o.Ino
	}
	if v.etag == "" {
		v.etag = o.ETag
	}
	got := []any{o.Key, o.VersionID, o.Number, o.DeleteMarker, o.Latest, o.Size, o.Ino, o.ETag, o.Attr.Mode}
	want := []any{key, v.id, v.number, v.marker, latest, int64(len(v.body)), v.ino, v.etag, mode}
	if !slices.Equal(got, want) || !maps.Equal(o.Tags, v.tags) || !maps.Equal(o.Metadata, v.meta) {
		r.Fatalf("version of %q is\n%v %v %v, want\n%v %v %v", key, got, o.Tags, o.Metadata, want, v.tags, v.meta)
	}
	if !v.marker && !strings.HasSuffix(o.ETag, "-1") {
		if sum := md5.Sum([]byte(v.body)); hex.EncodeToString(sum[:]) != o.ETag {
			r.Fatalf("ETag of %q is %s, not the MD5", key, o.ETag)
		}
	}
}

func (r *modelRun) checkVersions(key string) {
	r.Helper()
	list := r.m.versions(key)
	vs, err := r.se.Versions(r.ctx, modelBucket, key)
	if len(list) == 0 {
		r.kind(err, fault.NoSuchKey)
		return
	}
	r.ok(err)
	if len(vs) != len(list) {
		r.Fatalf("%q has %d versions, want %d", key, len(vs), len(list))
	}
	for i, v := range list {
		r.same(key, v, vs[i], i == 0)
		if i > 0 && (vs[i].Modified.After(vs[i-1].Modified) || vs[i].Seq >= vs[i-1].Seq) {
			r.Fatalf("versions %d and %d of %q are not in order", i-1, i, key)
		}
		if v.marker {
			continue
		}
		r.sameLabels(store.Node{Bucket: modelBucket, Key: key, Version: v.id}, v.labels())
		if body, err := r.read(modelBucket, key, v.id); err != nil || body != v.body {
			r.Fatalf("%q version %s has other bytes: %v", key, v.id, err)
		}
	}
}

func (r *modelRun) checkDir(dir string) {
	r.Helper()
	d, err := r.se.StatDir(r.ctx, modelBucket, dir)
	want := r.m.dirs[dir]
	if want == nil {
		r.kind(err, fault.NoSuchKey)
		return
	}
	if err != nil {
		r.Fatalf("directory %q: %v", dir, err)
	}
	r.sameDir(dir, want, &d)
}

func (r *modelRun) sameDir(dir string, want *refDir, d *store.Dir) {
	r.Helper()
	if want.ino == 0 {
		want.ino = d.Ino
	}
	n, explicit := r.m.children(dir), dir == "" || r.m.head(dir) != nil
	if d.Ino != want.ino || d.Children != uint64(n) || d.Explicit != explicit || d.Key != dir {
		r.Fatalf("directory %q is %+v, want inode %d, %d children, explicit %v", dir, d, want.ino, n, explicit)
	}
}

// checkName compares what the last segment of a key stands for on the mount.
func (r *modelRun) checkName(key string) {
	r.Helper()
	dir, name := dirOf(key), key[len(dirOf(key)):]
	if name == "" && dir != "" {
		dir = parentOf(dir)
		name = strings.TrimSuffix(key[len(dir):], "/")
	}
	e, err := r.se.Lookup(r.ctx, modelBucket, dir, name)
	want := r.m.entry(dir, name)
	if want.dir == nil && !want.file {
		r.kind(err, fault.NoSuchKey)
		return
	}
	if err != nil {
		r.Fatalf("lookup of %q: %v", key, err)
	}
	r.sameEntry(dir, want, e)
}

// A refEntry is what a name in a directory should stand for.
type refEntry struct {
	name string
	dir  *refDir
	file bool
	size int64
	ino  uint64
	mode uint32
}

func (m *reference) entry(dir, name string) refEntry {
	key := dir + name
	e := refEntry{name: name, dir: m.dirs[key+"/"]}
	if name == "" {
		return e // the directory's own key is not a name in it
	}
	if v := m.head(key); v != nil {
		e.file, e.size, e.ino, e.mode = true, int64(len(v.body)), v.ino, v.mode
	}
	n := m.claims[key]
	if n == nil && e.file {
		n = m.opened(e.ino)
	}
	if n != nil {
		e.file, e.size, e.ino, e.mode = true, int64(len(n.data)), n.ino, n.mode
	}
	return e
}

func (r *modelRun) sameEntry(dir string, want refEntry, e store.Entry) {
	r.Helper()
	if e.Name != want.name || (e.Dir != nil) != (want.dir != nil) || (e.Object != nil) != want.file {
		r.Fatalf("in %q there is %+v, want %+v", dir, e, want)
	}
	if e.Dir != nil {
		r.sameDir(dir+want.name+"/", want.dir, e.Dir)
	}
	if o := e.Object; o != nil && (o.Size != want.size || o.Ino != want.ino && want.ino != 0 ||
		o.Attr.Mode&0o7777 != want.mode || o.Key != dir+want.name) {
		r.Fatalf("in %q %q is %+v, want %+v", dir, want.name, o, want)
	}
}

// checkHandle compares what a handle reads.
func (r *modelRun) checkHandle(i int) {
	r.Helper()
	h := r.handles[i]
	want := ""
	if h.past != nil {
		want = h.past.body
	} else {
		want = h.n.data
		if h.f.Ino() != h.n.ino {
			r.Fatalf("the file has inode %d, want %d", h.f.Ino(), h.n.ino)
		}
	}
	r.checkLabels(i)
	if got := r.content(h.f); got != want {
		r.Fatalf("open file %v reads %d bytes, want %d, or others:\n%q\n%q", h, len(got), len(want), got, want)
	}
}

func (m *reference) liveKeys() []string {
	var out []string
	for key := range m.keys {
		if m.head(key) != nil {
			out = append(out, key)
		}
	}
	sort.Strings(out)
	return out
}

// checkAll compares everything.
func (r *modelRun) checkAll() {
	r.Helper()
	if got, want := r.keys(modelBucket, "", 1+r.rng.IntN(20)), r.m.liveKeys(); !slices.Equal(got, want) {
		r.Fatalf("listed\n%q, want\n%q", got, want)
	}
	for _, key := range slices.Sorted(maps.Keys(r.m.keys)) {
		r.checkHead(key)
		r.checkName(key)
	}
	for _, dir := range slices.Sorted(maps.Keys(r.m.dirs)) {
		r.checkDir(dir)
		r.checkNames(dir, 1+r.rng.IntN(5))
	}
	for i := range r.handles {
		r.checkHandle(i)
	}
	for _, key := range slices.Sorted(maps.Keys(r.m.keys)) {
		r.checkVersions(key)
	}
	r.checkUsage()
}

func (r *modelRun) checkNames(dir string, limit int) {
	r.Helper()
	want := r.m.names(dir)
	got := r.names(modelBucket, dir, limit)
	if len(got) != len(want) {
		r.Fatalf("%q has %d names, want %d:\n%+v\n%+v", dir, len(got), len(want), got, want)
	}
	for i := range got {
		r.sameEntry(dir, want[i], got[i])
	}
}

func (m *reference) names(dir string) []refEntry {
	names := map[string]bool{}
	for _, keys := range [][]string{m.liveKeys(), slices.Collect(maps.Keys(m.claims))} {
		for _, key := range keys {
			if dirOf(key) == dir && key != dir {
				names[key[len(dir):]] = true
			}
		}
	}
	for d := range m.dirs {
		if d != "" && parentOf(d) == dir {
			names[strings.TrimSuffix(d[len(dir):], "/")] = true
		}
	}
	var out []refEntry
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out = append(out, m.entry(dir, name))
	}
	return out
}

func (r *modelRun) checkUsage() {
	r.Helper()
	var want store.Usage
	for _, c := range r.m.keys {
		for i, v := range c.list {
			switch {
			case v.marker:
				want.DeleteMarkers++
			case i == 0:
				want.Objects++
				want.Bytes += int64(len(v.body))
			default:
				want.Versions++
				want.NoncurrentBytes += int64(len(v.body))
			}
		}
	}
	got, err := r.se.BucketUsage(r.ctx, modelBucket)
	r.ok(err)
	if got != want {
		r.Fatalf("usage is %+v, want %+v", got, want)
	}
}

func (r *modelRun) opReadDir() {
	dir := r.dir()
	r.note("read directory %q", dir)
	r.checkNames(dir, 1+r.rng.IntN(4))
}

func (r *modelRun) opList() {
	in := store.ListInput{Limit: 1 + r.rng.IntN(8)}
	if r.rng.IntN(2) == 0 {
		in.Prefix = r.key()
		in.Prefix = in.Prefix[:r.rng.IntN(len(in.Prefix)+1)]
	}
	if r.rng.IntN(2) == 0 {
		in.Delimiter = []string{"/", "a", "//", "/a"}[r.rng.IntN(4)]
	}
	if r.rng.IntN(2) == 0 {
		in.StartAfter = r.key()
	}
	r.note("list %+v", in)
	p, err := r.se.List(r.ctx, modelBucket, in)
	r.ok(err)
	r.samePage(in, p)
}

// samePage compares a page with what the live keys give.
func (r *modelRun) samePage(in store.ListInput, p store.ListPage) {
	r.Helper()
	want := pageOf(r.m.liveKeys(), in)
	var got refPage
	for _, o := range p.Objects {
		got.keys = append(got.keys, o.Key)
		r.same(o.Key, r.m.head(o.Key), o, true)
	}
	got.prefixes, got.truncated = p.Prefixes, p.Truncated
	if !slices.Equal(got.keys, want.keys) || !slices.Equal(got.prefixes, want.prefixes) || got.truncated != want.truncated {
		r.Fatalf("page of %+v is\n%+v, want\n%+v", in, got, want)
	}
}

type refPage struct {
	keys, prefixes []string
	truncated      bool
}

// pageOf is a page of sorted keys as S3 describes it.
func pageOf(sorted []string, in store.ListInput) (p refPage) {
	for _, key := range sorted {
		if !strings.HasPrefix(key, in.Prefix) || key <= in.StartAfter {
			continue
		}
		group := ""
		if i := strings.Index(key[len(in.Prefix):], in.Delimiter); in.Delimiter != "" && i >= 0 {
			group = key[:len(in.Prefix)+i+len(in.Delimiter)]
			if group == in.StartAfter || len(p.prefixes) > 0 && p.prefixes[len(p.prefixes)-1] == group {
				continue
			}
		}
		if len(p.keys)+len(p.prefixes) == in.Limit {
			p.truncated = true
			return p
		}
		if group != "" {
			p.prefixes = append(p.prefixes, group)
		} else {
			p.keys = append(p.keys, key)
		}
	}
	return p
}

// opListVersions goes through all versions in pages.
func (r *modelRun) opListVersions() {
	in := store.ListVersionsInput{Limit: 1 + r.rng.IntN(8)}
	if r.rng.IntN(2) == 0 {
		in.Prefix = r.key()
		in.Prefix = in.Prefix[:r.rng.IntN(len(in.Prefix)+1)]
	}
	if r.rng.IntN(3) == 0 {
		in.Delimiter = "/"
	}
	r.note("list versions %+v", in)
	got, groups := r.allVersions(modelBucket, in)
	keys, want := []string{}, []string{}
	for _, key := range slices.Sorted(maps.Keys(r.m.keys)) {
		if strings.HasPrefix(key, in.Prefix) && len(r.m.versions(key)) > 0 {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	p := pageOf(keys, store.ListInput{Prefix: in.Prefix, Delimiter: in.Delimiter, Limit: len(keys)})
	for _, key := range p.keys {
		for range r.m.versions(key) {
			want = append(want, key)
		}
	}
	names := make([]string, len(got))
	at := map[string]int{}
	for i, o := range got {
		names[i] = o.Key
		if i >= len(want) || want[i] != o.Key {
			r.Fatalf("versions of %+v differ at %d: %q\n%q", in, i, o.Key, want)
		}
		r.same(o.Key, r.m.versions(o.Key)[at[o.Key]], o, at[o.Key] == 0)
		at[o.Key]++
	}
	if !slices.Equal(names, want) || !slices.Equal(groups, p.prefixes) {
		r.Fatalf("versions of %+v are\n%q %q, want\n%q %q", in, names, groups, want, p.prefixes)
	}
}

// allVersions goes through the pages of a listing of versions.
func (r *rig) allVersions(bucket string, in store.ListVersionsInput) (vs []store.Object, prefixes []string) {
	r.Helper()
	for {
		p, err := r.se.ListVersions(r.ctx, bucket, in)
		r.ok(err)
		vs, prefixes = append(vs, p.Versions...), append(prefixes, p.Prefixes...)
		if n := len(p.Versions) + len(p.Prefixes); n > in.Limit || p.Truncated && n == 0 {
			r.Fatalf("a page of %d has %d entries, truncated %v", in.Limit, n, p.Truncated)
		}
		if !p.Truncated {
			return vs, prefixes
		}
		in.KeyMarker, in.VersionMarker = p.NextKey, p.NextVersion
	}
}
