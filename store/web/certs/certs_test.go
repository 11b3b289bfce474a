package certs

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
)

// open opens an authority with a clock.
func open(t *testing.T, dir string, now func() time.Time, names ...string) *SelfSigned {
	t.Helper()
	s := &SelfSigned{dir: dir, log: slog.New(slog.DiscardHandler), now: now}
	if err := s.open(names); err != nil {
		t.Fatal(err)
	}
	return s
}

func serial(t *testing.T, get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) string {
	t.Helper()
	c, err := get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.SerialNumber.String()
}

// trusts says whether a client that trusts the authority accepts the certificate.
func trusts(t *testing.T, s *SelfSigned, name string, at time.Time) error {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority's file has no certificate")
	}
	c, err := s.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at})
	return err
}

func TestSelfSigned(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	dir := filepath.Join(t.TempDir(), "tls")
	s := open(t, dir, clock, "localhost", "127.0.0.1", "::1", "s3.example.com", "*.s3.example.com")
	if !s.Made() {
		t.Error("the first authority was not made")
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "s3.example.com", "photos.s3.example.com"} {
		if err := trusts(t, s, name, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"example.com", "127.0.0.2", "a.b.s3.example.com"} {
		if trusts(t, s, name, now) == nil {
			t.Errorf("%s: it is trusted", name)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		fi, _ := d.Info()
		if fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, fi.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	// Opened again it is the same, and so is the authority for other names.
	first := serial(t, s.GetCertificate)
	authority := s.ca.Leaf.SerialNumber.String()
	s = open(t, dir, clock, "localhost")
	if s.Made() || serial(t, s.GetCertificate) != first {
		t.Error("it was made anew")
	}
	s = open(t, dir, clock, "localhost", "other.example.com")
	if s.ca.Leaf.SerialNumber.String() != authority || serial(t, s.GetCertificate) == first || trusts(t, s, "other.example.com", now) != nil {
		t.Error("another name: not a new certificate of the same authority")
	}

	// It is renewed in time while it is in use.
	second := serial(t, s.GetCertificate)
	now = now.Add(leafLife - renewWithin - time.Minute)
	if serial(t, s.GetCertificate) != second {
		t.Error("it was renewed too early")
	}
	now = now.Add(2 * time.Minute)
	if serial(t, s.GetCertificate) == second || trusts(t, s, "localhost", now.Add(leafLife-time.Minute)) != nil {
		t.Error("it was not renewed")
	}

	// A key that does not fit, as a crash between the two files leaves it, is made good.
	if err := os.WriteFile(filepath.Join(dir, "server.key"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, clock, "localhost")
	if err := trusts(t, s, "localhost", now); err != nil {
		t.Error(err)
	}
	// Without its authority a new one is made, and nothing of the old one is used.
	for _, name := range []string{"ca.pem", "ca.key"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir, clock, "localhost")
	if err := trusts(t, s, "localhost", now); err != nil || !s.Made() {
		t.Errorf("a new authority: made %v, %v", s.Made(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.key"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSelfSigned(dir, []string{"localhost"}, slog.New(slog.DiscardHandler)); !fault.Is(err, fault.Damaged) {
		t.Errorf("a damaged authority: %v", err)
	}
}

func TestFilesAreReadAnew(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	pair := func(name string) (cert, key []byte, number string) {
		dir := filepath.Join(t.TempDir(), name)
		s := open(t, dir, clock, name)
		cert, err := os.ReadFile(filepath.Join(dir, "server.pem"))
		if err != nil {
			t.Fatal(err)
		}
		key, err = os.ReadFile(filepath.Join(dir, "server.key"))
		if err != nil {
			t.Fatal(err)
		}
		return cert, key, serial(t, s.GetCertificate)
	}
	certA, keyA, a := pair("a.example.com")
	certB, keyB, b := pair("b.example.com")
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(path string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path+".new", data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write(certFile, certA)
	write(keyFile, keyA)
	var logged strings.Builder
	f, err := Open(certFile, keyFile, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	f.now = clock
	is := func(what, want string) {
		t.Helper()
		now = now.Add(lookAgain)
		if got := serial(t, f.GetCertificate); got != want {
			t.Errorf("%s: the wrong certificate", what)
		}
	}
	is("as it was opened", a)
	if logged.Len() > 0 {
		t.Errorf("what has not changed was read anew:\n%s", logged.String())
	}
	write(certFile, certB)
	is("half renewed", a)
	is("still half renewed", a)
	if n := strings.Count(logged.String(), "level=ERROR"); n != 1 {
		t.Errorf("the log tells of it %d times:\n%s", n, logged.String())
	}
	write(keyFile, keyB)
	is("renewed", b)
	if err := os.Remove(certFile); err != nil {
		t.Fatal(err)
	}
	is("gone", b)
	write(certFile, certB)
	is("back", b)
	write(certFile, certA)
	write(keyFile, keyA)
	is("renewed once more", a)

	if _, err := Open(certFile, filepath.Join(dir, "none"), slog.New(slog.DiscardHandler)); !fault.Is(err, fault.InvalidArgument) {
		t.Errorf("no key: %v", err)
	}
	write(keyFile, keyB)
	if _, err := Open(certFile, keyFile, slog.New(slog.DiscardHandler)); !fault.Is(err, fault.InvalidArgument) {
		t.Errorf("a key of another certificate: %v", err)
	}
}

func TestNamesOf(t *testing.T) {
	got := NamesOf([]string{"127.0.0.1", "NAS.lan", "::ffff:10.0.0.1"}, []string{"S3.example.com"})
	want := []string{"localhost", "127.0.0.1", "::1", "127.0.0.1", "nas.lan", "10.0.0.1", "s3.example.com", "*.s3.example.com"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	everywhere := NamesOf([]string{""}, nil)
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() && !slices.Contains(everywhere, n.IP.String()) {
			t.Errorf("%v is not among %q", n.IP, everywhere)
		}
	}
}

// FuzzFiles reads any bytes as the files of an authority and of a certificate that somebody
// brings: they are a pair or damaged.
func FuzzFiles(f *testing.F) {
	made := f.TempDir()
	if _, err := OpenSelfSigned(made, []string{"localhost"}, slog.New(slog.DiscardHandler)); err != nil {
		f.Fatal(err)
	}
	var pair [][]byte
	for _, name := range []string{"ca.pem", "ca.key"} {
		b, err := os.ReadFile(filepath.Join(made, name))
		if err != nil {
			f.Fatal(err)
		}
		pair = append(pair, b)
	}
	f.Add(pair[0], pair[1])
	f.Add(pair[0], pair[0])
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), pair[1])
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		s := &SelfSigned{dir: dir, log: slog.New(slog.DiscardHandler), now: time.Now}
		for path, b := range map[string][]byte{s.CAFile(): cert, filepath.Join(dir, "ca.key"): key} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.openAuthority(); err != nil && !fault.Is(err, fault.Damaged) {
			t.Fatal(err)
		}
	})
}
