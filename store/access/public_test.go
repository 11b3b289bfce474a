package access

import (
	"fmt"
	"strings"
	"testing"
)

// TestPublic has the examples and the list of "The meaning of public" in "Blocking public access
// to your Amazon S3 storage" of the Amazon S3 User Guide.
func TestPublic(t *testing.T) {
	everyone := `"*"`
	cases := []struct {
		principal, condition string
		public               bool
	}{
		{everyone, ``, true},
		{`{"AWS": "*"}`, ``, true},
		{`{"AWS": ["111122223333", "*"]}`, ``, true},
		{`{"Federated": "graph.facebook.com"}`, ``, true},
		{`{"AWS": "111122223333"}`, ``, false},
		{`{"AWS": "arn:aws:iam::444455556666:role/dev"}`, ``, false},
		{`{"Service": "cloudtrail.amazonaws.com"}`, ``, false},
		{`{"CanonicalUser": "` + testAccount(theirs).CanonicalID + `"}`, ``, false},
		{everyone, `{"StringLike": {"aws:SourceVpc": "vpc-*"}}`, true},
		{everyone, `{"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}`, false},
		{everyone, `{"StringEquals": {"aws:SourceVpc": ["vpc-1", "vpc-2"]}}`, false},
		{everyone, `{"StringLike": {"aws:SourceVpc": ["vpc-1", "vpc-?"]}}`, true},
		{everyone, `{"StringEquals": {"aws:SourceVpce": "vpce-1"}}`, false},
		{everyone, `{"StringEqualsIgnoreCase": {"aws:SourceVpce": "vpce-1"}}`, false},
		{everyone, `{"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}`, true},
		{everyone, `{"ForAllValues:StringEquals": {"aws:SourceVpce": "vpce-1"}}`, true},
		{everyone, `{"ForAnyValue:StringEquals": {"aws:SourceVpce": "vpce-1"}}`, false},
		{everyone, `{"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}`, true},
		{everyone, `{"Null": {"aws:SourceVpce": "false"}}`, true},
		{everyone, `{"StringEquals": {"aws:SourceVpce": "${aws:username}"}}`, true},
		{everyone, `{"StringEquals": {"aws:SourceAccount": "111122223333"}}`, false},
		{everyone, `{"StringEquals": {"aws:SourceOwner": "111122223333"}}`, false},
		{everyone, `{"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:111122223333:topic"}}`, false},
		{everyone, `{"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:topic"}}`, true},
		{everyone, `{"StringEquals": {"aws:PrincipalAccount": "111122223333"}}`, false},
		{everyone, `{"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/dev"}}`, false},
		{everyone, `{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}`, true},
		{everyone, `{"StringEquals": {"aws:PrincipalServiceName": "logging.s3.amazonaws.com"}}`, false},
		{everyone, `{"StringEquals": {"aws:userid": "AIDAALICE"}}`, false},
		{everyone, `{"StringLike": {"aws:userid": "AROADEV:*"}}`, true},
		{everyone, `{"StringEquals": {"aws:userid": "AROADEV:*"}}`, true},
		{everyone, `{"ArnEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:us-east-1:111122223333:key/1"}}`, false},
		{everyone, `{"StringEquals": {"s3:DataAccessPointAccount": "111122223333"}}`, false},
		{everyone, `{"ArnLike": {"s3:DataAccessPointArn": "arn:aws:s3:us-west-2:123456789012:accesspoint/*"}}`, false},
		{everyone, `{"ArnLike": {"s3:DataAccessPointArn": "arn:aws:s3:us-west-2:*:accesspoint/x"}}`, true},
		{everyone, `{"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}`, false},
		{everyone, `{"IpAddress": {"aws:SourceIp": "11.0.0.0/8"}}`, false},
		{everyone, `{"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}`, true},
		{everyone, `{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "10.0.0.0/7"]}}`, true},
		{everyone, `{"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}`, false},
		{everyone, `{"IpAddress": {"aws:SourceIp": "2001::/16"}}`, true},
		{everyone, `{"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}`, true},
		{everyone, `{"StringEquals": {"aws:SourceIp": "203.0.113.7"}}`, false},
		{everyone, `{"StringLike": {"aws:SourceIp": "*"}}`, true},
		{everyone, `{"Bool": {"aws:SecureTransport": "true"}}`, true},
		{everyone, `{"StringEquals": {"aws:UserAgent": "x"}}`, true},
		{everyone, `{"StringEquals": {"aws:UserAgent": "x", "aws:SourceVpc": "vpc-1"}}`, false},
	}
	for _, c := range cases {
		condition := ""
		if c.condition != "" {
			condition = `, "Condition": ` + c.condition
		}
		text := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": %s, "Action": "s3:PutObject", "Resource": "*"%s}}`, c.principal, condition)
		p := mustParse(t, BucketPolicy, text)
		if p.Public() != c.public {
			t.Errorf("public is %v: %s %s", p.Public(), c.principal, c.condition)
		}
		block := PublicAccessBlock{BlockPublicPolicy: true}
		if err := block.CheckPolicy(p, ""); (err != nil) != c.public || c.public && err.(*Error).Reason != PublicBlocked {
			t.Errorf("BlockPublicPolicy: %v: %s %s", err, c.principal, c.condition)
		}
		if err := block.CheckPolicy(p, "vpc-1"); err != nil {
			t.Errorf("BlockPublicPolicy of an access point of a VPC: %v", err)
		}
		if err := (PublicAccessBlock{}).CheckPolicy(p, ""); err != nil {
			t.Errorf("nothing blocked: %v", err)
		}
		if deny := mustParse(t, BucketPolicy, strings.Replace(text, "Allow", "Deny", 1)); deny.Public() {
			t.Errorf("a Deny is public: %s %s", c.principal, c.condition)
		}
	}
	// The policy of an access point that names access points is public; a bucket's is not.
	text := `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "` + testPoint +
		`/object/*", "Condition": {"ArnLike": {"s3:DataAccessPointArn": "arn:aws:s3:us-west-2:123456789012:accesspoint/*"}}}}`
	if !mustParse(t, AccessPointPolicy, text).Public() {
		t.Error("an access point's policy that names access points is not public")
	}
}

func TestCombine(t *testing.T) {
	for i := range 16 {
		for j := range 16 {
			of := func(bits int) PublicAccessBlock {
				return PublicAccessBlock{bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0}
			}
			if got := of(i).Combine(of(j)); got != of(i|j) {
				t.Errorf("%+v and %+v: %+v", of(i), of(j), got)
			}
		}
	}
}
