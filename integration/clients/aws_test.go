package clients

import (
	"strings"
	"testing"
)

func (r *rig) aws(args ...string) string {
	r.t.Helper()
	return r.run("aws", append([]string{"--endpoint-url", r.endpoint}, args...)...)
}

func TestAWS(t *testing.T) {
	need(t, "aws")
	r := newRig(t)
	tree := r.tree()
	r.aws("s3", "mb", "s3://photos")
	r.aws("s3", "cp", "--recursive", tree, "s3://photos/"+tree)
	r.aws("s3", "sync", "s3://photos/"+tree, "back")
	r.same(tree, "back")
	if out := r.aws("s3", "sync", tree, "s3://photos/"+tree); strings.Contains(out, "upload") {
		t.Errorf("sync finds something to do: %s", out)
	}
	big := r.write("big", noise(40<<20)) // in parts
	r.aws("s3", "cp", big, "s3://photos/big")
	r.aws("s3", "cp", "s3://photos/big", "s3://photos/copy")
	r.aws("s3", "cp", "s3://photos/copy", "big.back")
	if r.read("big") != r.read("big.back") {
		t.Error("a file in parts comes back as another one")
	}
	if out := r.aws("s3", "ls", "--recursive", "s3://photos/"); strings.Count(out, "\n") != 10 {
		t.Errorf("ls: %s", out)
	}
	r.aws("s3", "mv", "s3://photos/copy", "s3://photos/moved")
	url := strings.TrimSpace(r.aws("s3", "presign", "s3://photos/moved", "--expires-in", "60"))
	r.run("curl", "-sf", "-o", "presigned", url)
	if r.read("presigned") != r.read("big") {
		t.Error("a presigned URL brings something else")
	}
	r.fails("SignatureDoesNotMatch", "curl", "-s", "--fail-with-body", strings.Replace(url, "moved", "big", 1))
	api := func(args ...string) string { t.Helper(); return r.aws(append([]string{"s3api"}, args...)...) }
	api("put-bucket-versioning", "--bucket", "photos", "--versioning-configuration", "Status=Enabled")
	api("put-object", "--bucket", "photos", "--key", "v", "--body", r.write("v1", "one"), "--checksum-algorithm", "SHA256", "--tagging", "a=1&b=2")
	api("put-object", "--bucket", "photos", "--key", "v", "--body", r.write("v2", "two"), "--metadata", "who=me", "--storage-class", "STANDARD_IA")
	id := strings.TrimSpace(api("list-object-versions", "--bucket", "photos", "--prefix", "v", "--query", "Versions[1].VersionId", "--output", "text"))
	api("get-object", "--bucket", "photos", "--key", "v", "--version-id", id, "--checksum-mode", "ENABLED", "old")
	if r.read("old") != "one" {
		t.Errorf("the old version is %q", r.read("old"))
	}
	if tags := api("get-object-tagging", "--bucket", "photos", "--key", "v", "--version-id", id, "--output", "text"); !strings.Contains(tags, "a\t1") {
		t.Errorf("tags %q", tags)
	}
	if head := api("head-object", "--bucket", "photos", "--key", "v"); !strings.Contains(head, `"who": "me"`) || !strings.Contains(head, "STANDARD_IA") {
		t.Errorf("head %s", head)
	}
	r.fails("NoSuchKey", "aws", "--endpoint-url", r.endpoint, "s3api", "get-object", "--bucket", "photos", "--key", "nothing", "x")
	r.fails("BucketNotEmpty", "aws", "--endpoint-url", r.endpoint, "s3", "rb", "s3://photos")
	r.aws("s3", "rm", "--recursive", "s3://photos/")
	if out := r.aws("s3", "ls", "--recursive", "s3://photos/"); out != "" {
		t.Errorf("after rm: %s", out)
	}
}
