package s3api

import (
	"strconv"
	"testing"

	"pail/store/checksum"
)

// TestChecksumsOfParts: who reads a part gets the part's checksum, where the object's is
// made of those; of another there is none to give, unless the part is all there is. S3's
// answers were recorded for https://github.com/localstack/localstack/pull/12842.
func TestChecksumsOfParts(t *testing.T) {
	r := smallParts(t)
	sum := func(s string) string { return checksum.Encode(checksum.CRC32.Sum([]byte(s))) }
	for _, c := range []struct {
		name, kind string
		parts      []string
	}{
		{"two-composite", "COMPOSITE", []string{"hello", "world"}}, {"one-composite", "COMPOSITE", []string{"hello"}},
		{"two-full", "FULL_OBJECT", []string{"hello", "world"}}, {"one-full", "FULL_OBJECT", []string{"hello"}},
	} {
		path := "/photos/" + c.name
		id := r.upload(path, "x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-type", c.kind)
		var parts []string
		step := map[string]int{"COMPOSITE": 1, "FULL_OBJECT": 2}[c.kind] // only of the latter numbers may have gaps
		for i, body := range c.parts {
			parts = append(parts, r.part(path, id, step*i+1, body, "x-amz-checksum-crc32", sum(body)))
		}
		r.must("POST", path+"?uploadId="+id, listed(parts...))
		for _, method := range []string{"GET", "HEAD"} {
			for i, body := range c.parts {
				want, kind := sum(body), c.kind
				if c.name == "two-full" {
					want, kind = "", ""
				}
				number := strconv.Itoa(step*i + 1)
				h := r.must(method, path+"?partNumber="+number, "", "x-amz-checksum-mode", "ENABLED").Header
				if h.Get("x-amz-checksum-crc32") != want || h.Get("x-amz-checksum-type") != kind {
					t.Errorf("%s part %s of %s: %q %q, want %q %q", method, number, c.name, h.Get("x-amz-checksum-crc32"), h.Get("x-amz-checksum-type"), want, kind)
				}
				if h := r.must(method, path+"?partNumber="+number, "").Header; h.Get("x-amz-checksum-crc32") != "" {
					t.Errorf("%s part %s of %s: a checksum that nobody asked for", method, number, c.name)
				}
			}
		}
	}
}
