package sigv4

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The examples of sigv4-auth-using-authorization-header.
func TestExamplesOfTheHeader(t *testing.T) {
	const empty = emptySHA256
	for _, c := range []struct {
		name, method, url, body   string
		header                    []string
		signed, payload, signture string
	}{
		{"GET Object", "GET", "http://examplebucket.s3.amazonaws.com/test.txt", "", []string{"Range", "bytes=0-9"},
			"host;range;x-amz-content-sha256;x-amz-date", empty, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"PUT Object", "PUT", "http://examplebucket.s3.amazonaws.com/test$file.text", "Welcome to Amazon S3.",
			[]string{"Date", "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class", "REDUCED_REDUNDANCY"},
			"date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
		{"GET Bucket Lifecycle", "GET", "http://examplebucket.s3.amazonaws.com/?lifecycle", "", nil,
			"host;x-amz-content-sha256;x-amz-date", empty, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"List Objects", "GET", "http://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", "", nil,
			"host;x-amz-content-sha256;x-amz-date", empty, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.method, c.url, c.body, append(c.header,
				"X-Amz-Date", "20130524T000000Z", "X-Amz-Content-Sha256", c.payload,
				"Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="+c.signed+",Signature="+c.signture)...)
			res := verify(t, exampleVerifier(), r)
			if res.Kind != Header || res.Credential.Who != "alice" || !res.Signed.Equal(exampleTime) || res.SignedHeaders != c.signed {
				t.Errorf("%+v", res)
			}
			if got, err := readAll(res.Body); err != nil || string(got) != c.body {
				t.Errorf("%q, %v", got, err)
			}
			if res.Size != int64(len(c.body)) || res.PayloadSHA256 != c.payload {
				t.Errorf("%+v", res)
			}
		})
	}
}

// The example of sigv4-query-string-auth.
func TestExampleOfTheQuery(t *testing.T) {
	const url = "http://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	v := verifierAt(exampleTime.Add(23 * time.Hour))
	if res := verify(t, v, request("GET", url, "")); res.Kind != Query || res.Hoisted != nil {
		t.Errorf("%+v", res)
	}
	u := URL{
		Endpoint: "http://s3.amazonaws.com", VirtualHost: true, Region: "us-east-1",
		Bucket: "examplebucket", Key: "test.txt", Expires: 24 * time.Hour,
	}
	if got, err := u.Presign(exampleCred, exampleTime); err != nil || got != url {
		t.Errorf("%s, %v", got, err)
	}
}

// The example of sigv4-streaming.
func TestExampleOfChunks(t *testing.T) {
	const seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
	body := "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
	c := chunking{cred: exampleCred, region: "us-east-1", now: exampleTime, seed: seed}
	if string(c.encode([]byte(strings.Repeat("a", 66560)), 65536)) != body {
		t.Error("the tests' own chunks are others")
	}
	res := verify(t, exampleVerifier(), chunkExample(body, seed))
	if res.Size != 66560 || !res.Chunked {
		t.Errorf("%+v", res)
	}
	got, err := readAll(res.Body)
	if err != nil || string(got) != strings.Repeat("a", 66560) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func chunkExample(body, seed string) *http.Request {
	return request("PUT", "http://s3.amazonaws.com/examplebucket/chunkObject.txt", body,
		"X-Amz-Date", "20130524T000000Z", "X-Amz-Storage-Class", "REDUCED_REDUNDANCY",
		"X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "Content-Encoding", "aws-chunked",
		"X-Amz-Decoded-Content-Length", "66560", "Content-Length", "66824",
		"Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature="+seed)
}

// The example of sigv4-streaming-trailers.
func TestExampleOfTrailers(t *testing.T) {
	const seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
	body := "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n" +
		"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
	r := request("PUT", "http://s3.amazonaws.com/examplebucket/chunkObject.txt", body,
		"X-Amz-Date", "20130524T000000Z", "X-Amz-Storage-Class", "REDUCED_REDUNDANCY",
		"X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "Content-Encoding", "aws-chunked",
		"X-Amz-Decoded-Content-Length", "66560", "X-Amz-Trailer", "x-amz-checksum-crc32c",
		"Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,Signature="+seed)
	res := verify(t, exampleVerifier(), r)
	buf := make([]byte, 66560)
	if res.Trailer() != nil {
		t.Error("trailers before the end")
	}
	if _, err := io.ReadFull(res.Body, buf); err != nil {
		t.Fatal(err)
	}
	if n, err := res.Body.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	if got := res.Trailer().Get("X-Amz-Checksum-Crc32c"); got != "sOO8/Q==" || len(res.Trailer()) != 1 {
		t.Errorf("%v", res.Trailer())
	}
}

// The examples of RESTAuthentication.
func TestExamplesOfV2(t *testing.T) {
	v := exampleVerifier()
	v.Bucket = func(host string) string {
		if host == "static.example.com:8080" {
			return "static.example.com"
		}
		bucket, ok := strings.CutSuffix(host, ".us-west-1.s3.amazonaws.com")
		if !ok {
			return ""
		}
		return bucket
	}
	for _, c := range []struct {
		method, url string
		header      []string
		signature   string
	}{
		{"GET", "http://awsexamplebucket1.us-west-1.s3.amazonaws.com/photos/puppy.jpg",
			[]string{"Date", "Tue, 27 Mar 2007 19:36:42 +0000"}, "qgk2+6Sv9/oM7G3qLEjTH1a1l1g="},
		{"PUT", "http://awsexamplebucket1.us-west-1.s3.amazonaws.com/photos/puppy.jpg",
			[]string{"Content-Type", "image/jpeg", "Date", "Tue, 27 Mar 2007 21:15:45 +0000"}, "iqRzw+ileNPu1fhspnRs8nOjjIA="},
		{"GET", "http://awsexamplebucket1.us-west-1.s3.amazonaws.com/?prefix=photos&max-keys=50&marker=puppy",
			[]string{"Date", "Tue, 27 Mar 2007 19:42:41 +0000"}, "m0WP8eCtspQl5Ahe6L1SozdX9YA="},
		{"GET", "http://awsexamplebucket1.us-west-1.s3.amazonaws.com/?acl",
			[]string{"Date", "Tue, 27 Mar 2007 19:44:46 +0000"}, "82ZHiFIjc+WbcwFKGUVEQspPn+0="},
		{"PUT", "http://static.example.com:8080/db-backup.dat.gz", []string{
			"Date", "Tue, 27 Mar 2007 21:06:08 +0000", "X-Amz-Acl", "public-read", "Content-Type", "application/x-download",
			"Content-Md5", "4gJE4saaMU4BqNR0kLY+lw==", "X-Amz-Meta-ReviewedBy", "joe@example.com,jane@example.com",
			"X-Amz-Meta-FileChecksum", "0x02661779", "X-Amz-Meta-ChecksumAlgorithm", "crc32",
			"Content-Disposition", "attachment; filename=database.dat", "Content-Encoding", "gzip"}, "jtBQa0Aq+DkULFI8qrpwIjGEx0E="},
	} {
		r := request(c.method, c.url, "", append(c.header, "Authorization", "AWS AKIAIOSFODNN7EXAMPLE:"+c.signature)...)
		date, _ := parseTime(r.Header.Get("Date"))
		v.Now = func() time.Time { return date }
		if res := verify(t, v, r); res.Kind != HeaderV2 || res.Credential.Who != "alice" {
			t.Errorf("%+v", res)
		}
	}
}
