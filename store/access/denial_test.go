package access

import (
	"testing"
)

// TestDenial has the phrases of "Troubleshoot access denied error messages" of the IAM User Guide.
func TestDenial(t *testing.T) {
	allow := func(kind Kind, action string) *Policy {
		return mustParse(t, kind, `{"Statement": {"Effect": "Allow", "Action": "`+action+`", "Resource": "*"}}`)
	}
	deny := func(kind Kind) *Policy {
		principal, action := "", "*"
		if kind.row().principal {
			principal = `"Principal": "*", `
		}
		return mustParse(t, kind, `{"Statement": {"Effect": "Deny", `+principal+`"Action": "`+action+`", "Resource": "*"}}`)
	}
	trust := mustParse(t, TrustPolicy, `{"Statement": {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole"}}`)
	public := mustParse(t, BucketPolicy, `{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}}`)
	read := ` is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::bucket/k" `
	alice, session := "User: arn:aws:iam::111122223333:user/alice", "User: arn:aws:sts::111122223333:assumed-role/dev/one"
	for _, c := range []struct {
		caller string
		set    func(*Request)
		want   string
	}{
		{"user/alice", func(r *Request) {}, alice + read + "because no identity-based policy allows the s3:GetObject action"},
		{"anonymous", func(r *Request) {}, "User: anonymous" + read + "because no resource-based policy allows the s3:GetObject action"},
		{"service/logging.s3.amazonaws.com", func(r *Request) {}, "User: logging.s3.amazonaws.com" + read + "because no resource-based policy allows the s3:GetObject action"},
		{"user/alice", func(r *Request) { r.Identity = []*Policy{deny(UserPolicy)} }, alice + read + "with an explicit deny in an identity-based policy"},
		{"user/alice", func(r *Request) { r.Resource.Policy = deny(BucketPolicy) }, alice + read + "with an explicit deny in a resource-based policy"},
		{"user/alice", func(r *Request) { r.Boundary = deny(Boundary) }, alice + read + "with an explicit deny in a permissions boundary"},
		{"role/dev/one", func(r *Request) { r.Session = []*Policy{deny(SessionPolicy)} }, session + read + "with an explicit deny in a session policy"},
		{"user/alice", func(r *Request) {
			r.Identity, r.Boundary = []*Policy{allow(UserPolicy, "*")}, allow(Boundary, "iam:*")
		}, alice + read + "because no permissions boundary allows the s3:GetObject action"},
		{"role/dev/one", func(r *Request) {
			r.Identity, r.Session = []*Policy{allow(RolePolicy, "*")}, []*Policy{allow(SessionPolicy, "iam:*")}
		}, session + read + "because no session policy allows the s3:GetObject action"},
		{"444455556666:root", func(r *Request) {}, "User: arn:aws:iam::444455556666:root" + read + "because no resource-based policy allows the s3:GetObject action"},
		{"user/alice", func(r *Request) {
			r.Identity, r.Action = []*Policy{allow(UserPolicy, "*")}, "sts:AssumeRole"
			r.Resource = Resource{ARN: "arn:aws:iam::111122223333:role/dev", Owner: testAccount(ours), Policy: trust, MustAllow: true}
		}, alice + ` is not authorized to perform: sts:AssumeRole on resource: "arn:aws:iam::111122223333:role/dev" because no role trust policy allows the sts:AssumeRole action`},
		{"user/alice", func(r *Request) { r.Action, r.Resource.ARN = "s3:ListAllMyBuckets", "*" },
			alice + " is not authorized to perform: s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action"},
		{"anonymous", func(r *Request) { r.Resource.Policy, r.Resource.Block.RestrictPublicBuckets = public, true },
			"User: anonymous" + read + "because public access is prevented by the RestrictPublicBuckets setting in S3 Block Public Access"},
		{"user/alice", func(r *Request) {
			r.Resource.AccessPoint = &AccessPoint{ARN: testPoint, Owner: testAccount(ours), VPC: "vpc-1"}
		},
			alice + read + "because the access point is for another network"},
		{"444455556666:root", func(r *Request) { r.Action, r.Resource.ARN = "s3:GetBucketPolicy", BucketARN(testBucket) },
			`User: arn:aws:iam::444455556666:root is not authorized to perform: s3:GetBucketPolicy on resource: "arn:aws:s3:::bucket" because only the account that owns the bucket may do so`},
	} {
		p, err := testPrincipal(c.caller)
		if err != nil {
			t.Fatal(err)
		}
		r := &Request{Principal: p, Action: "s3:GetObject", Resource: Resource{ARN: ObjectARN(testBucket, "k"), Owner: testAccount(ours), ACLsDisabled: true}}
		c.set(r)
		d := Decide(r)
		if got := d.Denial(r); d.Allowed || got != c.want {
			t.Errorf("%v: %s\nwant %s", d.Allowed, got, c.want)
		}
	}
}
