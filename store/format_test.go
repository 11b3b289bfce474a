package store

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store/keyring"
	"pail/versioning"
)

// The promise of the format: testdata holds a store of each format, as the program of then
// left it when the power failed, and what it held. Every later program opens it and finds
// the same. What stands there is never written again; -keep-format writes the one of a
// format that has none yet:
//
//	go test ./store -run TestFormats -keep-format

var keepFormat = flag.Bool("keep-format", false, "write the fixture of the present format, if there is none")

// A portrait is everything that a store shows.
type portrait struct {
	Made    time.Time // when the fixture was made: what is younger was made by opening it
	Buckets map[string]bucketPortrait
}

type bucketPortrait struct {
	Versioning string
	Tags       map[string]string
	Settings   []string
	Versions   []string // each with its place, its content's SHA-256 and its labels
	Dirs       []string // and what is in them, in the order of names
	Uploads    []string
}

func TestFormats(t *testing.T) {
	master, under := withChosen(t, Options{})
	if *keepFormat {
		name := fmt.Sprintf("testdata/format-%d", Format)
		writeFormat(t, name, nil, Options{})
		writeFormat(t, name+"-encrypted", master, under)
	}
	stores, err := filepath.Glob("testdata/format-*.tar.gz")
	if err != nil || len(stores) < 2*Format { // one of each format is encrypted
		t.Fatalf("%d fixtures for %d formats (%v)", len(stores), Format, err)
	}
	for _, path := range stores {
		t.Run(filepath.Base(path), func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, path, dir)
			o, rc := Options{Dir: dir}, RequestContext{Door: DoorControl}
			if strings.Contains(path, "-encrypted") {
				o.MasterKey, rc.CustomerKey = under.MasterKey, museumKey
			}
			s, _ := openTest(t, o)
			se := s.As(Owner(), rc)
			if p := s.recovered.Problems; len(p) > 0 {
				t.Error(p)
			}
			var want portrait
			b, err := os.ReadFile(strings.TrimSuffix(path, ".tar.gz") + ".json")
			if err == nil {
				err = json.Unmarshal(b, &want)
			}
			if err != nil {
				t.Fatal(err)
			}
			comparePortraits(t, paint(t, se, want.Made), want)
			fsckClean(t, s, true)

			// It goes on being used, as one of the present format.
			put(t, se, "kept", "small", "now")
			if _, err := se.Delete(context.Background(), "bare", "d/e/large", DeleteOptions{}); err != nil {
				t.Error(err)
			}
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			s, se = openTest(t, o)
			if got := readAll(t, se, "kept", "small", ""); got != "now" || s.label.Format != Format {
				t.Errorf("%q, format %d", got, s.label.Format)
			}
			fsckClean(t, s, true)
		})
	}
}

// writeFormat makes a fixture of the present format out of a museum, unless there is one.
func writeFormat(t *testing.T, name string, master *keyring.Master, o Options) {
	if _, err := os.Stat(name + ".tar.gz"); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	m := newMuseumUnder(t, t.TempDir()+"/store", master)
	m.labels()
	m.ok(m.s.db.Sync(context.Background()))
	left := filepath.Join(t.TempDir(), "left")
	snapshotStore(t, m.s, left)
	made := time.Now()
	m.ok(os.MkdirAll("testdata", 0o755))
	pack(t, left, name+".tar.gz")
	o.Dir = left
	s, _ := openTest(t, o)
	se := s.As(Owner(), RequestContext{Door: DoorControl, CustomerKey: museumKey})
	b, err := json.MarshalIndent(paint(t, se, made), "", " ")
	m.ok(err)
	m.ok(os.WriteFile(name+".json", append(b, '\n'), 0o644))
}

// labels gives a museum's objects and buckets what else is kept with them.
func (m *museum) labels() {
	ctx := context.Background()
	m.ok(m.se.SetTags(ctx, "kept", "small", "", map[string]string{"colour": "blue", "äö": "ü"}))
	m.ok(m.se.SetBucketTags(ctx, "kept", map[string]string{"team": "archive"}))
	m.ok(m.se.ChangeDescription(ctx, Node{Bucket: "kept", Key: "d/e/small"}, DescriptionChange{
		Headers: TextChange{Set: map[string]string{"content-type": "text/x-museum"}}, Metadata: TextChange{Set: map[string]string{"origin": "here"}},
	}))
	m.ok(m.se.ChangeXattr(ctx, Node{Bucket: "bare", Key: "large"}, XattrChange{Name: "user.note", Value: []byte("\x00binary\xff")}))
	mode, mtime := uint32(0o751), time.Unix(1_000_000_000, 7)
	_, err := m.se.SetAttr(ctx, "bare", "large", AttrChange{Mode: &mode, Mtime: &mtime})
	m.ok(err)
	_, err = m.se.Symlink(ctx, "bare", "made/link", "../large", Attr{})
	m.ok(err)
	mustBucket(m.t, m.se, "halted", versioning.Enabled)
	put(m.t, m.se, "halted", "k", "one")
	m.ok(m.se.SetVersioning(ctx, "halted", versioning.Suspended))
	put(m.t, m.se, "halted", "k", "two")
	put(m.t, m.se, "halted", "k", "null again")
}

// paint makes the portrait of a store, but for when what opening it made was made.
func paint(t *testing.T, se *Session, made time.Time) portrait {
	ctx := context.Background()
	p := portrait{Made: made, Buckets: map[string]bucketPortrait{}}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	buckets, err := se.Buckets(ctx)
	ok(err)
	for _, b := range buckets {
		out := bucketPortrait{Versioning: b.Versioning.String()}
		out.Tags, err = se.BucketTags(ctx, b.Name)
		ok(err)
		settings, err := se.Settings(ctx, b.Name)
		ok(err)
		for _, s := range settings {
			if s.From == "default" {
				continue // which may change
			}
			out.Settings = append(out.Settings, fmt.Sprintf("%s %q %v", s.Name, s.Value, s.From))
		}
		page, err := se.ListVersions(ctx, b.Name, ListVersionsInput{})
		ok(err)
		for _, o := range page.Versions {
			out.Versions = append(out.Versions, paintVersion(t, se, b.Name, o, made))
		}
		out.Dirs = paintDir(t, se, b.Name, "")
		uploads, err := se.ListUploads(ctx, b.Name, ListUploadsInput{})
		ok(err)
		for _, u := range uploads.Uploads {
			parts, err := se.ListParts(ctx, b.Name, u.Key, u.ID, 0, 0)
			ok(err)
			for _, part := range parts.Parts {
				out.Uploads = append(out.Uploads, fmt.Sprintf("%s %s part %d, %d bytes, etag %s", u.Key, u.ID, part.Number, part.Size, part.ETag))
			}
		}
		p.Buckets[b.Name] = out
	}
	return p
}

func paintVersion(t *testing.T, se *Session, bucket string, o Object, made time.Time) string {
	t.Helper()
	ctx := context.Background()
	text := ""
	if !o.DeleteMarker {
		text = fmt.Sprintf(" %x", sha256.Sum256([]byte(readAll(t, se, bucket, o.Key, o.VersionID))))
	}
	nd := Node{Bucket: bucket, Key: o.Key, Version: o.VersionID}
	if !o.DeleteMarker {
		described, err := se.Describe(ctx, nd)
		if err != nil {
			t.Fatal(err)
		}
		tags, err := se.TagsOf(ctx, nd)
		if err != nil {
			t.Fatal(err)
		}
		xattrs, err := se.XattrsOf(ctx, nd)
		if err != nil {
			t.Fatal(err)
		}
		o = described
		text += fmt.Sprintf(" tags=%v xattrs=%q", tags, xattrs)
	}
	if o.Modified.After(made) { // opening it published a draft
		o.Modified, o.Seq, o.ETag, o.Attr = time.Time{}, 0, "", Attr{}
	}
	a, h := o.Attr, o.Headers
	return fmt.Sprintf("%s %s #%d seq %d inode %d, %d bytes in %d, etag %s, at %s, latest %v, marker %v, mode %o of %d:%d %v, times %s %s, "+
		"headers %q, %s, metadata %v, checksums %v, %d parts %v, by %s uid %d door %d, renamed %q%s",
		o.Key, o.VersionID, o.Number, o.Seq, o.Ino, o.Size, o.Blocks, o.ETag, stamp(o.Modified), o.Latest, o.DeleteMarker,
		a.Mode, a.UID, a.GID, a.Unowned, stamp(a.Mtime), stamp(a.Btime),
		[]string{h.ContentType, h.ContentEncoding, h.ContentLanguage, h.ContentDisposition, h.CacheControl, h.Expires}, o.StorageClass,
		o.Metadata, o.Checksums, o.Parts, o.Layout, o.Principal, o.UID, o.Door, o.Renamed, text)
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// paintDir tells what is in a directory and below.
func paintDir(t *testing.T, se *Session, bucket, dir string) (out []string) {
	t.Helper()
	es, _, err := se.ReadDir(context.Background(), bucket, dir, ReadDirInput{Begin: true, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if e.Dir != nil {
			out = append(out, fmt.Sprintf("%s%s/ inode %d mode %o", dir, e.Name, e.Dir.Ino, e.Dir.Attr.Mode))
			out = append(out, paintDir(t, se, bucket, dir+e.Name+"/")...)
		}
		if e.Object != nil {
			out = append(out, fmt.Sprintf("%s%s inode %d mode %o size %d", dir, e.Name, e.Object.Ino, e.Object.Attr.Mode, e.Object.Size))
		}
	}
	return out
}

func comparePortraits(t *testing.T, got, want portrait) {
	t.Helper()
	if len(got.Buckets) != len(want.Buckets) {
		t.Errorf("%d buckets, want %d", len(got.Buckets), len(want.Buckets))
	}
	for name, w := range want.Buckets {
		g := got.Buckets[name]
		lines := func(what string, got, want []string) {
			for _, l := range want {
				if !slices.Contains(got, l) {
					t.Errorf("%s: %s: missing %s", name, what, l)
				}
			}
			for _, l := range got {
				if !slices.Contains(want, l) {
					t.Errorf("%s: %s: instead %s", name, what, l)
				}
			}
		}
		lines("versions", g.Versions, w.Versions)
		lines("directories", g.Dirs, w.Dirs)
		lines("uploads", g.Uploads, w.Uploads)
		lines("settings", g.Settings, w.Settings)
		lines("state", []string{g.Versioning, fmt.Sprint(g.Tags)}, []string{w.Versioning, fmt.Sprint(w.Tags)})
	}
}

func pack(t *testing.T, dir, to string) {
	t.Helper()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	err = w.AddFS(os.DirFS(dir))
	if err := errors.Join(err, w.Close(), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, from, dir string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.FileInfo().IsDir() {
			err = os.MkdirAll(path, 0o700)
		} else if b, e := io.ReadAll(r); e != nil {
			err = e
		} else {
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
