package doors

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// publicHost is what clients know the proxy as.
const publicHost = "s3.example.com"

// A proxying is a reverse proxy before the listener, as clients reach it.
type proxying struct {
	base   string // of what clients ask for, below publicHost
	client *s3.Client
	http   *http.Client // goes to the proxy, whatever the host
}

// newProxy answers for publicHost, and takes prefix off what it passes on.
func newProxy(t *testing.T, l listener, keepHost bool, prefix string) proxying {
	t.Helper()
	to, err := url.Parse(l.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.StripPrefix(prefix, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
		r.Out.Header.Set("X-Forwarded-Proto", "https")
		if keepHost {
			r.Out.Host = r.In.Host
		}
	}}))
	t.Cleanup(srv.Close)
	p := proxying{base: "http://" + publicHost + prefix, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
		},
	}}}
	t.Cleanup(p.http.CloseIdleConnections)
	p.client = newClient(p.base, l.key.ID, l.key.Secret, func(o *s3.Options) { o.HTTPClient = p.http })
	return p
}

// TestProxy: a proxy has to pass on what was signed. It may keep the host, or call the
// listener by another name if clients' name for it was given with --domain; a path that it
// shortens is another one.
func TestProxy(t *testing.T) {
	for _, c := range []struct {
		name, prefix    string
		keepHost, known bool
		works           bool
	}{
		{"keeps the host", "", true, false, true},
		{"changes a host that is known", "", false, true, true},
		{"changes a host that is not known", "", false, false, false},
		{"takes a prefix off", "/storage", true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var hosts []string
			if c.known {
				hosts = append(hosts, publicHost)
			}
			p := newProxy(t, newListener(t, hosts...), c.keepHost, c.prefix)
			_, err := p.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("album")})
			if !c.works {
				var e smithy.APIError
				if !errors.As(err, &e) || e.ErrorCode() != "SignatureDoesNotMatch" {
					t.Errorf("CreateBucket: %v", err)
				}
				return
			}
			if err == nil {
				err = p.use(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// use does what is signed each in its own way: a body in chunks with its checksum behind, parts, a
// key that has to be escaped, a URL.
func (p proxying) use(ctx context.Context) error {
	bucket, key := aws.String("album"), aws.String("a b/+%é")
	body := bytes.Repeat([]byte("content "), 1<<14)
	up, err := p.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("parts")})
	if err != nil {
		return err
	}
	part, err := p.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: up.Key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(body)})
	if err != nil {
		return err
	}
	_, err = p.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: up.Key, UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32, PartNumber: aws.Int32(1)}}},
	})
	if err != nil {
		return err
	}
	if _, err := p.client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(body)}); err != nil {
		return err
	}
	list, err := p.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Delimiter: aws.String("/")})
	if err != nil {
		return err
	}
	if len(list.Contents) != 1 || len(list.CommonPrefixes) != 1 {
		return errors.New("the listing is another one")
	}
	for _, k := range []*string{key, up.Key} {
		signed, err := s3.NewPresignClient(p.client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: k})
		if err != nil {
			return err
		}
		if !strings.HasPrefix(signed.URL, p.base+"/") {
			return errors.New("the client signs " + signed.URL)
		}
		got, err := p.http.Get(signed.URL)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(got.Body)
		if err := errors.Join(err, got.Body.Close()); err != nil {
			return err
		}
		if got.StatusCode != http.StatusOK || !bytes.Equal(data, body) {
			return errors.New(got.Status + ": " + string(data[:min(len(data), 1000)]))
		}
	}
	return nil
}
