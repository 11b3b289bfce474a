package kms

import (
	"pail/store/access"
	"pail/store/fault"
)

// PolicyName is the name of the one policy that a key has.
const PolicyName = "default"

// DefaultPolicy is the policy of a key that is made without one: its account may do everything
// with it, and let others by policies of IAM ("Default key policy").
func DefaultPolicy(account string) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::` + account + `:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}

// managedPolicy is the policy of the key that S3 manages: whoever of the account may use S3
// uses it through S3, and nobody otherwise ("AWS managed keys").
func managedPolicy(account, region string) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "auto-s3-2",
  "Statement" : [ {
    "Sid" : "Allow access through S3 for all principals in the account that are authorized to use S3",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "*"
    },
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {
      "StringEquals" : {
        "kms:CallerAccount" : "` + account + `",
        "kms:ViaService" : "` + S3Service(region) + `"
      }
    }
  }, {
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::` + account + `:root"
    },
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  } ]
}`
}

// S3Service is S3 as kms:ViaService names it.
func S3Service(region string) string { return "s3." + region + ".amazonaws.com" }

// setPolicy gives a key that nobody has seen yet a policy.
func (k *Key) setPolicy(text string, lookup func(access.Entity) (string, bool)) error {
	for _, r := range text {
		if r != '\t' && r != '\n' && r != '\r' && (r < ' ' || r > 0xff) {
			return fault.New(fault.MalformedPolicy, "The policy document has the character %q; it may have only those from U+0020 to U+00FF, tabs and ends of lines", r)
		}
	}
	p, err := access.Parse(access.KeyPolicy, []byte(text), access.Options{Lookup: lookup})
	if err != nil {
		if e, ok := err.(*access.Error); ok && e.Reason == access.TooLarge {
			return fault.New(fault.LimitExceeded, "%v", e)
		}
		return fault.New(fault.MalformedPolicy, "%v", err)
	}
	k.Policy, k.Named, k.policy = text, p.Entities(), p
	return nil
}

// SetPolicy gives a key another policy. The kinds of failure: KMSNotFound, MalformedPolicy,
// LimitExceeded.
func (ks *Keys) SetPolicy(id, text string, lookup func(access.Entity) (string, bool)) (*Key, error) {
	k, err := ks.Find(id)
	if err != nil {
		return nil, err
	}
	k = k.clone()
	return k, k.setPolicy(text, lookup)
}

// LockedOut is the failure of a policy that would keep who puts it from putting another one.
func LockedOut() error {
	return fault.New(fault.MalformedPolicy, "The new key policy will not allow you to update the key policy in the future.")
}
