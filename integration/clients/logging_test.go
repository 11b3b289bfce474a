package clients

import (
	"regexp"
	"strings"
	"testing"

	"pail/integration/program"
)

// TestAccessLogs has aws choose where a bucket's access log goes, use the bucket, and read there
// what it has done.
func TestAccessLogs(t *testing.T) {
	need(t, "aws")
	r := newRig(t)
	api := func(args ...string) string { t.Helper(); return r.aws(append([]string{"s3api"}, args...)...) }
	for _, bucket := range []string{"data", "logs"} {
		r.aws("s3", "mb", "s3://"+bucket)
	}
	if out := api("get-bucket-logging", "--bucket", "data"); strings.TrimSpace(out) != "" {
		t.Errorf("of a bucket that does not log: %s", out)
	}
	const status = `{"LoggingEnabled":{"TargetBucket":"logs","TargetPrefix":"l/"}}`
	r.fails("InvalidTargetBucketForLogging", "aws", "--endpoint-url", r.endpoint, "s3api", "put-bucket-logging", "--bucket", "data",
		"--bucket-logging-status", strings.Replace(status, `"logs"`, `"nothing"`, 1))
	api("put-bucket-policy", "--bucket", "logs", "--policy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},`+
		`"Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::data"},"StringEquals":{"aws:SourceAccount":"000000000000"}}}]}`)
	api("put-bucket-logging", "--bucket", "data", "--bucket-logging-status", status)
	got := strings.Join(strings.Fields(api("get-bucket-logging", "--bucket", "data", "--output", "json")), "")
	if !strings.Contains(got, `"TargetPrefix":"l/"`) {
		t.Errorf("%s", got)
	}
	api("put-object", "--bucket", "data", "--key", "a b", "--body", r.write("one", "12345"))
	api("get-object", "--bucket", "data", "--key", "a b", "back")
	r.fails("NoSuchKey", "aws", "--endpoint-url", r.endpoint, "s3api", "get-object", "--bucket", "data", "--key", "nothing", "x")
	r.aws("s3", "cp", "s3://data/a b", "s3://data/copy")
	r.aws("s3", "rm", "--recursive", "s3://data/")
	if out, err := program.Command("--store", r.store, "bucket", "logging", "data", "--deliver").CombinedOutput(); err != nil || strings.Contains(string(out), "failing") {
		t.Fatalf("%v\n%s", err, out)
	}
	r.aws("s3", "sync", "s3://logs/", "delivered")
	log := r.run("sh", "-c", "cat $(find delivered -type f)")
	owner := `[0-9a-f]{64}`
	for _, want := range []string{
		`(?m)^` + owner + ` data \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] \S+ ` + owner + ` [0-9A-F]{16} REST\.PUT\.OBJECT a%20b "PUT /data/a%20b HTTP/1\.1" 200 - - 5 \d+ \d+ "-" "aws-cli[^"]*" - \S+ SigV4 - AuthHeader \S+ - - - -$`,
		`REST\.GET\.OBJECT a%20b "GET /data/a%20b HTTP/1\.1" (200|206) - 5 5 `,
		`REST\.GET\.OBJECT nothing "GET /data/nothing HTTP/1\.1" 404 NoSuchKey \d+ - `,
		`REST\.COPY\.OBJECT copy `, `REST\.COPY\.OBJECT_GET a%20b - 200 - - 5 `,
	} {
		if !regexp.MustCompile(want).MatchString(log) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	api("put-bucket-logging", "--bucket", "data", "--bucket-logging-status", "{}")
	if out := api("get-bucket-logging", "--bucket", "data"); strings.TrimSpace(out) != "" {
		t.Errorf("after its end: %s", out)
	}
}
