package clients

import (
	_ "embed"
	"net/url"
	"strings"
	"testing"
)

//go:embed testdata/points_client.py
var pointsBoto3 string

// proxied makes the server the client's proxy, so that it is found under every name: clients put
// accounts and access points before the endpoint's host, and no resolver knows those here.
func (r *rig) proxied() { r.more = append(r.more, "HTTP_PROXY="+r.endpoint, "http_proxy="+r.endpoint) }

func TestBoto3AccessPoints(t *testing.T) {
	need(t, "/usr/bin/python3")
	r := newRig(t)
	r.proxied()
	r.write("client.py", pointsBoto3)
	t.Log(r.run("/usr/bin/python3", "client.py"))
}

// TestAWSAccessPoints is AWS's command line, with access points by ARN and alias.
func TestAWSAccessPoints(t *testing.T) {
	need(t, "aws")
	r := newRig(t)
	r.proxied()
	r.write("v", "one")
	r.aws("s3", "mb", "s3://photos")
	out := r.aws("s3control", "create-access-point", "--account-id", "000000000000", "--name", "way-in", "--bucket", "photos", "--query", "[AccessPointArn,Alias]", "--output", "text")
	f := strings.Fields(out)
	if len(f) != 2 {
		t.Fatalf("made: %s", out)
	}
	arn, alias := f[0], f[1]
	r.aws("s3", "cp", "v", "s3://"+arn+"/a")
	r.aws("s3", "cp", "s3://"+arn+"/a", "s3://"+arn+"/b")
	r.aws("s3", "cp", "s3://"+alias+"/b", "back")
	if got := r.read("back"); got != "one" {
		t.Errorf("what comes back is %q", got)
	}
	if out := r.aws("s3", "ls", "s3://"+alias+"/"); strings.Count(out, "\n") != 2 {
		t.Errorf("ls: %s", out)
	}
	for what, want := range map[string]string{"get-access-point": `"NetworkOrigin": "Internet"`, "list-access-points": alias, "get-public-access-block": "NoSuchPublicAccessBlockConfiguration"} {
		args := []string{"--endpoint-url", r.endpoint, "s3control", what, "--account-id", "000000000000"}
		if what == "get-access-point" {
			args = append(args, "--name", "way-in")
		}
		if out, _ := r.try("aws", args...); !strings.Contains(out, want) {
			t.Errorf("%s: %s; it should have %s", what, out, want)
		}
	}
	// curl, with the ARN in the path, and without a proxy.
	r.more = nil
	sigv4 := []string{"-s", "--fail-with-body", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u", accessKey + ":" + secretKey, "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"}
	if out := r.run("curl", append(sigv4, r.endpoint+"/"+url.QueryEscape(arn)+"/a")...); out != "one" {
		t.Errorf("curl: %s", out)
	}
	if out := r.run("curl", append(sigv4, "-H", "x-amz-account-id: 000000000000", r.endpoint+"/v20180820/accesspoint/way-in")...); !strings.Contains(out, "<Bucket>photos</Bucket>") {
		t.Errorf("curl: %s", out)
	}
	r.proxied()
	r.fails("BucketHasAccessPointsAttached", "aws", "--endpoint-url", r.endpoint, "s3api", "delete-bucket", "--bucket", "photos")
	r.aws("s3control", "delete-access-point", "--account-id", "000000000000", "--name", "way-in")
	r.aws("s3", "rb", "--force", "s3://photos")
}
