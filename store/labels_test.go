package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

// A labeler changes labels as a mount does, and stops the test at the first surprise.
type labeler struct {
	*testing.T
	ctx context.Context
	s   *Store
	se  *Session
}

func newLabeler(t *testing.T, state versioning.State) *labeler {
	t.Helper()
	l := &labeler{T: t, ctx: context.Background()}
	s, se := openTest(t, Options{Dir: quickDir(t) + "/store", MemTableSize: 4 << 20})
	if state == versioning.Suspended {
		mustBucket(t, se, "bkt", versioning.Enabled)
		l.ok(se.SetVersioning(l.ctx, "bkt", state))
	} else {
		mustBucket(t, se, "bkt", state)
	}
	l.s, l.se = s, s.As(Owner(), RequestContext{Door: DoorMount})
	return l
}

func (l *labeler) ok(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *labeler) kind(err error, want fault.Kind) {
	l.Helper()
	if !fault.Is(err, want) {
		l.Fatalf("error is %v (%v), want %v", err, fault.KindOf(err), want)
	}
}

func object(key string) Node { return Node{Bucket: "bkt", Key: key} }

func (l *labeler) open(key string, o OpenFlags) *File {
	l.Helper()
	f, err := l.se.OpenFile(l.ctx, "bkt", key, o)
	l.ok(err)
	return f
}

func (l *labeler) save(key, body string) {
	l.Helper()
	f := l.open(key, OpenFlags{Write: true, Create: true, Truncate: true})
	_, err := f.WriteAt(l.ctx, []byte(body), 0)
	l.ok(err)
	l.ok(f.Close(l.ctx))
}

func (l *labeler) versions(key string) int {
	l.Helper()
	all, err := l.se.Versions(l.ctx, "bkt", key)
	if fault.Is(err, fault.NoSuchKey) {
		return 0
	}
	l.ok(err)
	return len(all)
}

func set(name, value string) TextChange { return TextChange{Set: map[string]string{name: value}} }

func (l *labeler) setType(nd Node, value string) error {
	return l.se.ChangeDescription(l.ctx, nd, DescriptionChange{Headers: set("content-type", value)})
}

func (l *labeler) setMeta(nd Node, name, value string) error {
	return l.se.ChangeDescription(l.ctx, nd, DescriptionChange{Metadata: set(name, value)})
}

func (l *labeler) setTag(nd Node, name, value string) error {
	return l.se.ChangeTags(l.ctx, nd, set(name, value))
}

func (l *labeler) setXattr(nd Node, name, value string) error {
	return l.se.ChangeXattr(l.ctx, nd, XattrChange{Name: name, Value: []byte(value)})
}

// labels is all that is known of a node, in one line.
func (l *labeler) labels(nd Node) string {
	l.Helper()
	o, err := l.se.Describe(l.ctx, nd)
	l.ok(err)
	tags, err := l.se.TagsOf(l.ctx, nd)
	l.ok(err)
	xattrs, err := l.se.XattrsOf(l.ctx, nd)
	l.ok(err)
	x := map[string]string{}
	for k, v := range xattrs {
		x[k] = string(v)
	}
	return fmt.Sprintf("%s %v %v %v", o.Headers.ContentType, o.Metadata, tags, x)
}

func (l *labeler) has(nd Node, want string) {
	l.Helper()
	if got := l.labels(nd); got != want {
		l.Fatalf("labels are %s, want %s", got, want)
	}
}

func (l *labeler) all(nd Node, v string) {
	l.Helper()
	l.ok(l.setType(nd, "t/"+v))
	l.ok(l.setMeta(nd, "m", v))
	l.ok(l.setTag(nd, "g", v))
	l.ok(l.setXattr(nd, "user.x", v))
}

func allOf(v string) string {
	return fmt.Sprintf("t/%s map[m:%s] map[g:%s] map[user.x:%s]", v, v, v, v)
}

// Each kind of edit makes as many versions as AWS would: a description makes one, tags
// and attributes none. The versions share their content.
func TestLabelsMakeVersions(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled, versioning.Suspended} {
		for _, size := range []int{0, 10, 200_000} {
			t.Run(fmt.Sprint(state, size), func(t *testing.T) {
				l := newLabeler(t, state)
				body := strings.Repeat("x", size)
				l.save("f", body)
				keeps := 0
				if state == versioning.Enabled {
					keeps = 1
				}
				wants := 1
				step := func(what string, adds int, err error) {
					t.Helper()
					l.ok(err)
					wants += adds
					if n := l.versions("f"); n != wants {
						t.Fatalf("after %s there are %d versions, want %d", what, n, wants)
					}
					if got := readAll(t, l.se, "bkt", "f", ""); got != body {
						t.Fatalf("after %s it has %d bytes", what, len(got))
					}
				}
				ino := l.open("f", OpenFlags{})
				defer ino.Close(l.ctx)
				step("a content type", keeps, l.setType(object("f"), "text/plain"))
				step("the same again", 0, l.setType(object("f"), "text/plain"))
				step("metadata", keeps, l.setMeta(object("f"), "author", "me"))
				step("a tag", 0, l.setTag(object("f"), "k", "v"))
				step("an xattr", 0, l.setXattr(object("f"), "user.a", "b"))
				mode := uint32(0o600)
				_, err := l.se.SetAttr(l.ctx, "bkt", "f", AttrChange{Mode: &mode})
				step("a mode", 0, err)
				l.has(object("f"), "text/plain map[author:me] map[k:v] map[user.a:b]")
				o, err := l.se.Lookup(l.ctx, "bkt", "", "f")
				l.ok(err)
				if o.Object.Ino != ino.Ino() {
					t.Fatal("it became another file")
				}
				step("less metadata", keeps, l.se.ChangeDescription(l.ctx, object("f"), DescriptionChange{
					Headers: TextChange{Remove: []string{"content-type"}}, Metadata: TextChange{All: true},
				}))
				l.has(object("f"), " map[] map[k:v] map[user.a:b]")
				l.ok(ino.Close(l.ctx))
				fsckClean(t, l.s, true)
				l.ok(l.se.Unlink(l.ctx, "bkt", "f"))
				fsckClean(t, l.s, true)
			})
		}
	}
}

// What is set on a file that is not published yet belongs to its draft: nobody else sees
// it before, and one version has it all.
func TestLabelsOfADraft(t *testing.T) {
	l := newLabeler(t, versioning.Enabled)
	outside := l.s.As(Owner(), RequestContext{Door: DoorS3})
	f := l.open("new", OpenFlags{Write: true, Create: true})
	l.all(Node{File: f}, "1")
	l.has(Node{File: f}, allOf("1"))
	l.has(object("new"), allOf("1"))
	_, err := outside.Describe(l.ctx, object("new"))
	l.kind(err, fault.NoSuchKey)
	l.kind(outside.ChangeTags(l.ctx, object("new"), set("a", "b")), fault.NoSuchKey)
	l.kind(outside.SetTags(l.ctx, "bkt", "new", "", nil), fault.NoSuchKey)
	o, err := l.se.Describe(l.ctx, object("new"))
	l.ok(err)
	if o.VersionID != "" || o.Number != 0 {
		t.Fatalf("what was never published is version %q", o.VersionID)
	}
	l.ok(l.se.Rename(l.ctx, Path{"bkt", "new"}, Path{"bkt", "f"}, RenameFlags{}))
	l.ok(f.Close(l.ctx))
	l.has(object("f"), allOf("1"))
	if n := l.versions("f") + l.versions("new"); n != 1 {
		t.Fatalf("%d versions, want 1", n)
	}

	f = l.open("f", OpenFlags{Write: true})
	_, err = f.WriteAt(l.ctx, []byte("changed"), 0)
	l.ok(err)
	l.all(object("f"), "2")
	l.has(Node{File: f}, allOf("2"))
	// Tags and attributes of what is published change at once, a description does not.
	got, err := outside.Describe(l.ctx, object("f"))
	l.ok(err)
	tags, err := outside.TagsOf(l.ctx, object("f"))
	l.ok(err)
	if got.Headers.ContentType != "t/1" || got.Metadata["m"] != "1" || tags["g"] != "2" {
		t.Fatalf("others see %q %v %v", got.Headers.ContentType, got.Metadata, tags)
	}
	l.ok(outside.ChangeTags(l.ctx, object("f"), set("g", "3")))
	l.ok(f.Flush(l.ctx))
	l.has(object("f"), "t/2 map[m:2] map[g:3] map[user.x:2]")
	if n := l.versions("f"); n != 2 {
		t.Fatalf("%d versions, want 2", n)
	}
	// Nothing is unpublished now: the next one makes a version though a writer is there.
	l.ok(l.setType(Node{File: f}, "t/4"))
	if n := l.versions("f"); n != 3 {
		t.Fatalf("%d versions, want 3", n)
	}
	l.ok(f.Close(l.ctx))
	if n := l.versions("f"); n != 3 {
		t.Fatalf("%d versions after the close, want 3", n)
	}
	l.has(object("f"), "t/4 map[m:2] map[g:3] map[user.x:2]")
}

// A file that has lost its name keeps labels for those who have it open, and one whose
// name got another object brings them back with its publish.
func TestLabelsWithoutARecord(t *testing.T) {
	l := newLabeler(t, versioning.Enabled)
	l.save("f", "one")
	l.all(object("f"), "1")
	f := l.open("f", OpenFlags{Write: true})
	l.ok(l.se.Unlink(l.ctx, "bkt", "f"))
	l.has(Node{File: f}, allOf("1"))
	before := l.versions("f")
	l.all(Node{File: f}, "2")
	l.has(Node{File: f}, allOf("2"))
	l.ok(f.Close(l.ctx))
	if n := l.versions("f"); n != before {
		t.Fatalf("a file without a name made %d versions", n-before)
	}

	l.save("g", "one")
	l.all(object("g"), "1")
	f = l.open("g", OpenFlags{Write: true})
	put(t, l.se, "bkt", "g", "theirs")
	l.has(object("g"), " map[] map[] map[]")
	l.has(Node{File: f}, allOf("1"))
	l.all(Node{File: f}, "2")
	l.has(object("g"), " map[] map[] map[]")
	_, err := f.WriteAt(l.ctx, []byte("mine"), 0)
	l.ok(err)
	l.ok(f.Close(l.ctx))
	l.has(object("g"), allOf("2"))
	l.kind(l.setTag(Node{Bucket: "bkt", Key: "g", Ino: 1 << 60}, "a", "b"), fault.StaleHandle)
	_, err = l.se.Describe(l.ctx, Node{Bucket: "bkt", Key: "g", Ino: 1 << 60})
	l.kind(err, fault.StaleHandle)
}

// Labels move with a rename, come back with a restore, and are those of S3's copies.
func TestLabelsMove(t *testing.T) {
	l := newLabeler(t, versioning.Enabled)
	_, err := l.se.Mkdir(l.ctx, "bkt", "d/", Attr{})
	l.ok(err)
	l.ok(l.setXattr(Node{Bucket: "bkt", Key: "d/", Dir: true}, "user.x", "dir"))
	l.save("d/f", "one")
	l.all(object("d/f"), "1")
	l.ok(l.se.Rename(l.ctx, Path{"bkt", "d/f"}, Path{"bkt", "d/g"}, RenameFlags{}))
	l.has(object("d/g"), allOf("1"))
	l.ok(l.se.Rename(l.ctx, Path{"bkt", "d/"}, Path{"bkt", "e/"}, RenameFlags{}))
	l.has(object("e/g"), allOf("1"))
	l.has(Node{Bucket: "bkt", Key: "e/", Dir: true}, "application/x-directory map[] map[] map[user.x:dir]")
	old, err := l.se.Describe(l.ctx, object("e/g"))
	l.ok(err)
	l.all(object("e/g"), "2")
	l.has(Node{Bucket: "bkt", Key: "e/g", Version: old.VersionID}, allOf("1"))
	_, err = l.se.Restore(l.ctx, "bkt", "e/g", old.VersionID)
	l.ok(err)
	l.has(object("e/g"), allOf("1"))
	_, err = l.se.Copy(l.ctx, Source{Bucket: "bkt", Key: "e/g"}, "bkt", "copy", CopyInput{})
	l.ok(err)
	l.has(object("copy"), "t/1 map[m:1] map[g:1] map[]")
	// Of the past only tags can be changed.
	past := Node{Bucket: "bkt", Key: "e/g", Version: old.VersionID}
	l.ok(l.setTag(past, "g", "9"))
	l.has(past, "t/1 map[m:1] map[g:9] map[user.x:1]")
	l.kind(l.setType(past, "a/b"), fault.ReadOnly)
	l.kind(l.setXattr(past, "user.x", "y"), fault.ReadOnly)
	fsckClean(t, l.s, true)
}

// Directories have extended attributes of their own; all else is their own key's, which
// the first label makes.
func TestLabelsOfDirectories(t *testing.T) {
	l := newLabeler(t, versioning.Enabled)
	put(t, l.se, "bkt", "implied/f", "x")
	dir := Node{Bucket: "bkt", Key: "implied/", Dir: true}
	_, err := l.se.Describe(l.ctx, dir)
	l.kind(err, fault.NoSuchKey)
	l.ok(l.setXattr(dir, "user.x", "1"))
	if n := l.versions("implied/"); n != 0 {
		t.Fatalf("an attribute made %d versions of the key", n)
	}
	l.ok(l.setTag(dir, "g", "1"))
	l.has(dir, "application/x-directory map[] map[g:1] map[user.x:1]")
	d, err := l.se.StatDir(l.ctx, "bkt", "implied/")
	l.ok(err)
	if n := l.versions("implied/"); n != 1 || !d.Explicit {
		t.Fatalf("%d versions of the key, explicit %v", n, d.Explicit)
	}
	l.ok(l.setMeta(dir, "m", "1"))
	if n := l.versions("implied/"); n != 2 {
		t.Fatalf("%d versions of the key, want 2", n)
	}
	l.has(dir, "application/x-directory map[m:1] map[g:1] map[user.x:1]")
	l.kind(l.setXattr(Node{Bucket: "bkt", Key: "implied/", Dir: true, Ino: 1 << 60}, "user.x", "y"), fault.StaleHandle)
	l.kind(l.setXattr(Node{Bucket: "bkt", Key: "none/", Dir: true}, "user.x", "y"), fault.NoSuchKey)
	root := Node{Bucket: "bkt", Dir: true}
	l.ok(l.setXattr(root, "user.x", "root"))
	l.kind(l.setTag(root, "g", "1"), fault.NotSupported)
	// An object of the same key is another node.
	l.kind(l.setXattr(object("implied"), "user.x", "y"), fault.NoSuchKey)
	l.ok(l.setXattr(object("implied/"), "user.x", "of the key"))
	l.has(object("implied/"), "application/x-directory map[m:1] map[g:1] map[user.x:of the key]")
	l.has(dir, "application/x-directory map[m:1] map[g:1] map[user.x:1]")
	fsckClean(t, l.s, true)
}

// fsync keeps labels that are not published yet.
func TestLabelsSurviveAKill(t *testing.T) {
	ctx := context.Background()
	dir := quickDir(t) + "/store"
	s, se := openTest(t, Options{Dir: dir})
	l := &labeler{T: t, ctx: ctx, s: s, se: s.As(Owner(), RequestContext{Door: DoorMount})}
	mustBucket(t, se, "bkt", versioning.Enabled)
	l.save("old", "one")
	l.all(object("old"), "1")
	for _, key := range []string{"new", "old"} {
		f := l.open(key, OpenFlags{Write: true, Create: true})
		_, err := f.WriteAt(ctx, []byte("more"), 0)
		l.ok(err)
		l.ok(f.Sync(ctx))
		l.all(Node{File: f}, "2")
		l.ok(f.Sync(ctx)) // though no byte has changed since
	}
	kill(t, s)
	s, _ = openTest(t, Options{Dir: dir})
	l.s, l.se = s, s.As(Owner(), RequestContext{Door: DoorMount})
	l.has(object("new"), allOf("2"))
	l.has(object("old"), allOf("2"))
	if n := l.versions("new"); n != 1 {
		t.Fatalf("%d versions of the new one, want 1", n)
	}
	fsckClean(t, s, true)
}

// Labels that an object is given while a file with an fsynced draft has its name are the
// draft's too, also when the key is another's before the draft is published.
func TestLabelsOfASyncedDraft(t *testing.T) {
	ctx := context.Background()
	dir := quickDir(t) + "/store"
	s, se := openTest(t, Options{Dir: dir})
	l := &labeler{T: t, ctx: ctx, s: s, se: s.As(Owner(), RequestContext{Door: DoorMount})}
	mustBucket(t, se, "bkt", versioning.Unversioned)
	for _, key := range []string{"s3", "version", "mount"} {
		l.save(key, "one")
		f := l.open(key, OpenFlags{Write: true})
		_, err := f.WriteAt(ctx, []byte("two"), 0)
		l.ok(err)
		l.ok(f.Sync(ctx))
		switch key {
		case "s3":
			l.ok(se.SetTags(ctx, "bkt", key, "", map[string]string{"t": "new"}))
		case "version":
			l.ok(se.SetTags(ctx, "bkt", key, NullVersion, map[string]string{"t": "new"}))
		default:
			l.ok(l.setTag(object(key), "t", "new"))
			l.ok(l.setXattr(object(key), "user.x", "new"))
		}
		put(t, se, "bkt", key, "put")
	}
	kill(t, s)
	s, se = openTest(t, Options{Dir: dir})
	l.s, l.se = s, s.As(Owner(), RequestContext{Door: DoorMount})
	for _, key := range []string{"s3", "version", "mount"} {
		if got := readAll(t, se, "bkt", key, ""); got != "two" {
			t.Errorf("%s reads %q", key, got)
		}
		if tags, err := se.Tags(ctx, "bkt", key, ""); err != nil || tags["t"] != "new" {
			t.Errorf("%s has the tags %v (%v)", key, tags, err)
		}
	}
	if x, err := l.se.XattrsOf(ctx, object("mount")); err != nil || string(x["user.x"]) != "new" {
		t.Errorf("attributes %q (%v)", x, err)
	}
	fsckClean(t, s, true)
}

// An fsync makes durable what an open file shows: also the tags that the version which it
// began from was given when it had the name no more.
func TestSyncAfterTagsOfThePast(t *testing.T) {
	ctx := context.Background()
	dir := quickDir(t) + "/store"
	s, se := openTest(t, Options{Dir: dir})
	l := &labeler{T: t, ctx: ctx, s: s, se: s.As(Owner(), RequestContext{Door: DoorMount})}
	mustBucket(t, se, "bkt", versioning.Enabled)
	put(t, se, "bkt", "f", "one")
	o, err := se.Head(ctx, "bkt", "f", "")
	l.ok(err)
	f := l.open("f", OpenFlags{Write: true})
	_, err = f.WriteAt(ctx, []byte("two"), 0)
	l.ok(err)
	l.ok(f.Sync(ctx))
	put(t, se, "bkt", "f", "put")
	l.ok(se.SetTags(ctx, "bkt", "f", o.VersionID, map[string]string{"t": "new"}))
	if tags, err := l.se.TagsOf(ctx, Node{File: f}); err != nil || tags["t"] != "new" {
		t.Errorf("the file has the tags %v (%v)", tags, err)
	}
	l.ok(f.Sync(ctx))
	kill(t, s)
	s, se = openTest(t, Options{Dir: dir})
	if got := readAll(t, se, "bkt", "f", ""); got != "two" {
		t.Errorf("reads %q", got)
	}
	if tags, err := se.Tags(ctx, "bkt", "f", ""); err != nil || tags["t"] != "new" {
		t.Errorf("tags %v (%v)", tags, err)
	}
	fsckClean(t, s, true)
}

func TestLabelLimits(t *testing.T) {
	l := newLabeler(t, versioning.Enabled)
	l.save("f", "x")
	nd := object("f")
	for i := range 10 {
		l.ok(l.setTag(nd, fmt.Sprint("k", i), "v"))
	}
	l.kind(l.setTag(nd, "k10", "v"), fault.TooManyTags)
	l.kind(l.se.SetTags(l.ctx, "bkt", "f", "", map[string]string{"a&b": ""}), fault.InvalidTag)
	l.kind(l.setTag(nd, "k1", strings.Repeat("v", 257)), fault.TagTooLong)
	l.ok(l.setTag(nd, "k1", strings.Repeat("v", 256)))
	l.kind(l.se.ChangeTags(l.ctx, nd, TextChange{Set: map[string]string{"aws:x": ""}, All: true}), fault.InvalidTag)
	l.ok(l.setMeta(nd, "m", strings.Repeat("v", 2047)))
	l.kind(l.setMeta(nd, "n", ""), fault.MetadataTooLarge)
	l.kind(l.setMeta(nd, "M", "x"), fault.InvalidArgument)
	l.kind(l.setType(nd, strings.Repeat("v", 2048)), fault.MetadataTooLarge)
	l.kind(l.setType(nd, "a\nb"), fault.InvalidArgument)
	l.kind(l.se.ChangeDescription(l.ctx, nd, DescriptionChange{Headers: set("server", "x")}), fault.InvalidArgument)
	big := strings.Repeat("v", MaxXattrValues-1)
	l.ok(l.setXattr(nd, "user.big", big))
	l.ok(l.setXattr(nd, "user.one", "1"))
	l.kind(l.setXattr(nd, "user.two", "2"), fault.XattrsFull)
	l.ok(l.setXattr(nd, "user.big", ""))
	l.kind(l.setXattr(nd, strings.Repeat("n", 256), ""), fault.NameTooLong)
	n := 0
	for ; ; n++ {
		err := l.setXattr(nd, fmt.Sprintf("user.%0200d", n), "")
		if err != nil {
			l.kind(err, fault.XattrsFull)
			break
		}
	}
	if n < 70 || n > 90 {
		t.Fatalf("room for %d names", n)
	}
	// The edge of setxattr's flags.
	x := XattrChange{Name: "user.one", Value: []byte("2"), When: Absent}
	l.kind(l.se.ChangeXattr(l.ctx, nd, x), fault.Exists)
	x = XattrChange{Name: "user.no", When: Present}
	l.kind(l.se.ChangeXattr(l.ctx, nd, x), fault.NoData)
	x = XattrChange{Name: "user.no", Remove: true}
	l.kind(l.se.ChangeXattr(l.ctx, nd, x), fault.NoData)
	l.kind(l.se.ChangeTags(l.ctx, nd, TextChange{Remove: []string{"no"}}), fault.NoData)
	l.kind(l.se.ChangeTags(l.ctx, nd, TextChange{Set: map[string]string{"k1": ""}, When: Absent}), fault.Exists)
	l.kind(l.se.ChangeTags(l.ctx, nd, TextChange{Set: map[string]string{"no": ""}, When: Present}), fault.NoData)
	l.ok(l.se.ChangeTags(l.ctx, nd, TextChange{All: true, When: Present}))
	l.kind(l.se.ChangeTags(l.ctx, nd, TextChange{All: true, When: Present}), fault.NoData)
	l.ok(l.se.ChangeTags(l.ctx, nd, TextChange{All: true, Set: map[string]string{"a": "b"}, When: Absent}))
}

// A change of labels by others is what a file shows that is open, and the other way
// round, and both keep what the other one changed.
func TestLabelsOfAllDoors(t *testing.T) {
	l := newLabeler(t, versioning.Enabled)
	outside := l.s.As(Owner(), RequestContext{Door: DoorS3})
	l.save("f", "one")
	f := l.open("f", OpenFlags{Write: true})
	defer f.Close(l.ctx)
	before := f.Object().Attr.Ctime
	l.ok(outside.SetTags(l.ctx, "bkt", "f", "", map[string]string{"g": "s3"}))
	l.ok(outside.ChangeDescription(l.ctx, object("f"), DescriptionChange{Headers: set("content-type", "s3")}))
	l.has(Node{File: f}, "s3 map[] map[g:s3] map[]")
	if o := f.Object(); !o.Attr.Ctime.After(before) || o.Headers.ContentType != "s3" {
		t.Fatalf("the open file has ctime %v (before %v) and type %q", o.Attr.Ctime, before, o.Headers.ContentType)
	}
	_, err := f.WriteAt(l.ctx, []byte("two"), 0)
	l.ok(err)
	l.ok(l.setMeta(Node{File: f}, "m", "mine"))
	l.ok(outside.ChangeDescription(l.ctx, object("f"), DescriptionChange{Headers: set("content-type", "s3 again")}))
	l.ok(f.Close(l.ctx))
	l.has(object("f"), "s3 again map[m:mine] map[g:s3] map[]")
	fsckClean(t, l.s, true)
}

func TestCapabilityGoesWithChanges(t *testing.T) {
	l := newLabeler(t, versioning.Unversioned)
	l.save("f", "one")
	drop := AttrChange{DropCapability: true}
	check := func(nd Node) {
		t.Helper()
		x, err := l.se.XattrsOf(l.ctx, nd)
		l.ok(err)
		if _, has := x[capabilityXattr]; has || len(x) != 1 {
			t.Fatalf("left are %v", x)
		}
	}
	give := func(nd Node) {
		t.Helper()
		l.ok(l.setXattr(nd, capabilityXattr, "caps"))
		l.ok(l.setXattr(nd, "user.x", "stays"))
	}
	give(object("f"))
	_, err := l.se.SetAttr(l.ctx, "bkt", "f", drop)
	l.ok(err)
	check(object("f"))
	f := l.open("f", OpenFlags{Write: true})
	give(Node{File: f})
	_, err = f.SetAttr(l.ctx, drop)
	l.ok(err)
	check(Node{File: f})
	give(Node{File: f})
	l.ok(l.se.Unlink(l.ctx, "bkt", "f"))
	_, err = f.SetAttr(l.ctx, drop)
	l.ok(err)
	check(Node{File: f})
	l.ok(f.Close(l.ctx))
	f = l.open("new", OpenFlags{Write: true, Create: true})
	give(Node{File: f})
	_, err = f.SetAttr(l.ctx, drop)
	l.ok(err)
	check(Node{File: f})
	l.ok(f.Close(l.ctx))
	check(object("new"))
}

func TestBucketSettings(t *testing.T) {
	l := newLabeler(t, versioning.Unversioned)
	l.ok(l.se.ChangeBucketTags(l.ctx, "bkt", set("a", "b")))
	l.ok(l.se.ChangeBucketTags(l.ctx, "bkt", set("c", "d")))
	tags, err := l.se.BucketTags(l.ctx, "bkt")
	l.ok(err)
	if !maps.Equal(tags, map[string]string{"a": "b", "c": "d"}) {
		t.Fatal(tags)
	}
	l.kind(l.se.ChangeBucketTags(l.ctx, "bkt", TextChange{Set: map[string]string{"a": ""}, When: Absent}), fault.Exists)
	l.kind(l.se.SetBucketTags(l.ctx, "bkt", map[string]string{"": ""}), fault.InvalidTag)
	if state, err := l.se.Versioning(l.ctx, "bkt"); err != nil || state != versioning.Unversioned {
		t.Fatal(state, err)
	}
	_, err = l.se.BucketTags(l.ctx, "none")
	l.kind(err, fault.NoSuchBucket)
	if _, err := l.se.Versioning(l.ctx, "none"); !errors.Is(err, fault.NoSuchBucket) {
		t.Fatal(err)
	}
}

// Truncating a file that is empty makes no version, and is a change of it nevertheless.
func TestTruncatedAgain(t *testing.T) {
	l := newLabeler(t, versioning.Enabled)
	l.save("stamp", "")
	before, err := l.se.Lookup(l.ctx, "bkt", "", "stamp")
	l.ok(err)
	l.ok(l.open("stamp", OpenFlags{Write: true, Truncate: true}).Close(l.ctx))
	after, err := l.se.Lookup(l.ctx, "bkt", "", "stamp")
	l.ok(err)
	if !after.Object.Attr.Mtime.After(before.Object.Attr.Mtime) || l.versions("stamp") != 1 {
		t.Fatalf("mtime %v, then %v; %d versions", before.Object.Attr.Mtime, after.Object.Attr.Mtime, l.versions("stamp"))
	}
}
