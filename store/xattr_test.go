package store

import (
	"context"
	"testing"

	"pail/versioning"
)

// FuzzXattrKey: every name comes back, and no two are one.
func FuzzXattrKey(f *testing.F) {
	f.Add("user.a", "user.\xff")
	f.Add("user.\xc3\xbf", "\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, s := range []string{a, b} {
			if len(s) > 0 && s[0] == 0 {
				t.Skip("no name has a NUL")
			}
			if got := xattrName(xattrKey(s)); got != s {
				t.Fatalf("%q comes back as %q", s, got)
			}
		}
		if a != b && xattrKey(a) == xattrKey(b) {
			t.Fatalf("%q and %q are both %q", a, b, xattrKey(a))
		}
	})
}

// Names of attributes are bytes, on files, drafts and directories, and survive a restart.
func TestXattrNamesOfBytes(t *testing.T) {
	ctx := context.Background()
	dir := quickDir(t) + "/store"
	s, se := openTest(t, Options{Dir: dir})
	mustBucket(t, se, "bkt", versioning.Enabled)
	mustMkdir(t, se, "bkt", "d/")
	const name = "user.gr\xfc\xdfe"
	f := mustOpen(t, se, "k", OpenFlags{Write: true, Create: true})
	if _, err := f.WriteAt(ctx, []byte("important"), 0); err != nil {
		t.Fatal(err)
	}
	nodes := []Node{{File: f}, {Bucket: "bkt", Key: "d/", Dir: true}}
	for _, nd := range nodes {
		if err := se.ChangeXattr(ctx, nd, XattrChange{Name: name, Value: []byte("1")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	mustClose(t, f)
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, se = openTest(t, Options{Dir: dir})
	for _, nd := range []Node{{Bucket: "bkt", Key: "k"}, nodes[1]} {
		got, err := se.XattrsOf(ctx, nd)
		if err != nil || len(got) != 1 || string(got[name]) != "1" {
			t.Errorf("%s has %q (%v)", nd.Key, got, err)
		}
		if err := se.ChangeXattr(ctx, nd, XattrChange{Name: name, Remove: true}); err != nil {
			t.Error(err)
		}
	}
	if got := readAll(t, se, "bkt", "k", ""); got != "important" {
		t.Errorf("it reads %q", got)
	}
	fsckClean(t, s, true)
}
