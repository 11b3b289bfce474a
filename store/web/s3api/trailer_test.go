package s3api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/checksum"
	"pail/store/web/sigv4"
)

// trailed sends a body in chunks, with a header behind it.
func (r *formRig) trailed(method, path, body, name, value string, header ...string) reply {
	r.t.Helper()
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(body), body)
	if name != "" {
		chunks += name + ":" + value + "\r\n"
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(chunks+"\r\n"))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "aws-chunked")
	req.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(len(body)))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	sigv4.Sign(req, r.cred, store.DefaultRegion, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", time.Now())
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{resp, string(b)}
}

// TestTrailers: what stands behind a body is compared with it, as newer clients send it.
func TestTrailers(t *testing.T) {
	r := newFormRig(t)
	for _, size := range []int{5, 300_000} {
		body := strings.Repeat("x", size)
		for _, a := range checksum.Algorithms() {
			want := checksum.Encode(a.Sum([]byte(body)))
			wrong := checksum.Encode(a.Sum([]byte("other")))
			announced := []string{"x-amz-trailer", a.Header(), "x-amz-sdk-checksum-algorithm", a.String()}
			if got := r.trailed("PUT", "/photos/a", body, a.Header(), wrong, announced...); got.StatusCode != 400 || element(got.body, "Code") != "BadDigest" {
				t.Errorf("%v that is wrong: %d %s", a, got.StatusCode, got.body)
			}
			if got := r.trailed("PUT", "/photos/a", body, a.Header(), "x", announced...); got.StatusCode != 400 || element(got.body, "Code") != "InvalidRequest" {
				t.Errorf("%v that is none: %d %s", a, got.StatusCode, got.body)
			}
			if got := r.trailed("PUT", "/photos/a", body, "", "", announced...); got.StatusCode != 400 || element(got.body, "Code") != "MalformedTrailerError" {
				t.Errorf("%v that is missing: %d %s", a, got.StatusCode, got.body)
			}
			r.refused(404, "NoSuchKey", "GET", "/photos/a", "")
			put := r.trailed("PUT", "/photos/a", body, a.Header(), want, announced...)
			got := r.must("GET", "/photos/a", "", "x-amz-checksum-mode", "ENABLED")
			if put.StatusCode != 200 || put.Header.Get(a.Header()) != want || got.body != body || got.Header.Get(a.Header()) != want || got.Header.Get("Content-Encoding") != "" {
				t.Errorf("%v: %d %s %v; %v", a, put.StatusCode, put.body, put.Header, got.Header)
			}
			r.must("DELETE", "/photos/a", "")
		}
	}
	id := r.upload("/photos/a", "x-amz-checksum-algorithm", "CRC32")
	crc := checksum.Encode(checksum.CRC32.Sum([]byte("hello")))
	path := "/photos/a?partNumber=1&uploadId=" + id
	if got := r.trailed("PUT", path, "hello", "x-amz-checksum-crc32", crc, "x-amz-trailer", "x-amz-checksum-crc32"); got.Header.Get("x-amz-checksum-crc32") != crc {
		t.Errorf("a part: %d %s %v", got.StatusCode, got.body, got.Header)
	}
	if got := r.trailed("PUT", path, "hello", "x-amz-checksum-crc32", "AAAAAA==", "x-amz-trailer", "x-amz-checksum-crc32"); element(got.body, "Code") != "BadDigest" {
		t.Errorf("a part that is wrong: %d %s", got.StatusCode, got.body)
	}
	doc := "<Delete>" + named("a") + "</Delete>"
	sum := checksum.Encode(checksum.CRC32.Sum([]byte(doc)))
	if got := r.trailed("POST", "/photos?delete", doc, "x-amz-checksum-crc32", sum, "x-amz-trailer", "x-amz-checksum-crc32"); element(got.body, "Code") != "InvalidRequest" {
		t.Errorf("a document in unsigned chunks: %d %s", got.StatusCode, got.body)
	}
	for value, code := range map[string]string{sum: "", "AAAAAA==": "BadDigest"} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", r.rig.url+"/photos?delete", io.NopCloser(strings.NewReader(doc)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
		req.Trailer = http.Header{"X-Amz-Checksum-Crc32": {value}}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if got := element(string(answer), "Code"); err != nil || got != code || code == "" && !strings.Contains(string(answer), "<Deleted>") {
			t.Errorf("a document with %s behind it: %s, %v", value, answer, err)
		}
	}
}
