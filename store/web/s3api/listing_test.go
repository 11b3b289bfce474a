package s3api

import (
	"encoding/xml"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pail/integration/trial"
	"pail/store"
	"pail/versioning"
)

// A listResult is an answer of any of the listings.
type listResult struct {
	IsTruncated           bool
	NextMarker            string
	NextContinuationToken string
	NextKeyMarker         string
	NextVersionIdMarker   string
	KeyCount, MaxKeys     int
	Contents              []listEntry
	Version               []listEntry
	DeleteMarker          []listEntry
	CommonPrefixes        []struct{ Prefix string }
	Entries               []listEntry `xml:"-"` // versions and markers as they came
}

// order is versions and delete markers in the order in which they came: they are elements of
// two names.
type order struct {
	Entries []listEntry `xml:",any"`
}

type listEntry struct {
	XMLName              xml.Name
	Key, VersionId, ETag string
	Size                 int64
	IsLatest             bool
}

func (r *rig) list(bucket string, params ...string) (res listResult) {
	r.t.Helper()
	q := url.Values{"encoding-type": {"url"}}
	for i := 0; i < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	body := []byte(r.must("GET", "/"+bucket+"?"+q.Encode(), "").body)
	check(r.t, xml.Unmarshal(body, &res))
	if len(res.Version)+len(res.DeleteMarker) > 0 {
		var all order
		check(r.t, xml.Unmarshal(body, &all))
		res.Entries = all.Entries
	}
	decode := func(s *string) {
		d, err := url.QueryUnescape(*s)
		if err != nil {
			r.t.Fatal(err)
		}
		*s = d
	}
	for _, es := range [][]listEntry{res.Contents, res.Version, res.DeleteMarker, res.Entries} {
		for i := range es {
			decode(&es[i].Key)
		}
	}
	for i := range res.CommonPrefixes {
		decode(&res.CommonPrefixes[i].Prefix)
	}
	decode(&res.NextMarker)
	decode(&res.NextKeyMarker)
	return res
}

// A found is what pages have listed, in order.
type found struct{ keys, prefixes []string }

func (f *found) add(res listResult) (last string) {
	for _, e := range res.Contents {
		f.keys = append(f.keys, e.Key)
		last = max(last, e.Key)
	}
	for _, p := range res.CommonPrefixes {
		f.prefixes = append(f.prefixes, p.Prefix)
		last = max(last, p.Prefix)
	}
	return last
}

// want is what a listing of keys, which are sorted, has to find, by the rule's own words.
func want(keys []string, prefix, delimiter string) (f found) {
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			if p := prefix + rest[:i+len(delimiter)]; len(f.prefixes) == 0 || f.prefixes[len(f.prefixes)-1] != p {
				f.prefixes = append(f.prefixes, p)
			}
			continue
		}
		f.keys = append(f.keys, k)
	}
	return f
}

func randomKey(rng *rand.Rand) string {
	const alphabet = "ab/+.- é%&\x01~😀"
	runes := []rune(alphabet)
	var b strings.Builder
	for range 1 + rng.IntN(6) {
		b.WriteRune(runes[rng.IntN(len(runes))])
	}
	return b.String()
}

// TestPagesOfEverySize: whatever the size of pages, the prefix and the delimiter, each key
// comes once, in byte order, through each of the listings, while versioning is switched. With
// PAIL_SOAK=1 all sizes are tried, and there are more keys than the largest page has.
func TestPagesOfEverySize(t *testing.T) {
	rng := trial.Rand(t)
	r := newRig(t)
	r.must("PUT", "/photos", "")
	acts, sizes := 300, []int{1, 1000}
	for range 5 {
		sizes = append(sizes, 2+rng.IntN(300))
	}
	if trial.Soak() {
		acts, sizes = 2000, nil
		for size := 1; size <= 1000; size++ {
			sizes = append(sizes, size)
		}
	}
	keys, versions := r.fillRandomly(rng, acts)
	t.Logf("%d keys, %d versions and markers", len(keys), len(versions))
	for _, size := range sizes {
		state := []versioning.State{versioning.Enabled, versioning.Suspended}[size%2]
		check(t, r.se.SetVersioning(t.Context(), "photos", state))
		for _, delimiter := range []string{"", "/", "+", "é", "/a", "\x01", "😀", " %"} {
			prefix := ""
			if rng.IntN(2) == 0 {
				prefix = string([]rune(randomKey(rng))[:1])
			}
			name := fmt.Sprintf("pages of %d, prefix %q, delimiter %q", size, prefix, delimiter)
			exp := want(keys, prefix, delimiter)
			params := []string{"max-keys", strconv.Itoa(size), "prefix", prefix, "delimiter", delimiter}
			r.checkPages(name+", v2", exp, size, func(last string, res listResult) []string {
				if last == "" {
					return append(params, "list-type", "2")
				}
				return append(params, "list-type", "2", "continuation-token", res.NextContinuationToken)
			})
			r.checkPages(name+", v1", exp, size, func(last string, res listResult) []string {
				if delimiter != "" && res.IsTruncated && res.NextMarker != last {
					t.Fatalf("%s: next marker %q after %q", name, res.NextMarker, last)
				}
				return append(params, "marker", last)
			})
		}
		if got := r.listVersions(size, len(versions)); !slices.Equal(got, versions) {
			t.Errorf("pages of %d list these versions and markers:\n%q\nwant\n%q", size, got, versions)
		}
	}
}

// fillRandomly puts and deletes keys in the bucket photos, before it is versioned and while
// versioning is enabled and suspended in turns. It returns the keys that are there, and all
// versions as listVersions has them.
func (r *rig) fillRandomly(rng *rand.Rand, acts int) (keys, versions []string) {
	history := map[string][]string{} // ids, newest first
	add := func(key, id string) {
		h := history[key]
		if id == store.NullVersion { // there is one at most
			h = slices.DeleteFunc(h, func(old string) bool { return old == id })
		}
		history[key] = slices.Insert(h, 0, id)
	}
	live := map[string]bool{}
	for i := range acts {
		if i%(acts/5) == acts/6 {
			state := []versioning.State{versioning.Enabled, versioning.Suspended}[i/(acts/5)%2]
			check(r.t, r.se.SetVersioning(r.t.Context(), "photos", state))
		}
		key := randomKey(rng)
		if rng.IntN(4) > 0 {
			o, err := r.se.Put(r.t.Context(), "photos", key, store.PutInput{Body: strings.NewReader("x"), Size: 1})
			check(r.t, err)
			live[key] = true
			add(key, o.VersionID)
			continue
		}
		res, err := r.se.Delete(r.t.Context(), "photos", key, store.DeleteOptions{})
		check(r.t, err)
		delete(live, key)
		if res.DeleteMarker {
			add(key, res.VersionID)
		} else {
			delete(history, key) // the bucket has no history yet
		}
	}
	for _, key := range slices.Sorted(maps.Keys(history)) {
		for _, id := range history[key] {
			versions = append(versions, key+" "+id)
		}
	}
	return slices.Sorted(maps.Keys(live)), versions
}

// listVersions goes through all pages of a listing of versions: key and id of each version
// and delete marker. There are count of them.
func (r *rig) listVersions(size, count int) (got []string) {
	r.t.Helper()
	res := listResult{}
	for pages := 0; pages == 0 || res.IsTruncated; pages++ {
		params := []string{"versions", "", "max-keys", strconv.Itoa(size), "key-marker", res.NextKeyMarker}
		if id := res.NextVersionIdMarker; id != "" {
			params = append(params, "version-id-marker", id)
		}
		res = r.list("photos", params...)
		if n := len(res.Version) + len(res.DeleteMarker); n > size || n == 0 && res.IsTruncated {
			r.t.Fatalf("versions in pages of %d: a page of %d", size, n)
		}
		for _, e := range res.Entries {
			if e.XMLName.Local == "Version" || e.XMLName.Local == "DeleteMarker" {
				got = append(got, e.Key+" "+e.VersionId)
			}
		}
		if pages > count {
			r.t.Fatalf("versions in pages of %d: it does not end", size)
		}
	}
	return got
}

// checkPages goes through all pages and compares what they list.
func (r *rig) checkPages(name string, exp found, size int, params func(last string, res listResult) []string) {
	r.t.Helper()
	var got found
	res, last := listResult{}, ""
	for pages := 0; pages == 0 || res.IsTruncated; pages++ {
		res = r.list("photos", params(last, res)...)
		if n := len(res.Contents) + len(res.CommonPrefixes); n > size || n == 0 && res.IsTruncated {
			r.t.Fatalf("%s: a page of %d", name, n)
		}
		last = got.add(res)
		if pages > len(exp.keys)+len(exp.prefixes) {
			r.t.Fatalf("%s: it does not end", name)
		}
	}
	if !slices.Equal(got.keys, exp.keys) || !slices.Equal(got.prefixes, exp.prefixes) {
		r.t.Errorf("%s:\ngot  %q\nwant %q", name, got, exp)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestListingsRefuse(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.refused(400, "InvalidArgument", "GET", "/photos?max-keys=-1", "")
	r.refused(400, "InvalidArgument", "GET", "/photos?list-type=2&max-keys=x", "")
	r.refused(400, "InvalidArgument", "GET", "/photos?encoding-type=base64", "")
	r.refused(400, "InvalidArgument", "GET", "/photos?list-type=2&continuation-token=nonsense", "")
	r.refused(400, "InvalidArgument", "GET", "/photos?list-type=2&continuation-token=", "")
	r.refused(400, "InvalidArgument", "GET", "/photos?versions&version-id-marker=null", "")
	r.refused(404, "NoSuchBucket", "GET", "/nothing-here?list-type=2", "")
	r.refused(404, "NoSuchBucket", "GET", "/nothing-here?versions&max-keys=0", "")
	if res := r.list("photos", "max-keys", "0"); res.IsTruncated || res.MaxKeys != 0 {
		t.Errorf("a page of none: %+v", res)
	}
}
