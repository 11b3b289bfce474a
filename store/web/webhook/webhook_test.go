package webhook

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPost(t *testing.T) {
	var got string
	hops := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.Header.Get("Content-Type") + " " + r.Header.Get("User-Agent") + " " + string(b)
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("/full", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "full", http.StatusServiceUnavailable) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		hops++
		http.Redirect(w, r, "/ok", http.StatusTemporaryRedirect)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	s := New("1.2")
	defer s.Close()
	ctx := context.Background()
	if err := s.Post(ctx, srv.URL+"/ok", []byte(`{"a":1}`)); err != nil || got != `POST application/json pail/1.2 {"a":1}` {
		t.Errorf("%q, %v", got, err)
	}
	if err := s.Post(ctx, srv.URL+"/full", nil); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a refusal was taken for an answer: %v", err)
	}
	got = ""
	if err := s.Post(ctx, srv.URL+"/moved", nil); err == nil || got != "" || hops != 1 {
		t.Errorf("a redirect was followed: %q, %v", got, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Post(ended, srv.URL+"/ok", nil); err == nil {
		t.Error("sent though it was cancelled")
	}
	srv.Close()
	if err := s.Post(ctx, srv.URL+"/ok", nil); err == nil {
		t.Error("sent to nobody")
	}
}
