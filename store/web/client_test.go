package web

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestClientOfProxies finds out who sends requests that came through proxies, of which some
// are trusted and some make things up.
func TestClientOfProxies(t *testing.T) {
	var p Proxies
	for _, text := range []string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "unix"} {
		if err := p.Add(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		remote       string
		forwarded    []string
		proto        string
		tls          bool
		want, secure string // secure: "" or "yes"
	}{
		{"203.0.113.1:1", nil, "", false, "203.0.113.1", ""},
		{"203.0.113.1:1", nil, "", true, "203.0.113.1", "yes"},
		{"203.0.113.1:1", []string{"198.51.100.1"}, "https", false, "203.0.113.1", ""},  // nobody believes it
		{"203.0.113.1:1", []string{"198.51.100.1"}, "http", true, "203.0.113.1", "yes"}, // likewise
		{"10.1.1.1:1", nil, "", false, "10.1.1.1", ""},
		{"10.1.1.1:1", []string{"198.51.100.1"}, "https", false, "198.51.100.1", "yes"},
		{"10.1.1.1:1", []string{"198.51.100.1"}, "http", true, "198.51.100.1", ""},
		{"[::ffff:10.1.1.1]:1", []string{"198.51.100.1"}, "", false, "198.51.100.1", ""},
		{"10.1.1.1:1", []string{"1.2.3.4, 198.51.100.1"}, "", false, "198.51.100.1", ""}, // the first is made up
		{"10.1.1.1:1", []string{"1.2.3.4", "198.51.100.1, 10.2.2.2"}, "", false, "198.51.100.1", ""},
		{"10.1.1.1:1", []string{"10.9.9.9,10.2.2.2"}, "", false, "10.9.9.9", ""}, // all trusted: the first
		{"10.1.1.1:1", []string{"198.51.100.1, what, 10.2.2.2"}, "", false, "10.2.2.2", ""},
		{"10.1.1.1:1", []string{"198.51.100.1:4711"}, "", false, "198.51.100.1", ""},
		{"10.1.1.1:1", []string{"[2001:db9::1]:4711"}, "", false, "2001:db9::1", ""},
		{"[2001:db8::5]:1", []string{"2001:db9::1"}, "", false, "2001:db9::1", ""},
		{"192.0.2.7:1", []string{"::ffff:198.51.100.1"}, "", false, "198.51.100.1", ""},
		{"192.0.2.8:1", []string{"198.51.100.1"}, "", false, "192.0.2.8", ""},
		{"@", []string{"198.51.100.1"}, "https", false, "198.51.100.1", "yes"},
		{"@", nil, "", false, "invalid IP", ""},
		{"10.1.1.1:1", []string{"198.51.100.1"}, "https,http", false, "198.51.100.1", ""},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		r.Header["X-Forwarded-For"] = c.forwarded
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		if got := p.client(r); got.IP.String() != c.want || got.Secure != (c.secure != "") {
			t.Errorf("%s, %q, %s: %+v, want %s, %q", c.remote, c.forwarded, c.proto, got, c.want, c.secure)
		}
		if got := (Proxies{}).client(r); got.IP != remoteIP(c.remote) || got.Secure != c.tls {
			t.Errorf("without proxies %s is %+v", c.remote, got)
		}
	}
}

func TestProxiesAreChecked(t *testing.T) {
	for _, text := range []string{"", "proxy.example.com", "10.0.0.1/8", "10.0.0.0/33", "fe80::1%eth0", "10.0.0.0-10.0.0.9"} {
		if err := new(Proxies).Add(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseEndpoint(t *testing.T) {
	for text, want := range map[string]Address{
		"name=vpce-backup,vpc=vpc-lab,addr=10.0.0.5:9000":     {Host: "10.0.0.5", Port: 9000, VPCE: "vpce-backup", VPC: "vpc-lab"},
		"addr=https://[::1]:1;vpc=vpc-0a1;name=vpce-0a1b":     {Host: "::1", Port: 1, TLS: true, VPCE: "vpce-0a1b", VPC: "vpc-0a1"},
		"name=vpce-local,vpc=vpc-local,addr=unix:/run/p.sock": {Unix: "/run/p.sock", VPCE: "vpce-local", VPC: "vpc-local"},
		"name=vpce-a,vpc=vpc-b,addr=http://127.0.0.1:9000":    {Host: "127.0.0.1", Port: 9000, VPCE: "vpce-a", VPC: "vpc-b"},
		"vpc=vpc-b,addr=:1":                         {},
		"name=vpce-a,addr=:1":                       {},
		"name=vpce-a,vpc=vpc-b":                     {},
		"name=vpce-a,name=vpce-b,vpc=vpc-b,addr=:1": {},
		"name=vpce-A,vpc=vpc-b,addr=:1":             {},
		"name=backup,vpc=vpc-b,addr=:1":             {},
		"name=vpce-a,vpc=vpc-b,addr=:1,port=2":      {},
		"name=vpce-,vpc=vpc-b,addr=:1":              {},
		"name=vpce-a,vpc=vpc-b,addr=nowhere":        {},
		"10.0.0.5:9000":                             {},
		"":                                          {},
		"name=vpce-" + strings.Repeat("a", 65) + ",vpc=vpc-b,addr=:1": {},
	} {
		got, err := ParseEndpoint(text, false)
		if (err == nil) != (want != Address{}) || err == nil && got != want {
			t.Errorf("%q is %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// TestEndpointsAreTold asks a server by two of its addresses, one of which is an endpoint.
func TestEndpointsAreTold(t *testing.T) {
	r := newRig(t, func(w *Answer, r *Request) error {
		c := ClientOf(r.Request)
		_, err := w.Write([]byte(c.IP.String() + " " + c.VPCE + " " + c.VPC))
		return err
	}, func(o *Options) {
		o.Addresses = []Address{{Host: "127.0.0.1"}, {Host: "127.0.0.1", VPCE: "vpce-a", VPC: "vpc-b"}}
		_ = o.Proxies.Add("127.0.0.1")
	})
	for i, want := range []string{"127.0.0.1  ", "127.0.0.1 vpce-a vpc-b"} {
		if _, got := get(t, r.Addresses()[i].Endpoint()); got != want {
			t.Errorf("address %d: %q, want %q", i, got, want)
		}
	}
	if _, got := get(t, r.Addresses()[1].Endpoint(), "X-Forwarded-For", "198.51.100.1"); got != "198.51.100.1 vpce-a vpc-b" {
		t.Errorf("through a proxy: %q", got)
	}
}

// FuzzProxies takes any text for a proxy, for what proxies forward, and for a host that is to
// be led to HTTPS.
func FuzzProxies(f *testing.F) {
	f.Add("10.0.0.0/8", "198.51.100.1, 10.2.2.2", "s3.example.com:80", "/b/k%2f")
	f.Add("::/0", "[2001:db9::1]:4711,x", "[::1]:80", "//evil/")
	f.Add("unix", "fe80::1%lo", "", "*")
	f.Fuzz(func(t *testing.T, proxy, forwarded, host, path string) {
		var p Proxies
		if p.Add(proxy) != nil && p.networks != nil {
			t.Fatalf("%q is refused and trusted", proxy)
		}
		_ = p.Add("10.0.0.0/8")
		r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {forwarded}}, Host: host, URL: &url.URL{Path: path}}
		if c := p.client(r); !c.IP.IsValid() || c.IP.Zone() != "" {
			t.Fatalf("%q of %q is %v", forwarded, proxy, c.IP)
		}
		w := httptest.NewRecorder()
		Redirect(443).ServeHTTP(w, r)
		to, err := url.Parse(w.Header().Get("Location"))
		if w.Code != http.StatusBadRequest && (err != nil || to.Scheme != "https" || to.Path != path) {
			t.Fatalf("%q %q leads to %q, %v", host, path, w.Header().Get("Location"), err)
		}
	})
}
