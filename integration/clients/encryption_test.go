package clients

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata/encryption_client.py
var encryptionBoto3 string

// overTLS serves a store over HTTPS, for clients that are told of its authority.
func overTLS(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, "--tls-self-signed")
	r.endpoint = "https://" + r.host
	ca := filepath.Join(r.store, "tls", "ca.pem")
	if _, err := os.Stat(ca); err != nil {
		t.Fatal(err)
	}
	r.more = append(r.more, "CA="+ca, "AWS_CA_BUNDLE="+ca)
	return r
}

func TestBoto3Encryption(t *testing.T) {
	need(t, "/usr/bin/python3")
	r := overTLS(t)
	r.write("client.py", encryptionBoto3)
	t.Log(r.run("/usr/bin/python3", "client.py"))
}

// TestAWSEncryption has aws put and read objects in each mode.
func TestAWSEncryption(t *testing.T) {
	need(t, "aws")
	r := overTLS(t)
	body := noise(9 << 20)
	r.write("body", body)
	r.write("key", noise(32))
	r.write("other", noise(32))
	id := strings.TrimSpace(r.aws("kms", "create-key", "--query", "KeyMetadata.KeyId", "--output", "text"))
	r.aws("kms", "create-alias", "--alias-name", "alias/photos", "--target-key-id", id)
	r.aws("s3", "mb", "s3://photos")
	for name, c := range map[string]struct{ write, read []string }{
		"s3":  {[]string{"--sse", "AES256"}, nil},
		"kms": {[]string{"--sse", "aws:kms", "--sse-kms-key-id", "alias/photos"}, nil},
		"c":   {[]string{"--sse-c", "AES256", "--sse-c-key", "fileb://key"}, []string{"--sse-c", "AES256", "--sse-c-key", "fileb://key"}},
	} {
		r.aws(append([]string{"s3", "cp", "body", "s3://photos/" + name}, c.write...)...)
		r.aws(append([]string{"s3", "cp", "s3://photos/" + name, "back"}, c.read...)...)
		if r.read("back") != body {
			t.Errorf("%s comes back as something else", name)
		}
	}
	r.aws("s3", "cp", "s3://photos/c", "s3://photos/copy", "--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", "fileb://key", "--sse", "aws:kms", "--sse-kms-key-id", id)
	r.aws("s3", "cp", "s3://photos/copy", "back")
	if r.read("back") != body {
		t.Error("the copy comes back as something else")
	}
	r.fails("(400) when calling the HeadObject", "aws", "--endpoint-url", r.endpoint, "s3", "cp", "s3://photos/c", "no")
	r.fails("(403) when calling the HeadObject", "aws", "--endpoint-url", r.endpoint, "s3", "cp", "s3://photos/c", "no", "--sse-c", "AES256", "--sse-c-key", "fileb://other")
	r.aws("kms", "schedule-key-deletion", "--key-id", id, "--pending-window-in-days", "7")
	r.fails("KMS.KMSInvalidStateException", "aws", "--endpoint-url", r.endpoint, "s3api", "get-object", "--bucket", "photos", "--key", "kms", "no")
}
