package sigv4

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"pail/store/web/apierror"
)

// FuzzForm verifies forms whose fields may be anything: nobody gets in without the right
// signature.
func FuzzForm(f *testing.F) {
	policy := []byte(withConditions(""))
	signed := SignPost(policy, exampleCred, "us-east-1", exampleTime)
	right := ""
	var text []string
	for _, field := range signed {
		text = append(text, field.Name+"="+field.Value)
		if strings.EqualFold(field.Name, "x-amz-signature") {
			right = field.Value
		}
	}
	f.Add(strings.Join(text, "\n"))
	f.Add("policy=e30=\nAWSAccessKeyId=" + exampleCred.AccessKey + "\nsignature=x")
	f.Add("policy=e30=\nx-amz-algorithm=AWS4-HMAC-SHA256\nx-amz-credential=a/b/c/s3/aws4_request/\nx-amz-date=20130524T000000Z\nx-amz-signature=")
	f.Fuzz(func(t *testing.T, lines string) {
		form := []Field{{"key", "a/b"}}
		for line := range strings.SplitSeq(lines, "\n") {
			name, value, _ := strings.Cut(line, "=")
			form = append(form, Field{name, value})
		}
		res, err := exampleVerifier().VerifyPost(context.Background(), "bucket", form)
		var e *apierror.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		if err == nil && res.Kind != Anonymous && !strings.Contains(lines, right) {
			t.Fatalf("%q lets %v in", lines, res.Credential)
		}
	})
}

// FuzzPayload opens requests that nobody has signed, whatever they say of their body: it is
// what they say, or it fails as S3 has it.
func FuzzPayload(f *testing.F) {
	f.Add(streamingTrailer, "5", "x-amz-checksum-crc32,, x", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "aws-chunked, gzip")
	f.Add(emptySHA256, "-1", "", "", "AWS-Chunked")
	f.Add(strings.ToUpper(emptySHA256), "99999999999999999999", "", "body", ",")
	f.Add(streamingECDSA, "", "", "", "")
	f.Fuzz(func(t *testing.T, payload, length, trailer, body, encoding string) {
		r := request("PUT", "http://s3.example.com/bucket/key", body)
		r.Header = http.Header{"X-Amz-Content-Sha256": {payload}, "X-Amz-Decoded-Content-Length": {length}, "X-Amz-Trailer": {trailer}}
		res, err := exampleVerifier().Verify(r)
		var e *apierror.Error
		if err == nil {
			var b []byte
			b, err = io.ReadAll(res.Body)
			if err == nil && res.Size >= 0 && int64(len(b)) != res.Size {
				t.Fatalf("a body of %d bytes has %d", res.Size, len(b))
			}
		}
		if err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(CleanContentEncoding(encoding)), ",aws-chunked,") {
			t.Fatalf("%q is kept as %q", encoding, CleanContentEncoding(encoding))
		}
	})
}
