package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"pail/store/fault"
)

// ACMEOptions say of whom certificates are asked, and for what.
type ACMEOptions struct {
	// Dir is where the account's key and the certificates are kept.
	Dir string
	// Names are what certificates are asked for, one each: public names, which have a dot.
	Names []string
	// Email is told to the authority, which warns by it; "": none.
	Email string
	// Directory is the URL of the authority; "": Let's Encrypt. Whoever names an authority agrees
	// to its terms.
	Directory string
	// CA is a file of authorities, PEM, that sign for the Directory's own certificate; "": the
	// machine's.
	CA string
}

// ACME gets certificates from an authority that sees for itself that a name leads here
// (RFC 8555), and renews them. It is safe for concurrent use.
type ACME struct {
	manager *autocert.Manager
	log     *slog.Logger

	mu   sync.Mutex           // guards told
	told map[string]time.Time // when the log was told of a failure for a name
}

// OpenACME prepares for asking; that is done when the first client asks for a name. The kinds
// of failure: InvalidArgument.
func OpenACME(o ACMEOptions, log *slog.Logger) (*ACME, error) {
	if len(o.Names) == 0 {
		return nil, fault.New(fault.InvalidArgument, "there is no name to get a certificate for")
	}
	for _, name := range o.Names {
		if !strings.Contains(strings.Trim(name, "."), ".") {
			return nil, fault.New(fault.InvalidArgument, "nobody gives a certificate for %q; it needs a public name, as s3.example.com", name)
		}
	}
	client := &acme.Client{DirectoryURL: o.Directory}
	if client.DirectoryURL == "" {
		client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	if u, err := url.Parse(client.DirectoryURL); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fault.New(fault.InvalidArgument, "the authority %q is not named by a URL that begins with https://", o.Directory)
	}
	if o.CA != "" {
		b, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fault.Wrap(fault.InvalidArgument, err, "the authorities of %s cannot be read", o.Directory)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(b) {
			return nil, fault.New(fault.InvalidArgument, "%s has no certificate of an authority in PEM", o.CA)
		}
		client.HTTPClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
		}}
	}
	return &ACME{log: log, told: map[string]time.Time{}, manager: &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(o.Dir), HostPolicy: autocert.HostWhitelist(o.Names...),
		Client: client, Email: o.Email,
	}}, nil
}

// GetCertificate is for tls.Config; the first time that somebody asks for a name, or when its
// certificate has run out, it waits for the authority.
func (a *ACME) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c, err := a.manager.GetCertificate(hello)
	if err != nil {
		a.tell(hello.ServerName, err)
	}
	return c, err
}

// tell tells the log of a failure, once in ten minutes for each of our names: strangers who
// ask for others are no news.
func (a *ACME) tell(name string, err error) {
	if a.manager.HostPolicy(context.Background(), name) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.told[name]) > 10*time.Minute {
		a.told[name] = now
		a.log.Error("no certificate was given", "name", name, "authority", a.manager.Client.DirectoryURL, "err", err)
	}
}

// HTTPHandler answers the authority where it looks by HTTP, and has h answer everything else.
func (a *ACME) HTTPHandler(h http.Handler) http.Handler { return a.manager.HTTPHandler(h) }

// ALPN is the protocol by which an authority looks over TLS (RFC 8737), for tls.Config.
const ALPN = acme.ALPNProto
