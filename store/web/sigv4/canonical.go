package sigv4

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	serviceS3  = "s3"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"
	dayFormat  = "20060102"
)

// A guess is what a client may have signed where the request alone does not tell.
type guess struct {
	host    string
	payload string // the last line of the canonical request
	rawPath bool   // the path as sent, rather than decoded and encoded again
}

// scratch is the memory of one verification.
type scratch struct {
	canon  []byte // the canonical request
	text   []byte // the string to sign
	sig    []byte
	query  []byte // the parameters, encoded
	params []param
}

// A param is a parameter in scratch.query: [start:eq] is its name, [eq+1:end] its value.
type param struct{ start, eq, end int }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// canonical builds the canonical request.
func (s *scratch) canonical(r *http.Request, a *auth, g guess) {
	b := append(s.canon[:0], r.Method...)
	b = append(b, '\n')
	if path := sentPath(r); g.rawPath {
		b = append(b, path...)
	} else {
		b = appendPath(b, path)
	}
	b = append(b, '\n')
	s.canon = b
	s.appendParams(r.URL.RawQuery, a.kind == Query)
	b = append(s.canon, '\n')
	for names := a.signedHeaders; names != ""; {
		var name string
		name, names, _ = strings.Cut(names, ";")
		b = appendLower(b, name)
		b = append(b, ':')
		if strings.EqualFold(name, "host") {
			b = appendTrimmed(b, g.host)
		} else {
			b = appendHeader(b, r, name)
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, a.signedHeaders...)
	b = append(b, '\n')
	s.canon = append(b, g.payload...)
}

// sign builds the string to sign of the canonical request and signs it.
func (s *scratch) sign(key *signingKey, a *auth) {
	sum := sha256.Sum256(s.canon)
	b := append(s.text[:0], algorithm+"\n"...)
	b = append(b, a.stamp...)
	b = append(b, '\n')
	b = a.appendScope(b)
	b = append(b, '\n')
	s.text = appendHex(b, sum[:])
	s.sig = key.sign(s.sig[:0], s.text)
}

func (a *auth) appendScope(b []byte) []byte {
	for _, part := range [...]string{a.day, a.region, a.service} {
		b = append(b, part...)
		b = append(b, '/')
	}
	return append(b, terminator...)
}

// appendParams appends the query in its canonical form: names and values encoded, sorted by
// name and then by value, each with its equals sign.
func (s *scratch) appendParams(raw string, presigned bool) {
	s.query, s.params = s.query[:0], s.params[:0]
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		p := param{start: len(s.query)}
		s.query = appendQuery(s.query, name)
		p.eq = len(s.query)
		if presigned && string(s.query[p.start:p.eq]) == "X-Amz-Signature" {
			s.query = s.query[:p.start]
			continue
		}
		s.query = append(s.query, '=')
		s.query = appendQuery(s.query, value)
		p.end = len(s.query)
		s.params = append(s.params, p)
	}
	slices.SortFunc(s.params, func(a, b param) int {
		if c := bytes.Compare(s.query[a.start:a.eq], s.query[b.start:b.eq]); c != 0 {
			return c
		}
		return bytes.Compare(s.query[a.eq:a.end], s.query[b.eq:b.end])
	})
	for i, p := range s.params {
		if i > 0 {
			s.canon = append(s.canon, '&')
		}
		s.canon = append(s.canon, s.query[p.start:p.end]...)
	}
}

// sentPath returns the path as the client sent it. A request that was not read from a
// connection has only its URL.
func sentPath(r *http.Request) string {
	uri := r.RequestURI
	if uri == "" || uri == "*" {
		return r.URL.EscapedPath()
	}
	if uri[0] != '/' { // the absolute form, as proxies are asked
		_, rest, ok := strings.Cut(uri, "://")
		if !ok {
			return r.URL.EscapedPath()
		}
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			uri = rest[i:]
		} else {
			uri = "/"
		}
	}
	if i := strings.IndexByte(uri, '?'); i >= 0 {
		uri = uri[:i]
	}
	return uri
}

// headerKeys are the names under which net/http keeps what clients sign most, so that
// looking them up makes no string.
var headerKeys = func() map[string]string {
	m := make(map[string]string)
	for _, name := range []string{
		"accept-encoding", "amz-sdk-invocation-id", "amz-sdk-request", "cache-control",
		"content-encoding", "content-length", "content-md5", "content-type", "date", "expect",
		"expires", "if-match", "if-none-match", "range", "transfer-encoding", "user-agent",
		"x-amz-acl", "x-amz-checksum-algorithm", "x-amz-checksum-crc32", "x-amz-checksum-crc32c",
		"x-amz-checksum-crc64nvme", "x-amz-checksum-mode", "x-amz-checksum-sha256",
		"x-amz-content-sha256", "x-amz-copy-source", "x-amz-date", "x-amz-decoded-content-length",
		"x-amz-sdk-checksum-algorithm", "x-amz-storage-class", "x-amz-tagging", "x-amz-trailer",
		"x-amz-user-agent",
	} {
		m[name] = http.CanonicalHeaderKey(name)
	}
	return m
}()

// appendHeader appends the value of a header: several are joined by commas, each trimmed. A
// header that is not there is an empty one: clients have been seen to sign names of headers
// that their HTTP library then leaves out.
func appendHeader(b []byte, r *http.Request, name string) []byte {
	key, ok := headerKeys[name]
	if !ok {
		key = http.CanonicalHeaderKey(name)
	}
	values := r.Header[key]
	if len(values) == 0 {
		// net/http keeps these out of the header.
		switch {
		case key == "Content-Length" && r.ContentLength >= 0:
			return strconv.AppendInt(b, r.ContentLength, 10)
		case key == "Transfer-Encoding":
			values = r.TransferEncoding
		}
	}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTrimmed(b, v)
	}
	return b
}

// appendTrimmed appends a value without the spaces around it, and with one space for several
// in it.
func appendTrimmed(b []byte, v string) []byte {
	v = strings.Trim(v, " \t")
	for i := 0; i < len(v); i++ {
		if v[i] == ' ' && v[i-1] == ' ' {
			continue
		}
		b = append(b, v[i])
	}
	return b
}

func appendLower(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}
