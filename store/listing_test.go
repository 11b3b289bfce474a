package store_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"pail/store"
	"pail/versioning"
)

// Runes that make neighbours: what sorts around the slash, the ends of each length of
// UTF-8, letters that look alike in other orders than that of bytes.
var neighbours = []rune("\x00\x01 !+,-./0129:@ABZ_abz~\x7f\u0080\u00ff\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffffäßéＡ")

func randomKey(rng *rand.Rand) string {
	n := 1 + rng.IntN(6)
	if rng.IntN(20) == 0 {
		n = 250
	}
	var b strings.Builder
	for range n {
		if rng.IntN(3) == 0 {
			b.WriteByte('/')
		} else {
			b.WriteRune(neighbours[rng.IntN(len(neighbours))])
		}
	}
	return b.String()
}

// randomKeys makes distinct keys, many of which begin as others do.
func randomKeys(rng *rand.Rand, n int) []string {
	seen := map[string]bool{}
	var keys []string
	for len(keys) < n {
		key := randomKey(rng)
		if len(keys) > 0 && rng.IntN(2) == 0 {
			other := keys[rng.IntN(len(keys))]
			key = other + key
		}
		if len(key) <= versioning.MaxKey && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// putAll puts keys from many callers, who share syncs.
func (r *rig) putAll(bucket string, keys []string) {
	r.Helper()
	var g errgroup.Group
	g.SetLimit(64)
	for _, key := range keys {
		g.Go(func() error {
			_, err := r.se.Put(r.ctx, bucket, key, input("x"))
			return err
		})
	}
	r.ok(g.Wait())
}

func byBytes(a, b string) int { return bytes.Compare([]byte(a), []byte(b)) }

// TestListOrder goes through random keys in pages of every size.
func TestListOrder(t *testing.T) {
	rng := seeded(t)
	r := newRig(t, store.Options{})
	r.bucket("order", versioning.Unversioned)
	keys := randomKeys(rng, 70)
	r.putAll("order", keys)
	slices.SortFunc(keys, byBytes)
	prefixes := []string{"", "/", "a", keys[3][:1], keys[40]}
	for size := 1; size <= len(keys)+1; size++ {
		for _, delimiter := range []string{"", "/", "//", "a/", "\U0010ffff", "é"} {
			for _, prefix := range prefixes {
				r.checkPages(keys, "order", store.ListInput{Prefix: prefix, Delimiter: delimiter, Limit: size})
			}
		}
	}
}

// checkPages goes through a listing, page by page, and compares each with the keys.
func (r *rig) checkPages(sorted []string, bucket string, in store.ListInput) {
	r.Helper()
	for pages := 0; ; pages++ {
		want := pageOf(sorted, in)
		p, err := r.se.List(r.ctx, bucket, in)
		r.ok(err)
		got := refPage{prefixes: p.Prefixes, truncated: p.Truncated}
		for _, o := range p.Objects {
			got.keys = append(got.keys, o.Key)
		}
		if !slices.Equal(got.keys, want.keys) || !slices.Equal(got.prefixes, want.prefixes) || got.truncated != want.truncated {
			r.Fatalf("page of %+v is\n%+v, want\n%+v", in, got, want)
		}
		if !p.Truncated {
			return
		}
		if pages > len(sorted) {
			r.Fatalf("the listing does not end: %+v", in)
		}
		in.StartAfter = p.Next
	}
}

// TestListVersionsPages goes through versions in pages of every size, in a bucket that
// was unversioned at first and suspended in between.
func TestListVersionsPages(t *testing.T) {
	rng := seeded(t)
	r := newRig(t, store.Options{})
	r.bucket("pages", versioning.Unversioned)
	keys := randomKeys(rng, 15)
	want := map[string][]string{} // newest first
	del := func(key string) {
		res, err := r.se.Delete(r.ctx, "pages", key, store.DeleteOptions{})
		r.ok(err)
		if res.VersionID == "" {
			delete(want, key)
			return
		}
		want[key] = slices.Insert(without(want[key], res.VersionID), 0, res.VersionID)
	}
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled, versioning.Suspended, versioning.Enabled} {
		r.ok(r.se.SetVersioning(r.ctx, "pages", state))
		for range 60 {
			key := keys[rng.IntN(len(keys))]
			if rng.IntN(3) == 0 {
				del(key)
				continue
			}
			id := r.put("pages", key, "x").VersionID
			want[key] = slices.Insert(without(want[key], id), 0, id)
		}
	}
	slices.SortFunc(keys, byBytes)
	var flat []string
	for _, key := range keys {
		for _, id := range want[key] {
			flat = append(flat, key+" "+id)
		}
	}
	for size := 1; size <= len(flat)+1; size++ {
		vs, _ := r.allVersions("pages", store.ListVersionsInput{Limit: size})
		got := make([]string, len(vs))
		for i, o := range vs {
			got[i] = o.Key + " " + o.VersionID
			if o.Latest != (o.VersionID == want[o.Key][0]) {
				r.Fatalf("%s is the latest: %v", got[i], o.Latest)
			}
		}
		if !slices.Equal(got, flat) {
			r.Fatalf("in pages of %d:\n%+q, want\n%+q", size, got, flat)
		}
		r.checkVersionGroups(keys, want, size)
	}
}

func without(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(s string) bool { return s == id })
}

// checkVersionGroups is a listing with a delimiter: no prefix is named twice, and no
// key that is not behind one is left out.
func (r *rig) checkVersionGroups(sorted []string, want map[string][]string, size int) {
	r.Helper()
	vs, prefixes := r.allVersions("pages", store.ListVersionsInput{Delimiter: "/", Limit: size})
	var keys []string
	for _, key := range sorted {
		if len(want[key]) > 0 {
			keys = append(keys, key)
		}
	}
	p := pageOf(keys, store.ListInput{Delimiter: "/", Limit: len(keys)})
	n := 0
	for _, key := range p.keys {
		n += len(want[key])
	}
	if !slices.Equal(prefixes, p.prefixes) || len(vs) != n {
		r.Fatalf("in pages of %d: %d versions and %+q, want %d and %+q", size, len(vs), prefixes, n, p.prefixes)
	}
}

// TestVersionMarkerIsGone has a page go on behind a version that was deleted meanwhile.
func TestVersionMarkerIsGone(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("gone", versioning.Enabled)
	for range 5 {
		r.put("gone", "a", "x")
	}
	r.put("gone", "b", "x")
	in := store.ListVersionsInput{Limit: 2}
	p, err := r.se.ListVersions(r.ctx, "gone", in)
	r.ok(err)
	for _, o := range p.Versions {
		_, err := r.se.Delete(r.ctx, "gone", o.Key, store.DeleteOptions{Version: o.VersionID})
		r.ok(err)
	}
	in.KeyMarker, in.VersionMarker = p.NextKey, p.NextVersion
	vs, _ := r.allVersions("gone", in)
	if len(vs) != 4 {
		r.Fatalf("%d versions behind the page, want 4: %+v", len(vs), vs)
	}
}

// TestDeletedBeforeVersioning: a key that was deleted while its bucket had no
// versioning is not listed when it has.
func TestDeletedBeforeVersioning(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("late", versioning.Unversioned)
	r.put("late", "a", "x")
	r.put("late", "b", "x")
	_, err := r.se.Delete(r.ctx, "late", "a", store.DeleteOptions{})
	r.ok(err)
	r.ok(r.se.SetVersioning(r.ctx, "late", versioning.Enabled))
	if vs, _ := r.allVersions("late", store.ListVersionsInput{Limit: 1}); len(vs) != 1 || vs[0].Key != "b" || vs[0].VersionID != store.NullVersion {
		r.Fatalf("%+v", vs)
	}
	if keys := r.keys("late", "", 1); !slices.Equal(keys, []string{"b"}) {
		r.Fatalf("%q", keys)
	}
}
