package clients

import (
	_ "embed"
	"encoding/json"
	"strings"
	"testing"
)

//go:embed testdata/iam_client.py
var iamBoto3 string

func TestBoto3Identities(t *testing.T) {
	need(t, "/usr/bin/python3")
	r := newRig(t)
	r.write("client.py", iamBoto3)
	t.Log(r.run("/usr/bin/python3", "client.py"))
}

// TestAWSIdentities is the administrator's first day, with AWS's command line.
func TestAWSIdentities(t *testing.T) {
	need(t, "aws")
	r := newRig(t)
	read := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::photos","arn:aws:s3:::photos/*"]}]}`
	r.write("read.json", read)
	r.write("v", "one")
	r.aws("s3", "mb", "s3://photos")
	r.aws("s3", "cp", "v", "s3://photos/v")
	says := func(want string, args ...string) string {
		t.Helper()
		out := r.aws(args...)
		if !strings.Contains(out, want) {
			t.Errorf("aws %q: %s\nit should say %q", args, out, want)
		}
		return out
	}
	says(`"Arn": "arn:aws:iam::000000000000:root"`, "sts", "get-caller-identity")
	says(`"UserId": "AIDA`, "iam", "create-user", "--user-name", "alice")
	says("arn:aws:iam::000000000000:policy/read", "iam", "create-policy", "--policy-name", "read", "--policy-document", "file://read.json")
	r.aws("iam", "create-group", "--group-name", "readers")
	r.aws("iam", "attach-group-policy", "--group-name", "readers", "--policy-arn", "arn:aws:iam::000000000000:policy/read")
	r.aws("iam", "add-user-to-group", "--group-name", "readers", "--user-name", "alice")
	var made struct {
		AccessKey struct{ AccessKeyId, SecretAccessKey string }
	}
	if err := json.Unmarshal([]byte(r.aws("iam", "create-access-key", "--user-name", "alice", "--output", "json")), &made); err != nil {
		t.Fatal(err)
	}
	r.write(".aws/credentials", "[alice]\naws_access_key_id = "+made.AccessKey.AccessKeyId+"\naws_secret_access_key = "+made.AccessKey.SecretAccessKey+"\n")
	says("user/alice", "--profile", "alice", "sts", "get-caller-identity")
	says("v", "--profile", "alice", "s3", "ls", "s3://photos/")
	r.fails("AccessDenied", "aws", "--endpoint-url", r.endpoint, "--profile", "alice", "s3", "cp", "v", "s3://photos/w")
	r.fails("AccessDenied", "aws", "--endpoint-url", r.endpoint, "--profile", "alice", "iam", "list-users")
	says(`"allowed"`, "iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::000000000000:user/alice", "--action-names", "s3:GetObject", "--resource-arns", "arn:aws:s3:::photos/v")
	says(`"implicitDeny"`, "iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::000000000000:user/alice", "--action-names", "s3:PutObject", "--resource-arns", "arn:aws:s3:::photos/v")
	r.aws("iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", "phone", "--outfile", "qr.png", "--bootstrap-method", "QRCodePNG")
	if !strings.HasPrefix(r.read("qr.png"), "\x89PNG") {
		t.Errorf("the QR code is %.20q", r.read("qr.png"))
	}
	r.aws("iam", "remove-user-from-group", "--group-name", "readers", "--user-name", "alice")
	r.fails("(403) when calling the HeadObject", "aws", "--endpoint-url", r.endpoint, "--profile", "alice", "s3", "cp", "s3://photos/v", "back")
	r.fails("NoSuchEntity", "aws", "--endpoint-url", r.endpoint, "iam", "get-user", "--user-name", "carol")
	r.fails("MissingAuthenticationToken", "curl", "-s", "--fail-with-body", "-d", "Action=ListUsers&Version=2010-05-08", r.endpoint+"/")
	r.fails("MissingAuthenticationToken", "curl", "-s", "--fail-with-body", r.endpoint+"/?Action=GetCallerIdentity&Version=2011-06-15")
	if out := r.run("curl", "-s", "--aws-sigv4", "aws:amz:us-east-1:sts", "-u", accessKey+":"+secretKey, "-d", "Action=GetCallerIdentity&Version=2011-06-15", r.endpoint+"/"); !strings.Contains(out, "<Arn>arn:aws:iam::000000000000:root</Arn>") {
		t.Errorf("curl: %s", out)
	}
}
