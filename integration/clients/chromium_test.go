package clients

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

//go:embed testdata/cors.html
var corsPage string

// TestChromium has a real browser decide what pages of an allowed origin, of any origin and
// of another one may read and write.
func TestChromium(t *testing.T) {
	need(t, "chromium")
	r := newRig(t)
	c, ctx := r.sdk(), t.Context()
	allowed, other := newOrigin(t), newOrigin(t)
	rule := func(origin string, methods ...string) types.CORSRule {
		return types.CORSRule{AllowedOrigins: []string{origin}, AllowedMethods: methods, AllowedHeaders: []string{"x-amz-meta-*", "content-type"}, ExposeHeaders: []string{"ETag"}}
	}
	presign := s3.NewPresignClient(c)
	url := func(bucket, key, method string) string {
		t.Helper()
		if method == http.MethodGet {
			u, err := presign.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
			if err != nil {
				t.Fatal(err)
			}
			return u.URL
		}
		u, err := presign.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		return u.URL
	}
	for bucket, rules := range map[string][]types.CORSRule{
		"one": {rule(allowed.url, "GET", "PUT")}, "any": {rule("*", "GET")}, "none": nil,
	} {
		if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("a"), Body: strings.NewReader("hello")}); err != nil {
			t.Fatal(err)
		}
		if len(rules) > 0 {
			if _, err := c.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &bucket, CORSConfiguration: &types.CORSConfiguration{CORSRules: rules}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	type wish struct {
		Name, Method, URL string
		want              map[string]string // by origin
	}
	const refused = "refused"
	yes, no := allowed.url, other.url
	wishes := []wish{
		{Name: "fetch", Method: "GET", URL: url("one", "a", "GET"), want: map[string]string{yes: "200 hello etag", no: refused}},
		{Name: "upload", Method: "PUT", URL: url("one", "up", "PUT"), want: map[string]string{yes: "200  etag", no: refused}},
		{Name: "delete", Method: "DELETE", URL: url("one", "a", "PUT"), want: map[string]string{yes: refused, no: refused}},
		{Name: "fetch for any", Method: "GET", URL: url("any", "a", "GET"), want: map[string]string{yes: "200 hello etag", no: "200 hello etag"}},
		{Name: "upload for any", Method: "PUT", URL: url("any", "up", "PUT"), want: map[string]string{yes: refused, no: refused}},
		{Name: "fetch for none", Method: "GET", URL: url("none", "a", "GET"), want: map[string]string{yes: refused, no: refused}},
		{Name: "an error", Method: "GET", URL: url("one", "nothing", "GET"), want: map[string]string{yes: "404", no: refused}},
	}
	list, err := json.Marshal(wishes)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []*origin{allowed, other} {
		got := o.visit(t, r.dir, strings.Replace(corsPage, "WISHES", string(list), 1))
		for _, w := range wishes {
			if !strings.HasPrefix(got[w.Name], w.want[o.url]) || w.want[o.url] == "" {
				t.Errorf("%s from %s: %q; want %q", w.Name, map[bool]string{true: "the allowed origin", false: "another origin"}[o == allowed], got[w.Name], w.want[o.url])
			}
		}
	}
}

// An origin is a web server with one page, which says what it could do.
type origin struct {
	url     string
	page    string
	results chan map[string]string
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{url: "http://" + l.Addr().String(), results: make(chan map[string]string, 1)}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		if hr.Method != http.MethodPost {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, o.page)
			return
		}
		var res map[string]string
		if err := json.NewDecoder(hr.Body).Decode(&res); err == nil {
			o.results <- res
		}
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return o
}

// visit has the browser show a page of the origin and returns what it reports.
func (o *origin) visit(t *testing.T, dir, page string) map[string]string {
	t.Helper()
	o.page = page
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--user-data-dir="+filepath.Join(dir, fmt.Sprint("chromium", time.Now().UnixNano())), o.url)
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	select {
	case res := <-o.results:
		return res
	case <-time.After(patience):
		t.Fatal("the page did not report")
		return nil
	}
}
