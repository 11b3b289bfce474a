// Package keyclient asks key services outside to encrypt and decrypt, for the store, which
// knows no network: the transit engine of Vault and OpenBao, and whatever answers the API of
// AWS KMS, another Pail included.
//
// # Promises
//
//   - A call ends when its context does, and after a few seconds in any case. What does not
//     answer, or answers that it cannot now, is KMSUnavailable; what refuses is AccessDenied, in a
//     sentence with the service's own reason.
//   - Secrets and plaintexts go to the service's URL only: over TLS, or to this machine. Redirects
//     are not followed.
//   - What was encrypted is bound to the key of ours and to the encryption context: Vault gets
//     both as associated data, KMS as its encryption context, so that its own policies and its
//     own trail have it.
//
// # Sources
//
// "Transit secrets engine (API)" of the Vault documentation (encrypt and decrypt data, with
// associated_data), and the AWS KMS API Reference.
package keyclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"pail/store/fault"
	"pail/store/kms"
	"pail/store/web/sigv4"
)

// patience is how long one call may take.
const patience = 5 * time.Second

// answerMost is how many bytes of an answer are read: no ciphertext of 4 KiB is longer.
const answerMost = 64 << 10

// A Client reaches key services. It is safe for concurrent use.
type Client struct {
	agent string

	mu      sync.Mutex              // guards byTrust
	byTrust map[string]*http.Client // by the certificates that they trust, "" for the system's
}

// New returns a Client that calls itself by the program's release.
func New(release string) *Client {
	return &Client{agent: "pail/" + release, byTrust: map[string]*http.Client{}}
}

// Close lets go of connections that are kept for further calls.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.byTrust {
		h.CloseIdleConnections()
	}
}

// CheckURL refuses what is no address of a service, or one that secrets must not go to.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fault.New(fault.InvalidArgument, "%q is no address of a key service; it must be a URL as https://vault.example.com:8200", text)
	}
	switch u.Scheme {
	case "https":
		return nil
	case "http":
		host := u.Hostname()
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			return nil
		}
		return fault.New(fault.InvalidArgument, "keys do not go to %q in the clear: use https, or an address of this machine", text)
	}
	return fault.New(fault.InvalidArgument, "%q is no URL of HTTPS", text)
}

// client is the one that trusts who a service's certificate is signed by.
func (c *Client) client(ca string) (*http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.byTrust[ca]; h != nil {
		return h, nil
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	if ca != "" {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(ca)) {
			return nil, fault.New(fault.InvalidArgument, "the certificates of the key service's authority cannot be read")
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	h := &http.Client{
		Timeout: patience, Transport: t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.byTrust[ca] = h
	return h, nil
}

// Encrypt has a service encrypt (kms.Outside).
func (c *Client) Encrypt(ctx context.Context, s *kms.Service, secret, key string, plaintext []byte, b kms.Binding) ([]byte, error) {
	if s.Kind == kms.Transit {
		return c.transitEncrypt(ctx, s, secret, key, plaintext, b.Data)
	}
	return c.kmsEncrypt(ctx, s, secret, key, plaintext, b.Pairs)
}

// Decrypt has a service decrypt (kms.Outside).
func (c *Client) Decrypt(ctx context.Context, s *kms.Service, secret, key string, blob []byte, b kms.Binding) ([]byte, error) {
	if s.Kind == kms.Transit {
		return c.transitDecrypt(ctx, s, secret, key, blob, b.Data)
	}
	return c.kmsDecrypt(ctx, s, secret, key, blob, b.Pairs)
}

// post sends a body and returns the answer, whatever its status. An error is that there is
// none.
func (c *Client) post(ctx context.Context, s *kms.Service, path string, in any, prepare func(*http.Request, []byte)) (status int, answer []byte, err error) {
	if err := CheckURL(s.URL); err != nil {
		return 0, nil, err
	}
	h, err := c.client(s.CA)
	if err != nil {
		return 0, nil, err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return 0, nil, err
	}
	defer clear(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("User-Agent", c.agent)
	prepare(req, body)
	resp, err := h.Do(req)
	if err != nil {
		return 0, nil, silent(s, err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, answerMost))
	if err != nil {
		return 0, nil, silent(s, err)
	}
	return resp.StatusCode, answer, nil
}

// silent is the failure of a service that does not answer.
func silent(s *kms.Service, err error) error {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		err = e.Err // without the URL, which the sentence has
	}
	return fault.Wrap(fault.KMSUnavailable, err, "the key service %s (%s) does not answer", s.Name, s.URL)
}

// refuses is the failure of a service that does not let us.
func refuses(s *kms.Service, why string) error {
	return fault.New(fault.AccessDenied, "the key service %s (%s) refuses: %s", s.Name, s.URL, why)
}

// unable is the failure of a service that answers something else.
func unable(s *kms.Service, why string) error {
	return fault.New(fault.KMSUnavailable, "the key service %s (%s) cannot: %s", s.Name, s.URL, why)
}

func signed(s *kms.Service, secret, target string) func(*http.Request, []byte) {
	return func(req *http.Request, body []byte) {
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("X-Amz-Target", target)
		sigv4.SignFor(req, "kms", sigv4.Credential{AccessKey: s.AccessKey, Secret: secret}, s.Region, body, time.Now())
	}
}
