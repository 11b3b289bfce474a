package s3api

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pail/store"
	"pail/store/web"
	"pail/store/web/sigv4"
)

// point makes a bucket with an access point into it.
func (w *world) point(t *testing.T, bucket, name string, in store.NewAccessPoint) store.AccessPoint {
	t.Helper()
	if !w.st.HasBucket(bucket) {
		if _, err := w.se.CreateBucket(t.Context(), bucket, store.BucketOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	in.Bucket = bucket
	p, err := w.se.CreateAccessPoint(t.Context(), name, in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestThroughAccessPoints puts, reads, lists, copies and uploads in parts through an access
// point, by each of its names, with AWS's client where that can be given the name.
func TestThroughAccessPoints(t *testing.T) {
	w := newWorld(t)
	p := w.point(t, "photos", "way-in", store.NewAccessPoint{})
	ctx := t.Context()
	for i, bucket := range []string{p.Alias, "photos"} {
		c := w.client
		name := func(s string) *string { return aws.String(fmt.Sprint(s, i)) }
		ok := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s in %s: %v", what, bucket, err)
			}
		}
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: name("a"), Body: strings.NewReader("hello")})
		ok("put", err)
		got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: name("a")})
		ok("get", err)
		b, err := io.ReadAll(got.Body)
		if got.Body.Close(); err != nil || string(b) != "hello" {
			t.Errorf("read %q, %v", b, err)
		}
		list, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
		ok("list", err)
		if *list.Name != "photos" || len(list.Contents) == 0 {
			t.Errorf("the list of %s is of %s, %d keys", bucket, *list.Name, len(list.Contents))
		}
		_, err = c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: name("copy"), CopySource: aws.String(bucket + "/" + *name("a"))})
		ok("copy", err)
		_, err = c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: name("copy-arn"), CopySource: aws.String(url.PathEscape(p.ARN + "/object/" + *name("a")))})
		ok("copy by ARN", err)
		up, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: name("parts")})
		ok("create upload", err)
		if *up.Bucket != "photos" {
			t.Errorf("the upload is in %s", *up.Bucket)
		}
		part, err := c.UploadPart(ctx, &s3.UploadPartInput{Bucket: &bucket, Key: name("parts"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("first")})
		ok("part", err)
		copied, err := c.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: &bucket, Key: name("parts"), UploadId: up.UploadId, PartNumber: aws.Int32(2), CopySource: aws.String(p.ARN + "/object/" + *name("a"))})
		ok("copied part", err)
		done, err := c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &bucket, Key: name("parts"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{
			Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}, {PartNumber: aws.Int32(2), ETag: copied.CopyPartResult.ETag}},
		}})
		ok("complete", err)
		if *done.Bucket != "photos" || !strings.Contains(*done.Location, bucket+"/parts") {
			t.Errorf("completed in %s at %s", *done.Bucket, *done.Location)
		}
		head, err := c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
		ok("head", err)
		if *head.AccessPointAlias != (bucket == p.Alias) {
			t.Errorf("%s is an alias: %v", bucket, *head.AccessPointAlias)
		}
		_, err = c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: name("copy")}, {Key: name("copy-arn")}}}})
		ok("delete several", err)
		_, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: name("a")})
		ok("delete", err)
	}
}

// TestAccessPointNames sends requests under every name that an access point, or something like
// it, may have.
func TestAccessPointNames(t *testing.T) {
	w := newWorld(t)
	p := w.point(t, "photos", "way-in", store.NewAccessPoint{})
	if _, err := w.se.Put(t.Context(), "photos", "d/k", store.PutInput{Body: strings.NewReader("hello"), Size: 5}); err != nil {
		t.Fatal(err)
	}
	// A bucket's name wins.
	w.point(t, "way-in-two", "two", store.NewAccessPoint{})
	w.point(t, "other-000000000000", "other", store.NewAccessPoint{})
	s := &stroll{t: t, w: w}
	h := New(Options{Region: store.DefaultRegion, Store: w.st, Domains: []string{"pail.test"}})
	for _, c := range []struct{ host, path, want string }{
		{"", "/" + p.Alias + "/d/k", "photos d/k"},
		{"", "/" + p.Alias, "photos "},
		{"", "/" + p.ARN + "/d/k", "photos d/k"},
		{"", "/" + url.PathEscape(p.ARN) + "/d/k", "photos d/k"},
		{"", "/" + strings.ReplaceAll(url.PathEscape(p.ARN), ":", "%3A"), "photos "},
		{"", "/" + strings.Replace(p.ARN, "point/", "point:", 1) + "/d/k", "photos d/k"},
		{"", "/arn:aws:s3:us-east-1:000000000000:accesspoint/none/k", "missing"},
		{"", "/arn:aws:s3:eu-west-1:000000000000:accesspoint/way-in/k", "missing"},
		{"", "/arn:aws:s3:us-east-1:000000000000:accesspoint/x/k", "arn:aws:s3:us-east-1:000000000000:accesspoint x/k"},
		{"", "/arn:aws:s3:::photos/k", "arn:aws:s3:::photos k"},
		{"", "/none" + p.Alias + "/k", "none" + p.Alias + " k"},
		{p.Alias + ".pail.test", "/d/k", "photos d/k"},
		{"way-in-000000000000.pail.test", "/d/k", "photos d/k"},
		{"WAY-IN-000000000000.pail.test:9000", "/d/k", "photos d/k"},
		{"way-in-000000000000.s3-accesspoint.pail.test", "/d/k", "photos d/k"},
		{"way-in-000000000000.s3-accesspoint.us-east-1.pail.test", "/d/k", "photos d/k"},
		{"way-in-000000000000.s3-accesspoint.eu-west-1.pail.test", "/d/k", "way-in-000000000000.s3-accesspoint.eu-west-1 d/k"},
		{"none-000000000000.s3-accesspoint.pail.test", "/d/k", "missing"},
		{"none-000000000000.pail.test", "/d/k", "none-000000000000 d/k"},
		{"way-in-111122223333.pail.test", "/d/k", "way-in-111122223333 d/k"},
		{"other-000000000000.pail.test", "/d/k", "other-000000000000 d/k"},
		{"way-in-000000000000.localhost:9000", "/d/k", "photos d/k"},
		{"way-in-000000000000.127.0.0.1:9000", "/d/k", "photos d/k"},
		{"way-in-000000000000.example.com", "/photos/k", "photos k"},
		{"none-000000000000.localhost", "/photos/k", "photos k"},
		{"pail.test", "/way-in-000000000000/k", "way-in-000000000000 k"},
	} {
		u, err := url.Parse("http://x" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		a := h.addressOf(&http.Request{Host: c.host, URL: u})
		got := a.bucket + " " + a.key
		if a.missing {
			got = "missing"
		}
		if got != c.want || (a.point != nil) != (a.bucket == "photos" && c.want != "photos k") {
			t.Errorf("%s%s is %q (%+v), want %q", c.host, c.path, got, a.point, c.want)
		}
	}
	for _, c := range []struct{ path, want string }{
		{"/" + p.ARN + "/d/k", "200"},
		{"/" + p.Alias + "/d/k", "200"},
		{"/" + p.Alias + "/none", "404 NoSuchKey"},
		{"/arn:aws:s3:us-east-1:000000000000:accesspoint/none/k", "404 NoSuchAccessPoint"},
		{"/none" + p.Alias + "/k", "404 NoSuchBucket"},
	} {
		got := s.send(ask{method: http.MethodGet, path: c.path, header: http.Header{}, cred: w.cred})
		if out := strings.TrimSpace(fmt.Sprint(got.StatusCode, " ", element(got.body, "Code"))); out != c.want {
			t.Errorf("GET %s: %s; want %s\n%s", c.path, out, c.want, got.body)
		}
	}
}

// TestHostNamesFitSignatures: what a host names is told alike to who verifies signatures.
func TestHostNamesFitSignatures(t *testing.T) {
	w := newWorld(t)
	w.point(t, "photos", "way-in", store.NewAccessPoint{})
	h := New(Options{Region: store.DefaultRegion, Store: w.st, Domains: []string{"pail.test"}})
	for host, want := range map[string]string{
		"photos.pail.test": "photos", "pail.test": "", "way-in-000000000000.pail.test": "way-in-000000000000", "way-in-000000000000.localhost:80": "way-in-000000000000",
		"none-000000000000.localhost": "", "way-in-000000000000.example.com": "", "127.0.0.1:9000": "", "": "",
	} {
		if got := h.HostNames(host); got != want {
			t.Errorf("%s names %q, want %q", host, got, want)
		}
	}
}

// TestWhatDoesNotComeThroughAccessPoints: operations that AWS has not for them, signatures of
// version 2, and nobody.
func TestWhatDoesNotComeThroughAccessPoints(t *testing.T) {
	w := newWorld(t)
	of := walks()
	for _, op := range operations() {
		if op.level == service || op.method == http.MethodOptions || op.name == "PostObject" {
			continue
		}
		if _, refused := unenforcedOperations[op.name]; refused {
			continue
		}
		s := w.stroll(t, &op, of[op.name])
		if op.name == "CreateBucket" {
			continue // an alias is no name that a bucket may have
		}
		p, err := w.se.CreateAccessPoint(t.Context(), "p-"+s.bucket, store.NewAccessPoint{Bucket: s.bucket})
		if err != nil {
			t.Fatal(err)
		}
		a := s.request
		a.path = strings.Replace(a.path, "/"+s.bucket, "/"+p.Alias, 1)
		got := s.send(a)
		if throughPoints[op.name] != (got.StatusCode != http.StatusMethodNotAllowed) {
			t.Errorf("%s through an access point: %d %s", op.name, got.StatusCode, got.body)
		}
		if throughPoints[op.name] && got.StatusCode >= 300 && of[op.name].answers == "" {
			t.Errorf("%s through an access point: %d %s", op.name, got.StatusCode, got.body)
		}
	}
	for name := range throughPoints {
		if !slices.ContainsFunc(operations(), func(op operation) bool { return op.name == name }) {
			t.Errorf("%s comes through access points and is no operation", name)
		}
	}
	p := w.point(t, "photos", "way-in", store.NewAccessPoint{})
	s := &stroll{t: t, w: w}
	if got := s.send(ask{method: http.MethodGet, path: "/" + p.Alias, header: http.Header{}, unsigned: true}); got.StatusCode != http.StatusForbidden {
		t.Errorf("nobody: %d %s", got.StatusCode, got.body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.host+"/"+p.Alias, nil)
	if err != nil {
		t.Fatal(err)
	}
	date := time.Now().UTC().Format(http.TimeFormat)
	mac := hmac.New(sha1.New, []byte(w.cred.Secret))
	fmt.Fprintf(mac, "GET\n\n\n%s\n/%s", date, p.Alias)
	req.Header.Set("Date", date)
	req.Header.Set("Authorization", "AWS "+w.cred.AccessKey+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadRequest || element(string(b), "Code") != "InvalidRequest" {
		t.Errorf("version 2: %d %s", resp.StatusCode, b)
	}
	got := s.send(ask{method: http.MethodDelete, path: "/photos", header: http.Header{}, cred: w.cred})
	if got.StatusCode != http.StatusBadRequest || element(got.body, "Code") != "BucketHasAccessPointsAttached" {
		t.Errorf("delete a bucket with access points: %d %s", got.StatusCode, got.body)
	}
}

// TestAccessPointsAreForTheirNetwork: a listener that is of a network lets requests in to the
// access points of it, and no other does.
func TestAccessPointsAreForTheirNetwork(t *testing.T) {
	w := newWorld(t)
	p := w.point(t, "photos", "inside", store.NewAccessPoint{VPC: "vpc-lab"})
	if _, err := w.se.Put(t.Context(), "photos", "k", store.PutInput{Body: strings.NewReader("hello"), Size: 5}); err != nil {
		t.Fatal(err)
	}
	h := New(Options{Region: store.DefaultRegion, Store: w.st})
	i := &web.Identifier{Store: w.st, Verifier: &sigv4.Verifier{Region: store.DefaultRegion, Lookup: web.LookupIn(w.st)}}
	srv, err := web.Listen(web.Options{
		Addresses: []web.Address{{Host: "127.0.0.1"}, {Host: "127.0.0.1", VPC: "vpc-lab", VPCE: "vpce-lab"}, {Host: "127.0.0.1", VPC: "vpc-other", VPCE: "vpce-other"}},
		Identify:  i.Identify, Protocol: h,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Shutdown(t.Context()) })
	for n, want := range []string{"403", "200", "403"} {
		for _, bucket := range []string{p.Alias, p.ARN} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.Addresses()[n].Endpoint()+"/"+url.PathEscape(bucket)+"/k", nil)
			if err != nil {
				t.Fatal(err)
			}
			sigv4.Sign(req, w.cred, store.DefaultRegion, "UNSIGNED-PAYLOAD", time.Now())
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			if resp.Body.Close(); err != nil || fmt.Sprint(resp.StatusCode) != want {
				t.Errorf("%s by the network %q: %d %s; want %s", bucket, srv.Addresses()[n].VPC, resp.StatusCode, b, want)
			}
		}
	}
}

// FuzzAddress: no path and no host makes the reading of an address panic, and the ARN that is
// cut off a path is one.
func FuzzAddress(f *testing.F) {
	f.Add("way-in-000000000000.localhost:80", "arn:aws:s3:us-east-1:000000000000:accesspoint/way-in/a/b")
	f.Add("way-in-000000000000.[::1]:80", "arn:aws:s3:us-east-1:000000000000:accesspoint")
	f.Add("a.b", "arn:")
	h := New(Options{Region: store.DefaultRegion, Domains: []string{"b"}})
	f.Fuzz(func(t *testing.T, host, path string) {
		h.HostNames(host)
		a := h.addressOf(&http.Request{Host: host, URL: &url.URL{Path: "/" + path}})
		if a.point != nil || a.missing {
			t.Fatal("there is no access point")
		}
		pointOfHost(host)
		if arn, key, ok := cutPointARN(path); ok && arn != path && arn+"/"+key != path {
			t.Fatalf("%q is %q and %q", path, arn, key)
		}
	})
}
