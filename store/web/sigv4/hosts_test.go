package sigv4

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/store/web/apierror"
)

// byDomain is virtual-host style below s3.example.com and public.example.org.
func byDomain(host string) string {
	host, _, _ = strings.Cut(host, ":")
	for _, domain := range []string{".s3.example.com", ".public.example.org"} {
		if bucket, ok := strings.CutSuffix(host, domain); ok {
			return bucket
		}
	}
	return ""
}

// Clients may sign another host than the one that arrives.
func TestHosts(t *testing.T) {
	const key = "/bucket/key"
	for _, c := range []struct {
		signed, arrives, forwarded string
		trust, fits                bool
	}{
		{"s3.example.com", "s3.example.com", "", false, true},
		{"s3.example.com", "other.example.com", "", false, true}, // configured
		{"public.example.org:8443", "10.0.0.1:9000", "", false, true},
		{"s3.example.com:9000", "10.0.0.1:9000", "", false, true},
		{"s3.example.com:9001", "10.0.0.1:9000", "", false, false},
		{"public.example.org", "10.0.0.1:9000", "", false, false},
		{"stranger.example.net", "10.0.0.1:9000", "", false, false},
		{"stranger.example.net", "10.0.0.1:9000", "stranger.example.net", false, false},
		{"stranger.example.net", "10.0.0.1:9000", "stranger.example.net, proxy", true, true},
		{"a.example.net:443", "a.example.net", "", false, true},
		{"a.example.net", "a.example.net:80", "", false, true},
		{"a.example.net", "a.example.net:8080", "", false, false},
		{"bucket.public.example.org:8443", "bucket.s3.example.com", "", false, true},
		{"bucket.public.example.org:8443", "bucket.public.example.org", "", false, true},
		{"bucket.s3.example.com:9000", "bucket.public.example.org:9000", "", false, true},
		// A path of one bucket is none of another.
		{"s3.example.com", "bucket.s3.example.com", "", false, false},
		{"bucket.s3.example.com", "s3.example.com", "", false, false},
		{"bucket.s3.example.com", "tekcub.s3.example.com", "", false, false},
		{"s3.example.com", "bucket.s3.example.com", "s3.example.com", true, false},
	} {
		v := exampleVerifier()
		v.Hosts = []string{"s3.example.com", "public.example.org:8443"}
		v.TrustForwardedHost = c.trust
		v.Bucket = byDomain
		r := request("GET", "http://"+c.signed+key, "")
		Sign(r, exampleCred, "us-east-1", emptySHA256, exampleTime)
		url, err := URL{Endpoint: "http://" + c.signed, Region: "us-east-1", Bucket: "bucket", Key: "key", Expires: time.Hour}.Presign(exampleCred, exampleTime)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []*http.Request{r, request("GET", url, "")} {
			r.Host = c.arrives
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-Host", c.forwarded)
			}
			_, err := v.Verify(r)
			if c.fits && err != nil {
				t.Errorf("%+v: %v", c, err)
			} else if !c.fits {
				refused(t, err, apierror.SignatureDoesNotMatch)
			}
		}
	}
}

// Paths are signed as S3 describes, or just as they are sent.
func TestPaths(t *testing.T) {
	for sent, signed := range map[string][]string{
		"/b/key":             {"/b/key"},
		"/b/a//b/":           {"/b/a//b/"},
		"/b/./a/../b":        {"/b/./a/../b"},
		"/b/a%20b":           {"/b/a%20b"},
		"/b/a+b":             {"/b/a%2Bb", "/b/a+b"},
		"/b/a%2bb":           {"/b/a%2Bb", "/b/a%2bb"},
		"/b/a%2Fb":           {"/b/a/b", "/b/a%2Fb"},
		"/b/%61":             {"/b/a", "/b/%61"},
		"/b/a!*'()b":         {"/b/a%21%2A%27%28%29b", "/b/a!*'()b"},
		"/b/(%e6%97%a5)":     {"/b/%28%E6%97%A5%29", "/b/(%e6%97%a5)"},
		"/b/%25":             {"/b/%25"},
		"/b/%E6%97%A5~-_.$@": {"/b/%E6%97%A5~-_.%24%40", "/b/%E6%97%A5~-_.$@"},
		"":                   {"/"},
	} {
		for _, path := range signed {
			r := request("GET", "http://s3.example.com"+sent, "", "X-Amz-Date", "20130524T000000Z", "X-Amz-Content-Sha256", emptySHA256)
			r.RequestURI = sent
			if sent == "" {
				r.RequestURI = "http://s3.example.com"
			}
			canon := "GET\n" + path + "\n\nhost:s3.example.com\nx-amz-content-sha256:" + emptySHA256 + "\nx-amz-date:20130524T000000Z\n\nhost;x-amz-content-sha256;x-amz-date\n" + emptySHA256
			a := newAuth(Header, exampleCred, "us-east-1", exampleTime)
			s := scratch{canon: []byte(canon)}
			s.sign(newSigningKey(exampleCred.Secret, a.day, a.region, a.service), a)
			r.Header.Set("Authorization", algorithm+" Credential="+a.credential()+",SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature="+string(s.sig))
			verify(t, exampleVerifier(), r)
			r.RequestURI = "http://s3.example.com" + sent + "?"
			verify(t, exampleVerifier(), r)
		}
	}
}

// A header that is signed and not there is an empty one, as libs3 signs transfer-encoding.
func TestHeadersThatAreNotThere(t *testing.T) {
	r := request("GET", "http://s3.example.com/b/k", "", "X-Amz-Date", "20130524T000000Z", "X-Amz-Content-Sha256", emptySHA256,
		"X-Multi", " a  b ", "X-Multi", "c")
	r.ContentLength = 0
	canon := "GET\n/b/k\n\ncontent-length:0\nhost:s3.example.com\ntransfer-encoding:\nx-amz-content-sha256:" + emptySHA256 +
		"\nx-amz-date:20130524T000000Z\nx-multi:a b,c\n\ncontent-length;host;transfer-encoding;x-amz-content-sha256;x-amz-date;x-multi\n" + emptySHA256
	a := newAuth(Header, exampleCred, "us-east-1", exampleTime)
	s := scratch{canon: []byte(canon)}
	s.sign(newSigningKey(exampleCred.Secret, a.day, a.region, a.service), a)
	r.Header.Set("Authorization", algorithm+" Credential="+a.credential()+",SignedHeaders=content-length;host;transfer-encoding;x-amz-content-sha256;x-amz-date;x-multi,Signature="+string(s.sig))
	verify(t, exampleVerifier(), r)
}

// Parameters in the canonical form, and the signature's own among them.
func TestQueries(t *testing.T) {
	for raw, want := range map[string]string{
		"": "", "&": "", "acl": "acl=", "b=2&a=1&a=0&A=": "A=&a=0&a=1&b=2", "a=b+c%20d&%61=": "a=&a=b%20c%20d",
		"a-=1&a=2": "a=2&a-=1", "k=/~": "k=%2F~", "q=a=b": "q=a%3Db", "X-Amz-Signature=&a=b": "X-Amz-Signature=&a=b",
	} {
		var s scratch
		if s.appendParams(raw, false); string(s.canon) != want {
			t.Errorf("%q: %q, not %q", raw, s.canon, want)
		}
	}
	var s scratch
	if s.appendParams("b=1&X%2DAmz-Signature=x&a", true); string(s.canon) != "a=&b=1" {
		t.Errorf("%q", s.canon)
	}
	if q := scanQuery("X-Amz-Expires=1&X-Amz-Expires=2&x-amz-date=3&Signature=a%2Bb"); q.expires != "1" || q.date != "" || q.signature2 != "a+b" || q.isV4() {
		t.Errorf("%+v", q)
	}
}
