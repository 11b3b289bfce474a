package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"pail/store/fault"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 90 * 24 * time.Hour
	renewWithin   = leafLife / 3 // of its end
	skew          = time.Hour    // by which clocks of clients may be behind
)

// SelfSigned is a certificate of an authority of our own. It is safe for concurrent use.
type SelfSigned struct {
	dir   string
	names []string // sorted; DNS names and IP addresses
	log   *slog.Logger
	now   func() time.Time
	ca    *tls.Certificate
	made  bool

	mu   sync.Mutex // guards have
	have *tls.Certificate
}

// OpenSelfSigned opens the authority in a directory, which is made if there is none, and
// its certificate for these names and addresses. The kinds of failure: Damaged (of the
// files), IOFailed, InvalidArgument (a name that is none).
func OpenSelfSigned(dir string, names []string, log *slog.Logger) (*SelfSigned, error) {
	s := &SelfSigned{dir: dir, log: log, now: time.Now}
	return s, s.open(names)
}

func (s *SelfSigned) open(names []string) error {
	s.names = slices.Compact(slices.Sorted(slices.Values(names)))
	if len(s.names) == 0 {
		return fault.New(fault.InvalidArgument, "a certificate must name something")
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fault.Wrap(fault.IOFailed, err, "make a directory for certificates")
	}
	if err := s.openAuthority(); err != nil {
		return err
	}
	_, err := s.certificate()
	return err
}

// CAFile is the file of the authority's certificate, PEM, which clients have to trust.
func (s *SelfSigned) CAFile() string { return CAFile(s.dir) }

// CAFile is where the authority of a directory has its certificate.
func CAFile(dir string) string { return filepath.Join(dir, "ca.pem") }

// Made says that the authority was made just now, so that nobody can trust it yet.
func (s *SelfSigned) Made() bool { return s.made }

// GetCertificate is for tls.Config.
func (s *SelfSigned) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.certificate()
}

// openAuthority reads the authority, or makes it.
func (s *SelfSigned) openAuthority() error {
	cert, key := s.CAFile(), filepath.Join(s.dir, "ca.key")
	c, err := loadPair(cert, key)
	switch {
	case err == nil && s.now().Before(c.Leaf.NotAfter):
		s.ca = c
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(fault.Damaged, err, "the certificate authority in %s cannot be read; remove its files, and clients have to trust a new one", s.dir)
	}
	if s.ca, err = s.makeAuthority(cert, key); err != nil {
		return fault.Wrap(fault.IOFailed, err, "make a certificate authority")
	}
	s.made = true
	return nil
}

func (s *SelfSigned) makeAuthority(cert, key string) (*tls.Certificate, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	t := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "Pail on " + host, Organization: []string{"Pail local authority"}},
		NotBefore: s.now().Add(-skew), NotAfter: s.now().Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	return sign(t, nil, cert, key)
}

// certificate returns one that names everything and is not about to expire: the one in
// use, the one on disk, or a new one.
func (s *SelfSigned) certificate() (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fits(s.have) {
		return s.have, nil
	}
	cert, key := filepath.Join(s.dir, "server.pem"), filepath.Join(s.dir, "server.key")
	if c, err := loadPair(cert, key); err == nil && s.fits(c) {
		s.have = c
		return c, nil
	}
	c, err := s.makeLeaf(cert, key)
	switch {
	case err == nil:
		s.log.Info("a certificate was made", "names", s.names, "expires", c.Leaf.NotAfter)
		s.have = c
	case s.have != nil && s.now().Before(s.have.Leaf.NotAfter):
		s.log.Error("the certificate cannot be renewed, and the old one stays in use", "err", err)
	default:
		return nil, fault.Wrap(fault.IOFailed, err, "make a certificate")
	}
	return s.have, nil
}

// fits says whether a certificate is of our authority, names everything, and is good for
// a while.
func (s *SelfSigned) fits(c *tls.Certificate) bool {
	if c == nil || s.now().Add(renewWithin).After(c.Leaf.NotAfter) || c.Leaf.CheckSignatureFrom(s.ca.Leaf) != nil {
		return false
	}
	names := slices.Clone(c.Leaf.DNSNames)
	for _, ip := range c.Leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return !slices.ContainsFunc(s.names, func(n string) bool { return !slices.Contains(names, n) })
}

func (s *SelfSigned) makeLeaf(cert, key string) (*tls.Certificate, error) {
	end := s.now().Add(leafLife)
	if end.After(s.ca.Leaf.NotAfter) {
		end = s.ca.Leaf.NotAfter
	}
	t := &x509.Certificate{
		Subject:   pkix.Name{CommonName: s.names[0], Organization: []string{"Pail"}},
		NotBefore: s.now().Add(-skew), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, n := range s.names {
		if ip, err := netip.ParseAddr(n); err == nil {
			t.IPAddresses = append(t.IPAddresses, net.IP(ip.AsSlice()))
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	return sign(t, s.ca, cert, key)
}

// sign makes a key and its certificate, by the authority or by itself, and keeps both in
// files, the key first: a certificate without its key is of no use to anybody.
func sign(t *x509.Certificate, by *tls.Certificate, certFile, keyFile string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126)); err != nil {
		return nil, err
	}
	parent, signer := t, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	err = put(keyFile, &pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	if err == nil {
		err = put(certFile, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	if err != nil {
		return nil, err
	}
	return loadPair(certFile, keyFile)
}

// put writes a file in one step, for its owner's eyes only.
func put(path string, block *pem.Block) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(f.Chmod(0o600), pem.Encode(f, block), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	return err
}

func loadPair(cert, key string) (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	if c.Leaf == nil {
		if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return nil, fmt.Errorf("%s: %w", cert, err)
		}
	}
	return &c, nil
}
