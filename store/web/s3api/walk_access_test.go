package s3api

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pail/store"
	"pail/store/access"
)

// Pages about who may do what.
const (
	ownershipPage = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-ownership-error-responses.html"
	blockPage     = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"
	aclPage       = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html"
)

const blockDocument = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>"

// withACLs has the stroll's bucket have ACLs; public says that they may be public ones.
func (s *stroll) withACLs(public bool) {
	s.t.Helper()
	err := s.w.se.SetOwnership(s.t.Context(), s.bucket, store.OwnerWriter)
	if err == nil {
		err = s.w.se.SetPublicAccess(s.t.Context(), s.bucket, store.PublicAccess{BlockPublicAcls: !public})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// policyDocument lets somebody read the stroll's bucket.
func (s *stroll) policyDocument(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::` + s.bucket + `/*"}]}`
}

const ownAccount = `{"AWS":"000000000000"}`

// aclDocument is an ACL that grants one thing.
func (s *stroll) aclDocument(grantee string) string {
	return "<AccessControlPolicy><Owner><ID>" + store.CanonicalID(store.Account) + "</ID></Owner><AccessControlList><Grant>" + grantee +
		"<Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>"
}

func grantee(kind, element, value string) string {
	return `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="` + kind + `"><` + element + ">" + value + "</" + element + "></Grantee>"
}

// aclFailures are those of an ACL that is put.
func aclFailures() []failure {
	say := func(status int, code, details string, doc func(s *stroll) string) failure {
		return fails(status, code, details, func(s *stroll) reply { return s.send(s.request.saying(doc(s))) })
	}
	fixed := func(doc string) func(*stroll) string { return func(*stroll) string { return doc } }
	return []failure{
		say(400, "MissingSecurityHeader", "MissingHeaderName=x-amz-acl", fixed("")),
		say(400, "MalformedACLError", "", fixed("<AccessControlPolicy/>")),
		say(400, "MalformedACLError", "", fixed("<Some><thing>")),
		say(400, "MalformedACLError", "", func(s *stroll) string {
			return strings.Replace(s.aclDocument(grantee("Group", "URI", access.AllUsers)), "FULL_CONTROL", "EVERYTHING", 1)
		}),
		say(400, "InvalidArgument", "", func(s *stroll) string { return s.aclDocument(grantee("CanonicalUser", "ID", "nobody")) }),
		say(400, "InvalidArgument", "", func(s *stroll) string { return s.aclDocument(grantee("Group", "URI", "http://example.com/")) }),
		say(400, "UnresolvableGrantByEmailAddress", "", func(s *stroll) string {
			return s.aclDocument(grantee("AmazonCustomerByEmail", "EmailAddress", "me@example.com"))
		}),
		say(403, "AccessDenied", "", func(s *stroll) string {
			return strings.Replace(s.aclDocument(grantee("Group", "URI", access.AllUsers)), store.CanonicalID(store.Account), strings.Repeat("a", 64), 1)
		}).on(aclPage),
		fails(400, "UnexpectedContent", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-acl", "private")) }),
		fails(400, "InvalidArgument", "", func(s *stroll) reply { return s.send(s.request.saying("").with("x-amz-acl", "shared")) }),
		fails(403, "AccessDenied", "", func(s *stroll) reply {
			s.withACLs(false)
			return s.send(s.request.saying("").with("x-amz-acl", "public-read"))
		}).on(blockPage),
		fails(400, "AccessControlListNotSupported", "", func(s *stroll) reply {
			if err := s.w.se.SetOwnership(s.t.Context(), s.bucket, store.OwnerEnforced); err != nil {
				s.t.Fatal(err)
			}
			return s.send(s.request.saying("").with("x-amz-acl", "authenticated-read"))
		}).on(ownershipPage),
	}
}

// accessWalks are those of what says who may do what with a bucket.
func accessWalks() map[string]walk {
	havePolicy := func(s *stroll, _ *ask) {
		if err := s.w.se.SetBucketPolicy(s.t.Context(), s.bucket, s.policyDocument(ownAccount), false); err != nil {
			s.t.Fatal(err)
		}
	}
	refuses := func(status int, code string, text func(s *stroll) string) failure {
		return fails(status, code, "", func(s *stroll) reply { return s.send(s.request.saying(text(s))) })
	}
	return map[string]walk{
		"GetBucketPolicy": {ready: havePolicy, fails: []failure{notSet("NoSuchBucketPolicy")}, output: func(s *stroll, out any) string {
			return wrongUnless(*out.(*s3.GetBucketPolicyOutput).Policy == s.policyDocument(ownAccount), out)
		}},
		"GetBucketPolicyStatus": {ready: havePolicy, fails: []failure{notSet("NoSuchBucketPolicy")}, output: func(_ *stroll, out any) string {
			return wrongUnless(!*out.(*s3.GetBucketPolicyStatusOutput).PolicyStatus.IsPublic, out)
		}},
		"DeleteBucketPolicy": {ready: havePolicy},
		"PutBucketPolicy": {
			ready: func(s *stroll, a *ask) { a.body = s.policyDocument(ownAccount) },
			input: func(s *stroll, in any) {
				in.(*s3.PutBucketPolicyInput).Policy = aws.String(s.policyDocument(ownAccount))
			},
			fails: []failure{
				refuses(400, "MissingRequestBodyError", func(*stroll) string { return "" }),
				refuses(400, "MalformedPolicy", func(*stroll) string { return "{}" }),
				refuses(400, "MalformedPolicy", func(*stroll) string { return "<xml/>" }),
				refuses(400, "MalformedPolicy", func(s *stroll) string {
					return strings.Replace(s.policyDocument(ownAccount), "2012-10-17", "2022-10-18", 1)
				}),
				refuses(400, "MalformedPolicy", func(s *stroll) string { return s.policyDocument(`{"AWS":"arn:aws:iam::000000000000:user/nobody"}`) }),
				refuses(400, "PolicyTooLarge", func(s *stroll) string { return s.policyDocument(ownAccount) + strings.Repeat(" ", 20<<10) }),
				refuses(403, "AccessDenied", func(s *stroll) string { return s.policyDocument(`"*"`) }).on(blockPage),
			},
		},
		"GetPublicAccessBlock": {
			fails: []failure{fails(404, "NoSuchPublicAccessBlockConfiguration", "BucketName=*", func(s *stroll) reply {
				if err := s.w.se.DeletePublicAccess(s.t.Context(), s.bucket); err != nil {
					s.t.Fatal(err)
				}
				return s.send(s.request)
			})},
			output: func(_ *stroll, out any) string {
				return wrongUnless(*out.(*s3.GetPublicAccessBlockOutput).PublicAccessBlockConfiguration.RestrictPublicBuckets, out)
			},
		},
		"PutPublicAccessBlock": {
			ready:    saying(blockDocument),
			document: true,
			input: func(_ *stroll, in any) {
				in.(*s3.PutPublicAccessBlockInput).PublicAccessBlockConfiguration = &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}
			},
		},
		"DeletePublicAccessBlock": {},
		"GetBucketAcl": {output: func(_ *stroll, out any) string {
			return wrongUnless(len(out.(*s3.GetBucketAclOutput).Grants) == 1, out)
		}},
		"PutBucketAcl": {
			ready: func(s *stroll, a *ask) {
				s.withACLs(true)
				a.body = s.aclDocument(grantee("CanonicalUser", "ID", store.CanonicalID(store.Account)))
			},
			input: func(_ *stroll, in any) { in.(*s3.PutBucketAclInput).ACL = types.BucketCannedACLPublicRead },
			fails: aclFailures(),
		},
	}
}
