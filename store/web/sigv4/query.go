package sigv4

import (
	"net/http"
	"strings"
)

// queryAuth is what a query says of a signature, decoded. Of a parameter that is there twice
// the first counts; names are told apart by case, as S3 does.
type queryAuth struct {
	algorithm, credential, date, expires, signedHeaders, signature, token, contentSHA256 string

	accessKey2, expires2, signature2 string // of version 2
}

func (q *queryAuth) isV4() bool {
	return q.algorithm != "" || q.credential != "" || q.signature != "" || q.signedHeaders != ""
}

func (q *queryAuth) isV2() bool { return q.accessKey2 != "" || q.signature2 != "" }

// scanQuery looks for a signature in a query.
func scanQuery(raw string) (q queryAuth) {
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(part, "=")
		if field := q.field(decode(name, true)); field != nil && *field == "" {
			*field = decode(value, true)
		}
	}
	return q
}

func (q *queryAuth) field(name string) *string {
	switch name {
	case "X-Amz-Algorithm":
		return &q.algorithm
	case "X-Amz-Credential":
		return &q.credential
	case "X-Amz-Date":
		return &q.date
	case "X-Amz-Expires":
		return &q.expires
	case "X-Amz-SignedHeaders":
		return &q.signedHeaders
	case "X-Amz-Signature":
		return &q.signature
	case "X-Amz-Security-Token":
		return &q.token
	case "X-Amz-Content-Sha256":
		return &q.contentSHA256
	case "AWSAccessKeyId":
		return &q.accessKey2
	case "Expires":
		return &q.expires2
	case "Signature":
		return &q.signature2
	}
	return nil
}

// hoisted returns the headers that a presigned query carries and the request does not have
// itself: its x-amz-* parameters that are not of the signature and, with version 2,
// Content-Type and Content-MD5, which boto3 puts there.
func hoisted(r *http.Request, v2 bool) http.Header {
	var h http.Header
	for raw := r.URL.RawQuery; raw != ""; {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(part, "=")
		name = decode(name, true)
		if (&queryAuth{}).field(name) != nil {
			continue
		}
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") && !(v2 && (lower == "content-type" || lower == "content-md5")) {
			continue
		}
		if r.Header[http.CanonicalHeaderKey(name)] != nil {
			continue
		}
		if h == nil {
			h = make(http.Header)
		}
		h.Add(name, decode(value, true))
	}
	return h
}
