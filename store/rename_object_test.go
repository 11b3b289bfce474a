package store

import (
	"context"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

func TestRenameObject(t *testing.T) {
	ctx := context.Background()
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		s, se := openTest(t, Options{})
		mustBucket(t, se, "bkt", state)
		body := strings.Repeat("x", 100_000)
		put(t, se, "bkt", "old/deep/a", body)
		put(t, se, "bkt", "new/b/c", "below")
		put(t, se, "bkt", "new/b", "replaced")
		was, err := se.Head(ctx, "bkt", "old/deep/a", "")
		if err != nil {
			t.Fatal(err)
		}
		want := func(err error, kind fault.Kind) {
			t.Helper()
			if fault.KindOf(err) != kind {
				t.Errorf("%v is not %v", err, kind)
			}
		}
		want(se.RenameObject(ctx, "bkt", "none", "new/b", RenameInput{}), fault.NoSuchKey)
		want(se.RenameObject(ctx, "none", "a", "b", RenameInput{}), fault.NoSuchBucket)
		want(se.RenameObject(ctx, "bkt", "old/deep/a", "new/b", RenameInput{Conditions: Conditions{IfNoneMatch: "*"}}), fault.PreconditionFailed)
		want(se.RenameObject(ctx, "bkt", "old/deep/a", "new/b", RenameInput{SourceIf: Conditions{IfMatch: "x"}}), fault.PreconditionFailed)
		want(se.RenameObject(ctx, "bkt", "old/deep/a", "new/", RenameInput{}), fault.InvalidRequest)
		want(se.RenameObject(ctx, "bkt", "old/deep/", "new/x", RenameInput{}), fault.InvalidRequest)
		want(se.RenameObject(ctx, "bkt", "old/deep/a", strings.Repeat("k", 1025), RenameInput{}), fault.KeyTooLong)
		want(se.RenameObject(ctx, "bkt", "old/deep/a", "old/deep/a", RenameInput{}), fault.None)
		want(se.RenameObject(ctx, "bkt", "old/deep/a", "new/b", RenameInput{SourceIf: Conditions{IfMatch: was.ETag}}), fault.None)

		o, err := se.Head(ctx, "bkt", "new/b", "")
		if err != nil || o.Ino != was.Ino || o.ETag != was.ETag || o.Renamed != "old/deep/a" {
			t.Errorf("%+v, %v", o, err)
		}
		if got := readAll(t, se, "bkt", "new/b", ""); got != body {
			t.Errorf("%d bytes came along", len(got))
		}
		if got := readAll(t, se, "bkt", "new/b/c", ""); got != "below" {
			t.Errorf("what is below the new key is %q", got)
		}
		_, err = se.Head(ctx, "bkt", "old/deep/a", "")
		want(err, fault.NoSuchKey)
		_, err = se.StatDir(ctx, "bkt", "old/")
		want(err, fault.NoSuchKey)
		if vs, err := se.Versions(ctx, "bkt", "new/b"); err != nil || (len(vs) == 2) != (state == versioning.Enabled) {
			t.Errorf("%d versions, %v", len(vs), err)
		}
		if problems, err := s.Check(ctx, FsckOptions{Deep: true}); err != nil || len(problems) > 0 {
			t.Errorf("%+v, %v", problems, err)
		}
	}
}

// TestRenameObjectLeavesANewFileItsName has a new file be renamed over an object on the
// mount: until it is published, S3 sees the object, and renaming that takes the object only.
func TestRenameObjectLeavesANewFileItsName(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	put(t, se, "bkt", "a", "object")
	f, err := se.OpenFile(ctx, "bkt", "new", OpenFlags{Write: true, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(ctx, []byte("file"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if err := se.Rename(ctx, Path{"bkt", "new"}, Path{"bkt", "a"}, RenameFlags{}); err != nil {
		t.Fatal(err)
	}
	if err := se.RenameObject(ctx, "bkt", "a", "b", RenameInput{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"a": "file", "b": "object"} {
		if got := readAll(t, se, "bkt", key, ""); got != want {
			t.Errorf("%s holds %q instead of %q", key, got, want)
		}
	}
}
