package sigv4

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"pail/store/web/apierror"
)

// chunkedRequest signs an upload whose body encode makes of the seed signature.
func chunkedRequest(payload string, size int, trailers []string, encode func(seed string) []byte) *http.Request {
	r, _ := http.NewRequest("PUT", "http://s3.example.com/bucket/key", nil)
	r.Header.Set("Content-Encoding", "aws-chunked")
	r.Header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(size))
	for _, line := range trailers {
		name, _, _ := strings.Cut(line, ":")
		r.Header.Add("X-Amz-Trailer", name)
	}
	Sign(r, exampleCred, "us-east-1", payload, exampleTime)
	_, seed, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	body := encode(seed)
	r.ContentLength, r.Body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
	return r
}

// newChunking writes the chunks of a payload kind.
func newChunking(payload, seed string, trailers []string) *chunking {
	if payload == streamingTrailer {
		seed = ""
	}
	return &chunking{cred: exampleCred, region: "us-east-1", now: exampleTime, seed: seed, trailers: trailers}
}

var chunkedKinds = []struct {
	payload  string
	trailers []string
}{
	{streamingSigned, nil},
	{streamingSignedTrailer, []string{"x-amz-checksum-crc32:AAAAAA==", "x-amz-checksum-sha256:abc"}},
	{streamingTrailer, []string{"x-amz-checksum-crc64nvme:AAAAAAAAAAA="}},
	{streamingTrailer, nil},
}

// Bodies of all kinds and sizes arrive, however they are cut on the way.
func TestChunks(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, kind := range chunkedKinds {
		for _, size := range []int{0, 1, 8191, 8192, 8193, 65536, 100000, 300000} {
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(rnd.Uint32())
			}
			chunk := minChunk + rnd.IntN(70000)
			r := chunkedRequest(kind.payload, size, kind.trailers, func(s string) []byte {
				return newChunking(kind.payload, s, kind.trailers).encode(data, chunk)
			})
			if rnd.IntN(2) == 0 {
				r.Body = io.NopCloser(iotest.HalfReader(r.Body))
			}
			res := verify(t, exampleVerifier(), r)
			var from io.Reader = res.Body
			if rnd.IntN(2) == 0 {
				from = iotest.HalfReader(from)
			}
			got, err := readAll(from)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s, %d bytes in chunks of %d: %d bytes, %v", kind.payload, size, chunk, len(got), err)
			}
			if res.Size != int64(size) || len(res.Trailer()) != len(kind.trailers) {
				t.Errorf("%d bytes, %v", res.Size, res.Trailer())
			}
			if err := res.Body.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// minio-go ends trailers as nobody else does.
func TestTrailersOfMinio(t *testing.T) {
	for _, payload := range []string{streamingSignedTrailer, streamingTrailer} {
		trailers := []string{"x-amz-checksum-crc32c:sOO8/Q=="}
		r := chunkedRequest(payload, 5, trailers, func(seed string) []byte {
			body := string(newChunking(payload, seed, trailers).encode([]byte("hello"), 8192))
			if payload == streamingTrailer {
				return []byte(strings.Replace(body, "Q==\r\n\r\n", "Q==\n\r\n\r\n", 1))
			}
			return []byte(strings.Replace(body, "Q==\r\n", "Q==\n\r\n", 1))
		})
		res := verify(t, exampleVerifier(), r)
		if got, err := readAll(res.Body); err != nil || string(got) != "hello" || res.Trailer().Get("X-Amz-Checksum-Crc32c") != "sOO8/Q==" {
			t.Errorf("%s: %q, %v, %v", payload, got, err, res.Trailer())
		}
	}
}

// drain reads a body in each of the ways that callers do, and demands that none of them takes
// it for whole; again makes the same request once more.
func drain(t *testing.T, size int, code apierror.Code, again func() *http.Request) *apierror.Error {
	t.Helper()
	v := exampleVerifier()
	res := verify(t, v, again())
	got, err := io.ReadAll(res.Body)
	if size > 0 && len(got) >= size {
		t.Fatalf("all of it was handed out before %v", err)
	}
	e := refused(t, err, code)
	if _, later := res.Body.Read(make([]byte, 1)); later != err {
		t.Errorf("%v first, then %v", err, later)
	}
	if res.Trailer() != nil {
		t.Errorf("trailers of a wrong body: %v", res.Trailer())
	}
	if size > 0 {
		res = verify(t, v, again())
		if _, err := io.ReadFull(res.Body, make([]byte, size)); err == nil {
			t.Fatal("who reads as much as was declared takes it for whole")
		}
	}
	return e
}

// What is wrong with a body is found before its last bytes are handed out.
func TestWrongChunks(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1250) // 20000 bytes: chunks of 8192, 8192, 3616
	trailers := []string{"x-amz-checksum-crc32:AAAAAA=="}
	lines := func(body []byte) []int { // where the lines of chunks begin
		at, i := []int{}, 0
		for _, n := range []int{8192, 8192, 3616, 0} {
			at = append(at, i)
			i += bytes.IndexByte(body[i:], '\n') + 1 + n + 2
		}
		return at
	}
	last := func(b []byte, kept int) []byte { return b[:len(b)-kept] }
	swap := func(b []byte, old, now string) []byte {
		if !bytes.Contains(b, []byte(old)) {
			t.Fatalf("no %q", old)
		}
		return bytes.Replace(b, []byte(old), []byte(now), 1)
	}
	for _, c := range []struct {
		name    string
		payload string // "": all
		change  func([]byte) []byte
		code    apierror.Code
	}{
		{"nothing came", "", func(b []byte) []byte { return nil }, apierror.IncompleteBody},
		{"cut in the first line", "", func(b []byte) []byte { return b[:3] }, apierror.IncompleteBody},
		{"cut in data", "", func(b []byte) []byte { return b[:5000] }, apierror.IncompleteBody},
		{"cut after a chunk", "", func(b []byte) []byte { return b[:lines(b)[2]] }, apierror.IncompleteBody},
		{"cut before the last line", "", func(b []byte) []byte { return b[:lines(b)[3]] }, apierror.IncompleteBody},
		{"cut at the last byte", "", func(b []byte) []byte { return last(b, 1) }, apierror.IncompleteBody},
		{"without the empty line", "", func(b []byte) []byte { return last(b, 2) }, apierror.IncompleteBody},
		{"no line end after data", "", func(b []byte) []byte { b[lines(b)[1]-1] = 'x'; return b }, apierror.IncompleteBody},
		{"a chunk twice", streamingSigned, func(b []byte) []byte {
			at := lines(b)
			return bytes.Join([][]byte{b[:at[1]], b[:at[1]], b[at[2]:]}, nil)
		}, apierror.SignatureDoesNotMatch},
		{"a chunk less", streamingSigned, func(b []byte) []byte {
			at := lines(b)
			return append(b[:at[1]:at[1]], b[at[2]:]...)
		}, apierror.SignatureDoesNotMatch},
		{"chunks in another order", streamingSigned, func(b []byte) []byte {
			at := lines(b)
			return bytes.Join([][]byte{b[at[1]:at[2]], b[:at[1]], b[at[2]:]}, nil)
		}, apierror.SignatureDoesNotMatch},
		{"a byte of data", streamingSigned, func(b []byte) []byte { b[lines(b)[2]-100] ^= 1; return b }, apierror.SignatureDoesNotMatch},
		{"a byte of the last data", streamingSignedTrailer, func(b []byte) []byte { b[lines(b)[3]-3] ^= 1; return b }, apierror.SignatureDoesNotMatch},
		{"a byte of a signature", streamingSigned, func(b []byte) []byte { b[lines(b)[1]+30] = 'X'; return b }, apierror.SignatureDoesNotMatch},
		{"the last signature", streamingSigned, func(b []byte) []byte { b[len(b)-10] = 'X'; return b }, apierror.SignatureDoesNotMatch},
		{"a short signature", streamingSigned, func(b []byte) []byte { at := lines(b)[1]; return append(b[:at+84:at+84], b[at+85:]...) }, apierror.IncompleteBody},
		{"no signature", streamingSigned, func(b []byte) []byte { return swap(b, ";chunk-signature=", ";chunk-signaturf=") }, apierror.IncompleteBody},
		{"a signature where there is none", streamingTrailer, func(b []byte) []byte { return swap(b, "2000\r\n", "2000;chunk-signature="+emptySHA256+"\r\n") }, apierror.IncompleteBody},
		{"a size that is none", "", func(b []byte) []byte { b[2] = 'g'; return b }, apierror.IncompleteBody},
		{"a negative size", "", func(b []byte) []byte { b[0] = '-'; return b }, apierror.IncompleteBody},
		{"no size", "", func(b []byte) []byte { return b[4:] }, apierror.IncompleteBody},
		{"a huge size", "", func(b []byte) []byte { return append([]byte("7fffffffffff"), b...) }, apierror.IncompleteBody},
		{"a size beyond all numbers", "", func(b []byte) []byte { return append([]byte("ffffffffffff"), b...) }, apierror.IncompleteBody},
		{"a long line", "", func(b []byte) []byte { return append(bytes.Repeat([]byte("0"), 1000), b...) }, apierror.IncompleteBody},
		{"a line without end", "", func(b []byte) []byte { return bytes.Repeat([]byte("0"), 100000) }, apierror.IncompleteBody},
		{"more after the end", streamingSigned, func(b []byte) []byte { return append(b, "more\r\n\r\n"...) }, apierror.IncompleteBody},
		{"trailers that nobody signs", streamingSigned, func(b []byte) []byte { return append(last(b, 2), "x-amz-checksum-crc32:AAAAAA==\r\n\r\n"...) }, apierror.IncompleteBody},
		{"a trailer's value", streamingSignedTrailer, func(b []byte) []byte { return swap(b, "crc32:AAAAAA", "crc32:AAAAAB") }, apierror.SignatureDoesNotMatch},
		{"the trailers' signature", streamingSignedTrailer, func(b []byte) []byte { b[len(b)-10] = 'X'; return b }, apierror.SignatureDoesNotMatch},
		{"no signature of trailers", streamingSignedTrailer, func(b []byte) []byte { return append(last(b, 92), "\r\n"...) }, apierror.MalformedTrailer},
		{"two signatures of trailers", streamingSignedTrailer, func(b []byte) []byte { return append(last(b, 2), b[len(b)-92:]...) }, apierror.MalformedTrailer},
		{"a trailer of another name", streamingSignedTrailer, func(b []byte) []byte { return swap(b, "x-amz-checksum-crc32:", "x-amz-checksum-crc33:") }, apierror.MalformedTrailer},
		{"a trailer of another name, unsigned", streamingTrailer, func(b []byte) []byte { return swap(b, "x-amz-checksum-crc32:", "x-amz-checksum-crc33:") }, apierror.MalformedTrailer},
		{"no trailer", streamingTrailer, func(b []byte) []byte { return swap(b, "x-amz-checksum-crc32:AAAAAA==\r\n", "") }, apierror.MalformedTrailer},
		{"a trailer without a name", streamingTrailer, func(b []byte) []byte { return swap(b, "x-amz-checksum-crc32:", ":") }, apierror.MalformedTrailer},
		{"a trailer without a colon", streamingTrailer, func(b []byte) []byte { return swap(b, "crc32:", "crc32") }, apierror.MalformedTrailer},
		{"a trailer twice", streamingTrailer, func(b []byte) []byte { return append(last(b, 2), "x-amz-checksum-crc32:AAAAAA==\r\n\r\n"...) }, apierror.MalformedTrailer},
		{"endless trailers", streamingTrailer, func(b []byte) []byte { return append(last(b, 2), bytes.Repeat([]byte("\r\n"), maxTrailers)...) }, apierror.IncompleteBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, payload := range []string{streamingSigned, streamingSignedTrailer, streamingTrailer} {
				if c.payload != "" && c.payload != payload {
					continue
				}
				sent := trailers
				if payload == streamingSigned {
					sent = nil
				}
				drain(t, len(data), c.code, func() *http.Request {
					return chunkedRequest(payload, len(data), sent, func(seed string) []byte {
						return c.change(newChunking(payload, seed, sent).encode(data, 8192))
					})
				})
			}
		})
	}
}

// A declared length that is another is an incomplete body that tells both.
func TestDecodedLength(t *testing.T) {
	for _, kind := range chunkedKinds {
		for _, declared := range []int{0, 9999, 10001, 50000} {
			e := drain(t, 0, apierror.IncompleteBody, func() *http.Request {
				return chunkedRequest(kind.payload, declared, kind.trailers, func(seed string) []byte {
					return newChunking(kind.payload, seed, kind.trailers).encode(make([]byte, 10000), 10000)
				})
			})
			if detail(t, e, "NumberBytesExpected") != strconv.Itoa(declared) || detail(t, e, "NumberBytesProvided") != "10000" {
				t.Errorf("%v", e.Details)
			}
		}
	}
	for _, value := range []string{"", "abc", "-1", "99999999999999999999"} {
		r, _ := http.NewRequest("PUT", "http://s3.example.com/bucket/key", strings.NewReader("0\r\n\r\n"))
		r.Header.Set("X-Amz-Decoded-Content-Length", value)
		Sign(r, exampleCred, "us-east-1", streamingTrailer, exampleTime)
		_, err := exampleVerifier().Verify(r)
		refused(t, err, apierror.MissingContentLength)
	}
}

// Only the last chunk may be small. S3 counts the chunk after the one that is too small.
func TestSmallChunks(t *testing.T) {
	for _, kind := range chunkedKinds {
		e := drain(t, 30000, apierror.InvalidChunkSize, func() *http.Request {
			return chunkedRequest(kind.payload, 30000, kind.trailers, func(seed string) []byte {
				c := newChunking(kind.payload, seed, kind.trailers)
				c.chunk(make([]byte, 8192))
				c.chunk(make([]byte, 8191))
				return c.encode(make([]byte, 30000-8192-8191), 30000)
			})
		})
		if e.Status != 403 || detail(t, e, "Chunk") != "3" || detail(t, e, "BadChunkSize") != "8191" {
			t.Errorf("%d %v", e.Status, e.Details)
		}
	}
}

func TestTrailersThatAreNotSupported(t *testing.T) {
	r := chunkedRequest(streamingTrailer, 0, []string{"x-amz-meta-a:b"}, func(string) []byte { return nil })
	_, err := exampleVerifier().Verify(r)
	refused(t, err, apierror.InvalidRequest)
}

// A connection that breaks is the connection's error.
func TestBrokenConnection(t *testing.T) {
	broken := errors.New("reset by peer")
	for _, kind := range chunkedKinds {
		r := chunkedRequest(kind.payload, 20000, kind.trailers, func(seed string) []byte {
			return newChunking(kind.payload, seed, kind.trailers).encode(make([]byte, 20000), 10000)
		})
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, 15000), iotest.ErrReader(broken)))
		res := verify(t, exampleVerifier(), r)
		if _, err := readAll(res.Body); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	}
}

// The memory of a body is bounded, whatever its chunks say.
func TestMemoryOfChunks(t *testing.T) {
	const size = 1 << 40
	line := fmt.Sprintf("%x\r\n", size)
	r := chunkedRequest(streamingTrailer, size, nil, func(string) []byte { return nil })
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(line), io.LimitReader(zeros{}, 64<<20)))
	res := verify(t, exampleVerifier(), r)
	buf := make([]byte, 32<<10)
	allocs := testing.AllocsPerRun(1, func() {
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{res.Body}, buf)
		if n != 64<<20 && n != 0 || err == nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if allocs > 100 {
		t.Errorf("%v allocations", allocs)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
