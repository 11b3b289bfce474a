package web

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestServices: the service that a signature names answers, refuses and is logged, and S3
// does all else.
func TestServices(t *testing.T) {
	service := func(name string) Service {
		return Service{
			Identify: func(r *http.Request, id ID) (*Request, error) {
				if strings.HasSuffix(r.URL.Path, "refused") {
					return nil, fmt.Errorf("no")
				}
				return anyone(r, id)
			},
			Protocol: named{plain{func(w *Answer, r *Request) error { _, err := fmt.Fprintf(w, "%s answers", name); return err }}, name},
		}
	}
	s := &Services{S3: service("s3"), Others: map[string]Service{"iam": service("iam"), "sts": service("sts")}, Unsigned: func(r *http.Request) string {
		if r.URL.Path == "/form" {
			return "sts"
		}
		return ""
	}}
	r := newRig(t, nil, func(o *Options) { o.Identify, o.Protocol = s.Identify, s })
	scope := func(service string) string {
		return "Authorization: AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/" + service + "/aws4_request, SignedHeaders=host, Signature=x\r\n"
	}
	for _, c := range []struct{ path, header, want string }{
		{"/", "", "s3"}, {"/", scope("s3"), "s3"}, {"/", scope("kms"), "s3"}, {"/", "Authorization: AWS AK:x\r\n", "s3"},
		{"/", scope("iam"), "iam"}, {"/", scope("sts"), "sts"}, {"/form", "", "sts"}, {"/form", scope("s3"), "s3"}, {"/form", "Authorization: x\r\n", "s3"},
		{"/?X-Amz-Credential=AK/20130524/us-east-1/sts/aws4_request", "", "sts"},
	} {
		for _, refused := range []string{"", "refused"} {
			conn := r.dial()
			path, query, _ := strings.Cut(c.path, "?")
			if refused != "" {
				if path == "/form" {
					continue
				}
				path += refused
			}
			talk(t, conn, "GET "+path+"?"+query+" HTTP/1.1\r\nHost: h\r\n"+c.header+"\r\n")
			resp, body := hear(t, bufio.NewReader(conn))
			if want := c.want + " answers"; refused == "" && body != want || refused != "" && resp.Header.Get("Refused-By") != c.want {
				t.Errorf("%s %s: %d %s %v, want %s", path, c.header, resp.StatusCode, body, resp.Header, c.want)
			}
		}
	}
	for _, o := range r.observed() {
		if !strings.HasPrefix(o.Operation, "Op of ") {
			t.Errorf("observed %q", o.Operation)
		}
	}
}

// named is a protocol that tells its name.
type named struct {
	plain
	name string
}

func (n named) Refuse(w http.ResponseWriter, r *Request, err error) {
	w.Header().Set("Refused-By", n.name)
	n.plain.Refuse(w, r, err)
}

func (n named) OperationOf(*http.Request) string { return "Op of " + n.name }
