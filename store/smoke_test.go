package store

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"pail/versioning"
)

// openTest opens a fresh store that ends with the test.
func openTest(t *testing.T, o Options) (*Store, *Session) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir() + "/store"
	}
	if !IsStore(o.Dir) {
		if err := Create(o); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s, s.As(Owner(), RequestContext{Door: DoorControl})
}

func mustBucket(t *testing.T, se *Session, name string, state versioning.State) {
	t.Helper()
	if _, err := se.CreateBucket(context.Background(), name, BucketOptions{Versioning: state}); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, se *Session, bucket, key, ref string) string {
	t.Helper()
	r, err := se.Get(context.Background(), bucket, key, ref)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPutListRestoreAcrossReopen(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, se := openTest(t, Options{Dir: dir})
	mustBucket(t, se, "photos", versioning.Enabled)
	big := strings.Repeat("0123456789abcdef", 10_000)
	for _, body := range []string{"one", big, "three"} {
		if _, err := se.Put(ctx, "photos", "a/b/c.txt", PutInput{Body: strings.NewReader(body), Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := se.Delete(ctx, "photos", "a/b/c.txt", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := se.StatDir(ctx, "photos", "a/"); err == nil {
		t.Fatal("an implied directory outlived its last key")
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, se = openTest(t, Options{Dir: dir})
	if s.Status().Recovered.Unclean {
		t.Fatal("a clean end looks unclean")
	}
	vs, err := se.Versions(ctx, "photos", "a/b/c.txt")
	if err != nil || len(vs) != 4 || !vs[0].DeleteMarker || vs[1].Number != 3 {
		t.Fatalf("versions %+v, %v", vs, err)
	}
	if got := readAll(t, se, "photos", "a/b/c.txt", "2"); got != big {
		t.Fatal("version 2 has other bytes")
	}
	if _, err := se.Restore(ctx, "photos", "a/b/c.txt", "2"); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, se, "photos", "a/b/c.txt", ""); got != big {
		t.Fatal("restored bytes differ")
	}
	p, err := se.List(ctx, "photos", ListInput{Delimiter: "/"})
	if err != nil || len(p.Prefixes) != 1 || p.Prefixes[0] != "a/" {
		t.Fatalf("list %+v, %v", p, err)
	}
}

func TestFileOneActOneVersion(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	mustBucket(t, se, "docs", versioning.Enabled)
	for _, size := range []int{10, 100_000} {
		key := strings.Repeat("k", size/1000+1)
		f, err := se.OpenFile(ctx, "docs", key, OpenFlags{Write: true, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := se.Head(ctx, "docs", key, ""); err == nil {
			t.Fatal("an unpublished file shows over S3")
		}
		body := bytes.Repeat([]byte("x"), size)
		if _, err := f.WriteAt(ctx, body, 0); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := f.Sync(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if vs, err := se.Versions(ctx, "docs", key); err != nil || len(vs) != 1 {
			t.Fatalf("%d versions, %v", len(vs), err)
		}
		if got := readAll(t, se, "docs", key, ""); got != string(body) {
			t.Fatal("published bytes differ")
		}
		f, err = se.OpenFile(ctx, "docs", key, OpenFlags{Write: true})
		if err != nil {
			t.Fatal(err)
		}
		copy(body[3:], "YY")
		if _, err := f.WriteAt(ctx, []byte("YY"), 3); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, se, "docs", key, ""); got != string(body) {
			t.Fatal("changed bytes differ")
		}
		if vs, err := se.Versions(ctx, "docs", key); err != nil || len(vs) != 2 {
			t.Fatalf("%d versions, %v", len(vs), err)
		}
	}
}

func TestDirectoryRenameSmallAndLarge(t *testing.T) {
	ctx := context.Background()
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		for _, n := range []int{5, 1500} {
			s, se := openTest(t, Options{})
			mustBucket(t, se, "bbb", state)
			if _, err := se.Mkdir(ctx, "bbb", "old/", Attr{}); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				f, err := se.OpenFile(ctx, "bbb", "old/"+strings.Repeat("s/", 0)+string(rune('a'+i%26))+strings.Repeat("x", i/26), OpenFlags{Write: true, Create: true})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteAt(ctx, []byte("body"), 0); err != nil {
					t.Fatal(err)
				}
				if err := f.Close(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := se.Rename(ctx, Path{"bbb", "old/"}, Path{"bbb", "new/"}, RenameFlags{}); err != nil {
				t.Fatal(err)
			}
			count := func(prefix string) (total int) {
				in := ListInput{Prefix: prefix}
				for {
					p, err := se.List(ctx, "bbb", in)
					if err != nil {
						t.Fatal(err)
					}
					total += len(p.Objects)
					if !p.Truncated {
						return total
					}
					in.StartAfter = p.Next
				}
			}
			if a, b := count("old/"), count("new/"); a != 0 || b != n+1 {
				t.Fatalf("%v, %d files: %d under the old name, %d under the new", state, n, a, b)
			}
			if got := readAll(t, se, "bbb", "new/a", ""); got != "body" {
				t.Fatalf("%q", got)
			}
			if _, err := se.Versions(ctx, "bbb", "new/a"); err != nil {
				t.Fatal(err)
			}
			if a, b := count("old/"), count("new/"); a != 0 || b != n+1 {
				t.Fatalf("at rest: %d under the old name, %d under the new", a, b)
			}
			d, err := se.StatDir(ctx, "bbb", "new/")
			if err != nil || d.Children != uint64(n) {
				t.Fatalf("%+v, %v", d, err)
			}
			if err := s.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
}
