package store_test

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"pail/store"
	"pail/store/checksum"
	"pail/store/fault"
	"pail/versioning"
)

// TestCopyChecksTheVersionThatIsNamed copies an older version under conditions on the
// source: they are about that version, whatever the current one is, or if there is none.
func TestCopyChecksTheVersionThatIsNamed(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	old, now := r.put("bkt", "k", "old"), r.put("bkt", "k", "now")
	check := func(when string) {
		for _, c := range []struct {
			version string
			cond    store.Conditions
			want    fault.Kind
		}{
			{old.VersionID, store.Conditions{IfMatch: old.ETag}, fault.None},
			{old.VersionID, store.Conditions{IfMatch: "*"}, fault.None},
			{old.VersionID, store.Conditions{IfMatch: now.ETag}, fault.PreconditionFailed},
			{old.VersionID, store.Conditions{IfNoneMatch: now.ETag}, fault.None},
			{old.VersionID, store.Conditions{IfNoneMatch: old.ETag}, fault.PreconditionFailed},
			{old.VersionID, store.Conditions{IfNoneMatch: "*"}, fault.PreconditionFailed},
			{old.VersionID, store.Conditions{IfModifiedSince: old.Modified}, fault.PreconditionFailed},
			{old.VersionID, store.Conditions{IfModifiedSince: old.Modified.Add(-time.Minute)}, fault.None},
			{old.VersionID, store.Conditions{IfUnmodifiedSince: old.Modified.Add(-time.Minute)}, fault.PreconditionFailed},
			{old.VersionID, store.Conditions{IfUnmodifiedSince: old.Modified}, fault.None},
			{old.VersionID, store.Conditions{IfMatch: old.ETag, IfUnmodifiedSince: old.Modified.Add(-time.Minute)}, fault.None},
			{old.VersionID, store.Conditions{IfNoneMatch: old.ETag, IfModifiedSince: old.Modified.Add(-time.Minute)}, fault.PreconditionFailed},
			{"", store.Conditions{IfMatch: old.ETag}, fault.PreconditionFailed},
			{"", store.Conditions{IfMatch: now.ETag}, fault.None},
		} {
			if c.version == "" && when == "deleted" {
				c.want = fault.NoSuchKey
			}
			o, err := r.se.Copy(r.ctx, store.Source{Bucket: "bkt", Key: "k", Version: c.version}, "bkt", "copy", store.CopyInput{SourceIf: c.cond})
			if fault.KindOf(err) != c.want {
				t.Errorf("%s, version %q, %+v: %v, want %v", when, c.version, c.cond, err, c.want)
			} else if err == nil && c.version == old.VersionID && r.get("bkt", "copy", o.VersionID) != "old" {
				t.Errorf("%s: copied %q", when, r.get("bkt", "copy", o.VersionID))
			}
		}
	}
	check("current")
	_, err := r.se.Delete(r.ctx, "bkt", "k", store.DeleteOptions{})
	r.ok(err)
	check("deleted")
}

// TestCopyOntoItself is refused unless something is given that may differ, whether it does
// or not, as AWS has it. Tags alone are not enough; a version that is named is.
func TestCopyOntoItself(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	o := r.put("bkt", "k", "body")
	r.put("bkt", "other", "body")
	self := store.Source{Bucket: "bkt", Key: "k"}
	for _, c := range []struct {
		what string
		src  store.Source
		in   store.CopyInput
		want fault.Kind
	}{
		{"nothing", self, store.CopyInput{}, fault.InvalidRequest},
		{"metadata that are not taken", self, store.CopyInput{Metadata: map[string]string{"a": "b"}}, fault.InvalidRequest},
		{"tags", self, store.CopyInput{ReplaceTags: true, Tags: map[string]string{"a": "b"}}, fault.InvalidRequest},
		{"a checksum", self, store.CopyInput{Checksum: checksum.SHA256}, fault.InvalidRequest},
		{"metadata", self, store.CopyInput{ReplaceMetadata: true}, fault.None},
		{"the same class", self, store.CopyInput{StorageClass: store.StandardClass}, fault.None},
		{"a redirect", self, store.CopyInput{Headers: store.Headers{WebsiteRedirect: "/x"}}, fault.None},
		{"a version", store.Source{Bucket: "bkt", Key: "k", Version: o.VersionID}, store.CopyInput{}, fault.None},
		{"another", store.Source{Bucket: "bkt", Key: "other"}, store.CopyInput{}, fault.None},
		{"what is not there", store.Source{Bucket: "bkt", Key: "none"}, store.CopyInput{}, fault.NoSuchKey},
	} {
		_, err := r.se.Copy(r.ctx, c.src, "bkt", "k", c.in)
		if fault.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	_, err := r.se.Delete(r.ctx, "bkt", "k", store.DeleteOptions{})
	r.ok(err)
	vs, err := r.se.Versions(r.ctx, "bkt", "k")
	r.ok(err)
	_, err = r.se.Copy(r.ctx, store.Source{Bucket: "bkt", Key: "k", Version: vs[0].VersionID}, "bkt", "x", store.CopyInput{})
	r.kind(err, fault.InvalidRequest)
}

// TestCopyChecksums: a copy has a checksum of the algorithm of its source, or of the one that
// is asked for, and its MD5 for an ETag, of small and of large objects and of files that have
// neither.
func TestCopyChecksums(t *testing.T) {
	r := newRig(t, store.Options{InlineMax: 100})
	r.bucket("bkt", versioning.Unversioned)
	for _, body := range []string{"", "small", strings.Repeat("large", 1000)} {
		put := r.put("bkt", "put", body)
		r.save("bkt", "saved", body)
		for _, a := range append(checksum.Algorithms(), checksum.None) {
			for _, from := range []string{"put", "saved"} {
				o, err := r.se.Copy(r.ctx, store.Source{Bucket: "bkt", Key: from}, "bkt", "copy", store.CopyInput{Checksum: a})
				r.ok(err)
				want := put.Checksums
				if a != checksum.None {
					want = map[string]string{a.Lower(): checksum.Encode(a.Sum([]byte(body)))}
				}
				if !maps.Equal(o.Checksums, want) || o.ChecksumType != checksum.FullObject || o.ETag != put.ETag {
					t.Errorf("%v of %d bytes %s: %s %v %v, want %s %v", a, len(body), from, o.ETag, o.ChecksumType, o.Checksums, put.ETag, want)
				}
				if r.get("bkt", "copy", "") != body {
					t.Error("the copy has other bytes")
				}
			}
		}
	}
	_, err := r.se.Copy(r.ctx, store.Source{Bucket: "bkt", Key: "none"}, "bkt", "copy", store.CopyInput{Checksum: checksum.SHA1})
	r.kind(err, fault.NoSuchKey)
}

// TestCopyIsOnePiece copies what parts were joined to: the copy is an object that might have
// been put, as on S3, and shares its source's bytes.
func TestCopyIsOnePiece(t *testing.T) {
	r := newRig(t, store.Options{InlineMax: 100, MinPartSize: -1})
	r.bucket("bkt", versioning.Enabled)
	for _, bodies := range [][]string{{strings.Repeat("one", 1000), strings.Repeat("two", 500)}, {"", ""}} {
		body := strings.Join(bodies, "")
		put := r.put("bkt", "put", body)
		for _, a := range append(checksum.Algorithms(), checksum.None) {
			for _, typ := range []checksum.Type{checksum.FullObject, checksum.Composite} {
				if a != checksum.None && !a.Allows(typ) || a == checksum.None && typ == checksum.Composite {
					continue
				}
				kept, in := a, store.PutInput{Sums: store.Sums{Algorithm: a}, ChecksumType: typ}
				if a == checksum.None {
					kept, in.ChecksumType = checksum.Default, checksum.Unknown
				}
				id, err := r.se.CreateUpload(r.ctx, "bkt", "up", in)
				r.ok(err)
				var parts []store.CompletedPart
				for i, b := range bodies {
					p, err := r.se.UploadPart(r.ctx, "bkt", "up", id, i+1, store.PartInput{Body: strings.NewReader(b), Size: -1, Sums: store.Sums{Algorithm: a}})
					r.ok(err)
					parts = append(parts, store.CompletedPart{Number: i + 1, ETag: p.ETag, Algorithm: kept, Value: kept.Sum([]byte(b))})
				}
				up, err := r.se.CompleteUpload(r.ctx, "bkt", "up", id, parts, store.CompleteInput{})
				r.ok(err)
				for _, named := range []checksum.Algorithm{checksum.None, checksum.SHA256} {
					want := cmp.Or(named, kept)
					o, err := r.se.Copy(r.ctx, store.Source{Bucket: "bkt", Key: "up"}, "bkt", "copy", store.CopyInput{Checksum: named})
					r.ok(err)
					if o.ETag != put.ETag || o.Parts != 0 || o.Layout != nil || o.ChecksumType != checksum.FullObject ||
						!maps.Equal(o.Checksums, map[string]string{want.Lower(): checksum.Encode(want.Sum([]byte(body)))}) {
						t.Errorf("%v %v of %d bytes, asked for %v: %+v", a, typ, len(body), named, o)
					}
					page, err := r.se.ObjectParts(r.ctx, "bkt", "copy", "", 0, 0)
					r.ok(err)
					if r.get("bkt", "copy", "") != body || len(page.Parts) > 0 {
						t.Errorf("%v %v: other bytes, or parts %+v", a, typ, page.Parts)
					}
				}
				if o, err := r.se.Head(r.ctx, "bkt", "up", ""); err != nil || o.ETag != up.ETag || !maps.Equal(o.Checksums, up.Checksums) || r.get("bkt", "up", "") != body {
					t.Errorf("the source is %+v, %v", o, err)
				}
			}
		}
	}
	problems, err := r.s.Check(r.ctx, store.FsckOptions{})
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// TestCopyChecksumOfAMovingSource copies an object that others overwrite meanwhile: the
// checksum is that of the bytes that were copied.
func TestCopyChecksumOfAMovingSource(t *testing.T) {
	r := newRig(t, store.Options{InlineMax: 100})
	r.bucket("bkt", versioning.Unversioned)
	r.put("bkt", "k", "0")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := r.se.Put(r.ctx, "bkt", "k", input(strings.Repeat(fmt.Sprint(i), 200))); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 100 {
		o, err := r.se.Copy(r.ctx, store.Source{Bucket: "bkt", Key: "k"}, "bkt", "copy", store.CopyInput{Checksum: checksum.SHA1})
		r.ok(err)
		if want := checksum.Encode(checksum.SHA1.Sum([]byte(r.get("bkt", "copy", "")))); o.Checksums["sha1"] != want {
			t.Fatalf("%v, want %s", o.Checksums, want)
		}
	}
	close(stop)
	wg.Wait()
}

// TestCopyLeavesTheRedirect: the redirect of a website is that of the request alone.
func TestCopyLeavesTheRedirect(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Unversioned)
	in := input("x")
	in.Headers = store.Headers{ContentType: "text/x", WebsiteRedirect: "/from"}
	_, err := r.se.Put(r.ctx, "bkt", "k", in)
	r.ok(err)
	for _, c := range []struct {
		in   store.CopyInput
		want store.Headers
	}{
		{store.CopyInput{}, store.Headers{ContentType: "text/x"}},
		{store.CopyInput{Headers: store.Headers{ContentType: "text/y", WebsiteRedirect: "/to"}}, store.Headers{ContentType: "text/x", WebsiteRedirect: "/to"}},
		{store.CopyInput{ReplaceMetadata: true, Headers: store.Headers{ContentType: "text/y"}}, store.Headers{ContentType: "text/y"}},
		{store.CopyInput{ReplaceMetadata: true, Headers: store.Headers{WebsiteRedirect: "/to"}}, store.Headers{WebsiteRedirect: "/to"}},
	} {
		o, err := r.se.Copy(r.ctx, store.Source{Bucket: "bkt", Key: "k"}, "bkt", "copy", c.in)
		r.ok(err)
		if o.Headers != c.want {
			t.Errorf("%+v: %+v", c.in, o.Headers)
		}
	}
	if o, err := r.se.Head(r.ctx, "bkt", "k", ""); err != nil || o.Headers != in.Headers {
		t.Errorf("the source has %+v, %v", o.Headers, err)
	}
}
