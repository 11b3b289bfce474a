package store

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"pail/store/internal/blob"
	"pail/versioning"
)

func TestUploadPartCopy(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{MinPartSize: -1, SettleAfter: -1})
	mustBucket(t, se, "bkt", versioning.Enabled)
	long := strings.Repeat("0123456789", 10_000)
	put(t, se, "bkt", "long", long)
	put(t, se, "bkt", "short", "inlined")
	put(t, se, "bkt", "empty", "")
	// A file of the mount, published and not on disk yet.
	f, err := se.OpenFile(ctx, "bkt", "pending", OpenFlags{Write: true, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(ctx, []byte(long), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if s.settler.count() != 1 {
		t.Fatal("nothing is pending")
	}
	id := mustUpload(t, se, "k")
	var list []CompletedPart
	var bodies []string
	for i, c := range []struct {
		key, body string
		r         *Range
		moves     bool
	}{
		{"long", long, nil, false},
		{"long", long[17:50_000], &Range{17, 50_000 - 17}, false},
		{"short", "inlined", nil, true},
		{"short", "line", &Range{2, 4}, true},
		{"pending", long[5:9], &Range{5, 4}, false},
		{"empty", "", nil, false},
	} {
		before := files(t, s)
		p, err := se.UploadPartCopy(ctx, Source{Bucket: "bkt", Key: c.key}, "bkt", "k", id, i+1, PartCopy{Range: c.r})
		if err != nil {
			t.Fatal(err)
		}
		if p.Size != int64(len(c.body)) || p.ETag != etagOf([]byte(c.body)) {
			t.Fatalf("part %+v of %s", p, c.key)
		}
		if moved := files(t, s) != before; moved != c.moves {
			t.Fatalf("copying from %s moved bytes: %v", c.key, moved)
		}
		list, bodies = append(list, CompletedPart{Number: i + 1, ETag: p.ETag}), append(bodies, c.body)
	}
	if s.settler.count() != 0 {
		t.Fatal("a part refers to bytes that may not be on disk")
	}
	// What was copied from is gone before the upload is completed.
	for _, key := range []string{"long", "pending", "short"} {
		vs, err := se.Versions(ctx, "bkt", key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := se.Delete(ctx, "bkt", key, DeleteOptions{Version: vs[0].VersionID}); err != nil {
			t.Fatal(err)
		}
	}
	balance(t, s)
	before := files(t, s)
	o := mustComplete(t, se, "k", id, list...)
	if files(t, s) != before {
		t.Fatal("completing moved bytes")
	}
	if o.ETag != multiETag(bodies...) || readAll(t, se, "bkt", "k", "") != strings.Join(bodies, "") {
		t.Fatal("joined bytes differ")
	}
	balance(t, s)
}

// files is how many content files there are.
func files(t *testing.T, s *Store) (n int) {
	t.Helper()
	if err := s.blobs.Walk(func(blob.ID, int64, bool) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// A source in very many pieces is copied, so that completing fits one update.
func TestCopyOfManyPieces(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{MinPartSize: -1})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	src := mustUpload(t, se, "src")
	mustComplete(t, se, "src", src, fillParts(t, s, "src", src, 6000, []byte("0123456789"))...)
	id := mustUpload(t, se, "k")
	var list []CompletedPart
	for n := range 3 {
		p, err := se.UploadPartCopy(ctx, Source{Bucket: "bkt", Key: "src"}, "bkt", "k", id, n+1, PartCopy{Range: &Range{int64(n), 59_990}})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, CompletedPart{Number: n + 1, ETag: p.ETag})
	}
	if _, err := se.Delete(ctx, "bkt", "src", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	balance(t, s)
	mustComplete(t, se, "k", id, list...)
	all := bytes.Repeat([]byte("0123456789"), 6000)
	if got := readAll(t, se, "bkt", "k", ""); got != string(all[:59_990])+string(all[1:59_991])+string(all[2:59_992]) {
		t.Fatal("joined bytes differ")
	}
	balance(t, s)
	if _, err := se.Delete(ctx, "bkt", "k", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	balance(t, s)
	if files(t, s) > 0 {
		t.Fatal("content files are left")
	}
}
