package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pail/integration/trial"
	"pail/store/checksum"
	"pail/versioning"
)

func randomBytes(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// An uploadModel is what uploads and objects are, as maps of bytes.
type uploadModel struct {
	t       *testing.T
	rnd     *rand.Rand
	s       *Store
	se      *Session
	uploads map[string]map[int][]byte // by id
	keys    map[string]string         // of uploads
	sums    map[string]modelSum       // of uploads
	objects map[string][]byte
}

// A modelSum is what an upload was begun with.
type modelSum struct {
	a checksum.Algorithm
	t checksum.Type
}

// kept is what its parts have a checksum of.
func (s modelSum) kept() checksum.Algorithm {
	if s.a == checksum.None {
		return checksum.Default
	}
	return s.a
}

// newSum picks an algorithm and a type, or neither.
func (m *uploadModel) newSum() modelSum {
	all := checksum.Algorithms()
	n := m.rnd.IntN(len(all) + 4)
	if n >= len(all) {
		return modelSum{checksum.None, checksum.FullObject}
	}
	s := modelSum{all[n], checksum.Type(1 + m.rnd.IntN(2))}
	if !s.a.Allows(s.t) {
		s.t = s.a.DefaultType()
	}
	return s
}

func TestUploadModel(t *testing.T) {
	m := &uploadModel{
		t: t, rnd: trial.Rand(t),
		uploads: map[string]map[int][]byte{}, keys: map[string]string{}, sums: map[string]modelSum{}, objects: map[string][]byte{},
	}
	m.s, m.se = openTest(t, Options{MinPartSize: -1, InlineMax: 500, SettleAfter: time.Millisecond})
	mustBucket(t, m.se, "bkt", versioning.Enabled)
	for range 600 {
		m.step()
	}
	m.compare()
	for id := range m.uploads {
		if err := m.se.AbortUpload(context.Background(), "bkt", m.keys[id], id); err != nil {
			t.Fatal(err)
		}
	}
	balance(t, m.s)
}

func (m *uploadModel) body() []byte {
	return randomBytes(m.rnd, []int{0, 1, 499, 500, 501, 3000, 20_000}[m.rnd.IntN(7)])
}

func (m *uploadModel) pick() (id string, ok bool) {
	ids := make([]string, 0, len(m.uploads))
	for id := range m.uploads {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return "", false
	}
	slices.Sort(ids)
	return ids[m.rnd.IntN(len(ids))], true
}

func (m *uploadModel) step() {
	ctx := context.Background()
	key := []string{"k0", "k1", "k2", "k3", "k4", "copy"}[m.rnd.IntN(6)]
	id, ok := m.pick()
	op := m.rnd.IntN(100)
	switch {
	case !ok || op < 8:
		sum, typ := m.newSum(), checksum.Unknown
		if sum.a != checksum.None {
			typ = sum.t
		}
		id := mustSumUpload(m.t, m.se, key, sum.a, typ)
		m.uploads[id], m.keys[id], m.sums[id] = map[int][]byte{}, key, sum
	case op < 50:
		n, body := m.rnd.IntN(12)+1, m.body()
		mustSumPart(m.t, m.se, m.keys[id], id, n, string(body), m.sums[id].kept())
		m.uploads[id][n] = body
	case op < 75:
		m.copyPart(id, key)
	case op < 85:
		m.complete(id)
	case op < 90:
		if err := m.se.AbortUpload(ctx, "bkt", m.keys[id], id); err != nil {
			m.t.Fatal(err)
		}
		delete(m.uploads, id)
	case op < 95:
		m.remove(key)
	case op < 98:
		m.compare()
		balance(m.t, m.s)
	default:
		m.reopen()
	}
}

func (m *uploadModel) copyPart(id, key string) {
	src, ok := m.objects[key]
	if !ok {
		return
	}
	in, want := PartCopy{}, src
	if len(src) > 0 && m.rnd.IntN(2) == 0 {
		off := m.rnd.IntN(len(src))
		n := m.rnd.IntN(len(src)-off) + 1
		in.Range, want = &Range{int64(off), int64(n)}, src[off:off+n]
	}
	n := m.rnd.IntN(12) + 1
	p, err := m.se.UploadPartCopy(context.Background(), Source{Bucket: "bkt", Key: key}, "bkt", m.keys[id], id, n, in)
	if err != nil {
		m.t.Fatal(err)
	}
	if p.Size != int64(len(want)) || p.ETag != etagOf(want) && in.Range != nil {
		m.t.Fatalf("part %+v of %d bytes", p, len(want))
	}
	if p.ETag != etagOf(want) {
		m.t.Fatalf("ETag %s of a part that is a whole object", p.ETag)
	}
	if a := m.sums[id].kept(); p.Checksums[a.Lower()] != checksum.Encode(a.Sum(want)) {
		m.t.Fatalf("%v of a copied part is %v", a, p.Checksums)
	}
	m.uploads[id][n] = want
}

// complete joins some of the parts of an upload.
func (m *uploadModel) complete(id string) {
	var list []CompletedPart
	var bodies []string
	a := m.sums[id].kept()
	for n := 1; n < 13; n++ {
		body, ok := m.uploads[id][n]
		switch {
		case ok && m.rnd.IntN(8) > 0:
			list, bodies = append(list, CompletedPart{Number: n, ETag: etagOf(body), Algorithm: a, Value: a.Sum(body)}), append(bodies, string(body))
		case m.sums[id].t == checksum.Composite:
			n = 13 // a gap would be refused
		}
	}
	if len(list) == 0 {
		return
	}
	key := m.keys[id]
	o := mustComplete(m.t, m.se, key, id, list...)
	if o.ETag != multiETag(bodies...) {
		m.t.Fatalf("ETag %s", o.ETag)
	}
	all := strings.Join(bodies, "")
	for i, p := range list {
		off, size, ok := o.Layout.Find(p.Number)
		if !ok || all[off:off+size] != bodies[i] {
			m.t.Fatalf("part %d is not where %+v says", p.Number, o.Layout)
		}
	}
	m.checkSums(o, m.sums[id], bodies)
	delete(m.uploads, id)
	m.objects[key] = []byte(all)
}

// checkSums compares the checksums of an object, and those of its parts wherever it goes; a
// copy is one piece.
func (m *uploadModel) checkSums(o Object, s modelSum, bodies []string) {
	m.t.Helper()
	ctx, a := context.Background(), s.kept()
	want := checksum.NewParts(a, s.t)
	for _, b := range bodies {
		want.Add(a.Sum([]byte(b)), int64(len(b)))
	}
	check := func(o Object) {
		m.t.Helper()
		if got := o.Checksums[a.Lower()]; got != checksum.EncodeType(want.Sum(), s.t, len(bodies)) || o.ChecksumType != s.t {
			m.t.Fatalf("%v %v of %d parts is %s (%v)", a, s.t, len(bodies), got, o.ChecksumType)
		}
		page, err := m.se.ObjectParts(ctx, "bkt", o.Key, o.VersionID, 0, 0)
		if err != nil || s.t == checksum.FullObject && len(page.Parts) > 0 || s.t == checksum.Composite && len(page.Parts) != len(bodies) {
			m.t.Fatalf("%d parts of %d, %v", len(page.Parts), len(bodies), err)
		}
		for i, p := range page.Parts {
			if p.Size != int64(len(bodies[i])) || p.Checksums[a.Lower()] != checksum.Encode(a.Sum([]byte(bodies[i]))) {
				m.t.Fatalf("part %d of %d: %+v", i+1, len(bodies), p)
			}
		}
	}
	check(o)
	if o.Key != "copy" && m.rnd.IntN(3) == 0 {
		c, err := m.se.Copy(ctx, Source{Bucket: "bkt", Key: o.Key}, "bkt", "copy", CopyInput{})
		if err != nil {
			m.t.Fatal(err)
		}
		all := []byte(strings.Join(bodies, ""))
		page, err := m.se.ObjectParts(ctx, "bkt", "copy", c.VersionID, 0, 0)
		if err != nil || len(page.Parts) > 0 || c.Parts != 0 || c.ETag != etagOf(all) || c.ChecksumType != checksum.FullObject || c.Checksums[a.Lower()] != checksum.Encode(a.Sum(all)) {
			m.t.Fatalf("the copy is %+v, %v", c, err)
		}
		m.objects["copy"] = []byte(strings.Join(bodies, ""))
	}
	if m.rnd.IntN(3) == 0 {
		if err := m.se.ChangeDescription(ctx, Node{Bucket: "bkt", Key: o.Key}, DescriptionChange{Metadata: TextChange{Set: map[string]string{"n": fmt.Sprint(m.rnd.Uint32())}}}); err != nil {
			m.t.Fatal(err)
		}
		d, err := m.se.Head(ctx, "bkt", o.Key, "")
		if err != nil {
			m.t.Fatal(err)
		}
		check(d)
	}
}

// remove deletes all versions of a key.
func (m *uploadModel) remove(key string) {
	vs, _ := m.se.Versions(context.Background(), "bkt", key)
	for _, v := range vs {
		if _, err := m.se.Delete(context.Background(), "bkt", key, DeleteOptions{Version: v.VersionID}); err != nil {
			m.t.Fatal(err)
		}
	}
	delete(m.objects, key)
}

// reopen goes on with what a clean or a sudden end leaves.
func (m *uploadModel) reopen() {
	m.t.Helper()
	killed := m.rnd.IntN(2) == 0
	if killed {
		kill(m.t, m.s)
	}
	if err := m.s.Close(context.Background()); err != nil {
		m.t.Fatal(err)
	}
	m.s, m.se = openTest(m.t, m.s.opts)
	if m.s.recovered.Unclean != killed {
		m.t.Fatalf("killed: %v, found unclean: %v", killed, m.s.recovered.Unclean)
	}
	m.compare()
	balance(m.t, m.s)
}

func (m *uploadModel) compare() {
	m.t.Helper()
	ctx := context.Background()
	for key, want := range m.objects {
		if got := readAll(m.t, m.se, "bkt", key, ""); got != string(want) {
			m.t.Fatalf("%s has %d bytes that differ from %d", key, len(got), len(want))
		}
	}
	page, err := m.se.ListUploads(ctx, "bkt", ListUploadsInput{})
	if err != nil || len(page.Uploads) != len(m.uploads) {
		m.t.Fatalf("%d uploads of %d, %v", len(page.Uploads), len(m.uploads), err)
	}
	for id, parts := range m.uploads {
		got := map[int]string{}
		for after, more := 0, true; more; {
			page, err := m.se.ListParts(ctx, "bkt", m.keys[id], id, after, 5)
			if err != nil {
				m.t.Fatal(err)
			}
			for _, p := range page.Parts {
				if p.Number <= after {
					m.t.Fatalf("part %d after %d", p.Number, after)
				}
				after = p.Number
				got[p.Number] = p.ETag
			}
			if more = page.Truncated; more && page.Next != after {
				m.t.Fatalf("next %d after %d", page.Next, after)
			}
		}
		if len(got) != len(parts) {
			m.t.Fatalf("%d parts of %d", len(got), len(parts))
		}
		for n, body := range parts {
			if got[n] != etagOf(body) {
				m.t.Fatalf("part %d has ETag %s", n, got[n])
			}
		}
	}
}

// TestListUploads compares pages of every size with a list.
func TestListUploads(t *testing.T) {
	ctx := context.Background()
	rnd := trial.Rand(t)
	_, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	mustBucket(t, se, "other", versioning.Unversioned)
	if _, err := se.CreateUpload(ctx, "other", "a", PutInput{}); err != nil {
		t.Fatal(err)
	}
	type entry struct{ key, id string }
	var all []entry
	for range 60 {
		var k []byte
		for range rnd.IntN(5) + 1 {
			k = append(k, "a/\x00\x01b"[rnd.IntN(5)])
		}
		id, err := se.CreateUpload(ctx, "bkt", string(k), PutInput{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry{string(k), id})
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].key != all[j].key {
			return bytes.Compare([]byte(all[i].key), []byte(all[j].key)) < 0
		}
		return all[i].id < all[j].id
	})
	for _, prefix := range []string{"", "a", "a/", "/", "\x00", "zz"} {
		for _, delimiter := range []string{"", "/", "b", "/b"} {
			var want []string
			for _, e := range all {
				if !strings.HasPrefix(e.key, prefix) {
					continue
				}
				line := e.key + " " + e.id
				if group, ok := rollUp(prefix, delimiter, e.key); ok {
					line = group
				}
				if len(want) == 0 || want[len(want)-1] != line {
					want = append(want, line)
				}
			}
			for _, limit := range []int{1, 2, 3, 7, 1000} {
				var got []string
				in := ListUploadsInput{Prefix: prefix, Delimiter: delimiter, Limit: limit}
				for pages := 0; ; pages++ {
					page, err := se.ListUploads(ctx, "bkt", in)
					if err != nil || pages > len(all) {
						t.Fatal(pages, err)
					}
					var lines []string
					for _, u := range page.Uploads {
						lines = append(lines, u.Key+" "+u.ID)
					}
					lines = append(lines, page.Prefixes...)
					sort.Strings(lines)
					got = append(got, lines...)
					if !page.Truncated {
						break
					}
					if len(lines) != limit {
						t.Fatalf("a page of %d entries of %d", len(lines), limit)
					}
					in.KeyMarker, in.UploadMarker = page.NextKey, page.NextUpload
				}
				sort.Strings(want)
				sort.Strings(got)
				if !slices.Equal(got, want) {
					t.Fatalf("prefix %q, delimiter %q, pages of %d:\n%q\nwant\n%q", prefix, delimiter, limit, got, want)
				}
			}
		}
	}
	// A key marker without an upload goes on behind the key; an upload marker alone is ignored.
	page, err := se.ListUploads(ctx, "bkt", ListUploadsInput{KeyMarker: all[10].key})
	if err != nil || slices.ContainsFunc(page.Uploads, func(u Upload) bool { return u.Key <= all[10].key }) {
		t.Fatalf("%+v, %v", page, err)
	}
	page, err = se.ListUploads(ctx, "bkt", ListUploadsInput{UploadMarker: "nonsense"})
	if err != nil || len(page.Uploads) != len(all) {
		t.Fatalf("%d uploads, %v", len(page.Uploads), err)
	}
	if _, err = se.ListUploads(ctx, "bkt", ListUploadsInput{KeyMarker: "a", UploadMarker: "nonsense"}); err == nil {
		t.Fatal("a nonsensical marker was taken")
	}
}
