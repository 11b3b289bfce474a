package store

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pail/integration/trial"
	"pail/store/checksum"
	"pail/store/fault"
	"pail/versioning"
)

// TestPutKeepsChecksums puts bodies of every kind of place with every algorithm: the value
// known before, behind the body, and not at all.
func TestPutKeepsChecksums(t *testing.T) {
	ctx := context.Background()
	rnd := trial.Rand(t)
	s, se := openTest(t, Options{Dir: quickDir(t) + "/store", InlineMax: 1000})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	for _, size := range []int{0, 1, 1000, 1001, bufferSize - 1, bufferSize, bufferSize + 1, 3*bufferSize + 7} {
		body := randomBytes(rnd, size)
		sum := md5.Sum(body)
		for _, a := range append(checksum.Algorithms(), checksum.None) {
			kept := a
			if a == checksum.None {
				kept = checksum.Default
			}
			value := kept.Sum(body)
			for _, in := range []Sums{
				{Algorithm: a},
				{Algorithm: a, MD5: sum[:]},
				{Algorithm: kept, Value: value},
				{Algorithm: kept, Late: func() ([]byte, error) { return value, nil }},
				{Algorithm: kept, Late: func() ([]byte, error) { return nil, nil }},
			} {
				r := io.Reader(bytes.NewReader(body))
				if size == bufferSize+1 {
					r = iotest.HalfReader(r)
				}
				o, err := se.Put(ctx, "bkt", "k", PutInput{Body: r, Size: -1, Sums: in})
				if err != nil {
					t.Fatalf("%d bytes, %v: %v", size, a, err)
				}
				want := map[string]string{kept.Lower(): checksum.Encode(value)}
				if fmt.Sprint(o.Checksums) != fmt.Sprint(want) || o.ChecksumType != checksum.FullObject || o.ETag != etagOf(body) {
					t.Fatalf("%d bytes, %v: %v %v, ETag %s", size, a, o.Checksums, o.ChecksumType, o.ETag)
				}
			}
		}
		if got := readAll(t, se, "bkt", "k", ""); got != string(body) {
			t.Fatalf("%d bytes: others are read", size)
		}
	}
	balance(t, s)
}

// TestPutRefusesOtherBytes puts bytes that are not what was said of them: nothing is stored,
// and what was there stays.
func TestPutRefusesOtherBytes(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{Dir: quickDir(t) + "/store", InlineMax: 1000})
	mustBucket(t, se, "bkt", versioning.Enabled)
	put(t, se, "bkt", "k", "before")
	late := errors.New("the trailer is bad")
	for _, size := range []int{10, 2 * bufferSize} {
		body := strings.Repeat("x", size)
		other := []byte(strings.Repeat("y", size))
		otherMD5 := md5.Sum(other)
		for _, a := range checksum.Algorithms() {
			message := fmt.Sprintf("The %v you specified did not match the calculated checksum.", a)
			for what, c := range map[string]struct {
				sums Sums
				want string
			}{
				"before": {Sums{Algorithm: a, Value: a.Sum(other)}, message},
				"short":  {Sums{Algorithm: a, Value: []byte{1}}, message},
				"behind": {Sums{Algorithm: a, Late: func() ([]byte, error) { return a.Sum(other), nil }}, message},
				"both":   {Sums{Algorithm: a, Value: a.Sum([]byte(body)), Late: func() ([]byte, error) { return a.Sum(other), nil }}, message},
				"MD5":    {Sums{Algorithm: a, MD5: otherMD5[:]}, "The Content-MD5 you specified did not match what we received."},
				"failed": {Sums{Algorithm: a, Late: func() ([]byte, error) { return nil, late }}, late.Error()},
			} {
				_, err := se.Put(ctx, "bkt", "k", PutInput{Body: strings.NewReader(body), Size: int64(size), Sums: c.sums})
				var f *fault.Error
				if errors.Is(err, late) && what == "failed" {
					continue
				}
				if !errors.As(err, &f) || f.Kind != fault.BadDigest || f.Text() != c.want {
					t.Errorf("%v %s: %v", a, what, err)
				}
			}
		}
	}
	vs, err := se.Versions(ctx, "bkt", "k")
	if err != nil || len(vs) != 1 || readAll(t, se, "bkt", "k", "") != "before" {
		t.Fatalf("%d versions, %v", len(vs), err)
	}
	balance(t, s) // no content file is left
}

// TestPutOfAnotherLength reads bodies that are longer and shorter than was said, and ones
// that fail on their way.
func TestPutOfAnotherLength(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{Dir: quickDir(t) + "/store", InlineMax: 1000})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	broken := errors.New("the line is cut")
	for _, size := range []int{0, 1, 1000, 5000, 3 * bufferSize} {
		for _, said := range []int{size - 1, size + 1, 2*size + 5} {
			if said < 0 {
				continue
			}
			_, err := se.Put(ctx, "bkt", "k", PutInput{Body: strings.NewReader(strings.Repeat("x", size)), Size: int64(said)})
			wantKind(t, fmt.Sprintf("%d bytes of %d", size, said), err, fault.IncompleteBody)
		}
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(broken))
		if _, err := se.Put(ctx, "bkt", "k", PutInput{Body: r, Size: -1}); !errors.Is(err, broken) {
			t.Errorf("a body that breaks off behind %d bytes: %v", size, err)
		}
	}
	if _, err := se.Head(ctx, "bkt", "k", ""); !fault.Is(err, fault.NoSuchKey) {
		t.Fatal(err)
	}
	balance(t, s)
}

// TestStorageClass is kept by what names one, and a copy has that of its request.
func TestStorageClass(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{Dir: quickDir(t) + "/store"})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	for _, class := range append(StorageClasses(), "") {
		want := class
		if class == "" {
			want = StandardClass
		}
		o, err := se.Put(ctx, "bkt", "k", PutInput{StorageClass: class})
		if err != nil || o.StorageClass != want {
			t.Errorf("put as %q: %q, %v", class, o.StorageClass, err)
		}
		c, err := se.Copy(ctx, Source{Bucket: "bkt", Key: "k"}, "bkt", "copy", CopyInput{StorageClass: "GLACIER_IR"})
		if err != nil || c.StorageClass != "GLACIER_IR" {
			t.Errorf("copied from %q: %q, %v", class, c.StorageClass, err)
		}
		if c, err = se.Copy(ctx, Source{Bucket: "bkt", Key: "k"}, "bkt", "copy", CopyInput{}); err != nil || c.StorageClass != StandardClass {
			t.Errorf("copied from %q without a class: %q, %v", class, c.StorageClass, err)
		}
		id, err := se.CreateUpload(ctx, "bkt", "u", PutInput{StorageClass: class})
		if err != nil {
			t.Fatal(err)
		}
		if page, err := se.ListParts(ctx, "bkt", "u", id, 0, 0); err != nil || page.Upload.StorageClass != want {
			t.Errorf("upload as %q: %q, %v", class, page.Upload.StorageClass, err)
		}
		if o := mustComplete(t, se, "u", id, mustPart(t, se, "u", id, 1, "x")); o.StorageClass != want {
			t.Errorf("completed as %q: %q", class, o.StorageClass)
		}
	}
	for _, class := range []string{"standard", "OUTPOSTS", "NEARLINE"} {
		_, err := se.Put(ctx, "bkt", "k", PutInput{StorageClass: class})
		wantKind(t, class, err, fault.InvalidStorageClass)
		_, err = se.CreateUpload(ctx, "bkt", "k", PutInput{StorageClass: class})
		wantKind(t, class, err, fault.InvalidStorageClass)
		_, err = se.Copy(ctx, Source{Bucket: "bkt", Key: "k"}, "bkt", "copy", CopyInput{StorageClass: class})
		wantKind(t, class, err, fault.InvalidStorageClass)
	}
}

// TestMeets is the read of one object under conditions; package versioning has the rules.
func TestMeets(t *testing.T) {
	now := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	o := Object{ETag: "e", Modified: now.Add(-time.Hour)}
	for _, c := range []struct {
		c    Conditions
		want fault.Kind
	}{
		{Conditions{}, fault.None},
		{Conditions{IfMatch: `"e"`}, fault.None},
		{Conditions{IfMatch: `"x"`}, fault.PreconditionFailed},
		{Conditions{IfNoneMatch: `"e"`}, fault.NotModified},
		{Conditions{IfModifiedSince: o.Modified}, fault.NotModified},
		{Conditions{IfUnmodifiedSince: o.Modified.Add(-time.Second)}, fault.PreconditionFailed},
	} {
		wantKind(t, fmt.Sprintf("%+v", c.c), o.Meets(c.c, now), c.want)
	}
}
