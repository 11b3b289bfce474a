package web

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Redirect is a handler that sends clients to the same place over HTTPS, at a port. Their
// methods stay: 308 is what a client must not turn into a GET (RFC 9110, 15.4.9), and old
// clients, which do not know it, follow GET and HEAD by 301. What a client has sent so far
// went in the clear all the same, its signature included, so S3 clients should be given the
// right URL.
func Redirect(port uint16) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if port != 443 {
			host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(int(port)))
		} else if strings.Contains(host, ":") {
			host = "[" + strings.Trim(host, "[]") + "]"
		}
		to := url.URL{Scheme: "https", Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		if _, err := url.Parse(to.String()); r.Host == "" || !strings.HasPrefix(r.URL.Path, "/") || err != nil {
			http.Error(w, "this address only leads to HTTPS", http.StatusBadRequest)
			return
		}
		status := http.StatusPermanentRedirect
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			status = http.StatusMovedPermanently
		}
		w.Header().Set("Connection", "close")
		w.Header().Set("Location", to.String())
		w.WriteHeader(status)
	})
}
