// Package webhook sends messages to addresses of HTTP and HTTPS, for the store, which knows
// no network. A message was received when the answer's status is 2xx; everything else is a
// failure, which the store deals with: it asks again.
//
// Decisions:
//
//   - Redirects are not followed: a POST that is redirected may become a GET, and events
//     would go where nobody has sent them.
//   - Proxies are those of the environment, as for other programs.
//   - The body of an answer is read only as far as the connection may be used again for it.
package webhook

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// patience is how long one message may take.
const patience = 10 * time.Second

// answerMost is how many bytes of an answer are read.
const answerMost = 64 << 10

// A Sender sends messages. It is safe for concurrent use.
type Sender struct {
	client *http.Client
	agent  string
}

// New returns a Sender that calls itself by the program's release.
func New(release string) *Sender {
	return &Sender{
		agent: "pail/" + release,
		client: &http.Client{
			Timeout:       patience,
			Transport:     http.DefaultTransport.(*http.Transport).Clone(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Post sends body, which is JSON, to a URL.
func (s *Sender) Post(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.agent)
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, answerMost)) // what it says does not matter
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the answer was %s", resp.Status)
	}
	return nil
}

// Close lets go of connections that are kept for further messages.
func (s *Sender) Close() { s.client.CloseIdleConnections() }
