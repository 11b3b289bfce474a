package web

import "testing"

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		text     string
		secure   bool
		want     string // "": it is refused
		loopback bool
		endpoint string
	}{
		{"127.0.0.1:9000", false, "http://127.0.0.1:9000", true, "http://127.0.0.1:9000"},
		{"127.0.0.1:9000", true, "https://127.0.0.1:9000", true, "https://127.0.0.1:9000"},
		{"http://127.1.2.3:9000/", true, "http://127.1.2.3:9000", true, "http://127.1.2.3:9000"},
		{"https://:9443", false, "https://:9443", false, "https://127.0.0.1:9443"},
		{":0", false, "http://:0", false, "http://127.0.0.1:0"},
		{"0.0.0.0:80", false, "http://0.0.0.0:80", false, "http://127.0.0.1:80"},
		{"[::]:80", false, "http://[::]:80", false, "http://[::1]:80"},
		{"[::1]:9000", false, "http://[::1]:9000", true, "http://[::1]:9000"},
		{"[::ffff:127.0.0.1]:1", false, "http://[::ffff:127.0.0.1]:1", true, "http://[::ffff:127.0.0.1]:1"},
		{"localhost:9000", false, "http://localhost:9000", true, "http://localhost:9000"},
		{"nas.lan:9000", true, "https://nas.lan:9000", false, "https://nas.lan:9000"},
		{"unix:/run/pail.sock", true, "unix:/run/pail.sock", true, ""},
		{"http://unix:/run//pail.sock", true, "unix:/run/pail.sock", true, ""},
		{"https://unix:/run/pail.sock", false, "https://unix:/run/pail.sock", true, ""},
		{"unix:pail.sock", false, "", false, ""},
		{"unix:", false, "", false, ""},
		{"127.0.0.1", false, "", false, ""},
		{"::1:9000", false, "", false, ""},
		{"9000", false, "", false, ""},
		{"", false, "", false, ""},
		{"a:port", false, "", false, ""},
		{"a:65536", false, "", false, ""},
		{"a:-1", false, "", false, ""},
		{"ftp://a:1", false, "", false, ""},
		{"http://user@a:1", false, "", false, ""},
		{"a b:1", false, "", false, ""},
	} {
		a, err := ParseAddress(c.text, c.secure)
		if c.want == "" {
			if err == nil {
				t.Errorf("%q is %v", c.text, a)
			}
			continue
		}
		if err != nil || a.String() != c.want || a.Loopback() != c.loopback || a.Endpoint() != c.endpoint {
			t.Errorf("%q: %v, loopback %v, endpoint %q, %v; want %+v", c.text, a, a.Loopback(), a.Endpoint(), err, c)
		}
		if again, err := ParseAddress(a.String(), !a.TLS); err != nil || again.String() != a.String() && a.Unix == "" {
			t.Errorf("%q reads as %v, %v", a, again, err)
		}
	}
}

// FuzzAddress: an address that is understood is written as one that means the same.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"127.0.0.1:9000", "https://[::1%lo]:1/", "unix:/run/pail.sock", "http://unix://", ":0"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, secure bool) {
		a, err := ParseAddress(text, secure)
		if err != nil {
			return
		}
		if again, err := ParseAddress(a.String(), !a.TLS); err != nil || again != a {
			t.Fatalf("%q is %+v, %q is %+v, %v", text, a, a, again, err)
		}
		if a.Unix == "" && a.Endpoint() == "" {
			t.Fatalf("%q has no endpoint", text)
		}
		a.VPCE, a.VPC = "vpce-a", "vpc-b"
		e, err := ParseEndpoint("name=vpce-a,vpc=vpc-b,addr="+text, secure)
		if err == nil && e != a {
			t.Fatalf("the endpoint at %q is %+v", text, e)
		}
	})
}
