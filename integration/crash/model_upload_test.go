package crash

import (
	"fmt"
	"maps"
	"slices"
)

// An upload is one that was begun and neither completed nor aborted.
type upload struct {
	id    string // "": not known
	key   string
	meta  string
	tags  map[string]string
	parts map[int]content
}

// applyUpload makes an act on an upload happen.
func (m *model) applyUpload(a act, r ack) {
	b := m.buckets[a.Bucket]
	if a.Op == opBegin {
		b.uploads[a.N] = &upload{id: r.ID, key: a.Key, meta: metaOf(a.Gen), tags: a.Tags, parts: map[int]content{}}
		return
	}
	u := b.uploads[a.Handle]
	switch a.Op {
	case opPart:
		u.parts[a.Part] = whole(a.Gen, a.Len)
	case opPartCopy:
		from := m.find(b, a.Key, a.Version)
		u.parts[a.Part] = content{}.copyFrom(from.body, a.From, 0, a.Len)
	case opComplete:
		v := &version{id: r.ID, number: r.Number, labels: labels{meta: u.meta, tags: u.tags}}
		for _, n := range slices.Sorted(maps.Keys(u.parts)) {
			v.body = v.body.copyFrom(u.parts[n], 0, v.body.size, u.parts[n].size)
		}
		a.Key = u.key
		m.put(a, v)
		m.tell(b)
		delete(b.uploads, a.Handle)
	case opAbort:
		delete(b.uploads, a.Handle)
	}
}

// A stretch is where a part of opParts begins and ends.
type stretch struct{ from, to int64 }

// partsOf are the parts in which opParts uploads.
func partsOf(a act) (out []stretch) {
	for off := int64(0); off < a.Len; {
		end := off + min(a.Len/3+1, a.Len-off)
		out = append(out, stretch{off, end})
		off = end
	}
	return out
}

// applyParts makes a step of an upload from beginning to end happen.
func (m *model) applyParts(a act, r ack, i int) {
	parts := partsOf(a)
	b := m.buckets[a.Bucket]
	all := whole(a.Gen, a.Len)
	switch {
	case i == 0:
		b.uploads[a.N] = &upload{key: a.Key, parts: map[int]content{}}
	case i <= len(parts):
		p := parts[i-1]
		b.uploads[a.N].parts[i] = content{}.copyFrom(all, p.from, 0, p.to-p.from)
	default:
		delete(b.uploads, a.N)
		m.put(a, &version{id: r.ID, number: r.Number, body: all, labels: labels{meta: metaOf(a.Gen), tags: a.Tags}})
		m.tell(b)
	}
}

// A seenUpload is one that was found.
type seenUpload struct {
	id, key string
	parts   map[int]string // what they are, as tell would
}

// tell is what parts look like from outside.
func (u *upload) tell(told sums5) map[int]string {
	out := map[int]string{}
	for n, c := range u.parts {
		out[n] = partSeen(c.size, told.of(c))
	}
	return out
}

func partSeen(size int64, etag string) string { return fmt.Sprintf("%d bytes, ETag %s", size, etag) }

// sums5 remember the MD5s of contents.
type sums5 map[string]string

func (s sums5) of(c content) string {
	name := c.String()
	if _, ok := s[name]; !ok {
		s[name] = c.md5()
	}
	return s[name]
}

// compareUploads demands exactly the uploads of the model, with their parts.
func (j *judge) compareUploads(b *bucket) error {
	left := slices.Clone(j.found.uploads)
	for _, n := range slices.Sorted(maps.Keys(b.uploads)) {
		u := b.uploads[n]
		want := u.tell(j.page.sums5)
		i := slices.IndexFunc(left, func(s seenUpload) bool {
			return s.key == u.key && (u.id == s.id || u.id == "") && maps.Equal(s.parts, want)
		})
		if i < 0 {
			return fmt.Errorf("key %q: upload %s of act %d with parts %v is not among %+v", u.key, u.id, n, want, left)
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		return fmt.Errorf("key %q: upload %s should not be there", left[0].key, left[0].id)
	}
	return nil
}
