package s3api

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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
}

type listEntry struct {
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
	if err := xml.Unmarshal([]byte(r.must("GET", "/"+bucket+"?"+q.Encode(), "").body), &res); err != nil {
		r.t.Fatal(err)
	}
	decode := func(s *string) {
		d, err := url.QueryUnescape(*s)
		if err != nil {
			r.t.Fatal(err)
		}
		*s = d
	}
	for _, es := range [][]listEntry{res.Contents, res.Version, res.DeleteMarker} {
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

// want is what a listing of keys has to find, by the rule's own words.
func want(keys []string, prefix, delimiter string) (f found) {
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			if p := prefix + rest[:i+len(delimiter)]; !slices.Contains(f.prefixes, p) {
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
// comes once, in byte order, through each of the listings, while versioning is switched.
func TestPagesOfEverySize(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	r := newRig(t)
	r.must("PUT", "/photos", "")
	live := map[string]bool{}
	versions := 0
	for i := range 300 {
		switch i {
		case 100:
			check(t, r.se.SetVersioning(t.Context(), "photos", versioning.Enabled))
		case 220:
			check(t, r.se.SetVersioning(t.Context(), "photos", versioning.Suspended))
		}
		key := randomKey(rng)
		if rng.IntN(4) == 0 {
			_, err := r.se.Delete(t.Context(), "photos", key, store.DeleteOptions{})
			check(t, err)
			delete(live, key)
			continue
		}
		_, err := r.se.Put(t.Context(), "photos", key, store.PutInput{Body: strings.NewReader("x"), Size: 1})
		check(t, err)
		live[key] = true
	}
	var keys []string
	for k := range live {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	all := r.list("photos", "versions", "")
	versions = len(all.Version) + len(all.DeleteMarker)
	for _, size := range []int{1, 2, 3, 7, 50, 299, 1000} {
		for _, delimiter := range []string{"", "/", "+", "é", "/a", "\x01"} {
			prefix := ""
			if rng.IntN(2) == 0 {
				prefix = randomKey(rng)[:1]
				if prefix[0] >= 0x80 {
					prefix = "a"
				}
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
		n := 0
		res := listResult{}
		for pages := 0; pages == 0 || res.IsTruncated; pages++ {
			res = r.list("photos", "versions", "", "max-keys", strconv.Itoa(size),
				"key-marker", res.NextKeyMarker, "version-id-marker", res.NextVersionIdMarker)
			n += len(res.Version) + len(res.DeleteMarker)
			if pages > 1000 {
				t.Fatal("the listing of versions does not end")
			}
		}
		if n != versions {
			t.Errorf("pages of %d list %d versions and markers of %d", size, n, versions)
		}
	}
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
		if pages > 1000 {
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
