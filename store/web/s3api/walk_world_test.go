package s3api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"pail/store"
	"pail/store/iam"
	"pail/store/web"
	"pail/store/web/sigv4"
)

// A world is a store behind the whole chain of a listener, signatures included.
type world struct {
	st     *store.Store
	se     *store.Session // of the owner
	host   string
	cred   sigv4.Credential
	client *s3.Client
	http   *http.Transport

	mu      sync.Mutex          // guards what follows
	ops     map[string][]string // what was asked for, by bucket
	buckets int                 // that were made
}

// A noting protocol notes what is asked for.
type noting struct {
	web.Protocol
	w *world
	h *Handler
}

func (n noting) Answer(a *web.Answer, r *web.Request) error {
	op, bucket := n.OperationOf(r.Request), n.h.addressOf(r.Request).bucket
	n.w.mu.Lock()
	n.w.ops[bucket] = append(n.w.ops[bucket], op)
	n.w.mu.Unlock()
	return n.Protocol.Answer(a, r)
}

func (w *world) asked(bucket string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append(w.ops[bucket], w.ops[""]...)
}

// newWorld opens a store, in which parts may be small.
func newWorld(t *testing.T, opts ...func(*store.Options)) *world {
	t.Helper()
	o := store.Options{Dir: t.TempDir() + "/store", MinPartSize: 5}
	for _, f := range opts {
		f(&o)
	}
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{st: st, se: st.As(store.Owner(), store.RequestContext{Door: store.DoorS3}), ops: map[string][]string{}}
	region := st.Status().Region
	key, err := w.se.CreateAccessKey(t.Context(), "", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	w.cred = sigv4.Credential{AccessKey: key.ID, Secret: key.Secret}
	h := New(Options{Region: region, Store: st})
	who := &web.Identifier{Store: st, Verifier: &sigv4.Verifier{Region: region, Lookup: web.LookupIn(st), Temporary: web.TemporaryIn(st)}}
	srv, err := web.Listen(web.Options{Addresses: []web.Address{{Host: "127.0.0.1"}}, Identify: who.Identify, Protocol: noting{h, w, h}})
	if err != nil {
		t.Fatal(err)
	}
	w.host = strings.TrimPrefix(srv.Addresses()[0].Endpoint(), "http://")
	// A client that waits for leave to send its body sends none that is too large.
	w.http = &http.Transport{ExpectContinueTimeout: time.Minute, MaxIdleConnsPerHost: 16}
	t.Cleanup(func() {
		w.http.CloseIdleConnections()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Shutdown(ctx)
		if err := st.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	w.client = s3.New(s3.Options{
		BaseEndpoint: aws.String("http://" + w.host), Region: region, UsePathStyle: true, Retryer: aws.NopRetryer{},
		HTTPClient:  &http.Client{Transport: w.http},
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
	})
	return w
}

// A stroll is one operation in a bucket of its own. There are the objects "key" and
// "source", each of five bytes.
type stroll struct {
	t       *testing.T
	w       *world
	op      *operation
	entry   walk
	bucket  string
	key     string
	upload  string // that of "key", if the operation is about one
	parts   string // the elements of its parts
	request ask    // of the operation, which succeeds
}

func (w *world) stroll(t *testing.T, op *operation, entry walk) *stroll {
	t.Helper()
	w.mu.Lock()
	w.buckets++
	s := &stroll{t: t, w: w, op: op, entry: entry, bucket: fmt.Sprintf("bucket-%d", w.buckets), key: "key"}
	w.mu.Unlock()
	if _, err := w.se.CreateBucket(t.Context(), s.bucket, store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	a := ask{method: op.method, path: "/", query: url.Values{}, header: http.Header{}}
	for _, name := range op.query {
		a.query.Set(name, "")
	}
	switch op.level {
	case bucket:
		a.path += s.bucket
	case object:
		s.put(s.key, "hello")
		s.put("source", "hello")
		a.path += s.bucket + "/" + s.key
	}
	if op.header == "X-Amz-Copy-Source" {
		a.header.Set(op.header, s.bucket+"/source")
	}
	if entry.ready != nil {
		entry.ready(s, &a)
	}
	s.request = a
	return s
}

// put makes an object of the stroll's bucket, and returns its version.
func (s *stroll) put(key, body string) store.Object {
	s.t.Helper()
	o, err := s.w.se.Put(s.t.Context(), s.bucket, key, store.PutInput{Body: strings.NewReader(body), Size: int64(len(body))})
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// An ask is a request before it is signed.
type ask struct {
	method, path string
	query        url.Values
	header       http.Header
	body         string

	length   int64            // of the body as it is declared, if it is another
	chunked  bool             // it has no declared length
	payload  string           // x-amz-content-sha256; "": the hash of the body
	cred     sigv4.Credential // the zero Credential: the world's
	region   string           // "": the world's
	when     time.Time        // of the signature; zero: now
	unsigned bool
}

// with is the request with some headers more, or others: name and value in turns.
func (a ask) with(header ...string) ask {
	a.header = a.header.Clone()
	for i := 0; i < len(header); i += 2 {
		a.header.Set(header[i], header[i+1])
	}
	return a
}

// where is the request with other parameters: name and value in turns.
func (a ask) where(parameters ...string) ask {
	q := url.Values{}
	for name, values := range a.query {
		q[name] = values
	}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	a.query = q
	return a
}

// of is the request about another key of its bucket.
func (a ask) of(key string) ask {
	a.path = a.path[:strings.IndexByte(a.path[1:], '/')+1] + "/" + key
	return a
}

// in is the request about another bucket.
func (a ask) in(bucket string) ask {
	_, key, found := strings.Cut(a.path[1:], "/")
	a.path = "/" + bucket
	if found {
		a.path += "/" + key
	}
	return a
}

// saying is the request with another body.
func (a ask) saying(body string) ask {
	a.body = body
	return a
}

// send signs and sends a request, and reads the answer. spoil changes what is signed.
func (s *stroll) send(a ask, spoil ...func(*http.Request)) reply {
	s.t.Helper()
	r := s.signed(a)
	for _, f := range spoil {
		f(r)
	}
	resp, err := s.w.http.RoundTrip(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	return s.read(resp)
}

func (s *stroll) read(resp *http.Response) reply {
	s.t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{resp, string(b)}
}

func (s *stroll) signed(a ask) *http.Request {
	s.t.Helper()
	u := url.URL{Scheme: "http", Host: s.w.host, Path: a.path, RawQuery: strings.ReplaceAll(a.query.Encode(), "+", "%20")}
	r, err := http.NewRequestWithContext(s.t.Context(), a.method, u.String(), strings.NewReader(a.body))
	if err != nil {
		s.t.Fatal(err)
	}
	if a.body == "" {
		r.Body = http.NoBody
	}
	r.Header = a.header.Clone()
	switch {
	case a.chunked:
		r.ContentLength = -1
	case a.length != 0:
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(a.body)), a.length
	}
	if a.unsigned {
		return r
	}
	if a.cred.AccessKey == "" {
		a.cred = s.w.cred
	}
	if a.region == "" {
		a.region = s.w.st.Status().Region
	}
	if a.when.IsZero() {
		a.when = time.Now()
	}
	if a.payload == "" {
		sum := sha256.Sum256([]byte(a.body))
		a.payload = hex.EncodeToString(sum[:])
	}
	sigv4.Sign(r, a.cred, a.region, a.payload, a.when)
	return r
}

// cutShort sends a request whose connection ends before the body that it declares does.
func (s *stroll) cutShort(a ask) reply {
	s.t.Helper()
	a.length = int64(len(a.body)) + 1
	r := s.signed(a)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), strings.NewReader(" ")))
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		s.t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.w.host)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(wire.Bytes()[:wire.Len()-1]); err != nil {
		s.t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		s.t.Fatal(err)
	}
	return s.answerOn(conn, r)
}

// answerOn reads an answer from a connection.
func (s *stroll) answerOn(conn net.Conn, r *http.Request) reply {
	s.t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.read(resp)
}
