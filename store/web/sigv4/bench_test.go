package sigv4

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// sdkRequest is a request as the SDK signs it and a server reads it.
func sdkRequest(b *testing.B, method, target string, body []byte, payload string) *http.Request {
	r, err := http.NewRequest(method, target, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Amz-Sdk-Invocation-Id", "2a3b4c5d-0000-0000-0000-000000000000")
	r.Header.Set("Amz-Sdk-Request", "attempt=1; max=3")
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("X-Amz-Content-Sha256", payload)
	if err := v4.NewSigner().SignHTTP(context.Background(), sdkCredentials(), r, payload, "s3", "us-east-1", exampleTime, s3Options); err != nil {
		b.Fatal(err)
	}
	return received(b, r)
}

func benchmarkVerify(b *testing.B, r *http.Request, body []byte) {
	v := exampleVerifier()
	reader := bytes.NewReader(body)
	if len(body) > 0 {
		r.Body = io.NopCloser(reader)
	}
	buf := make([]byte, 32<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		reader.Reset(body)
		res, err := v.Verify(r)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = res.Body.Read(buf)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
}

// BenchmarkGet verifies a signed GET.
func BenchmarkGet(b *testing.B) {
	benchmarkVerify(b, sdkRequest(b, "GET", "http://127.0.0.1:9000/bucket/some/key-00000001", nil, emptySHA256), nil)
}

// BenchmarkList verifies a signed listing.
func BenchmarkList(b *testing.B) {
	benchmarkVerify(b, sdkRequest(b, "GET", "http://127.0.0.1:9000/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F&max-keys=1000", nil, emptySHA256), nil)
}

// BenchmarkPut4K verifies a signed PUT of 4 KiB and reads its body against its hash.
func BenchmarkPut4K(b *testing.B) {
	body := make([]byte, 4<<10)
	benchmarkVerify(b, sdkRequest(b, "PUT", "http://127.0.0.1:9000/bucket/some/key-00000001", body, hashHex(body)), body)
}

// BenchmarkPut4KUnsigned is the same with UNSIGNED-PAYLOAD.
func BenchmarkPut4KUnsigned(b *testing.B) {
	body := make([]byte, 4<<10)
	benchmarkVerify(b, sdkRequest(b, "PUT", "http://127.0.0.1:9000/bucket/some/key-00000001", body, unsignedPayload), body)
}

// BenchmarkChunks decodes 1 MiB in signed chunks of 64 KiB.
func BenchmarkChunks(b *testing.B) { benchmarkChunks(b, streamingSigned) }

// BenchmarkUnsignedChunks decodes 1 MiB in unsigned chunks of 64 KiB, with a trailer.
func BenchmarkUnsignedChunks(b *testing.B) { benchmarkChunks(b, streamingTrailer) }

func benchmarkChunks(b *testing.B, payload string) {
	var trailers []string
	if payload == streamingTrailer {
		trailers = []string{"x-amz-checksum-crc32:AAAAAA=="}
	}
	var body []byte
	r := chunkedRequest(payload, 1<<20, trailers, func(seed string) []byte {
		body = newChunking(payload, seed, trailers).encode(make([]byte, 1<<20), 64<<10)
		return body
	})
	benchmarkVerify(b, r, body)
}
