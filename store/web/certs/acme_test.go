package certs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pail/store/fault"
)

// An authority is one of RFC 8555, as much of it as autocert asks for. It sees for itself that
// a name leads to a listener, by TLS or by HTTP, before it signs; signatures of requests it
// does not check.
type authority struct {
	*httptest.Server
	t      *testing.T
	ca     issuer
	byHTTP bool   // offers http-01 only
	listen string // where all names lead

	mu      sync.Mutex // guards what follows
	name    string     // of the order
	valid   bool
	thumb   string // of the account's key
	issued  []byte
	signed  int
	refused int
}

func newAuthority(t *testing.T, byHTTP bool) *authority {
	a := &authority{t: t, ca: newIssuer(t, "acme"), byHTTP: byHTTP}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

// payload reads what a request brings (RFC 7515), and notes the account's key.
func (a *authority) payload(r *http.Request, into any) {
	var jws struct{ Protected, Payload string }
	var protected struct {
		JWK *struct{ Crv, Kty, X, Y string }
	}
	dec := func(s string, v any) {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err == nil && len(b) > 0 && v != nil {
			err = json.Unmarshal(b, v)
		}
		if err != nil {
			a.t.Errorf("%s brings %q: %v", r.URL, s, err)
		}
	}
	b, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(b, &jws); err != nil {
		a.t.Errorf("%s: %v", r.URL, err)
	}
	dec(jws.Protected, &protected)
	dec(jws.Payload, into)
	if k := protected.JWK; k != nil {
		sum := sha256.Sum256([]byte(fmt.Sprintf(`{"crv":%q,"kty":%q,"x":%q,"y":%q}`, k.Crv, k.Kty, k.X, k.Y)))
		a.thumb = base64.RawURLEncoding.EncodeToString(sum[:])
	}
}

func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", fmt.Sprint(time.Now().UnixNano()))
	say := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	order := func() map[string]any {
		o := map[string]any{"status": "pending", "identifiers": []any{map[string]string{"type": "dns", "value": a.name}},
			"authorizations": []string{a.URL + "/authz"}, "finalize": a.URL + "/finalize"}
		if a.valid {
			o["status"] = "ready"
		}
		if a.issued != nil {
			o["status"], o["certificate"] = "valid", a.URL+"/cert"
		}
		return o
	}
	challenge := func() map[string]any {
		c := map[string]any{"type": "tls-alpn-01", "url": a.URL + "/challenge", "token": "token", "status": "pending"}
		if a.byHTTP {
			c["type"] = "http-01"
		}
		if a.valid {
			c["status"] = "valid"
		}
		return c
	}
	switch r.URL.Path {
	case "/":
		say(200, map[string]string{"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/order", "revokeCert": a.URL + "/revoke"})
	case "/nonce":
	case "/account":
		a.payload(r, nil)
		w.Header().Set("Location", a.URL+"/account/1")
		say(201, map[string]any{"status": "valid"})
	case "/order":
		var o struct{ Identifiers []struct{ Value string } }
		a.payload(r, &o)
		a.name, a.valid, a.issued = o.Identifiers[0].Value, false, nil
		w.Header().Set("Location", a.URL+"/order/1")
		say(201, order())
	case "/order/1":
		say(200, order())
	case "/authz":
		status := "pending"
		if a.valid {
			status = "valid"
		}
		say(200, map[string]any{"status": status, "identifier": map[string]string{"type": "dns", "value": a.name}, "challenges": []any{challenge()}})
	case "/challenge":
		if err := a.look(); err != nil {
			a.refused++
			a.t.Logf("the authority looked in vain: %v", err)
		} else {
			a.valid = true
		}
		say(200, challenge())
	case "/finalize":
		var f struct{ CSR string }
		a.payload(r, &f)
		der, _ := base64.RawURLEncoding.DecodeString(f.CSR)
		csr, err := x509.ParseCertificateRequest(der)
		if err != nil || !a.valid {
			say(403, map[string]string{"type": "urn:ietf:params:acme:error:unauthorized"})
			return
		}
		leaf := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: a.name}, DNSNames: csr.DNSNames,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
		der, err = x509.CreateCertificate(rand.Reader, leaf, a.ca.cert, csr.PublicKey, a.ca.key)
		if err != nil {
			a.t.Error(err)
		}
		a.issued = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), a.ca.pem()...)
		a.signed++
		w.Header().Set("Location", a.URL+"/order/1")
		say(200, order())
	case "/cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.issued)
	default:
		say(404, map[string]string{"type": "urn:ietf:params:acme:error:malformed"})
	}
}

// look sees whether the name leads to who has asked.
func (a *authority) look() error {
	if a.byHTTP {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+a.listen+"/.well-known/acme-challenge/token", nil)
		if err != nil {
			return err
		}
		r.Host = a.name
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if b, _ := io.ReadAll(resp.Body); string(b) != "token."+a.thumb {
			return fmt.Errorf("%s %q", resp.Status, b)
		}
		return nil
	}
	c, err := tls.Dial("tcp", a.listen, &tls.Config{ServerName: a.name, NextProtos: []string{ALPN}, InsecureSkipVerify: true}) // #nosec: what it shows is looked at
	if err != nil {
		return err
	}
	defer c.Close()
	want := sha256.Sum256([]byte("token." + a.thumb))
	s := c.ConnectionState()
	for _, e := range s.PeerCertificates[0].Extensions {
		var got []byte
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) {
			if _, err := asn1.Unmarshal(e.Value, &got); err == nil && string(got) == string(want[:]) && s.NegotiatedProtocol == ALPN {
				return nil
			}
		}
	}
	return fmt.Errorf("the certificate of the challenge is not the right one")
}

// caFile is a file of the authority that signs for the authority's own listener.
func (a *authority) caFile() string {
	path := filepath.Join(a.t.TempDir(), "acme.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// TestACME has an authority give a certificate, by either way of looking, once for two openings.
func TestACME(t *testing.T) {
	for _, byHTTP := range []bool{false, true} {
		au := newAuthority(t, byHTTP)
		o := ACMEOptions{Dir: filepath.Join(t.TempDir(), "acme"), Names: []string{"s3.example.com"}, Email: "ops@example.com", Directory: au.URL + "/", CA: au.caFile()}
		for opening := range 2 {
			func() {
				a, err := OpenACME(o, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: a.GetCertificate, NextProtos: []string{"http/1.1", ALPN}})
				if err != nil {
					t.Fatal(err)
				}
				au.listen = l.Addr().String()
				s := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
				served := make(chan error, 1)
				go func() { served <- s.Serve(l) }()
				defer func() { _ = s.Close(); <-served }()
				if byHTTP {
					plain := httptest.NewServer(a.HTTPHandler(http.NotFoundHandler()))
					defer plain.Close()
					au.listen = plain.Listener.Addr().String()
				}
				roots := x509.NewCertPool()
				roots.AddCert(au.ca.cert)
				dial := func(name string) error {
					c, err := tls.DialWithDialer(&net.Dialer{}, "tcp", l.Addr().String(), &tls.Config{ServerName: name, RootCAs: roots})
					if err == nil {
						err = c.Close()
					}
					return err
				}
				if err := dial("s3.example.com"); err != nil {
					t.Errorf("by HTTP %v, opening %d: %v", byHTTP, opening, err)
				}
				if dial("other.example.com") == nil {
					t.Error("a name that is not ours has a certificate")
				}
			}()
		}
		if au.signed != 1 || au.refused != 0 {
			t.Errorf("by HTTP %v: %d certificates were asked for, %d refused", byHTTP, au.signed, au.refused)
		}
	}
}

// TestACMEFails is told to the log once, and leaves nothing behind.
func TestACMEFails(t *testing.T) {
	au := newAuthority(t, true) // and nobody answers there
	au.listen = "127.0.0.1:1"
	var logged strings.Builder
	a, err := OpenACME(ACMEOptions{Dir: t.TempDir(), Names: []string{"s3.example.com"}, Directory: au.URL + "/", CA: au.caFile()}, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s3.example.com", "s3.example.com", "strange.example.com"} {
		if c, err := a.GetCertificate(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: []string{"http/1.1"}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}); err == nil {
			t.Errorf("%s: %+v", name, c.Leaf)
		}
	}
	if n := strings.Count(logged.String(), "level=ERROR"); n != 1 || strings.Contains(logged.String(), "strange") {
		t.Errorf("the log:\n%s", logged.String())
	}
	for _, o := range []ACMEOptions{
		{}, {Names: []string{"localhost"}}, {Names: []string{"a.example.com"}, Directory: "http://acme.example.com"},
		{Names: []string{"a.example.com"}, CA: filepath.Join(t.TempDir(), "none")}, {Names: []string{"a.example.com"}, CA: os.DevNull},
	} {
		if _, err := OpenACME(o, slog.New(slog.DiscardHandler)); !fault.Is(err, fault.InvalidArgument) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
