package access_test

import (
	"fmt"

	"pail/store/access"
)

// requestContext is how a session may know the keys: what the door said at once, and what
// lies on disk only if a policy asks for it.
type requestContext struct {
	sourceIP string
	tags     func() map[string]string
}

func (c *requestContext) Values(key string) ([]string, bool) {
	switch key {
	case "aws:SourceIp":
		return []string{c.sourceIP}, c.sourceIP != ""
	case "aws:SecureTransport":
		return []string{"true"}, true
	}
	const tag = "s3:ExistingObjectTag/"
	if len(key) > len(tag) && key[:len(tag)] == tag {
		v, ok := c.tags()[key[len(tag):]]
		return []string{v}, ok
	}
	return nil, false
}

// A bucket policy is parsed once, when it is put. Decide and Uniform are asked with it for
// each request.
func ExampleDecide() {
	const owner = "111122223333"
	policy, err := access.Parse(access.BucketPolicy, []byte(`{
		"Version": "2012-10-17",
		"Statement": [
			{"Sid": "Home", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
			 "Resource": "arn:aws:s3:::photos/${aws:username}/*"},
			{"Sid": "Secret", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
			 "Resource": "arn:aws:s3:::photos/${aws:username}/private/*",
			 "Condition": {"StringEquals": {"s3:ExistingObjectTag/class": "secret"}}}
		]}`), access.Options{Bucket: "photos"})
	if err != nil {
		fmt.Println(err)
		return
	}
	account := access.Account{ID: owner}
	r := access.Request{
		Principal: access.Principal{Kind: access.User, Account: account, ARN: "arn:aws:iam::" + owner + ":user/alice", ID: "AIDAALICE", Name: "alice"},
		Action:    "s3:GetObject",
		Resource:  access.Resource{ARN: access.ObjectARN("photos", "alice/private/1.jpg"), Owner: account, Policy: policy, ACLsDisabled: true},
		Context:   &requestContext{sourceIP: "192.0.2.1", tags: func() map[string]string { return map[string]string{"class": "secret"} }},
	}
	d := access.Decide(&r)
	fmt.Println(d)
	fmt.Println(d.Denial(&r))
	for _, prefix := range []string{"alice/public/", "alice/private/", "bob/"} {
		r.Resource.ARN = access.ObjectARN("photos", prefix)
		fmt.Println(prefix, access.Uniform(&r) == access.AllAllowed, access.Uniform(&r) == access.AllDenied)
	}
	_, err = access.Parse(access.BucketPolicy, []byte(`{"Version": "2022-10-18", "Statement": []}`), access.Options{Bucket: "photos"})
	fmt.Println(err)
	// Output:
	// denied: an explicit deny (statement "Secret" of the bucket policy)
	// User: arn:aws:iam::111122223333:user/alice is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::photos/alice/private/1.jpg" with an explicit deny in a resource-based policy
	// alice/public/ true false
	// alice/private/ false false
	// bob/ false true
	// The policy must contain a valid version string: "2022-10-18" is none, use "2012-10-17" (or the older "2008-10-17") (Version)
}
