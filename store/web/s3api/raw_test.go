package s3api

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// raw sends bytes, ends the sending, and returns what comes back.
func (r *rig) raw(request string) string {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		r.t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		r.t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(answer)
}

// TestLengths: bodies that are not what their headers announce, or more than may come.
func TestLengths(t *testing.T) {
	r := smallParts(t)
	id := r.upload("/photos/a")
	for _, path := range []string{"/photos/a", "/photos/a?partNumber=1&uploadId=" + id} {
		for _, c := range []struct{ header, body, code string }{
			{"Content-Length: 5368709121", "", "EntityTooLarge"},
			{"Content-Length: 10", "hello", "IncompleteBody"},
			{"Content-Length: 300000", strings.Repeat("x", 200_000), "IncompleteBody"},
			{"Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", "MissingContentLength"},
		} {
			answer := r.raw(fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n\r\n%s", path, c.header, c.body))
			if element(answer, "Code") != c.code {
				t.Errorf("%s %s: %s, want %s", path, c.header, answer, c.code)
			}
			if c.code == "EntityTooLarge" && (element(answer, "ProposedSize") != "5368709121" || element(answer, "MaxSizeAllowed") != "5368709120") {
				t.Errorf("%s", answer)
			}
		}
	}
	r.refused(404, "NoSuchKey", "GET", "/photos/a", "")
	if list := r.must("GET", "/photos/a?uploadId="+id, "").body; strings.Contains(list, "<Part>") {
		t.Errorf("parts that did not come: %s", list)
	}
	doc := "<Delete>" + named("a")
	answer := r.raw(fmt.Sprintf("POST /photos?delete HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-MD5: %s\r\nContent-Length: %d\r\n\r\n%s", md5Of(doc), len(doc)+9, doc))
	if element(answer, "Code") != "IncompleteBody" {
		t.Errorf("a document that is cut: %s", answer)
	}
}

// TestEarlyEnds: a client that has had enough of an answer harms nobody.
func TestEarlyEnds(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos/a", strings.Repeat("x", 8<<20))
	for range 5 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /photos/a HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if got := r.must("GET", "/photos/a", ""); len(got.body) != 8<<20 {
		t.Errorf("%d bytes", len(got.body))
	}
}
