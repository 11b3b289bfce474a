package store

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

func mustUpload(t *testing.T, se *Session, key string) string {
	t.Helper()
	id, err := se.CreateUpload(context.Background(), "bkt", key, PutInput{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func mustPart(t *testing.T, se *Session, key, id string, n int, body string) CompletedPart {
	t.Helper()
	p, err := se.UploadPart(context.Background(), "bkt", key, id, n, PartInput{Body: strings.NewReader(body), Size: int64(len(body))})
	if err != nil {
		t.Fatal(err)
	}
	if p.Number != n || p.Size != int64(len(body)) || p.ETag != etagOf([]byte(body)) {
		t.Fatalf("part %+v of %d bytes", p, len(body))
	}
	return CompletedPart{Number: n, ETag: p.ETag}
}

func mustComplete(t *testing.T, se *Session, key, id string, parts ...CompletedPart) Object {
	t.Helper()
	o, err := se.CompleteUpload(context.Background(), "bkt", key, id, parts, CompleteInput{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func wantKind(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Fatalf("%s: %v, want %v", what, err, kind)
	}
}

// multiETag is the ETag of AWS for parts with these bodies.
func multiETag(bodies ...string) string {
	sum := md5.New()
	for _, b := range bodies {
		part := md5.Sum([]byte(b))
		sum.Write(part[:])
	}
	return fmt.Sprintf("%s-%d", hex.EncodeToString(sum.Sum(nil)), len(bodies))
}

func TestUpload(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{MinPartSize: 1000})
	mustBucket(t, se, "bkt", versioning.Enabled)
	attr := Attr{Mode: unix.S_IFREG | 0o640, UID: 7, GID: 8}
	in := PutInput{Headers: Headers{ContentType: "text/x"}, Metadata: map[string]string{"a": "b"}, Tags: map[string]string{"t": "u"}, Attr: &attr}
	id, err := se.CreateUpload(ctx, "bkt", "d/k", in)
	if err != nil {
		t.Fatal(err)
	}
	one, two, two2, last := strings.Repeat("1", 1000), strings.Repeat("2", 20_000), strings.Repeat("3", 1000), "tail"
	p1 := mustPart(t, se, "d/k", id, 1, one)
	old := mustPart(t, se, "d/k", id, 2, two)
	mustPart(t, se, "d/k", id, 5, "not wanted")
	p9 := mustPart(t, se, "d/k", id, 9, last)
	p2 := mustPart(t, se, "d/k", id, 2, two2)
	if _, err := se.CompleteUpload(ctx, "bkt", "d/k", id, []CompletedPart{p1, old, p9}, CompleteInput{}); !fault.Is(err, fault.InvalidPart) {
		t.Fatalf("the ETag of a part that was replaced: %v", err)
	}
	page, err := se.ListParts(ctx, "bkt", "d/k", id, 0, 0)
	if err != nil || len(page.Parts) != 4 || page.Upload.Principal != Owner().ARN || page.Upload.Door != DoorControl {
		t.Fatalf("parts %+v, %v", page, err)
	}
	if _, err := se.Head(ctx, "bkt", "d/k", ""); !fault.Is(err, fault.NoSuchKey) {
		t.Fatalf("an upload shows as an object: %v", err)
	}
	o := mustComplete(t, se, "d/k", id, p1, p2, p9)
	if want := multiETag(one, two2, last); o.ETag != want {
		t.Fatalf("ETag %s, want %s", o.ETag, want)
	}
	if got := readAll(t, se, "bkt", "d/k", ""); got != one+two2+last {
		t.Fatal("joined bytes differ")
	}
	o, err = se.Head(ctx, "bkt", "d/k", "")
	if err != nil || o.Parts != 3 || o.Size != int64(2004) || o.Headers.ContentType != "text/x" || o.Metadata["a"] != "b" || o.Tags["t"] != "u" || o.Attr.Mode != attr.Mode || o.Attr.UID != 7 {
		t.Fatalf("object %+v, %v", o, err)
	}
	for _, want := range []struct {
		n         int
		off, size int64
		ok        bool
	}{{1, 0, 1000, true}, {2, 1000, 1000, true}, {9, 2000, 4, true}, {3, 0, 0, false}, {10, 0, 0, false}, {0, 0, 0, false}} {
		off, size, ok := o.Layout.Find(want.n)
		if ok != want.ok || ok && (off != want.off || size != want.size) {
			t.Errorf("part %d at %d, %d bytes, %v", want.n, off, size, ok)
		}
	}
	// Once more, as a client that missed the answer.
	again := mustComplete(t, se, "d/k", id, p1, p2, p9)
	if again.VersionID != o.VersionID {
		t.Fatalf("completing twice made %s and %s", o.VersionID, again.VersionID)
	}
	_, err = se.CompleteUpload(ctx, "bkt", "d/k", id, []CompletedPart{p1, p2}, CompleteInput{})
	wantKind(t, "completing again with other parts", err, fault.NoSuchUpload)
	_, err = se.UploadPart(ctx, "bkt", "d/k", id, 1, PartInput{Body: strings.NewReader("x"), Size: 1})
	wantKind(t, "a part after completion", err, fault.NoSuchUpload)
	wantKind(t, "abort after completion", se.AbortUpload(ctx, "bkt", "d/k", id), fault.NoSuchUpload)
	balance(t, s)
	if _, err := se.Put(ctx, "bkt", "d/k", PutInput{Body: strings.NewReader("newer"), Size: 5}); err != nil {
		t.Fatal(err)
	}
	_, err = se.CompleteUpload(ctx, "bkt", "d/k", id, []CompletedPart{p1, p2, p9}, CompleteInput{})
	wantKind(t, "completing again when the key is something else", err, fault.NoSuchUpload)
	for _, v := range []string{o.VersionID, ""} {
		if _, err := se.Delete(ctx, "bkt", "d/k", DeleteOptions{Version: v}); err != nil {
			t.Fatal(err)
		}
	}
	balance(t, s)
}

func TestUploadRefuses(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{MinPartSize: 10, MaxObjectSize: 100})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	id := mustUpload(t, se, "k")
	ten, five := mustPart(t, se, "k", id, 1, "0123456789"), mustPart(t, se, "k", id, 2, "01234")
	big := mustPart(t, se, "k", id, 3, strings.Repeat("x", 90))
	put(t, se, "bkt", "full", "content")
	complete := func(key, id string, c Conditions, parts ...CompletedPart) error {
		_, err := se.CompleteUpload(ctx, "bkt", key, id, parts, CompleteInput{Conditions: c})
		return err
	}
	part := func(key, id string, n int, body string, size int64) error {
		_, err := se.UploadPart(ctx, "bkt", key, id, n, PartInput{Body: strings.NewReader(body), Size: size})
		return err
	}
	copied := func(src Source, in PartCopy) error {
		_, err := se.UploadPartCopy(ctx, src, "bkt", "k", id, 1, in)
		return err
	}
	stranger := s.As(Anonymous(), RequestContext{})
	_, strange := stranger.CompleteUpload(ctx, "bkt", "k", id, []CompletedPart{ten}, CompleteInput{})
	_, listed := stranger.ListUploads(ctx, "bkt", ListUploadsInput{})
	other := mustUpload(t, se, "full")
	p := mustPart(t, se, "full", other, 1, "x")
	for _, c := range []struct {
		what string
		err  error
		kind fault.Kind
	}{
		{"no parts", complete("k", id, Conditions{}), fault.InvalidRequest},
		{"descending", complete("k", id, Conditions{}, five, ten), fault.InvalidPartOrder},
		{"twice the same", complete("k", id, Conditions{}, ten, ten), fault.InvalidPartOrder},
		{"part 0", complete("k", id, Conditions{}, CompletedPart{Number: 0, ETag: ten.ETag}), fault.InvalidPartOrder},
		{"unknown part", complete("k", id, Conditions{}, ten, CompletedPart{Number: 7, ETag: five.ETag}), fault.InvalidPart},
		{"another ETag", complete("k", id, Conditions{}, CompletedPart{Number: 1, ETag: five.ETag}), fault.InvalidPart},
		{"small, and unknown", complete("k", id, Conditions{}, five, CompletedPart{Number: 7, ETag: ""}), fault.InvalidPart},
		{"small in the middle", complete("k", id, Conditions{}, ten, five, big), fault.EntityTooSmall},
		{"too large", part("k", id, 1, strings.Repeat("x", 101), -1), fault.EntityTooLarge},
		{"announced too large", part("k", id, 1, "x", 101), fault.EntityTooLarge},
		{"short", part("k", id, 1, "x", 2), fault.IncompleteBody},
		{"number 0", part("k", id, 0, "x", 1), fault.InvalidArgument},
		{"number 10001", part("k", id, 10001, "x", 1), fault.InvalidArgument},
		{"another key", part("k2", id, 1, "x", 1), fault.NoSuchUpload},
		{"no id", part("k", "", 1, "x", 1), fault.NoSuchUpload},
		{"an id like it", part("k", id[:31]+"g", 1, "x", 1), fault.NoSuchUpload},
		{"no upload", complete("k", strings.Repeat("0", 32), Conditions{}, ten), fault.NoSuchUpload},
		{"exists", complete("full", other, Conditions{IfNoneMatch: "*"}, p), fault.PreconditionFailed},
		{"has another ETag", complete("full", other, Conditions{IfMatch: p.ETag}, p), fault.PreconditionFailed},
		{"does not exist", complete("k", id, Conditions{IfMatch: "*"}, ten), fault.NoSuchKey},
		{"no source", copied(Source{Bucket: "bkt", Key: "none"}, PartCopy{}), fault.NoSuchKey},
		{"range behind the end", copied(Source{Bucket: "bkt", Key: "full"}, PartCopy{Range: &Range{0, 8}}), fault.InvalidArgument},
		{"range from behind the end", copied(Source{Bucket: "bkt", Key: "full"}, PartCopy{Range: &Range{8, 1}}), fault.InvalidArgument},
		{"empty range", copied(Source{Bucket: "bkt", Key: "full"}, PartCopy{Range: &Range{1, 0}}), fault.InvalidArgument},
		{"overflowing range", copied(Source{Bucket: "bkt", Key: "full"}, PartCopy{Range: &Range{1, 1<<63 - 1}}), fault.InvalidArgument},
		{"source changed", copied(Source{Bucket: "bkt", Key: "full"}, PartCopy{SourceIf: Conditions{IfMatch: ten.ETag}}), fault.PreconditionFailed},
		{"source too young", copied(Source{Bucket: "bkt", Key: "full"}, PartCopy{SourceIf: Conditions{IfUnmodifiedSince: time.Unix(1, 0)}}), fault.PreconditionFailed},
		{"source unchanged", copied(Source{Bucket: "bkt", Key: "full"}, PartCopy{SourceIf: Conditions{IfNoneMatch: etagOf([]byte("content"))}}), fault.PreconditionFailed},
		{"stranger", strange, fault.AccessDenied},
		{"stranger lists", listed, fault.AccessDenied},
		{"bucket with objects and uploads", se.DeleteBucket(ctx, "bkt"), fault.BucketNotEmpty},
	} {
		wantKind(t, c.what, c.err, c.kind)
	}
	big2 := mustPart(t, se, "k", id, 2, strings.Repeat("y", 90))
	wantKind(t, "the sum too large", complete("k", id, Conditions{}, ten, big2, big), fault.EntityTooLarge)
	if got := readAll(t, se, "bkt", "full", ""); got != "content" {
		t.Fatalf("a refused completion changed the object to %q", got)
	}
	// After all those refusals the upload is still good.
	o := mustComplete(t, se, "k", id, ten, big2)
	if o.Size != 100 {
		t.Fatalf("object %+v", o)
	}
	if err := complete("full", other, Conditions{IfMatch: etagOf([]byte("content"))}, p); err != nil {
		t.Fatal(err)
	}
	balance(t, s)
}

func TestEmptyPart(t *testing.T) {
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	id := mustUpload(t, se, "k")
	o := mustComplete(t, se, "k", id, mustPart(t, se, "k", id, 4, ""))
	if o.Size != 0 || o.ETag != multiETag("") || readAll(t, se, "bkt", "k", "") != "" {
		t.Fatalf("object %+v", o)
	}
	balance(t, s)
}

func TestAbortFrees(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	id := mustUpload(t, se, "k")
	for n := range 5 {
		mustPart(t, se, "k", id, n+1, strings.Repeat("x", 30_000))
	}
	if err := se.AbortUpload(ctx, "bkt", "k", id); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "abort twice", se.AbortUpload(ctx, "bkt", "k", id), fault.NoSuchUpload)
	_, err := se.ListParts(ctx, "bkt", "k", id, 0, 0)
	wantKind(t, "list", err, fault.NoSuchUpload)
	balance(t, s)
	files := 0
	if err := s.blobs.Walk(func(blob.ID, int64, bool) error { files++; return nil }); err != nil || files > 0 {
		t.Fatalf("%d content files are left, %v", files, err)
	}
	if err := se.DeleteBucket(ctx, "bkt"); err != nil {
		t.Fatal(err)
	}
}

// The uploads of a bucket that is deleted end with it, and give up what they hold; those
// of one that is not deleted stay.
func TestUploadsEndWithTheirBucket(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	for _, key := range []string{"k", "k", "dir/other"} {
		mustPart(t, se, key, mustUpload(t, se, key), 1, strings.Repeat("x", 100_000))
	}
	put(t, se, "bkt", "there", "hello")
	wantKind(t, "not empty", se.DeleteBucket(ctx, "bkt"), fault.BucketNotEmpty)
	if page, err := se.ListUploads(ctx, "bkt", ListUploadsInput{}); err != nil || len(page.Uploads) != 3 {
		t.Fatalf("%d uploads are left, %v", len(page.Uploads), err)
	}
	if _, err := se.Delete(ctx, "bkt", "there", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := se.DeleteBucket(ctx, "bkt"); err != nil {
		t.Fatal(err)
	}
	balance(t, s)
	mustBucket(t, se, "bkt", versioning.Unversioned)
	if page, err := se.ListUploads(ctx, "bkt", ListUploadsInput{}); err != nil || len(page.Uploads) != 0 {
		t.Fatalf("the new bucket has %d uploads, %v", len(page.Uploads), err)
	}
}

// A part that arrives while its upload ends belongs to nobody and leaves nothing.
func TestPartOnItsWayWhenUploadEnds(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	id := mustUpload(t, se, "k")
	r := &pausedReader{Reader: strings.NewReader(strings.Repeat("x", 50_000)), asked: make(chan struct{}), goOn: make(chan struct{})}
	done := make(chan error)
	go func() {
		_, err := se.UploadPart(ctx, "bkt", "k", id, 1, PartInput{Body: r, Size: 50_000})
		done <- err
	}()
	<-r.asked
	if err := se.AbortUpload(ctx, "bkt", "k", id); err != nil {
		t.Fatal(err)
	}
	close(r.goOn)
	wantKind(t, "the part", <-done, fault.NoSuchUpload)
	balance(t, s)
}

type pausedReader struct {
	*strings.Reader
	once        sync.Once
	asked, goOn chan struct{}
}

func (r *pausedReader) Read(p []byte) (int, error) {
	r.once.Do(func() { close(r.asked); <-r.goOn })
	return r.Reader.Read(p)
}

func TestConditionalCompletionsHaveOneWinner(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Enabled)
	for round := range 20 {
		key := fmt.Sprintf("k%d", round)
		const n = 8
		var ids [n]string
		var parts [n]CompletedPart
		for i := range n {
			ids[i] = mustUpload(t, se, key)
			parts[i] = mustPart(t, se, key, ids[i], 1, fmt.Sprint("writer ", i))
		}
		var wg sync.WaitGroup
		var errs [n]error
		for i := range n {
			wg.Add(1)
			go func() {
				defer wg.Done()
				_, errs[i] = se.CompleteUpload(ctx, "bkt", key, ids[i], parts[i:i+1], CompleteInput{Conditions: Conditions{IfNoneMatch: "*"}})
			}()
		}
		wg.Wait()
		won := -1
		for i, err := range errs {
			switch {
			case err == nil && won < 0:
				won = i
			case err == nil:
				t.Fatalf("%d and %d both won", won, i)
			case !fault.Is(err, fault.PreconditionFailed):
				t.Fatal(err)
			}
		}
		if got := readAll(t, se, "bkt", key, ""); got != fmt.Sprint("writer ", won) {
			t.Fatalf("%d won and %q is there", won, got)
		}
	}
}

// One completion that races with itself makes one version.
func TestSameCompletionRaces(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Enabled)
	id := mustUpload(t, se, "k")
	p := mustPart(t, se, "k", id, 1, "body")
	var wg sync.WaitGroup
	var got [8]Object
	for i := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var err error
			if got[i], err = se.CompleteUpload(ctx, "bkt", "k", id, []CompletedPart{p}, CompleteInput{Conditions: Conditions{IfNoneMatch: "*"}}); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	for _, o := range got {
		if o.VersionID != got[0].VersionID {
			t.Fatalf("versions %s and %s", o.VersionID, got[0].VersionID)
		}
	}
	if vs, err := se.Versions(ctx, "bkt", "k"); err != nil || len(vs) != 1 {
		t.Fatalf("%d versions, %v", len(vs), err)
	}
	balance(t, s)
}

// fillParts gives an upload parts by the shortest way: content files that are not
// synced, many in one update.
func fillParts(t *testing.T, s *Store, key, id string, n int, body []byte) []CompletedPart {
	t.Helper()
	var out []CompletedPart
	etag := etagOf(body)
	for from := 1; from <= n; from += 500 {
		var parts []*record.Part
		seals := map[blob.ID]blob.Seal{}
		for i := from; i < min(from+500, n+1); i++ {
			w, _, err := s.newBlobFile(nil, true)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.WriteAt(body, 0); err != nil {
				t.Fatal(err)
			}
			seal, err := w.Seal()
			if err != nil {
				t.Fatal(err)
			}
			seals[w.ID()] = seal
			_ = w.Close()
			parts = append(parts, &record.Part{
				Schema: record.Schema, Number: uint32(i), Size: int64(len(body)), Etag: etag, Pieces: 1,
				Content: &record.Content{Extents: []*record.Extent{{Blob: uint64(w.ID()), Len: int64(len(body))}}},
			})
			out = append(out, CompletedPart{Number: i, ETag: etag})
		}
		_, err := s.update(context.Background(), author{}, visible, func(t *txn) error {
			b, err := t.bucket("bkt")
			if err != nil {
				return err
			}
			for _, p := range parts {
				id := blob.ID(p.Content.Extents[0].Blob)
				if err := t.put(table.Blob(uint64(id)), &record.Blob{Schema: record.Schema, Length: seals[id].Length, Sum: seals[id].Sum, Refs: 1}); err != nil {
					return err
				}
			}
			u, err := t.upload(b, key, id)
			if err != nil {
				return err
			}
			for _, p := range parts {
				if err := t.put(table.Part(u.Number, p.Number), p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestTenThousandParts(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 17,500 files")
	}
	ctx := context.Background()
	s, se := openTest(t, Options{MinPartSize: -1})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	body := []byte("0123456789")
	const unused = 2500 // more than one update gives up
	for _, n := range []int{MaxParts, 2 * unused} {
		id := mustUpload(t, se, "k")
		parts := fillParts(t, s, "k", id, n, body)
		if n < MaxParts {
			parts = parts[unused:]
		}
		began := time.Now()
		o := mustComplete(t, se, "k", id, parts...)
		if want := int64(len(parts)) * int64(len(body)); o.Size != want || len(o.Layout) != 1 {
			t.Fatalf("object %+v", o)
		}
		t.Logf("%d parts, %d of them joined: %v", n, len(parts), time.Since(began))
		began = time.Now()
		balance(t, s)
		t.Logf("freed in %v", time.Since(began))
	}
	if got := readAll(t, se, "bkt", "k", ""); got != strings.Repeat(string(body), unused) {
		t.Fatal("joined bytes differ")
	}
	id := mustUpload(t, se, "k")
	fillParts(t, s, "k", id, unused, body)
	if err := se.AbortUpload(ctx, "bkt", "k", id); err != nil {
		t.Fatal(err)
	}
	o, err := se.Copy(ctx, Source{Bucket: "bkt", Key: "k"}, "bkt", "copy", CopyInput{})
	if err != nil || o.Parts != 0 || o.Size != int64(len(body)*unused) { // a copy is one piece
		t.Fatalf("copy %+v, %v", o, err)
	}
	for _, key := range []string{"k", "copy"} {
		if _, err := se.Delete(ctx, "bkt", key, DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		balance(t, s)
	}
	if n := 0; s.blobs.Walk(func(blob.ID, int64, bool) error { n++; return nil }) != nil || n > 0 {
		t.Fatalf("%d content files are left", n)
	}
}
