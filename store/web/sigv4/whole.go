package sigv4

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"pail/store/web/apierror"
)

// globalRegion is what signatures name for services that have no regions, as IAM, and for the
// global endpoints of others, as STS.
const globalRegion = "us-east-1"

// defaultExpires is for how many seconds a URL is good that does not say it. Those for S3
// have to.
const defaultExpires = "900"

// ServiceOf is the service that a request says it is signed for, "" if it says none. Nothing
// of it is verified.
func ServiceOf(r *http.Request) string {
	scope := ""
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, rest := cutSpace(header)
		if scheme != algorithm {
			return ""
		}
		_, scope, _ = strings.Cut(rest, "Credential=")
		scope, _, _ = strings.Cut(scope, ",")
	} else {
		q := scanQuery(r.URL.RawQuery)
		scope = q.credential
	}
	parts := strings.Split(strings.TrimSpace(scope), "/")
	if n := len(parts); n >= 5 {
		return parts[n-2]
	}
	return ""
}

// VerifyWhole verifies a request for another service than S3, whose body is here as a whole.
// Those services demand no x-amz-content-sha256: what is signed is always the hash of the
// body, whatever the header says. Their regions are the verifier's and us-east-1. A request
// without a signature is anonymous. Errors are *apierror.Error or those of Lookup.
func (v *Verifier) VerifyWhole(r *http.Request, service string, body []byte) (Result, error) {
	q := scanQuery(r.URL.RawQuery)
	header := r.Header["Authorization"]
	var a auth
	var err error
	at := &q
	switch {
	case len(header) > 1 || len(header) == 1 && q.isV4():
		return Result{}, apierror.New(apierror.InvalidArgument, "Only one auth mechanism allowed; a request is signed in its Authorization header or in its query")
	case q.isV4():
		if q.expires == "" {
			q.expires = defaultExpires
		}
		a, err = parseQuery(&q, service)
	case len(header) == 0:
		return Result{Kind: Anonymous}, nil
	default:
		at = nil
		scheme, rest := cutSpace(header[0])
		if scheme != algorithm {
			return Result{}, badAuthorization("Requests have to be signed with "+algorithm, header[0])
		}
		a, err = parseHeader(r, rest, service)
	}
	if err != nil {
		return Result{}, err
	}
	if a.region != v.Region && a.region != globalRegion {
		return Result{}, a.malformed("the region '%s' is wrong; expecting '%s' or '%s'", a.region, v.Region, globalRegion).With("Region", v.Region)
	}
	if err := a.checkTime(v.now()); err != nil {
		return Result{}, err
	}
	res, _, err := v.prove(r, &a, at, hashOf(body))
	return res, err
}

// hashOf is the hash of a body as signatures have it.
func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return string(appendHex(nil, sum[:]))
}
