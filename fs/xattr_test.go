package fs

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/checksum"
	"pail/versioning"
)

// x are the extended attributes of a path, as a program sees them.
type x struct {
	t    *testing.T
	path string
}

func (b *bench) x(key string) x { return x{b.t, b.path(key)} }

func (x x) get(name string) (string, error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Lgetxattr(x.path, name, buf)
	return string(buf[:max(n, 0)]), err
}

func (x x) has(name, want string) {
	x.t.Helper()
	if got, err := x.get(name); err != nil || got != want {
		x.t.Fatalf("%s of %s is %.80q, %v; want %.80q", name, x.path, got, err, want)
	}
}

// fails demands an errno of reading an attribute.
func (x x) fails(name string, want unix.Errno) {
	x.t.Helper()
	if got, err := x.get(name); err != want {
		x.t.Fatalf("%s of %s is %.80q, %v; want %v", name, x.path, got, err, want)
	}
}

func (x x) set(name, value string) {
	x.t.Helper()
	x.setFails(name, value, 0, 0)
}

// setFails demands an errno of setting an attribute, 0 for none.
func (x x) setFails(name, value string, flags int, want unix.Errno) {
	x.t.Helper()
	err := unix.Lsetxattr(x.path, name, []byte(value), flags)
	if want == 0 && err != nil || want != 0 && err != want {
		x.t.Fatalf("set %s of %s to %.40q: %v, want %v", name, x.path, value, err, want)
	}
}

func (x x) remove(name string, want unix.Errno) {
	x.t.Helper()
	err := unix.Lremovexattr(x.path, name)
	if want == 0 && err != nil || want != 0 && err != want {
		x.t.Fatalf("remove %s of %s: %v, want %v", name, x.path, err, want)
	}
}

func (x x) list() []string {
	x.t.Helper()
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(x.path, buf)
	if err != nil {
		x.t.Fatal(err)
	}
	if size, err := unix.Llistxattr(x.path, nil); err != nil || size != n {
		x.t.Fatalf("a list of %d bytes is said to have %d: %v", n, size, err)
	}
	return strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00")
}

func (x x) lists(want ...string) {
	x.t.Helper()
	if len(want) == 0 {
		want = []string{""}
	}
	if got := x.list(); !slices.Equal(got, want) {
		x.t.Fatalf("%s lists %q, want %q", x.path, got, want)
	}
}

// What S3 knows shows, of what came over S3 and of what came over the mount.
func TestXattrsShowWhatS3Knows(t *testing.T) {
	b := newBench(t)
	o, err := b.se.Put(context.Background(), "bkt", "d/f", store.PutInput{
		Body: strings.NewReader("hello"), Size: 5, Tags: map[string]string{"a b": "c"},
		Metadata: map[string]string{"author": "Zoë"},
		Headers:  store.Headers{ContentType: "text/plain", CacheControl: "no-cache", Expires: "never"},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := b.x("d/f")
	for name, want := range map[string]string{
		"bucket": "bkt", "key": "d/f", "version-id": o.VersionID, "version-number": "1", "etag": o.ETag, "size": "5",
		"last-modified": o.Modified.UTC().Format("2006-01-02T15:04:05.999999999Z07:00"), "storage-class": "STANDARD",
		"content-type": "text/plain", "cache-control": "no-cache", "expires": "never",
		"checksum.crc64nvme": checksum.Encode(checksum.CRC64NVME.Sum([]byte("hello"))),
		"meta.author":        "Zoë", "meta": `{"author":"Zoë"}`, "tag.a b": "c", "tags": `{"a b":"c"}`,
	} {
		f.has("user.s3."+name, want)
	}
	for _, name := range []string{"content-encoding", "content-language", "content-disposition", "meta.Author", "tag.A b", "parts", "checksum.sha256", "nonsense", "versioning"} {
		f.fails("user.s3."+name, unix.ENODATA)
	}
	f.lists("user.s3.cache-control", "user.s3.content-type", "user.s3.expires", "user.s3.meta.author", "user.s3.tag.a b")
	// A directory that nobody made has a place and nothing else.
	d := b.x("d")
	d.has("user.s3.bucket", "bkt")
	d.has("user.s3.key", "d/")
	for _, name := range []string{"version-id", "etag", "size", "last-modified", "content-type", "tags", "tag.x", "meta", "versions", "storage-class"} {
		d.fails("user.s3."+name, unix.ENODATA)
	}
	d.lists()

	id, err := b.se.CreateUpload(context.Background(), "bkt", "parts", store.PutInput{})
	if err != nil {
		t.Fatal(err)
	}
	part, err := b.se.UploadPart(context.Background(), "bkt", "parts", id, 1, store.PartInput{Body: strings.NewReader("x"), Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.se.CompleteUpload(context.Background(), "bkt", "parts", id, []store.CompletedPart{{Number: 1, ETag: part.ETag}}, store.CompleteInput{})
	if err != nil {
		t.Fatal(err)
	}
	b.x("parts").has("user.s3.parts", "1")

	id, err = b.se.CreateUpload(context.Background(), "bkt", "composite", store.PutInput{Sums: store.Sums{Algorithm: checksum.SHA256}})
	if err != nil {
		t.Fatal(err)
	}
	sums := store.Sums{Algorithm: checksum.SHA256}
	if part, err = b.se.UploadPart(context.Background(), "bkt", "composite", id, 1, store.PartInput{Body: strings.NewReader("x"), Size: 1, Sums: sums}); err != nil {
		t.Fatal(err)
	}
	value := checksum.SHA256.Sum([]byte("x"))
	_, err = b.se.CompleteUpload(context.Background(), "bkt", "composite", id, []store.CompletedPart{{Number: 1, ETag: part.ETag, Algorithm: checksum.SHA256, Value: value}}, store.CompleteInput{})
	if err != nil {
		t.Fatal(err)
	}
	b.x("composite").has("user.s3.checksum.sha256", checksum.Encode(checksum.SHA256.Sum(value))+"-1")

	if err := os.Mkdir(b.path("made"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.x("made").has("user.s3.content-type", "application/x-directory")
	b.x("made").has("user.s3.size", "0")
	b.x("made").lists()
}

// S3's side changes something, and the next read on the mount shows it.
func TestXattrsAreNeverStale(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	f := b.x("f")
	for i := range 20 {
		b.put("f", fmt.Sprint(i))
		b.settle()
		f.has("user.s3.version-number", fmt.Sprint(2*i+1))
		f.fails("user.s3.tags", unix.ENODATA)
		var before, after unix.Stat_t
		if err := unix.Lstat(f.path, &before); err != nil {
			t.Fatal(err)
		}
		if err := b.se.SetTags(ctx, "bkt", "f", "", map[string]string{"i": fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		f.has("user.s3.tag.i", fmt.Sprint(i))
		err := b.se.ChangeDescription(ctx, store.Node{Bucket: "bkt", Key: "f"}, store.DescriptionChange{
			Headers: store.TextChange{Set: map[string]string{"content-type": fmt.Sprint("t/", i)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		f.has("user.s3.content-type", fmt.Sprint("t/", i))
		f.has("user.s3.version-number", fmt.Sprint(2*i+2))
		b.settle()
		if err := unix.Lstat(f.path, &after); err != nil {
			t.Fatal(err)
		}
		if after.Ctim == before.Ctim || after.Ino != before.Ino || after.Mtim != before.Mtim {
			t.Fatalf("stat before %+v, after %+v", before, after)
		}
	}
}

// Each kind of edit through the mount makes as many versions as it should.
func TestXattrsMakeVersions(t *testing.T) {
	b := newBench(t)
	mustWrite(t, b.path("f"), "content")
	n := 1
	f := b.x("f")
	for _, edit := range []struct {
		what string
		adds int
		do   func()
	}{
		{"content-type", 1, func() { f.set("user.s3.content-type", "text/plain") }},
		{"the same content-type", 0, func() { f.set("user.s3.content-type", "text/plain") }},
		{"metadata", 1, func() { f.set("user.s3.meta.author", "me") }},
		{"all metadata", 1, func() { f.set("user.s3.meta", `{"a":"1","b":"2","c":"3"}`) }},
		{"no metadata", 1, func() { f.remove("user.s3.meta", 0) }},
		{"no content-type", 1, func() { f.remove("user.s3.content-type", 0) }},
		{"tag", 0, func() { f.set("user.s3.tag.k", "v") }},
		{"tags", 0, func() { f.set("user.s3.tags", `{"x":"y"}`) }},
		{"no tags", 0, func() { f.remove("user.s3.tags", 0) }},
		{"plain", 0, func() { f.set("user.comment", "hi") }},
		{"no plain", 0, func() { f.remove("user.comment", 0) }},
		{"security", 0, func() {
			if os.Geteuid() == 0 {
				f.set("security.x", "y")
			}
		}},
		{"mode", 0, func() { b.sh("chmod 600 f") }},
		{"time", 0, func() { b.sh("touch f") }},
		{"a copy with attributes", 0, func() {
			f.set("user.s3.tag.k", "v")
			b.sh("cp -a f g")
		}},
	} {
		edit.do()
		n += edit.adds
		if got := b.versions("f", n); got != n {
			t.Fatalf("after %s there are %d versions, want %d", edit.what, got, n)
		}
	}
	wantContent(t, b.path("f"), "content")
	if got := b.versions("g", 1); got != 1 {
		t.Fatalf("cp -a made %d versions", got)
	}
	// On a file that is being written they come with its publish.
	file, err := os.Create(b.path("h"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"user.s3.content-type", "user.s3.meta.a", "user.s3.tag.a", "user.a"} {
		if _, err := file.WriteString(name); err != nil {
			t.Fatal(err)
		}
		b.x("h").set(name, "v/w")
		b.x("h").has(name, "v/w")
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if got := b.versions("h", 1); got != 1 {
		t.Fatalf("%d versions, want 1", got)
	}
	b.x("h").lists("user.a", "user.s3.content-type", "user.s3.meta.a", "user.s3.tag.a")
}

func TestXattrVersions(t *testing.T) {
	b := newBench(t)
	for i := range 3 {
		b.put("f", strings.Repeat("x", i))
	}
	if _, err := b.se.Delete(context.Background(), "bkt", "f", store.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b.path("f"), "again")
	b.versions("f", 5)
	got, err := b.x("f").get("user.s3.versions")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Number uint64
		ID     string
		Size   int64
		Time   string
		Marker bool
		Who    struct {
			Principal string
			UID       uint32
			Door      string
		}
	}
	if err := json.Unmarshal([]byte(got), &all); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	sizes := []int64{5, 0, 2, 1, 0}
	for i, v := range all {
		if v.Number != uint64(5-i) || v.Size != sizes[i] || v.Marker != (i == 1) || v.ID == "" || v.Time == "" || v.Who.Principal != store.Owner().ARN {
			t.Fatalf("%d is %+v", i, v)
		}
	}
	if len(all) != 5 || all[0].Who.Door != "mount" || all[1].Who.Door != "cli" {
		t.Fatalf("%+v", all)
	}
	for i := range 600 {
		b.put("many", fmt.Sprint(i))
	}
	got, err = b.x("many").get("user.s3.versions")
	if err != nil || !strings.Contains(got, `,{"more":true}]`) || !strings.Contains(got, `"number":600`) {
		t.Fatalf("%.100s ... %v", got, err)
	}
}

// A bucket's directory has its bucket's attributes, by name only.
func TestXattrsOfBuckets(t *testing.T) {
	st := openStore(t)
	peers := NewPeers()
	m := mountStore(t, st, Options{Peers: peers})
	if err := os.Mkdir(m.Dir()+"/bkt", 0o755); err != nil {
		t.Fatal(err)
	}
	d := x{t, m.Dir() + "/bkt"}
	d.has("user.s3.versioning", "unversioned")
	d.fails("user.s3.tags", unix.ENODATA)
	d.set("user.s3.versioning", "enabled")
	d.set("user.s3.tags", `{"team":"ops"}`)
	d.has("user.s3.tags", `{"team":"ops"}`)
	d.setFails("user.s3.tags", `{"team":"x"}`, unix.XATTR_CREATE, unix.EEXIST)
	d.setFails("user.s3.tags", `{"a&b":""}`, 0, unix.EINVAL)
	d.set("user.x", "y")
	d.lists("user.x")
	b, err := beside(st).Bucket(context.Background(), "bkt")
	if err != nil || b.Versioning != versioning.Enabled || !maps.Equal(b.Tags, map[string]string{"team": "ops"}) {
		t.Fatalf("%+v, %v", b, err)
	}
	d.set("user.s3.versioning", "suspended")
	d.has("user.s3.versioning", "suspended")
	d.setFails("user.s3.versioning", "unversioned", 0, unix.EINVAL)
	d.setFails("user.s3.versioning", "on", 0, unix.EINVAL)
	d.setFails("user.s3.versioning", "enabled", unix.XATTR_CREATE, unix.EEXIST)
	d.remove("user.s3.versioning", unix.EPERM)
	d.remove("user.s3.tags", 0)
	d.remove("user.s3.tags", unix.ENODATA)
	d.has("user.s3.bucket", "bkt")
	d.fails("user.s3.key", unix.ENODATA)
	d.fails("user.s3.logging", unix.ENODATA)
	d.remove("user.s3.logging", unix.ENODATA)
	for _, bad := range []string{"x", `{"LoggingEnabled":{"TargetBucket":"none","TargetPrefix":""}}`, `{"LoggingEnabled":{}}`} {
		d.setFails("user.s3.logging", bad, 0, unix.EINVAL)
	}
	for _, good := range []string{
		`{"LoggingEnabled":{"TargetBucket":"bkt","TargetPrefix":"logs/"}}`,
		`{"LoggingEnabled":{"TargetBucket":"bkt","TargetPrefix":"","TargetObjectKeyFormat":{"SimplePrefix":{}}}}`,
		`{"LoggingEnabled":{"TargetBucket":"bkt","TargetPrefix":"","TargetObjectKeyFormat":{"PartitionedPrefix":{}}}}`,
		`{"LoggingEnabled":{"TargetBucket":"bkt","TargetPrefix":"","TargetObjectKeyFormat":{"PartitionedPrefix":{"PartitionDateSource":"EventTime"}}}}`,
		`{"LoggingEnabled":{"TargetBucket":"bkt","TargetPrefix":"","TargetObjectKeyFormat":{"PartitionedPrefix":{"PartitionDateSource":"DeliveryTime"}}}}`,
	} {
		d.set("user.s3.logging", good)
		d.has("user.s3.logging", good)
	}
	d.setFails("user.s3.logging", `{"LoggingEnabled":{"TargetBucket":"bkt","TargetPrefix":"","TargetGrants":[{"Grantee":{"Type":"Group","URI":"http://acs.amazonaws.com/groups/global/AllUsers"},"Permission":"READ"}]}}`, 0, unix.EOPNOTSUPP)
	d.remove("user.s3.logging", 0)
	d.fails("user.s3.logging", unix.ENODATA)
	for _, name := range []string{"cors", "lifecycle"} {
		d.fails("user.s3."+name, unix.EOPNOTSUPP)
		d.setFails("user.s3."+name, "x", 0, unix.EOPNOTSUPP)
	}
	for _, name := range []string{"content-type", "meta.a", "meta", "tag.a", "etag", "versions"} {
		d.fails("user.s3."+name, unix.ENODATA)
	}
	for _, name := range []string{"content-type", "meta.a", "tag.a"} {
		d.setFails("user.s3."+name, "x", 0, unix.EOPNOTSUPP)
	}
	// The list of buckets has none and takes none.
	root := x{t, m.Dir()}
	root.lists()
	root.fails("user.x", unix.ENODATA)
	root.fails("user.s3.versioning", unix.ENODATA)
	root.setFails("user.x", "y", 0, unix.EPERM)
	// A mount of the bucket, or of a part of it, says the same, and takes no change here,
	// for it overlaps.
	if err := os.Mkdir(d.path+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	part := x{t, mountStore(t, st, Options{Bucket: "bkt", Peers: peers}).Dir()}
	part.has("user.s3.versioning", "suspended")
	part.has("user.x", "y")
	part.setFails("user.x", "z", 0, unix.EROFS)
	part.remove("user.x", unix.EROFS)
	below := x{t, mountStore(t, st, Options{Bucket: "bkt", Prefix: "sub/", Peers: peers}).Dir()}
	below.fails("user.s3.versioning", unix.ENODATA)
	below.has("user.s3.key", "sub/")
}

// Programs copy what they should, and nothing that they should not.
func TestProgramsCopyXattrs(t *testing.T) {
	needs(t, "getfattr", "setfattr", "rsync", "tar")
	b := newBench(t)
	plain := t.TempDir()
	b.sh(`
		echo hi > f; mkdir d
		setfattr -n user.s3.content-type -v text/plain f; setfattr -n user.s3.meta.author -v me f
		setfattr -n user.s3.tag.k -v v f; setfattr -n user.comment -v 'a note' f; setfattr -n user.x -v y d
		[ "$(getfattr --only-values -n user.s3.size f)" = 3 ]
		[ "$(getfattr f | grep -c user)" = 4 ]
		cp -a f g; cp -a d e
		[ "$(getfattr -d g | tail -n +2)" = "$(getfattr -d f | tail -n +2)" ]
		[ "$(getfattr -d e | tail -n +2)" = "$(getfattr -d d | tail -n +2)" ]
		[ "$(getfattr --only-values -n user.s3.version-number g)" = 1 ]
		mv g h; [ "$(getfattr -d h | tail -n +2)" = "$(getfattr -d f | tail -n +2)" ]
		mkdir to; rsync -aX f d to/; [ "$(getfattr -d to/f | tail -n +2)" = "$(getfattr -d f | tail -n +2)" ]
		[ "$(getfattr -d to/d | tail -n +2)" = "$(getfattr -d d | tail -n +2)" ]
		[ -z "$(rsync -aX --itemize-changes f d to/)" ]
		tar --xattrs -cf - f d | tar --xattrs -C to -xf -; [ "$(getfattr -d to/f | tail -n +2)" = "$(getfattr -d f | tail -n +2)" ]
	`)
	runIn(t, plain, `mkdir src; cp -a `+b.path("f")+` src/f; [ "$(getfattr --only-values -n user.s3.content-type src/f)" = text/plain ]
		[ "$(getfattr src/f | grep -c user)" = 4 ]
		mkdir `+b.path("back")+`; cp -a src/f `+b.path("back")+`/; rsync -aX src/ `+b.path("back")+`/`)
	b.sh(`[ "$(getfattr -d back/f | tail -n +2)" = "$(getfattr -d f | tail -n +2)" ]; [ "$(getfattr --only-values -n user.s3.version-number back/f)" = 1 ]`)
}

// A name too long for an attribute is in the one that holds all, which is then listed.
func TestLongLabelsAreListedTogether(t *testing.T) {
	b := newBench(t)
	long := strings.Repeat("é", 127)
	if err := b.se.SetTags(context.Background(), "bkt", "none", "", nil); err == nil {
		t.Fatal("tags were set on nothing")
	}
	b.put("f", "x")
	if err := b.se.SetTags(context.Background(), "bkt", "f", "", map[string]string{long: "1", "short": "2"}); err != nil {
		t.Fatal(err)
	}
	b.x("f").lists("user.s3.tags")
	b.sh(`cp -a f g`)
	tags, err := b.se.Tags(context.Background(), "bkt", "g", "")
	if err != nil || !maps.Equal(tags, map[string]string{long: "1", "short": "2"}) {
		t.Fatal(tags, err)
	}
	b.x("g").set("user.s3.tag.third", "3")
	b.x("g").has("user.s3.tag.short", "2")
	b.x("g").lists("user.s3.tags")
}
