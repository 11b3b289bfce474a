package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

func mustSumUpload(t *testing.T, se *Session, key string, a checksum.Algorithm, typ checksum.Type) string {
	t.Helper()
	id, err := se.CreateUpload(context.Background(), "bkt", key, PutInput{Sums: Sums{Algorithm: a}, ChecksumType: typ})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// mustSumPart uploads a part with the checksum of an algorithm, and completes with it.
func mustSumPart(t *testing.T, se *Session, key, id string, n int, body string, a checksum.Algorithm) CompletedPart {
	t.Helper()
	value := a.Sum([]byte(body))
	p, err := se.UploadPart(context.Background(), "bkt", key, id, n, PartInput{Body: strings.NewReader(body), Size: -1, Sums: Sums{Algorithm: a, Value: value}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Checksums[a.Lower()] != checksum.Encode(value) {
		t.Fatalf("part %d has %v", n, p.Checksums)
	}
	return CompletedPart{Number: n, ETag: p.ETag, Algorithm: a, Value: value}
}

// TestUploadChecksums completes uploads of every algorithm and type: the object's checksum
// is that of its bytes or of its parts' checksums, and its parts can be listed if it is the
// latter.
func TestUploadChecksums(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{Dir: quickDir(t) + "/store", MinPartSize: -1})
	mustBucket(t, se, "bkt", versioning.Enabled)
	bodies := []string{strings.Repeat("a", 3000), strings.Repeat("b", 3000), strings.Repeat("c", 3000), "d"}
	for _, a := range append(checksum.Algorithms(), checksum.None) {
		for _, typ := range []checksum.Type{checksum.Unknown, checksum.FullObject, checksum.Composite} {
			kept, want := a, typ
			if a == checksum.None {
				kept, want = checksum.Default, checksum.FullObject
			} else if typ == checksum.Unknown {
				want = a.DefaultType()
			}
			if a == checksum.None && typ != checksum.Unknown || a != checksum.None && !a.Allows(want) {
				_, err := se.CreateUpload(ctx, "bkt", "k", PutInput{Sums: Sums{Algorithm: a}, ChecksumType: typ})
				wantKind(t, fmt.Sprint(a, typ), err, fault.InvalidRequest)
				continue
			}
			id := mustSumUpload(t, se, "k", a, typ)
			page, err := se.ListParts(ctx, "bkt", "k", id, 0, 0)
			if err != nil || page.Upload.Checksum != a || page.Upload.ChecksumType != want {
				t.Fatalf("%v %v: %+v, %v", a, typ, page.Upload, err)
			}
			var parts []CompletedPart
			sum := checksum.NewParts(kept, want)
			for i, body := range bodies {
				parts = append(parts, mustSumPart(t, se, "k", id, i+1, body, kept))
				sum.Add(kept.Sum([]byte(body)), int64(len(body)))
			}
			size := int64(len(strings.Join(bodies, "")))
			in := CompleteInput{Size: &size, Algorithm: kept, Value: sum.Sum(), ChecksumType: want}
			if want == checksum.Composite {
				in.Parts = len(bodies)
			}
			o, err := se.CompleteUpload(ctx, "bkt", "k", id, parts, in)
			if err != nil {
				t.Fatal(a, typ, err)
			}
			text := checksum.EncodeType(sum.Sum(), want, len(bodies))
			if o.ChecksumType != want || len(o.Checksums) != 1 || o.Checksums[kept.Lower()] != text {
				t.Errorf("%v %v: %v %v, want %s", a, typ, o.ChecksumType, o.Checksums, text)
			}
			if want == checksum.FullObject && text != checksum.Encode(kept.Sum([]byte(strings.Join(bodies, "")))) {
				t.Errorf("%v is not that of the bytes", kept)
			}
			listed := 0
			for after, more := 0, true; more; {
				page, err := se.ObjectParts(ctx, "bkt", "k", "", after, 3)
				if err != nil {
					t.Fatal(err)
				}
				for i, p := range page.Parts {
					body := bodies[after+i]
					if p.Number != after+i+1 || p.Size != int64(len(body)) || p.Checksums[a.Lower()] != checksum.Encode(a.Sum([]byte(body))) {
						t.Errorf("%v: part %+v", a, p)
					}
				}
				listed += len(page.Parts)
				if more = page.Truncated; more {
					after = page.Next
				}
			}
			if kept := map[bool]int{true: len(bodies)}[want == checksum.Composite]; listed != kept {
				t.Errorf("%v %v lists %d parts, want %d", a, want, listed, kept)
			}
		}
	}
	balance(t, s)
}

// TestUploadChecksumsRefused walks what does not fit together. No failure ends the upload.
func TestUploadChecksumsRefused(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{Dir: quickDir(t) + "/store", MinPartSize: -1})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	check := func(what string, err error, kind fault.Kind, message string) {
		t.Helper()
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != kind || message != "" && f.Text() != message {
			t.Errorf("%s: %v", what, err)
		}
	}
	upload := func(id string, sums Sums) error {
		_, err := se.UploadPart(ctx, "bkt", "k", id, 1, PartInput{Body: strings.NewReader("one"), Size: 3, Sums: sums})
		return err
	}
	plain := mustSumUpload(t, se, "k", checksum.None, checksum.Unknown)
	sha := mustSumUpload(t, se, "k", checksum.SHA256, checksum.Unknown)
	full := mustSumUpload(t, se, "k", checksum.CRC32C, checksum.FullObject)

	check("composite, none", upload(sha, Sums{}), fault.InvalidRequest, "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: null")
	check("composite, another", upload(sha, Sums{Algorithm: checksum.CRC32}), fault.InvalidRequest, "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32")
	check("full object, another", upload(full, Sums{Algorithm: checksum.CRC32}), fault.InvalidRequest, "Checksum Type mismatch occurred, expected checksum Type: crc32c, actual checksum Type: crc32")
	check("plain, a new one", upload(plain, Sums{Algorithm: checksum.XXHASH3}), fault.InvalidRequest, "Checksum Type mismatch occurred, expected checksum Type: null, actual checksum Type: xxhash3")
	check("wrong", upload(full, Sums{Algorithm: checksum.CRC32C, Value: []byte("1234")}), fault.BadDigest, "The CRC32C you specified did not match the calculated checksum.")
	check("wrong MD5", upload(plain, Sums{MD5: make([]byte, 16)}), fault.BadDigest, "")
	if err := upload(full, Sums{}); err != nil {
		t.Errorf("full object, none: %v", err)
	}

	// Of parts whose checksums the object's is made of none may be missing in between.
	third := mustSumPart(t, se, "k", sha, 3, "three", checksum.SHA256)
	fifth := mustSumPart(t, se, "k", full, 5, "five", checksum.CRC32C)
	one := mustSumPart(t, se, "k", plain, 1, "one", checksum.CRC32)
	shaPart := mustSumPart(t, se, "k", sha, 1, "one", checksum.SHA256)
	crcPart := mustSumPart(t, se, "k", full, 1, "one", checksum.CRC32C)
	complete := func(id string, p CompletedPart, in CompleteInput) error {
		_, err := se.CompleteUpload(ctx, "bkt", "k", id, []CompletedPart{p}, in)
		return err
	}
	with := func(p CompletedPart, a checksum.Algorithm, value []byte) CompletedPart {
		p.Algorithm, p.Value = a, value
		return p
	}
	size := int64(4)
	wrong := make([]byte, 32)
	_, err := se.CompleteUpload(ctx, "bkt", "k", sha, []CompletedPart{shaPart, third}, CompleteInput{})
	check("composite, a gap", err, fault.PartGap, "Part 3 stands where part 2 has to: the parts of an upload with a composite checksum are numbered from 1 without a gap.")
	check("composite, not from 1", complete(sha, third, CompleteInput{}), fault.PartGap, "")
	check("composite, part without", complete(sha, with(shaPart, 0, nil), CompleteInput{}), fault.InvalidRequest,
		"The upload was created using a sha256 checksum. The complete request must include the checksum for each part. It was missing for part 1 in the request.")
	check("composite, part of another", complete(sha, with(shaPart, checksum.CRC32, one.Value), CompleteInput{}), fault.BadDigest,
		"The crc32 you specified for part 1 did not match what we received.")
	check("composite, wrong part", complete(sha, with(shaPart, checksum.SHA256, wrong), CompleteInput{}), fault.InvalidPart, "")
	check("full object, wrong part", complete(full, with(crcPart, checksum.CRC32C, wrong[:4]), CompleteInput{}), fault.InvalidPart, "")
	check("plain, wrong part", complete(plain, with(one, checksum.CRC32, wrong[:4]), CompleteInput{}), fault.InvalidPart, "")
	check("plain, part of another", complete(plain, with(one, checksum.CRC32C, crcPart.Value), CompleteInput{}), fault.InvalidPart, "")
	check("another type", complete(sha, shaPart, CompleteInput{ChecksumType: checksum.FullObject}), fault.InvalidRequest,
		"The upload was created using the COMPOSITE checksum mode. The complete request must use the same checksum mode.")
	check("another size", complete(full, crcPart, CompleteInput{Size: &size}), fault.InvalidRequest,
		"The provided 'x-amz-mp-object-size' header value 4 does not match what was computed: 3")
	check("wrong object", complete(sha, shaPart, CompleteInput{Algorithm: checksum.SHA256, Value: wrong}), fault.BadDigest,
		"The sha256 you specified did not match the calculated checksum.")
	check("that of the bytes", complete(sha, shaPart, CompleteInput{Algorithm: checksum.SHA256, Value: shaPart.Value}), fault.BadDigest, "")
	check("other number of parts", complete(sha, shaPart, CompleteInput{Algorithm: checksum.SHA256, Value: checksum.SHA256.Sum(shaPart.Value), Parts: 2}), fault.BadDigest, "")
	check("parts of a full object", complete(full, crcPart, CompleteInput{Algorithm: checksum.CRC32C, Value: crcPart.Value, Parts: 1}), fault.BadDigest, "")
	check("another algorithm", complete(full, crcPart, CompleteInput{Algorithm: checksum.CRC32, Value: one.Value}), fault.BadDigest, "")
	check("plain, wrong object", complete(plain, one, CompleteInput{Algorithm: checksum.CRC64NVME, Value: wrong[:8]}), fault.BadDigest, "")
	check("plain, a new one", complete(plain, one, CompleteInput{Algorithm: checksum.MD5, Value: wrong[:16]}), fault.InvalidRequest, "")

	// What AWS takes without comparing it.
	if err := complete(plain, one, CompleteInput{Algorithm: checksum.CRC32, Value: wrong[:4]}); err != nil {
		t.Errorf("plain, a checksum that is not compared: %v", err)
	}
	if err := complete(sha, shaPart, CompleteInput{Algorithm: checksum.SHA256, Value: checksum.SHA256.Sum(shaPart.Value), Parts: 1}); err != nil {
		t.Error(err)
	}
	if _, err := se.CompleteUpload(ctx, "bkt", "k", full, []CompletedPart{crcPart, fifth}, CompleteInput{Algorithm: checksum.CRC32C, Value: checksum.CRC32C.Sum([]byte("onefive"))}); err != nil {
		t.Error(err)
	}
	balance(t, s)
}

// TestPartsOfAnOlderStore completes an upload with parts that have no checksum.
func TestPartsOfAnOlderStore(t *testing.T) {
	s, se := openTest(t, Options{Dir: quickDir(t) + "/store", MinPartSize: -1})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	id := mustUpload(t, se, "k")
	one, two := mustPart(t, se, "k", id, 1, "one"), mustPart(t, se, "k", id, 2, "two")
	number, _ := uploadNumber(id)
	_, err := s.update(context.Background(), author{}, durable, func(tx *txn) error {
		var p record.Part
		if _, err := tx.get(table.Part(number, 1), &p); err != nil {
			return err
		}
		p.Checksums = nil
		return tx.put(table.Part(number, 1), &p)
	})
	if err != nil {
		t.Fatal(err)
	}
	o := mustComplete(t, se, "k", id, one, two)
	if len(o.Checksums) != 0 || o.ChecksumType != checksum.Unknown || readAll(t, se, "bkt", "k", "") != "onetwo" {
		t.Errorf("%+v", o)
	}
	balance(t, s)
}

// TestManyPartSums is as many parts as there may be, with the longest checksum there is.
func TestManyPartSums(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 parts")
	}
	ctx := context.Background()
	s, se := openTest(t, Options{Dir: quickDir(t) + "/store", MinPartSize: -1})
	mustBucket(t, se, "bkt", versioning.Enabled)
	id := mustSumUpload(t, se, "k", checksum.SHA512, checksum.Unknown)
	src, err := se.Put(ctx, "bkt", "src", PutInput{Body: strings.NewReader(strings.Repeat("0123456789", 10_000)), Size: -1})
	if err != nil {
		t.Fatal(err)
	}
	parts := make([]CompletedPart, MaxParts)
	for i := range parts {
		p, err := se.UploadPartCopy(ctx, Source{Bucket: "bkt", Key: "src"}, "bkt", "k", id, i+1, PartCopy{Range: &Range{int64(i), 10}})
		if err != nil {
			t.Fatal(err)
		}
		value, err := checksum.SHA512.Decode(p.Checksums["sha512"])
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = CompletedPart{Number: i + 1, ETag: p.ETag, Algorithm: checksum.SHA512, Value: value}
	}
	o := mustComplete(t, se, "k", id, parts...)
	if o.Size != src.Size || !strings.HasSuffix(o.Checksums["sha512"], "-10000") {
		t.Fatalf("%d bytes, %v", o.Size, o.Checksums)
	}
	if err := se.Rename(ctx, Path{"bkt", "k"}, Path{"bkt", "l"}, RenameFlags{}); err != nil { // a version that shares
		t.Fatal(err)
	}
	n := 0
	for after := 0; ; {
		page, err := se.ObjectParts(ctx, "bkt", "l", "", after, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range page.Parts {
			if p.Checksums["sha512"] != checksum.Encode(parts[after+i].Value) {
				t.Fatalf("part %d: %+v", after+i+1, p)
			}
		}
		n += len(page.Parts)
		if !page.Truncated {
			break
		}
		after = page.Next
	}
	if n != MaxParts {
		t.Fatalf("%d parts", n)
	}
	balance(t, s)
	for _, key := range []string{"k", "l"} {
		vs, err := se.Versions(ctx, "bkt", key)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range vs {
			if _, err := se.Delete(ctx, "bkt", key, DeleteOptions{Version: v.VersionID}); err != nil {
				t.Fatal(err)
			}
		}
		balance(t, s)
	}
	inlined := 0
	if err := s.view(func(sn *snap) error {
		return eachRecord(ctx, sn, table.Inlines(), nil, func(k, v []byte, err error) error { inlined++; return err })
	}); err != nil || inlined != 0 {
		t.Fatalf("%d inlined blobs are left, %v", inlined, err)
	}
}

// TestRepairOfPartSums loses the checksums of an object's parts, or damages them: its bytes
// and its own checksum are what they were, and its parts are told no more.
func TestRepairOfPartSums(t *testing.T) {
	ctx := context.Background()
	for _, how := range []string{"lost", "damaged"} {
		o := Options{Dir: quickDir(t) + "/store", MinPartSize: -1}
		s, se := openTest(t, o)
		mustBucket(t, se, "bkt", versioning.Enabled)
		id := mustSumUpload(t, se, "k", checksum.SHA1, checksum.Unknown)
		one, two := mustSumPart(t, se, "k", id, 1, "one", checksum.SHA1), mustSumPart(t, se, "k", id, 2, "two", checksum.SHA1)
		made := mustComplete(t, se, "k", id, one, two)
		if err := se.Rename(ctx, Path{"bkt", "k"}, Path{"bkt", "l"}, RenameFlags{}); err != nil {
			t.Fatal(err)
		}
		_, err := s.update(ctx, author{}, durable, func(tx *txn) error {
			b, err := tx.bucket("bkt")
			if err != nil {
				return err
			}
			v, err := tx.head(b.Id, "l")
			if err != nil {
				return err
			}
			k := table.Inline(v.Content.Sums[0])
			if how == "lost" {
				tx.tx.Delete(k)
			} else {
				tx.tx.Set(k, encodeInline([]byte("others"), inlinePlain)[:8])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := se.ObjectParts(ctx, "bkt", "l", "", 0, 0); !fault.Is(err, fault.Damaged) {
			t.Errorf("%s: parts: %v", how, err)
		}
		problems, err := s.Check(ctx, FsckOptions{})
		if err != nil || len(problems) < 2 {
			t.Errorf("%s: found %v, %v", how, problems, err)
		}
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if left, err := Repair(ctx, o, RepairOptions{}); err != nil || len(left) > 0 {
			t.Fatalf("%s: left %v, %v", how, left, err)
		}
		s, se = openTest(t, o)
		now, err := se.Head(ctx, "bkt", "l", "")
		if err != nil || readAll(t, se, "bkt", "l", "") != "onetwo" || now.Checksums["sha1"] != made.Checksums["sha1"] || now.ChecksumType != checksum.Composite {
			t.Errorf("%s: %+v, %v", how, now, err)
		}
		if page, err := se.ObjectParts(ctx, "bkt", "l", "", 0, 0); err != nil || len(page.Parts) > 0 {
			t.Errorf("%s: parts %+v, %v", how, page.Parts, err)
		}
		if vs, err := se.Versions(ctx, "bkt", "k"); err != nil || len(vs) != 2 || readAll(t, se, "bkt", "k", vs[1].VersionID) != "onetwo" {
			t.Errorf("%s: %v, %v", how, vs, err)
		}
		balance(t, s)
	}
}
