package sigv4

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"time"

	"pail/store/web/apierror"
)

// A Credential is what a signature is verified with.
type Credential struct {
	AccessKey string
	Secret    string
	Who       any // whose it is; the package only hands it on
}

// A Verifier verifies requests of one listener. Its fields are set before the first use.
type Verifier struct {
	// Region is the only one that signatures may name.
	Region string

	// Lookup finds the credential of an access key. If there is none it returns an
	// apierror of the code InvalidAccessKeyId; any other error is handed on as it is.
	Lookup func(ctx context.Context, accessKey string) (Credential, error)

	// Temporary finds the credential of an access key that comes with a session token: what
	// temporary credentials are. It returns an apierror of the code InvalidToken,
	// ExpiredToken or InvalidAccessKeyId if there is none. nil: there are none.
	Temporary func(ctx context.Context, accessKey, token string) (Credential, error)

	// Now is the clock; nil is time.Now.
	Now func() time.Time

	// NoV2 refuses signatures of version 2.
	NoV2 bool

	// Hosts are further names under which clients reach the listener, with their ports where
	// those differ from what arrives: a proxy on the way may have put another into Host.
	Hosts []string

	// TrustForwardedHost says that X-Forwarded-Host comes from a proxy and not from
	// clients; what clients signed may be there.
	TrustForwardedHost bool

	// Bucket returns the bucket that a host names in virtual-host style, and "" for a host
	// that names none; nil is for path style alone. It has to be what requests are
	// dispatched by.
	Bucket func(host string) string

	keys keyCache
}

// A Kind is how a request says who sent it.
type Kind int

// The kinds.
const (
	Anonymous Kind = iota // it does not
	Header                // version 4, in the Authorization header
	Query                 // version 4, in the query: a presigned URL
	HeaderV2              // version 2, in the Authorization header
	QueryV2               // version 2, in the query
	Form                  // a form's signed policy, of either version
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"anonymous", "header", "query", "v2 header", "v2 query", "form"}[k]
}

// A Result is what is known of a verified request.
type Result struct {
	// Credential is whose the request is; nil: anonymous.
	Credential *Credential
	Kind       Kind
	// Signed is when the request was signed; zero if it does not say.
	Signed time.Time
	// SignedHeaders are the names of the headers that are signed, in lower case with
	// semicolons between; only of version 4.
	SignedHeaders string
	// Hoisted are headers that a presigned URL carries in its query and the request does
	// not have. They count like the request's, and the caller adds them to those.
	Hoisted http.Header
	// PayloadSHA256 is what the body's hash has to be, in hexadecimal; "" if the client did
	// not say it. Body verifies it.
	PayloadSHA256 string
	// Body is the decoded body. It ends in io.EOF only if everything about it was
	// verified; the errors are an *apierror.Error or those of the connection.
	Body io.ReadCloser
	// Size is how many bytes Body has; -1: nobody said.
	Size int64
	// Chunked says that the body came aws-chunked.
	Chunked bool

	chunks *chunkReader
}

// Trailer returns the trailers of an aws-chunked body once Body has ended in io.EOF, and nil
// before; their names are as in http.Header. Those of a signed body are verified.
func (r *Result) Trailer() http.Header {
	if r.chunks == nil || r.chunks.err != io.EOF {
		return nil
	}
	return r.chunks.trailer
}

// Verify verifies a request. It reads nothing of the body: that is verified as Result.Body is
// read. The request is left as it is. Errors are *apierror.Error or those of Lookup.
func (v *Verifier) Verify(r *http.Request) (Result, error) {
	q := scanQuery(r.URL.RawQuery)
	header := r.Header["Authorization"]
	ways := 0
	for _, present := range []bool{len(header) > 0, q.isV4(), q.isV2()} {
		if present {
			ways++
		}
	}
	switch {
	case ways > 1 || len(header) > 1:
		return Result{}, apierror.New(apierror.InvalidArgument, "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified").
			With("ArgumentName", "Authorization").With("ArgumentValue", r.Header.Get("Authorization"))
	case q.isV4():
		a, err := parseQuery(&q, serviceS3)
		if err != nil {
			return Result{}, err
		}
		return v.verify4(r, &a, &q)
	case q.isV2():
		return v.verifyQuery2(r, &q)
	case len(header) == 0:
		return Result{Kind: Anonymous}.open(r, contentSHA256(r, nil), nil)
	}
	scheme, rest := cutSpace(header[0])
	switch {
	case scheme == algorithm && rest != "":
		a, err := parseHeader(r, rest, serviceS3)
		if err != nil {
			return Result{}, err
		}
		return v.verify4(r, &a, nil)
	case scheme == "AWS" && rest != "":
		return v.verifyHeader2(r, rest)
	case scheme == "AWS4-ECDSA-P256-SHA256":
		return Result{}, noECDSA()
	case rest == "":
		return Result{}, badAuthorization("Authorization header is invalid -- one and only one ' ' (space) required", header[0])
	}
	return Result{}, badAuthorization("Unsupported Authorization Type", header[0])
}

// verify4 verifies a signature of version 4; q is nil if it stands in the header.
func (v *Verifier) verify4(r *http.Request, a *auth, q *queryAuth) (Result, error) {
	if a.region != v.Region {
		return Result{}, a.malformed("the region '%s' is wrong; expecting '%s'", a.region, v.Region).With("Region", v.Region)
	}
	if err := a.checkTime(v.now()); err != nil {
		return Result{}, err
	}
	payload := contentSHA256(r, q)
	if payload == "" {
		if a.kind == Header {
			return Result{}, apierror.New(apierror.InvalidRequest, "Missing required header for this request: x-amz-content-sha256")
		}
		payload = unsignedPayload
	}
	if err := checkPayload(payload); err != nil {
		return Result{}, err
	}
	res, key, err := v.prove(r, a, q, payload)
	if err != nil {
		return Result{}, err
	}
	if q != nil {
		res.Hoisted = hoisted(r, false)
	}
	return res.open(r, payload, &seed{key: key, auth: a})
}

// prove verifies the signature of a request when it is known what is signed of the body.
func (v *Verifier) prove(r *http.Request, a *auth, q *queryAuth, payload string) (Result, *signingKey, error) {
	if err := checkSigned(r, a); err != nil {
		return Result{}, nil, err
	}
	cred, err := v.lookup(r.Context(), a.accessKey, tokenOf(r, q))
	if err != nil {
		return Result{}, nil, err
	}
	key := v.keys.get(a.accessKey, cred.Secret, a.day, a.region, a.service)
	if err := v.fits(r, a, q, key, payload); err != nil {
		return Result{}, nil, err
	}
	return Result{Credential: &cred, Kind: a.kind, Signed: a.time, SignedHeaders: a.signedHeaders}, key, nil
}

// fits compares the signature with that of each request that the client may have meant, the
// likeliest first.
func (v *Verifier) fits(r *http.Request, a *auth, q *queryAuth, key *signingKey, payload string) error {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	first := guess{host: r.Host, payload: payload}
	if s.try(r, a, first, key) {
		return nil
	}
	// A content hash in an unsigned header of a presigned request may have come after the
	// signing, which then was that of any payload.
	payloads := []string{payload}
	if a.kind == Query && a.service == serviceS3 && payload != unsignedPayload && q.contentSHA256 == "" && !a.signs("x-amz-content-sha256") {
		payloads = append(payloads, unsignedPayload)
	}
	raws := []bool{false}
	if path := sentPath(r); string(appendPath(s.text[:0], path)) != path {
		raws = append(raws, true)
	}
	for _, host := range v.guessHosts(r) {
		for _, p := range payloads {
			for _, raw := range raws {
				if g := (guess{host, p, raw}); g != first && s.try(r, a, g, key) {
					return nil
				}
			}
		}
	}
	s.try(r, a, first, key)
	return a.mismatch(s)
}

// try says whether a request signed as g guesses has the signature that was sent.
func (s *scratch) try(r *http.Request, a *auth, g guess, key *signingKey) bool {
	s.canonical(r, a, g)
	s.sign(key, a)
	n := len(s.sig)
	s.sig = append(s.sig, a.signature...)
	return subtle.ConstantTimeCompare(s.sig[:n], s.sig[n:]) == 1
}

// lookup finds a credential, and names the key in the error if there is none.
func (v *Verifier) lookup(ctx context.Context, accessKey, token string) (Credential, error) {
	var cred Credential
	var err error
	switch {
	case token == "":
		cred, err = v.Lookup(ctx, accessKey)
	case v.Temporary != nil:
		cred, err = v.Temporary(ctx, accessKey, token)
	default:
		if cred, err = v.Lookup(ctx, accessKey); err == nil {
			err = apierror.New(apierror.InvalidToken, "")
		}
	}
	var e *apierror.Error
	if errors.As(err, &e) && e.Code == apierror.InvalidAccessKeyID && len(e.Details) == 0 {
		return cred, e.With("AWSAccessKeyId", accessKey)
	}
	if errors.As(err, &e) && (e.Code == apierror.InvalidToken || e.Code == apierror.ExpiredToken) && len(e.Details) == 0 {
		return cred, e.With("Token-0", token)
	}
	return cred, err
}

func (v *Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

// mismatch is the failure of a signature that does not fit, with both texts that this side
// signed, so that whoever writes a client can compare.
func (a *auth) mismatch(s *scratch) *apierror.Error {
	return signatureMismatch(a.accessKey, a.signature, s.text).
		With("CanonicalRequest", string(s.canon)).
		With("CanonicalRequestBytes", spelledBytes(s.canon))
}

func signatureMismatch(accessKey, signature string, stringToSign []byte) *apierror.Error {
	return apierror.New(apierror.SignatureDoesNotMatch, "").
		With("AWSAccessKeyId", accessKey).
		With("StringToSign", string(stringToSign)).
		With("SignatureProvided", signature).
		With("StringToSignBytes", spelledBytes(stringToSign))
}

// spelledBytes writes bytes as S3 does: "41 57 53".
func spelledBytes(b []byte) string {
	out := make([]byte, 0, 3*len(b))
	for i := range b {
		if i > 0 {
			out = append(out, ' ')
		}
		out = appendHex(out, b[i:i+1])
	}
	return string(out)
}

func badAuthorization(message, value string) *apierror.Error {
	return apierror.New(apierror.InvalidArgument, "%s", message).
		With("ArgumentName", "Authorization").With("ArgumentValue", value)
}

func noECDSA() *apierror.Error {
	return apierror.New(apierror.NotImplemented, "Signatures of version 4A (AWS4-ECDSA-P256-SHA256) are not implemented; sign with AWS4-HMAC-SHA256")
}
