package sigv4

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pail/store/web/apierror"
)

// Source of this file: RESTAuthentication in the Amazon S3 User Guide.

// subresources are the parameters that a signature of version 2 covers; it covers no other.
// The first are botocore's, for boto3 is who still signs so by default. The last are newer
// than version 2, and boto3 leaves them out; here they are signed or the request is refused,
// for a URL that was signed without one would else do what nobody signed.
var subresources = func() map[string]bool {
	m := make(map[string]bool)
	for _, name := range []string{
		"accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory",
		"lifecycle", "location", "logging", "metrics", "notification", "object-lock",
		"partNumber", "policy", "replication", "requestPayment", "restore", "select",
		"select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId",
		"versioning", "versions", "website",
		"response-cache-control", "response-content-disposition", "response-content-encoding",
		"response-content-language", "response-content-type", "response-expires",

		"abac", "attributes", "encryption", "intelligent-tiering", "legal-hold",
		"metadataConfiguration", "metadataInventoryTable", "metadataJournalTable", "metadataTable",
		"ownershipControls", "policyStatus",
		"publicAccessBlock", "renameObject", "retention", "session",
	} {
		m[name] = true
	}
	return m
}()

// verifyHeader2 verifies "AWS key:signature"; rest is what follows the scheme.
func (v *Verifier) verifyHeader2(r *http.Request, rest string) (Result, error) {
	if v.NoV2 {
		return Result{}, noV2()
	}
	colon := strings.LastIndexByte(rest, ':')
	if colon < 1 || colon == len(rest)-1 {
		return Result{}, badAuthorization("AWS authorization header is invalid.  Expected AwsAccessKeyId:signature", "AWS "+rest)
	}
	date, sent := r.Header.Get("Date"), r.Header.Get("X-Amz-Date")
	if sent != "" {
		date = "" // x-amz-date is signed among the headers then
	} else {
		sent = date
	}
	t, ok := parseTime(sent)
	if !ok {
		return Result{}, noDate()
	}
	if err := checkSkew(v.now(), t, sent); err != nil {
		return Result{}, err
	}
	res := Result{Kind: HeaderV2, Signed: t}
	return v.verify2(r, res, rest[:colon], rest[colon+1:], date)
}

// verifyQuery2 verifies a URL that was presigned with version 2.
func (v *Verifier) verifyQuery2(r *http.Request, q *queryAuth) (Result, error) {
	if v.NoV2 {
		return Result{}, noV2()
	}
	if q.accessKey2 == "" || q.signature2 == "" || q.expires2 == "" {
		return Result{}, apierror.New(apierror.AccessDenied, "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
	}
	seconds, err := strconv.ParseInt(q.expires2, 10, 64)
	if err != nil || q.expires2[0] == '+' {
		return Result{}, apierror.New(apierror.AccessDenied, "Invalid date (should be seconds since epoch): %s", q.expires2)
	}
	if now := v.now(); now.Unix() >= seconds {
		return Result{}, apierror.New(apierror.AccessDenied, "Request has expired").
			With("Expires", clock(time.Unix(seconds, 0))).With("ServerTime", clock(now))
	}
	res := Result{Kind: QueryV2, Hoisted: hoisted(r, true)}
	return v.verify2(r, res, q.accessKey2, q.signature2, q.expires2)
}

// verify2 verifies a signature of version 2 and completes the result.
func (v *Verifier) verify2(r *http.Request, res Result, accessKey, signature, date string) (Result, error) {
	cred, err := v.lookup(r.Context(), accessKey, r.Header.Get("X-Amz-Security-Token")+res.Hoisted.Get("X-Amz-Security-Token"))
	if err != nil {
		return Result{}, err
	}
	resource := sentPath(r)
	if bucket := v.bucket(r.Host); bucket != "" {
		resource = "/" + bucket + resource
	}
	text := appendText2(nil, r, res.Hoisted, resource, date)
	if !fits2(cred.Secret, text, signature) {
		// A bucket is signed with a slash, also by those who ask for it without one.
		if strings.Count(resource, "/") != 1 ||
			!fits2(cred.Secret, appendText2(nil, r, res.Hoisted, resource+"/", date), signature) {
			return Result{}, signatureMismatch(accessKey, signature, text)
		}
	}
	res.Credential = &cred
	return res.open(r, contentSHA256(r, nil), nil)
}

func fits2(secret string, text []byte, signature string) bool {
	return subtle.ConstantTimeCompare([]byte(sign2(secret, text)), []byte(signature)) == 1
}

// sign2 returns the signature of a string to sign.
func sign2(secret string, text []byte) string {
	h := hmac.New(sha1.New, []byte(secret))
	h.Write(text)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// appendText2 appends the string to sign. The headers that a query carries count with those
// of the request; resource is the bucket and the path as it was sent.
func appendText2(b []byte, r *http.Request, hoisted http.Header, resource, date string) []byte {
	b = append(append(b, r.Method...), '\n')
	b = append(append(b, r.Header.Get("Content-Md5")+hoisted.Get("Content-Md5")...), '\n')
	b = append(append(b, r.Header.Get("Content-Type")+hoisted.Get("Content-Type")...), '\n')
	b = append(append(b, date...), '\n')
	b = appendAmz2(b, r.Header, hoisted)
	b = append(b, resource...)
	return appendSubresources(b, r.URL.RawQuery)
}

// appendAmz2 appends the x-amz-* headers, sorted by name.
func appendAmz2(b []byte, header, hoisted http.Header) []byte {
	var keys []string
	for _, h := range []http.Header{header, hoisted} {
		for key := range h {
			if strings.HasPrefix(key, "X-Amz-") {
				keys = append(keys, key)
			}
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
	for _, key := range keys {
		values, ok := header[key]
		if !ok {
			values = hoisted[key]
		}
		b = append(appendLower(b, key), ':')
		for i, v := range values {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, strings.TrimSpace(v)...)
		}
		b = append(b, '\n')
	}
	return b
}

// appendSubresources appends those parameters that are signed, sorted by name and decoded.
func appendSubresources(b []byte, raw string) []byte {
	var found []string
	for part := range strings.SplitSeq(raw, "&") {
		name, value, has := strings.Cut(part, "=")
		// Decoded, because that is how others read it.
		if name = decode(name, true); !subresources[name] {
			continue
		}
		if value = decode(value, false); has && value != "" {
			name += "=" + value
		}
		found = append(found, name)
	}
	slices.Sort(found)
	for i, part := range found {
		c := byte('&')
		if i == 0 {
			c = '?'
		}
		b = append(append(b, c), part...)
	}
	return b
}

func noV2() *apierror.Error {
	return apierror.New(apierror.InvalidRequest, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
}
