package store_test

import (
	"fmt"
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// history is the versions of a key in a few letters, newest first: n for the null
// version, v for another, in capitals for markers; "" for none.
func (r *rig) history(bucket, key string) string {
	r.Helper()
	vs, err := r.se.Versions(r.ctx, bucket, key)
	if !fault.Is(err, fault.NoSuchKey) {
		r.ok(err)
	}
	out := ""
	for _, v := range vs {
		switch {
		case v.DeleteMarker && v.VersionID == store.NullVersion:
			out += "N"
		case v.DeleteMarker:
			out += "V"
		case v.VersionID == store.NullVersion:
			out += "n"
		default:
			out += "v"
		}
	}
	return out
}

// TestNamesWithoutHistory saves files as editors do in a versioned bucket: what has a
// temporary name leaves nothing behind, what it is renamed to has its history, and history
// that was there stays.
func TestNamesWithoutHistory(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("kept", versioning.Enabled)
	want := func(key, history string) {
		t.Helper()
		if got := r.history("kept", key); got != history {
			t.Fatalf("%s has the versions %q, want %q", key, got, history)
		}
	}
	rename := func(from, to string) {
		t.Helper()
		r.ok(r.se.Rename(r.ctx, store.Path{Bucket: "kept", Key: from}, store.Path{Bucket: "kept", Key: to}, store.RenameFlags{}))
	}
	swap := ".notes.txt.swp"
	for i := range 3 {
		r.save("kept", swap, fmt.Sprint("swap ", i))
		want(swap, "n")
	}
	r.ok(r.se.Unlink(r.ctx, "kept", swap))
	want(swap, "")

	// vim with a backup: the file goes to name~, is written anew, and name~ is deleted.
	r.save("kept", "notes.txt", "one")
	for i := range 2 {
		rename("notes.txt", "notes.txt~")
		want("notes.txt~", "n")
		r.save("kept", "notes.txt", fmt.Sprint("more ", i))
		if i == 0 {
			r.ok(r.se.Unlink(r.ctx, "kept", "notes.txt~"))
			want("notes.txt~", "")
		}
	}
	want("notes.txt", "vVvVv")
	if got := r.get("kept", "notes.txt", "1"); got != "one" {
		t.Fatalf("the first version is %q", got)
	}

	// GLib: a temporary file is renamed over the real one.
	r.save("kept", ".goutputstream-ABC", "three")
	rename(".goutputstream-ABC", "notes.txt")
	want(".goutputstream-ABC", "")
	want("notes.txt", "vvVvVv")

	// What came over S3 has history whatever it is called, and keeps it.
	s3 := r.s.As(store.Owner(), store.RequestContext{Door: store.DoorS3})
	for _, body := range []string{"a", "b"} {
		_, err := s3.Put(r.ctx, "kept", "s3~", input(body))
		r.ok(err)
	}
	want("s3~", "vv")
	r.save("kept", "s3~", "from the mount")
	r.save("kept", "s3~", "again")
	want("s3~", "nvv")
	r.ok(r.se.Unlink(r.ctx, "kept", "s3~"))
	want("s3~", "Nvv")
	if _, err := r.se.Head(r.ctx, "kept", "s3~", ""); !fault.Is(err, fault.NoSuchKey) {
		t.Fatalf("after unlink: %v", err)
	}
	r.save("kept", "s3~", "back")
	want("s3~", "nvv")

	// The patterns are the bucket's to choose.
	r.ok(r.se.SetSetting(r.ctx, "kept", "no-history", []string{"*.o"}))
	r.save("kept", "notes.txt~", "now with history")
	r.save("kept", "notes.txt~", "now with history too")
	want("notes.txt~", "vvn")
	r.save("kept", "main.o", "x")
	r.save("kept", "main.o", "y")
	want("main.o", "n")
	problems, err := r.s.Check(r.ctx, store.FsckOptions{Deep: true})
	r.ok(err)
	if len(problems) > 0 {
		t.Fatalf("fsck: %v", problems)
	}
}
