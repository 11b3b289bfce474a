package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"pail/store/web/apierror"
)

// get asks for a URL with headers that are given as names and values.
func get(t *testing.T, url string, headers ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestRates sends more than may be sent, of several addresses, for several keys.
func TestRates(t *testing.T) {
	key := ""
	r := newRig(t, func(w *Answer, _ *Request) error { _, err := w.Write(nil); return err }, func(o *Options) {
		o.Limits = Limits{PerAddress: 0.001, PerKey: 0.001} // one, and then none for a quarter of an hour
		_ = o.Proxies.Add("127.0.0.1")
		o.Identify = func(hr *http.Request, id ID) (*Request, error) {
			r, err := anyone(hr, id)
			r.AccessKey = key
			return r, err
		}
	})
	url := r.Addresses()[0].Endpoint()
	for i, c := range []struct {
		from, key string
		want      int
	}{
		{"198.51.100.1", "", 200},
		{"198.51.100.1", "", 503},
		{"198.51.100.2", "a", 200},
		{"198.51.100.3", "a", 503}, // the key has had its one
		{"198.51.100.3", "b", 503}, // and the address
		{"198.51.100.4", "b", 200},
		{"2001:db8::1", "", 200},
		{"2001:db8::2", "", 503}, // of the same network
		{"2001:db8:0:1::2", "", 200},
	} {
		key = c.key
		if status, body := get(t, url, "X-Forwarded-For", c.from); status != c.want {
			t.Errorf("request %d, %+v: %d %s", i, c, status, body)
		}
	}
}

// TestMeters has many clients, and more than are told apart.
func TestMeters(t *testing.T) {
	m := newMeters[int](2)
	m.most = 100
	now := time.Unix(1000, 0)
	for k := range 100 {
		for i := range 4 {
			if got := m.allow(k, now); got != (i < 2) {
				t.Fatalf("client %d, request %d: %v", k, i, got)
			}
		}
	}
	var passed int
	for k := range 50 {
		if m.allow(1000+k, now) {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d requests of clients that share a meter passed, not 2", passed)
	}
	now = now.Add(time.Second)
	if !m.allow(3, now) || !m.allow(2000, now) || !m.allow(2000, now) || m.allow(2000, now) {
		t.Error("a second later others are not let in")
	}
	if now = now.Add(5 * time.Second); !m.allow(5, now) || len(m.of) > 3 {
		t.Errorf("%d meters are left", len(m.of))
	}
	free := newMeters[int](0)
	for range 1000 {
		if !free.allow(1, now) || len(free.of) > 0 {
			t.Fatal("without a limit something is counted")
		}
	}
}

// TestGuessing has somebody guess signatures, while others at the same address and the holder
// of the key elsewhere go on.
func TestGuessing(t *testing.T) {
	g := newGuards(Limits{})
	bad, good := Client{IP: netip.MustParseAddr("198.51.100.1")}, Client{IP: netip.MustParseAddr("198.51.100.2")}
	now := time.Unix(1000, 0)
	wrong := apierror.New(apierror.SignatureDoesNotMatch, "").With("AWSAccessKeyId", "k")
	told, guesses := 0, 0
	for end := now.Add(time.Hour); now.Before(end); now = now.Add(time.Second) {
		for range 100 {
			guesses++
			if g.unknown(bad, wrong, now) == error(wrong) {
				told++
			}
		}
		if err := g.known(good, "k", now); err != nil {
			t.Fatalf("the holder is refused at %v: %v", now, err)
		}
		if err := g.known(bad, "other", now); err != nil {
			t.Fatalf("another key at the address is refused at %v: %v", now, err)
		}
	}
	if told < freeFailures || told > 80 {
		t.Errorf("%d of %d guesses were told to be wrong", told, guesses)
	}
	if err := g.known(bad, "k", now); err != errSlowDown {
		t.Errorf("the right guess is taken: %v", err)
	}
	now = now.Add(mostBackOff)
	if err := g.known(bad, "k", now); err != nil {
		t.Errorf("after a while: %v", err)
	}
	for i := range freeFailures {
		if g.unknown(bad, wrong, now) != error(wrong) {
			t.Errorf("after it passed, failure %d is not told", i)
		}
	}
	for range 100 {
		for _, code := range []apierror.Code{apierror.AccessDenied, apierror.InvalidAccessKeyID} {
			if other := apierror.New(code, ""); g.unknown(good, other, now) != error(other) {
				t.Fatal("what guesses nothing is refused")
			}
		}
	}
	if g.unknown(bad, nil, now) != nil {
		t.Error("no failure became one")
	}
}

// TestManySuspects has no more suspects than are kept in mind.
func TestManySuspects(t *testing.T) {
	var b backOff
	now := time.Unix(1000, 0)
	for i := range maxMeters + 100 {
		b.failed(suspect{key: fmt.Sprint(i)}, now)
	}
	if len(b.of) > maxMeters {
		t.Errorf("%d suspects", len(b.of))
	}
	b.failed(suspect{key: "late"}, now.Add(forgiven+time.Minute))
	if len(b.of) != 1 {
		t.Errorf("%d suspects, though all but one are forgiven", len(b.of))
	}
}

// TestGuessingAtAServer guesses through a server.
func TestGuessingAtAServer(t *testing.T) {
	r := newRig(t, func(w *Answer, _ *Request) error { _, err := w.Write(nil); return err }, func(o *Options) {
		o.Identify = func(hr *http.Request, id ID) (*Request, error) {
			if hr.Header.Get("Authorization") != "right" {
				return nil, apierror.New(apierror.SignatureDoesNotMatch, "").With("AWSAccessKeyId", "k")
			}
			r, err := anyone(hr, id)
			r.AccessKey = "k"
			return r, err
		}
	})
	url := r.Addresses()[0].Endpoint()
	for i := range freeFailures {
		if status, body := get(t, url); status != 403 {
			t.Fatalf("guess %d: %d %s", i, status, body)
		}
	}
	if status, body := get(t, url, "Authorization", "right"); status != 503 {
		t.Errorf("the right one right after them: %d %s", status, body)
	}
}
