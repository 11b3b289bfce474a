package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
)

// An issuer signs certificates of clients.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(t *testing.T, name string) issuer {
	t.Helper()
	return issuer{}.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
}

// issue signs a certificate; the zero issuer has it sign itself.
func (i issuer) issue(t *testing.T, c *x509.Certificate) issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, by := i.cert, i.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return issuer{c, key}
}

func (i issuer) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

func (i issuer) pair() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}
}

// TestAuthorities has clients with and without certificates connect, while the file of the
// authorities changes.
func TestAuthorities(t *testing.T) {
	a, b := newIssuer(t, "a"), newIssuer(t, "b")
	client := func(by issuer, usage x509.ExtKeyUsage) []tls.Certificate {
		return []tls.Certificate{by.issue(t, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{usage}}).pair()}
	}
	ofA, ofB, server := client(a, x509.ExtKeyUsageClientAuth), client(b, x509.ExtKeyUsageClientAuth), client(a, x509.ExtKeyUsageServerAuth)

	file := filepath.Join(t.TempDir(), "clients.pem")
	write := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(file+".new", data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenAuthorities(file, slog.New(slog.DiscardHandler)); !fault.Is(err, fault.InvalidArgument) {
		t.Errorf("no file: %v", err)
	}
	write([]byte("nothing"))
	if _, err := OpenAuthorities(file, slog.New(slog.DiscardHandler)); !fault.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), file) {
		t.Errorf("no certificate: %v", err)
	}
	write(a.pem())
	au, err := OpenAuthorities(file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	au.now = func() time.Time { return now }
	config := &tls.Config{Certificates: []tls.Certificate{a.issue(t, &x509.Certificate{DNSNames: []string{"s3"}}).pair()}}
	au.Demand(config)

	let := func(shown []tls.Certificate) bool {
		t.Helper()
		now = now.Add(lookAgain)
		ours, theirs := net.Pipe()
		defer ours.Close()
		defer theirs.Close()
		done := make(chan error, 1)
		go func() {
			c := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true, Certificates: shown}) // #nosec: the server is not what is tested
			_, err := c.Read(make([]byte, 1))
			done <- err
		}()
		s := tls.Server(ours, config)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x"))
		}
		ours.Close()
		if seen := <-done; (seen == nil) != (err == nil) {
			t.Errorf("the server says %v, the client %v", err, seen)
		}
		return err == nil
	}
	for _, c := range []struct {
		what  string
		shown []tls.Certificate
		want  bool
	}{{"of the authority", ofA, true}, {"of another", ofB, false}, {"for servers", server, false}, {"none", nil, false}} {
		if let(c.shown) != c.want {
			t.Errorf("a certificate %s: let in is %v", c.what, !c.want)
		}
	}
	// An authority that looks by TLS is let in by its protocol, and by nothing else.
	looking := config.Clone()
	looking.NextProtos, looking.GetCertificate = []string{"http/1.1", ALPN}, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &config.Certificates[0], nil }
	au.Demand(looking)
	for _, c := range []struct {
		protocols []string
		want      bool
	}{{[]string{ALPN}, true}, {[]string{"http/1.1"}, false}, {[]string{ALPN, "http/1.1"}, false}, {nil, false}} {
		ours, theirs := net.Pipe()
		go func() {
			c := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true, NextProtos: c.protocols}) // #nosec: the server is not what is tested
			_, _ = c.Read(make([]byte, 1))
			theirs.Close()
		}()
		s := tls.Server(ours, looking)
		if err := s.Handshake(); (err == nil) != c.want || err == nil && s.ConnectionState().NegotiatedProtocol != ALPN {
			t.Errorf("without a certificate, by %q: %v", c.protocols, err)
		}
		ours.Close()
	}
	write(b.pem())
	if let(ofA) || !let(ofB) {
		t.Error("another authority in the file is not another authority")
	}
	write([]byte("damaged"))
	if let(ofA) || !let(ofB) {
		t.Error("a file that cannot be read has changed something")
	}
	write(append(a.pem(), b.pem()...))
	if !let(ofA) || !let(ofB) {
		t.Error("of two authorities not both count")
	}
}
