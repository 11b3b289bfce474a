package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

// TestMarkersAreTold: whoever meets a delete marker learns which one it is.
func TestMarkersAreTold(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	mustBucket(t, se, "kept", versioning.Enabled)
	mustBucket(t, se, "plain", versioning.Unversioned)
	for _, bucket := range []string{"kept", "plain"} {
		put(t, se, bucket, "a", "one")
		gone, err := se.Delete(ctx, bucket, "a", DeleteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		reads := map[string]func(ref string) error{
			"Get":     func(ref string) error { _, err := se.Get(ctx, bucket, "a", ref); return err },
			"Head":    func(ref string) error { _, err := se.Head(ctx, bucket, "a", ref); return err },
			"Tagging": func(ref string) error { _, _, err := se.Tagging(ctx, bucket, "a", ref); return err },
			"Parts":   func(ref string) error { _, err := se.ObjectParts(ctx, bucket, "a", ref, 0, 0); return err },
		}
		for name, read := range reads {
			err := read("")
			var m *MarkerError
			if !fault.Is(err, fault.NoSuchKey) || errors.As(err, &m) != (bucket == "kept") || m != nil && (m.VersionID != gone.VersionID || m.Modified.IsZero()) {
				t.Errorf("%s of %s: %v, marker %v", name, bucket, err, m)
			}
			if bucket == "plain" || name == "Head" { // Head tells of a marker that is named
				continue
			}
			err = read(gone.VersionID)
			if m = nil; !fault.Is(err, fault.MethodNotAllowed) || !errors.As(err, &m) || m.VersionID != gone.VersionID {
				t.Errorf("%s of the marker: %v", name, err)
			}
		}
		if _, err := se.Head(ctx, bucket, "never", ""); errors.As(err, new(*MarkerError)) {
			t.Errorf("what never was: %v", err)
		}
	}
}

// TestTaggingTellsTheVersion: a bucket that never kept history has none.
func TestTaggingTellsTheVersion(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	mustBucket(t, se, "kept", versioning.Enabled)
	mustBucket(t, se, "plain", versioning.Unversioned)
	tags := map[string]string{"a": "b"}
	for _, bucket := range []string{"kept", "plain"} {
		o, err := se.Put(ctx, bucket, "a", PutInput{Body: strings.NewReader("one"), Size: 3})
		if err != nil {
			t.Fatal(err)
		}
		want := o.VersionID
		if bucket == "plain" {
			want = ""
		}
		if o.Versioned != (bucket == "kept") {
			t.Errorf("%s is versioned: %v", bucket, o.Versioned)
		}
		if v, err := se.PutTagging(ctx, bucket, "a", "", tags); err != nil || v != want {
			t.Errorf("%s: %q, %v; want %q", bucket, v, err, want)
		}
		if got, v, err := se.Tagging(ctx, bucket, "a", ""); err != nil || v != want || got["a"] != "b" {
			t.Errorf("%s: %v of %q, %v", bucket, got, v, err)
		}
	}
}

// TestSourcesAreTold: a copy can be refused by what its source is.
func TestSourcesAreTold(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{MinPartSize: 1})
	mustBucket(t, se, "kept", versioning.Enabled)
	old, err := se.Put(ctx, "kept", "a", PutInput{Body: strings.NewReader("old"), Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	put(t, se, "kept", "a", "newer")
	no := fault.New(fault.InvalidRequest, "no")
	for _, ref := range []string{"", old.VersionID} {
		for _, answer := range []error{nil, no} {
			var told Object
			ask := func(o Object) error { told = o; return answer }
			_, err := se.Copy(ctx, Source{Bucket: "kept", Key: "a", Version: ref}, "kept", "b", CopyInput{Source: ask})
			if (err == nil) != (answer == nil) || told.Key != "a" || !told.Versioned || (told.VersionID == old.VersionID) != (ref != "") {
				t.Errorf("copy of %q: %v, told %+v", ref, err, told)
			}
			id, err := se.CreateUpload(ctx, "kept", "c", PutInput{})
			if err != nil {
				t.Fatal(err)
			}
			told = Object{}
			_, err = se.UploadPartCopy(ctx, Source{Bucket: "kept", Key: "a", Version: ref}, "kept", "c", id, 1, PartCopy{Source: ask})
			if (err == nil) != (answer == nil) || told.Key != "a" || (told.VersionID == old.VersionID) != (ref != "") {
				t.Errorf("part of %q: %v, told %+v", ref, err, told)
			}
		}
	}
}
