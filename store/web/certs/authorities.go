package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"pail/store/fault"
)

// Authorities are those whose certificates clients must show. They stand in a file, read again
// when it changes. It is safe for concurrent use.
type Authorities struct {
	file string
	log  *slog.Logger
	now  func() time.Time

	mu     sync.Mutex // guards what follows
	have   *x509.CertPool
	mark   mark
	looked time.Time // when the file was last looked at
	told   string    // the failure that the log knows of
}

// OpenAuthorities reads certificates of authorities, PEM, one after another. The kinds of
// failure: InvalidArgument.
func OpenAuthorities(file string, log *slog.Logger) (*Authorities, error) {
	a := &Authorities{file: file, log: log, now: time.Now}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a, a.read()
}

// Demand has a configuration of listeners ask clients for a certificate of the authorities,
// for clients (extended key usage clientAuth) or for any use.
func (a *Authorities) Demand(c *tls.Config) {
	c.ClientAuth = tls.RequireAnyClientCert
	// Of resumed sessions, too: an authority may have gone meanwhile.
	c.VerifyConnection = func(s tls.ConnectionState) error {
		opts := x509.VerifyOptions{
			Roots: a.pool(), Intermediates: x509.NewCertPool(), CurrentTime: a.now(),
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		if len(s.PeerCertificates) == 0 {
			return errors.New("the client has shown no certificate")
		}
		for _, c := range s.PeerCertificates[1:] {
			opts.Intermediates.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(opts)
		return err
	}
	if !slices.Contains(c.NextProtos, ALPN) {
		return
	}
	// An authority that looks whether a name leads here has no certificate to show. It speaks
	// a protocol of its own, on which net/http serves nothing.
	looking := &tls.Config{GetCertificate: c.GetCertificate, NextProtos: []string{ALPN}, MinVersion: tls.VersionTLS12}
	c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Equal(h.SupportedProtos, looking.NextProtos) {
			return looking, nil
		}
		return nil, nil
	}
}

// pool returns the authorities as the file has them now, or had them when it could last be
// read.
func (a *Authorities) pool() *x509.CertPool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.now(); now.Sub(a.looked) >= lookAgain {
		a.looked = now
		if markOf(a.file) != a.mark {
			a.renew()
		}
	}
	return a.have
}

// renew reads the file anew. What was there stays in use if that fails.
func (a *Authorities) renew() {
	err := a.read()
	switch {
	case err == nil:
		a.told = ""
		a.log.Info("the authorities of clients were read anew", "file", a.file)
	case a.told != err.Error():
		a.told = err.Error()
		a.log.Error("the authorities of clients cannot be read anew, and the old ones stay in use", "err", err)
	}
}

// read reads the file, which is marked before, so that what changes meanwhile is seen.
func (a *Authorities) read() error {
	m := markOf(a.file)
	b, err := os.ReadFile(a.file)
	if err != nil {
		return fault.Wrap(fault.InvalidArgument, err, "the authorities of clients cannot be read")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return fault.New(fault.InvalidArgument, "%s has no certificate of an authority in PEM", a.file)
	}
	a.have, a.mark = pool, m
	return nil
}
