package web

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/store/web/apierror"
	"pail/store/web/sigv4"
)

// An Identifier finds out who sends requests, by their signatures and the store's access
// keys. It is safe for concurrent use.
type Identifier struct {
	Store    *store.Store
	Verifier *sigv4.Verifier // its Lookup is LookupIn(Store), its Temporary TemporaryIn(Store)
}

// LookupIn finds access keys in a store, for a sigv4.Verifier. The principal of a key is
// the credential's Who. A key that is not active is as good as none.
func LookupIn(st *store.Store) func(context.Context, string) (sigv4.Credential, error) {
	return func(_ context.Context, id string) (sigv4.Credential, error) {
		k, ok := st.AccessKey(id)
		if !ok || k.Inactive {
			return sigv4.Credential{}, apierror.New(apierror.InvalidAccessKeyID, "").With("AWSAccessKeyId", id)
		}
		return sigv4.Credential{AccessKey: k.ID, Secret: k.Secret, Who: store.PrincipalOf(k)}, nil
	}
}

// TemporaryIn finds temporary credentials of a store, for a sigv4.Verifier. The principal of
// a session is the credential's Who.
func TemporaryIn(st *store.Store) func(context.Context, string, string) (sigv4.Credential, error) {
	return func(_ context.Context, id, token string) (sigv4.Credential, error) {
		t, err := st.Temporary(token)
		switch {
		case fault.Is(err, fault.ExpiredToken):
			return sigv4.Credential{}, apierror.New(apierror.ExpiredToken, "")
		case err != nil || t.ID != id:
			return sigv4.Credential{}, apierror.New(apierror.InvalidToken, "")
		}
		return sigv4.Credential{AccessKey: t.ID, Secret: t.Secret, Who: st.PrincipalOfTemporary(t)}, nil
	}
}

// Identify verifies a request and opens the store for its sender. Errors are those of
// sigv4.Verifier.Verify. A preflight is nobody's: browsers do not sign it, though its URL
// may be one that was presigned for the request that is to follow.
func (i *Identifier) Identify(hr *http.Request, id ID) (*Request, error) {
	if hr.Method == http.MethodOptions {
		r := &Request{Request: hr, ID: id, Content: body{hr.Body}, Size: hr.ContentLength, Anonymous: true, identifier: i}
		r.Session = i.session(r, nil)
		return r, nil
	}
	res, err := i.Verifier.Verify(hr)
	if err != nil {
		return nil, err
	}
	for name, values := range res.Hoisted {
		if hr.Header[name] == nil {
			hr.Header[name] = values
		}
	}
	r := &Request{
		Request: hr, ID: id, Content: body{res.Body}, Size: res.Size, Trailer: res.Trailer,
		Encoding:  sigv4.CleanContentEncoding(hr.Header.Get("Content-Encoding")),
		Anonymous: res.Credential == nil, Signed: res.Kind, identifier: i,
	}
	if res.Credential != nil {
		r.AccessKey = res.Credential.AccessKey
		i.Store.NoteUse(usedAs(res.Credential), "s3")
	}
	r.signature = signatureOf(&res)
	r.Session = i.session(r, res.Credential)
	return r, nil
}

// usedAs is by what the use of a credential is remembered: the access key, or the role of a
// session.
func usedAs(c *sigv4.Credential) string {
	if p := c.Who.(store.Principal); p.Temporary != nil {
		return p.Temporary.Of
	}
	return c.AccessKey
}

// AnybodyIn identifies every sender as nobody in particular, for protocols that have no
// signatures.
func AnybodyIn(st *store.Store) Identify {
	return func(hr *http.Request, id ID) (*Request, error) {
		i := &Identifier{Store: st}
		r := &Request{Request: hr, ID: id, Content: body{hr.Body}, Size: hr.ContentLength, Anonymous: true, identifier: i}
		r.Session = i.session(r, nil)
		return r, nil
	}
}

// session opens the store for the holder of a credential; nil is for nobody's.
func (i *Identifier) session(r *Request, c *sigv4.Credential) *store.Session {
	who := store.Anonymous()
	if c != nil {
		who = c.Who.(store.Principal)
	}
	return i.Store.As(who, r.context())
}

// context is what is known of the request, whoever has sent it.
func (r *Request) context() store.RequestContext {
	from := ClientOf(r.Request)
	return store.RequestContext{
		Door: store.DoorS3, SourceIP: from.IP, Secure: from.Secure,
		UserAgent: r.UserAgent(), RequestID: r.ID.String(), Time: time.Now(),
		Referer: r.Referer(), TLSVersion: tlsVersion(r.TLS),
		AuthType: r.signature.authType, Signature: r.signature.version, Signed: r.signature.signed,
		ContentSHA256: r.Header.Get("X-Amz-Content-Sha256"), VPC: from.VPC, VPCE: from.VPCE,
	}
}

// A signature is what of a request's signature policies may ask for.
type signature struct {
	authType, version string
	signed            time.Time // of a presigned request
}

// The versions of signatures as s3:signatureversion has them ("Amazon S3 Signature Version 4
// Authentication Specific Policy Keys").
const (
	signatureV4 = "AWS4-HMAC-SHA256"
	signatureV2 = "AWS"
)

func signatureOf(res *sigv4.Result) signature {
	switch res.Kind {
	case sigv4.Header:
		return signature{authType: "REST-HEADER", version: signatureV4}
	case sigv4.HeaderV2:
		return signature{authType: "REST-HEADER", version: signatureV2}
	case sigv4.Query:
		return signature{authType: "REST-QUERY-STRING", version: signatureV4, signed: res.Signed}
	case sigv4.QueryV2:
		return signature{authType: "REST-QUERY-STRING", version: signatureV2}
	}
	return signature{}
}

// tlsVersion is the version of TLS as s3:TlsVersion has it, "" without TLS.
func tlsVersion(s *tls.ConnectionState) string {
	if s == nil {
		return ""
	}
	_, version, _ := strings.Cut(tls.VersionName(s.Version), " ")
	return version
}
