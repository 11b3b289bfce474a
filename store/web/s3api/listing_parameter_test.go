package s3api

import (
	"strings"
	"testing"
)

// TestListParameters: what listings can be asked for besides prefixes, delimiters and pages,
// which have tests of their own.
func TestListParameters(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	for _, key := range []string{"a", "b", "c"} {
		r.must("PUT", "/photos/"+key, "hello")
	}
	for _, c := range []struct {
		path string
		keys string // that are listed
		has  string // what the answer has
		not  string // and has not
	}{
		{"/photos?list-type=2", "abc", "<KeyCount>3</KeyCount>", "<Owner>"},
		{"/photos?list-type=2&fetch-owner=true", "abc", "<Owner><ID>", "<StartAfter>"},
		{"/photos?list-type=2&fetch-owner=false", "abc", "", "<Owner>"},
		{"/photos?list-type=2&start-after=a", "bc", "<StartAfter>a</StartAfter>", ""},
		{"/photos?list-type=2&start-after=aa&prefix=b", "b", "<KeyCount>1</KeyCount>", ""},
		{"/photos?list-type=2&start-after=x", "", "<KeyCount>0</KeyCount>", "<Contents>"},
		{"/photos?marker=b", "c", "<Marker>b</Marker>", "<NextMarker>"},
		{"/photos", "abc", "<Owner><ID>", ""},
		{"/photos?versions&key-marker=a", "bc", "<KeyMarker>a</KeyMarker>", ""},
		{"/?bucket-region=us-east-1", "", "<Name>photos</Name>", ""},
		{"/?bucket-region=eu-west-1", "", "", "<Name>photos</Name>"},
	} {
		body := r.must("GET", c.path, "").body
		var keys strings.Builder
		for _, rest := range strings.Split(body, "<Key>")[1:] {
			keys.WriteString(rest[:1])
		}
		if keys.String() != c.keys || !strings.Contains(body, c.has) || c.not != "" && strings.Contains(body, c.not) {
			t.Errorf("%s: %s", c.path, body)
		}
	}
	// A token goes on where its page ended, whatever start-after says.
	first := r.must("GET", "/photos?list-type=2&max-keys=2", "").body
	next := r.must("GET", "/photos?list-type=2&start-after=b&max-keys=1&continuation-token="+element(first, "NextContinuationToken"), "").body
	if element(next, "Key") != "c" || element(next, "IsTruncated") != "false" {
		t.Errorf("the second page: %s", next)
	}
}
