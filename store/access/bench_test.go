package access

import (
	"fmt"
	"strings"
	"testing"
)

// benchRequest has ten policies of ten statements, as the issue asks: nine identity policies
// and a bucket policy, with conditions and variables. The statement that allows is the last.
func benchRequest(b testing.TB) *Request {
	r := &Request{Action: "s3:GetObject", Context: ContextMap{
		"aws:SourceIp": {"10.1.2.3"}, "aws:SecureTransport": {"true"}, "aws:UserAgent": {"aws-cli/2"}, "aws:CurrentTime": {"2026-11-27T08:00:00Z"}}}
	r.Principal, _ = testPrincipal("user/alice")
	r.Resource = Resource{ARN: ObjectARN(testBucket, "home/alice/photos/2026/11/picture-0001.jpg"), Owner: testAccount(ours), ACLsDisabled: true}
	for i := range 9 {
		var list []string
		for j := range 10 {
			switch {
			case i == 8 && j == 9:
				list = append(list, `{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::bucket/home/${aws:username}/*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}`)
			case j%5 == 0:
				list = append(list, fmt.Sprintf(`{"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*", "Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringLike": {"aws:UserAgent": "evil-%d*"}}}`, j))
			case j%5 == 1:
				list = append(list, fmt.Sprintf(`{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::other-%d-%d/*"}`, i, j))
			default:
				list = append(list, fmt.Sprintf(`{"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": ["arn:aws:s3:::bucket/team-%d-%d/*", "arn:aws:s3:::bucket/*/x%d"]}`, i, j, j))
			}
		}
		r.Identity = append(r.Identity, mustParse(b, RolePolicy, `{"Version": "2012-10-17", "Statement": [`+strings.Join(list, ",")+`]}`))
	}
	var list []string
	for j := range 10 {
		list = append(list, fmt.Sprintf(`{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/secret-%d/*", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}`, j))
	}
	r.Resource.Policy = mustParse(b, BucketPolicy, `{"Version": "2012-10-17", "Statement": [`+strings.Join(list, ",")+`]}`)
	return r
}

// BenchmarkDecide is the measure: a decision under 5 microseconds.
func BenchmarkDecide(b *testing.B) {
	r := benchRequest(b)
	if d := Decide(r); d.Step != AllowedIdentity {
		b.Fatal(d)
	}
	b.ReportAllocs()
	for b.Loop() {
		Decide(r)
	}
}

// BenchmarkDecideNothing asks for an action that no policy mentions.
func BenchmarkDecideNothing(b *testing.B) {
	r := benchRequest(b)
	r.Action = "iam:CreateUser"
	b.ReportAllocs()
	for b.Loop() {
		Decide(r)
	}
}

// BenchmarkUniform asks for all objects below a prefix.
func BenchmarkUniform(b *testing.B) {
	r := benchRequest(b)
	r.Resource.ARN = ObjectARN(testBucket, "home/alice/photos/")
	if u := Uniform(r); u == AllDenied {
		b.Fatal(u)
	}
	b.ReportAllocs()
	for b.Loop() {
		Uniform(r)
	}
}

// BenchmarkParse compiles a bucket policy of ten statements.
func BenchmarkParse(b *testing.B) {
	text := benchRequest(b).Resource.Policy.Text()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(BucketPolicy, text, fuzzOptions); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDecideAllocates keeps the evaluation from allocating: a variable costs its glob, nothing
// else does.
func TestDecideAllocates(t *testing.T) {
	r := benchRequest(t)
	if n := testing.AllocsPerRun(100, func() { Decide(r) }); n > 1 {
		t.Errorf("a decision allocates %v times", n)
	}
}
