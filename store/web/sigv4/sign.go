package sigv4

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sign signs a request in its Authorization header. payload is the SHA-256 of the body in
// hexadecimal, or UNSIGNED-PAYLOAD or another word that x-amz-content-sha256 may have. Host,
// Content-Type, Content-MD5, Content-Encoding, Range and all x-amz-* headers are signed.
func Sign(r *http.Request, cred Credential, region, payload string, now time.Time) {
	a := newAuth(Header, cred, region, now)
	r.Header.Set("X-Amz-Date", a.stamp)
	r.Header.Set("X-Amz-Content-Sha256", payload)
	a.signedHeaders = signedNames(r.Header)
	a.signature = a.sign(r, cred.Secret, payload)
	r.Header.Set("Authorization", algorithm+" Credential="+a.credential()+
		", SignedHeaders="+a.signedHeaders+", Signature="+a.signature)
}

// SignFor signs a request for another service than S3, with its whole body.
func SignFor(r *http.Request, service string, cred Credential, region string, body []byte, now time.Time) {
	a := newAuth(Header, cred, region, now)
	a.service = service
	r.Header.Set("X-Amz-Date", a.stamp)
	a.signedHeaders = signedNames(r.Header)
	a.signature = a.sign(r, cred.Secret, hashOf(body))
	r.Header.Set("Authorization", algorithm+" Credential="+a.credential()+
		", SignedHeaders="+a.signedHeaders+", Signature="+a.signature)
}

// PresignFor returns the URL of a GET without a body for another service than S3, at an
// endpoint as http://host:port, which is good for the default time.
func PresignFor(endpoint, service string, query map[string]string, cred Credential, region string, now time.Time) string {
	a := newAuth(Query, cred, region, now)
	a.service, a.signedHeaders = service, "host"
	all := url.Values{
		"X-Amz-Algorithm": {algorithm}, "X-Amz-Credential": {a.credential()}, "X-Amz-Date": {a.stamp}, "X-Amz-SignedHeaders": {a.signedHeaders},
	}
	for name, value := range query {
		all.Set(name, value)
	}
	_, host, _ := strings.Cut(endpoint, "://")
	raw := strings.ReplaceAll(all.Encode(), "+", "%20")
	r := &http.Request{Method: http.MethodGet, Host: host, RequestURI: "/", URL: &url.URL{Path: "/", RawQuery: raw}}
	return endpoint + "/?" + raw + "&X-Amz-Signature=" + a.sign(r, cred.Secret, emptySHA256)
}

// A URL is a request to be presigned.
type URL struct {
	Endpoint    string // as clients reach it: "https://s3.example.com:8443"
	VirtualHost bool   // whether the bucket goes before the host rather than into the path
	Region      string
	Method      string // "" is GET
	Bucket, Key string
	Query       url.Values    // further parameters: versionId, response-content-type
	Header      http.Header   // headers that the request has to bring as they are here
	Expires     time.Duration // from a second to a week, in whole seconds
}

// Presign returns the URL, signed by cred, which is good from now for u.Expires.
func (u URL) Presign(cred Credential, now time.Time) (string, error) {
	seconds := int64(u.Expires / time.Second)
	if seconds < 1 || seconds > maxExpires {
		return "", fmt.Errorf("a presigned URL is good for 1 second to 7 days, not for %v", u.Expires)
	}
	target, err := url.Parse(u.Endpoint)
	if err != nil {
		return "", err
	}
	if target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return "", fmt.Errorf("endpoint %q: not of the form https://host:port", u.Endpoint)
	}
	path := strings.TrimSuffix(target.Path, "/") + "/"
	switch {
	case u.Bucket == "":
	case u.VirtualHost:
		target.Host = u.Bucket + "." + target.Host
		path += u.Key
	case u.Key == "":
		path += u.Bucket
	default:
		path += u.Bucket + "/" + u.Key
	}
	r := &http.Request{Method: u.Method, Host: target.Host, Header: u.Header, URL: target}
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	a := newAuth(Query, cred, u.Region, now)
	a.signedHeaders = signedNames(u.Header)
	query := make(url.Values)
	for name, values := range u.Query {
		query[name] = values
	}
	query.Set("X-Amz-Algorithm", algorithm)
	query.Set("X-Amz-Credential", a.credential())
	query.Set("X-Amz-Date", a.stamp)
	query.Set("X-Amz-Expires", strconv.FormatInt(seconds, 10))
	query.Set("X-Amz-SignedHeaders", a.signedHeaders)
	// url.Values writes a space as a plus, which not everybody reads as one.
	target.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	written := string(appendPlain(nil, path))
	r.RequestURI = written
	signature := a.sign(r, cred.Secret, unsignedPayload)
	return target.Scheme + "://" + target.Host + written + "?" + target.RawQuery + "&X-Amz-Signature=" + signature, nil
}

// appendPlain appends a path that was never encoded.
func appendPlain(dst []byte, path string) []byte {
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			dst = append(dst, '/')
			continue
		}
		dst = appendByte(dst, path[i])
	}
	return dst
}

func newAuth(kind Kind, cred Credential, region string, now time.Time) *auth {
	now = now.UTC()
	return &auth{
		kind: kind, accessKey: cred.AccessKey, region: region, service: serviceS3, time: now,
		day: now.Format(dayFormat), stamp: now.Format(timeFormat),
	}
}

func (a *auth) credential() string {
	return a.accessKey + "/" + string(a.appendScope(nil))
}

// sign returns the signature of a request.
func (a *auth) sign(r *http.Request, secret, payload string) string {
	var s scratch
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	s.canonical(r, a, guess{host: host, payload: payload})
	s.sign(newSigningKey(secret, a.day, a.region, a.service), a)
	return string(s.sig)
}

// signedNames returns the names of the headers that are signed, with host among them.
func signedNames(h http.Header) string {
	names := []string{"host"}
	for key := range h {
		name := strings.ToLower(key)
		switch name {
		case "content-type", "content-md5", "content-encoding", "range":
			names = append(names, name)
		default:
			if strings.HasPrefix(name, "x-amz-") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, ";")
}
