package s3control

import (
	"net/http"
	"net/url"
	"testing"

	"pail/store/web"
)

// FuzzRequest: no request makes the reading of it panic, what is no document is MalformedXML,
// and a token that is read is the one that is written.
func FuzzRequest(f *testing.F) {
	f.Add("PUT", "/v20180820/accesspoint/way-in", "maxResults=1&nextToken=bGFi", "000000000000.pail.test:80", "000000000000", create("<Bucket>b</Bucket><VpcConfiguration><VpcId>vpc-1</VpcId></VpcConfiguration>"))
	f.Add("GET", "/v20180820/accesspoint//policy", "%zz", "[::1]:80", "", block("<BlockPublicAcls>1</BlockPublicAcls>"))
	f.Add("GET", "/v20180820/configuration/publicAccessBlock", "maxResults=+1", ".", "1", putPolicy("{}"))
	h := New(Options{Domains: []string{"pail.test"}})
	f.Fuzz(func(t *testing.T, method, path, query, host, account, body string) {
		r := &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: host, Header: http.Header{}}
		if account != "" {
			r.Header[accountHeader] = []string{account}
		}
		h.Answers(r)
		h.OperationOf(r)
		c := &call{h: h, r: &web.Request{Request: r}}
		if c.find() == nil {
			if c.op == nil {
				t.Fatal("what is found is no operation")
			}
			c.saysName()
			if name, err := parseToken(c.q.Get("nextToken")); err == nil && newToken(name) != c.q.Get("nextToken") {
				t.Fatalf("the token %q is of %q", c.q.Get("nextToken"), name)
			}
			if n, err := parseMaxResults(c.q.Get("maxResults")); err == nil && (n < 1 || n > maxResults) {
				t.Fatalf("%q are %d results", c.q.Get("maxResults"), n)
			}
		}
		for _, v := range []any{new(createAccessPointRequest), new(putAccessPointPolicyRequest), new(putPublicAccessBlockRequest), new(tagResourceRequest)} {
			_ = parse([]byte(body), v)
		}
	})
}
