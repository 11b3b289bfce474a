package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pail/versioning"
)

// listingRand is seeded anew for each run; the seed is printed.
func listingRand(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// someKeys makes keys that meet each other at every awkward byte.
func someKeys(r *rand.Rand, n int) []string {
	parts := []string{"a", "b", "obj", "obj+", "obj-", "obj.", "obj0", "/", "//", " ", "é", "\x00", "\u0080", "\U0010ffff", "%", "~", "1", "-"}
	seen := map[string]bool{}
	var keys []string
	for len(keys) < n {
		var b strings.Builder
		for range 1 + r.IntN(4) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		if k := b.String(); !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	return keys
}

func TestPagesOfEverySizeComeInByteOrder(t *testing.T) {
	r := listingRand(t)
	_, se := openTest(t, Options{})
	mustBucket(t, se, "list", versioning.Unversioned)
	keys := someKeys(r, 40)
	for _, k := range keys {
		put(t, se, "list", k, "")
	}
	slices.Sort(keys) // bytes.Compare order
	for _, delimiter := range []string{"", "/", "obj"} {
		for _, prefix := range []string{"", "a", "obj", "/"} {
			want := modelList(keys, prefix, delimiter)
			for size := 1; size <= len(want)+1; size++ {
				got := pages(t, se, "list", ListInput{Prefix: prefix, Delimiter: delimiter, Limit: size})
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
					t.Fatalf("prefix %q, delimiter %q, pages of %d:\n got %q\nwant %q", prefix, delimiter, size, got, want)
				}
			}
		}
	}
}

// modelList is what a listing gives: keys and rolled-up prefixes in one order.
func modelList(sorted []string, prefix, delimiter string) (out []string) {
	for _, k := range sorted {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			k = prefix + rest[:i+len(delimiter)]
			if len(out) > 0 && out[len(out)-1] == k+" (prefix)" {
				continue
			}
			k += " (prefix)"
		}
		out = append(out, k)
	}
	return out
}

// pages reads a whole listing and merges keys and prefixes of each page.
func pages(t *testing.T, se *Session, bucket string, in ListInput) (out []string) {
	t.Helper()
	for {
		p, err := se.List(context.Background(), bucket, in)
		if err != nil {
			t.Fatal(err)
		}
		type entry struct{ sort, show string }
		var page []entry
		for _, o := range p.Objects {
			page = append(page, entry{o.Key, o.Key})
		}
		for _, g := range p.Prefixes {
			page = append(page, entry{g, g + " (prefix)"})
		}
		if len(page) > in.Limit {
			t.Fatalf("a page of %d with limit %d", len(page), in.Limit)
		}
		slices.SortFunc(page, func(a, b entry) int { return strings.Compare(a.sort, b.sort) })
		for _, e := range page {
			out = append(out, e.show)
		}
		if !p.Truncated {
			return out
		}
		in.StartAfter = p.Next
	}
}

func TestVersionPagesOfEverySizeAcrossTogglesOfVersioning(t *testing.T) {
	ctx := context.Background()
	r := listingRand(t)
	_, se := openTest(t, Options{})
	mustBucket(t, se, "list", versioning.Unversioned)
	keys := someKeys(r, 8)
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled, versioning.Suspended, versioning.Enabled} {
		if err := se.SetVersioning(ctx, "list", state); err != nil && state != versioning.Unversioned {
			t.Fatal(err)
		}
		for range 25 {
			k := keys[r.IntN(len(keys))]
			if r.IntN(3) == 0 {
				if _, err := se.Delete(ctx, "list", k, DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
			} else {
				put(t, se, "list", k, fmt.Sprint(r.IntN(1000)))
			}
		}
	}
	slices.Sort(keys)
	var want []string
	for _, k := range keys {
		vs, err := se.Versions(ctx, "list", k)
		if err != nil {
			continue // never came to be
		}
		for i, v := range vs {
			if i > 0 && v.Seq >= vs[i-1].Seq {
				t.Fatalf("%q: version %d is not older than the one before", k, i)
			}
			want = append(want, fmt.Sprintf("%q %s %v %v", k, v.VersionID, v.Latest, v.DeleteMarker))
		}
	}
	for size := 1; size <= len(want)+1; size++ {
		var got []string
		in := ListVersionsInput{Limit: size}
		for {
			p, err := se.ListVersions(ctx, "list", in)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range p.Versions {
				got = append(got, fmt.Sprintf("%q %s %v %v", v.Key, v.VersionID, v.Latest, v.DeleteMarker))
			}
			if !p.Truncated {
				break
			}
			in.KeyMarker, in.VersionMarker = p.NextKey, p.NextVersion
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pages of %d:\n got %q\nwant %q", size, got, want)
		}
	}
}
