package web

import (
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"pail/store"
	"pail/store/trail"
	"pail/store/web/sigv4"
)

// BeginLog begins the record of a request in the access log of a bucket; nil: the bucket does
// not log. Of a request that nobody could be found for the store is st; nil: it is not logged.
// The operation and the key are the caller's to fill in.
func BeginLog(st *store.Store, r *Request, bucket string) *store.AccessEntry {
	se := r.Session
	if se == nil && st != nil {
		se = st.As(store.Anonymous(), r.context())
	}
	if se == nil || bucket == "" {
		return nil
	}
	e := store.BeginLog(se, bucket)
	if e == nil {
		return nil
	}
	rec := &e.Record
	target := r.RequestURI
	if target == "" { // it did not come over a connection
		target = r.URL.RequestURI()
	}
	rec.RequestURI = r.Method + " " + trail.Redact(target) + " " + r.Proto
	rec.HostID, rec.Host = r.ID.HostID(), r.Host
	rec.Signature, rec.AuthType = Signing(r.Signed)
	if rec.Signature == "" {
		rec.AuthType = "" // of forms the format knows nothing
	}
	if t := r.TLS; t != nil {
		rec.TLS, rec.Cipher = TLSVersion(t.Version), trail.CipherName(tls.CipherSuiteName(t.CipherSuite))
	}
	return e
}

// EndLog ends it, with what became of the request: code is that of the error that the client
// was told of, "" for none. e may be nil.
func EndLog(e *store.AccessEntry, w *Answer, code string) {
	if e == nil {
		return
	}
	rec := &e.Record
	rec.Status, rec.BytesSent = w.Status, w.Bytes
	if w.Status != http.StatusNotModified {
		rec.ErrorCode = code
	}
	rec.Total, rec.TurnAround = w.Took()
	e.End()
}

// Signing is how records of requests tell who has signed one: by which version of signatures,
// and where it stood.
func Signing(k sigv4.Kind) (version, method string) {
	switch k {
	case sigv4.Header:
		return "SigV4", "AuthHeader"
	case sigv4.Query:
		return "SigV4", "QueryString"
	case sigv4.HeaderV2:
		return "SigV2", "AuthHeader"
	case sigv4.QueryV2:
		return "SigV2", "QueryString"
	case sigv4.Form:
		return "", "HTMLForm"
	}
	return "", ""
}

// TLSVersion is a version of TLS as records of requests tell it.
func TLSVersion(v uint16) string {
	return strings.Replace(tls.VersionName(v), "TLS ", "TLSv", 1)
}

// Took is how long the request took until now, and how long it was from the end of its body to
// the beginning of the answer; less than 0 where nobody has looked at the clock.
func (a *Answer) Took() (total, turnAround time.Duration) {
	if a.begun.IsZero() {
		return -1, -1
	}
	total, turnAround = time.Since(a.begun), -1
	if !a.first.IsZero() {
		from := a.begun
		if a.body != nil {
			if at := a.body.endedAt(); !at.IsZero() {
				from = at
			}
		}
		turnAround = max(a.first.Sub(from), 0)
	}
	return total, turnAround
}
