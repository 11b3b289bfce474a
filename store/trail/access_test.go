package trail

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// accessCases are records, one of each shape that logs have. Their lines are the golden file.
func accessCases() []AccessRecord {
	const owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
	at := time.Date(2019, 2, 6, 0, 0, 38, 0, time.UTC)
	request := AccessRecord{
		Owner: owner, Bucket: "amzn-s3-demo-bucket1", Time: at, RemoteIP: "192.0.2.3", Requester: owner, RequestID: "3E57427F3EXAMPLE",
		Operation: "REST.GET.VERSIONING", RequestURI: "GET /amzn-s3-demo-bucket1?versioning HTTP/1.1", Status: 200, BytesSent: 113,
		ObjectSize: -1, Total: 7 * time.Millisecond, TurnAround: -1, UserAgent: "S3Console/0.4",
		HostID: "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234=", Signature: "SigV4",
		Cipher: CipherName("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), AuthType: "AuthHeader", Host: "amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com", TLS: "TLSv1.2",
	}
	point := request
	point.AccessPoint, point.ACLRequired = "arn:aws:s3:us-west-1:123456789012:accesspoint/example-AP", true
	failed := request
	failed.Operation, failed.RequestURI = "REST.GET.BUCKETPOLICY", "GET /amzn-s3-demo-bucket1?policy HTTP/1.1"
	failed.Status, failed.ErrorCode, failed.BytesSent = 404, "NoSuchBucketPolicy", 297
	put := request
	put.Operation, put.Key, put.RequestURI = "REST.PUT.OBJECT", "s3-dg.pdf", "PUT /amzn-s3-demo-bucket1/s3-dg.pdf HTTP/1.1"
	put.BytesSent, put.ObjectSize, put.Total, put.TurnAround = 0, 4406583, 41754*time.Millisecond, 28*time.Millisecond
	anonymous := request
	anonymous.Requester, anonymous.Signature, anonymous.AuthType, anonymous.Cipher, anonymous.TLS = "", "", "", "", ""
	anonymous.Operation, anonymous.Key = "REST.GET.OBJECT", "photos/2019/08/ä puppy+\".jpg"
	anonymous.RequestURI = `GET /b/p"uppy.jpg?x-user=johndoe HTTP/1.1`
	anonymous.Referer, anonymous.UserAgent = "http://www.amazon.com/webservices", "a\" 200 - \"b\x01\u00e9"
	batch := request
	batch.Operation, batch.Key, batch.RequestURI, batch.Status = LogBatchDelete, "test", "", 204
	batch.BytesSent, batch.ObjectSize, batch.Total, batch.UserAgent = 0, 1, -1, ""
	expired := AccessRecord{Owner: owner, Bucket: "b", Time: at, Requester: "AmazonS3", RequestID: "1", Operation: LogExpire, Key: "k",
		ObjectSize: 5, Total: -1, TurnAround: -1, VersionID: "v"}
	mount := AccessRecord{Owner: owner, Bucket: "b", Time: at, Requester: owner, RequestID: "2", Operation: LogDoor("REST.PUT.OBJECT", "mount"),
		Key: "d/k", ObjectSize: -1, Total: -1, TurnAround: -1, UserAgent: "cp (pid 9, uid 7, gid 8)"}
	return []AccessRecord{request, point, failed, put, anonymous, batch, expired, mount, {ObjectSize: 0}}
}

func TestAccessLines(t *testing.T) {
	var b []byte
	for _, r := range accessCases() {
		b = append(r.AppendLine(b), '\n')
	}
	golden := filepath.Join("testdata", "access.log")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf("the lines are\n%s\nand should be\n%s", b, want)
	}
}

// splitLine takes a line apart as programs that read access logs do: at spaces, but for those
// in the brackets of the time and in quotation marks.
func splitLine(line string) (fields []string) {
	for line != "" {
		end := " "
		switch {
		case line[0] == '"':
			end = `" `
		case line[0] == '[' && len(fields) == 2:
			end = "] "
		}
		at := strings.Index(line+" ", end)
		if at < 0 {
			return nil
		}
		if end == `" ` {
			at = 1 + strings.Index(line[1:]+" ", end)
		}
		field := line[:min(at+len(end)-1, len(line))]
		fields = append(fields, field)
		line = line[min(len(field)+1, len(line)):]
	}
	return fields
}

// FuzzAccessLine puts any bytes where callers put theirs: it is one line of 27 fields, and the
// fields behind are as they were.
func FuzzAccessLine(f *testing.F) {
	f.Add("k", "GET / HTTP/1.1", "agent", "ref", "host")
	f.Add("k", "GET / HTTP/1.1", "", "", "[::1]:9000")
	f.Add("\n", "\" \" - \x00", "\"", "\r\n", " ")
	f.Fuzz(func(t *testing.T, key, uri, agent, referer, host string) {
		r := AccessRecord{Owner: "o", Bucket: "b", Key: key, RequestURI: uri, UserAgent: agent, Referer: referer, Host: host, VersionID: "v", ObjectSize: 7}
		line := string(r.AppendLine(nil))
		if strings.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("%q is more than a line", line)
		}
		if fields := splitLine(line); len(fields) != 27 || fields[12] != "7" || fields[17] != "v" || fields[26] != "-" {
			t.Fatalf("%q has %d fields: %q", line, len(fields), fields)
		}
		if secret := "SECRET"; !strings.Contains(uri, secret) {
			target := "/b/k?" + uri + "&X-Amz-%53ignature=" + secret + "&X-Amz-Security-Token=" + secret + "&Signature=" + secret + "&x-user=" + "me"
			if got := Redact(target); strings.Contains(got, secret) || !strings.HasSuffix(got, "&x-user=me") {
				t.Fatalf("%q became %q", target, got)
			}
		}
		_ = Redact(uri)
	})
}

func TestLogKeys(t *testing.T) {
	delivered, day := time.Date(2026, 11, 27, 13, 5, 9, 0, time.UTC), time.Date(2026, 11, 26, 23, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		p    Partition
		want string
	}{
		{PrefixUnsaid, "l/2026-11-27-13-05-09-00000000000000AB"},
		{SimplePrefix, "l/2026-11-27-13-05-09-00000000000000AB"},
		{PartitionEvent, "l/123456789012/us-east-1/src/2026/11/26/2026-11-26-00-00-00-00000000000000AB"},
		{PartitionUnsaid, "l/123456789012/us-east-1/src/2026/11/26/2026-11-26-00-00-00-00000000000000AB"},
		{PartitionDelivery, "l/123456789012/us-east-1/src/2026/11/27/2026-11-27-13-05-09-00000000000000AB"},
	} {
		p := LogPlace{Prefix: "l/", Partition: c.p, Account: "123456789012", Region: "us-east-1", Bucket: "src"}
		if got := p.key(delivered, day, 0xab); got != c.want {
			t.Errorf("%d: %s, want %s", c.p, got, c.want)
		}
	}
	for _, of := range []bool{false, true} {
		at, delivery := SplitLogNumber(LogNumber(day, of))
		if !at.Equal(day) || delivery != of {
			t.Errorf("%v %v", at, delivery)
		}
	}
}

func TestLogOperations(t *testing.T) {
	for name, want := range map[string]string{
		"GetBucketLogging": "REST.GET.LOGGING_STATUS", "PutBucketLogging": "REST.PUT.LOGGING_STATUS", "GetBucketAcl": "REST.GET.ACL",
		"PutObjectAcl": "REST.PUT.ACL", "DeleteBucketPolicy": "REST.DELETE.BUCKETPOLICY", "GetBucketPolicyStatus": "REST.GET.POLICY_STATUS",
		"PutBucketLifecycleConfiguration": "REST.PUT.LIFECYCLE", "DeleteBucketLifecycle": "REST.DELETE.LIFECYCLE",
		"ListBucketAnalyticsConfigurations": "REST.GET.ANALYTICS", "GetBucketIntelligentTieringConfiguration": "REST.GET.INTELLIGENT_TIERING",
		"GetBucketAccelerateConfiguration": "REST.GET.ACCELERATE", "ListBuckets": "", "nonsense": "",
	} {
		if got := LogOperation(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
