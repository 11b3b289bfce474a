package iam

import (
	"sync"
	"time"
)

// AWSAccount is the account of the managed policies that AWS makes.
const AWSAccount = "aws"

// awsPolicies are the policies of AWS that exist in every store, by the texts of the "AWS
// Managed Policy Reference Guide". ReadOnlyAccess has of its hundreds of services those
// that there are here.
var awsPolicies = []struct{ id, name, description, created, text string }{
	{"ANPAIWMBCKSKIEE64ZLYK", "AdministratorAccess", "Provides full access to AWS services and resources.", "2015-02-06T18:39:46Z",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
	{"ANPAJYRXTHIB4FOVS3ZXS", "PowerUserAccess", "Provides full access to AWS services and resources, but does not allow management of Users and groups.", "2015-02-06T18:39:47Z",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},` +
			`{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles","organizations:DescribeOrganization","account:ListRegions","account:GetAccountInformation"],"Resource":"*"}]}`},
	{"ANPAILL3HVNFSB6DCOWYQ", "ReadOnlyAccess", "Provides read-only access to AWS services and resources.", "2015-02-06T18:39:48Z",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudtrail:Describe*","cloudtrail:Get*","cloudtrail:List*","cloudtrail:LookupEvents",` +
			`"iam:Generate*","iam:Get*","iam:List*","iam:Simulate*","kms:Describe*","kms:Get*","kms:List*","s3:DescribeJob","s3:Get*","s3:List*",` +
			`"sts:GetAccessKeyInfo","sts:GetCallerIdentity","sts:GetSessionToken"],"Resource":"*"}]}`},
	{"ANPAIFIR6V6BVTRAHWINE", "AmazonS3FullAccess", "Provides full access to all buckets via the AWS Management Console.", "2015-02-06T18:40:58Z",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]}`},
	{"ANPAIZTJ4DXE7G6AGAE6M", "AmazonS3ReadOnlyAccess", "Provides read only access to all buckets via the AWS Management Console.", "2015-02-06T18:40:59Z",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}`},
	{"ANPAI7XKCFMBPM3QQRRVQ", "IAMFullAccess", "Provides full access to IAM via the AWS Management Console.", "2015-02-06T18:40:38Z",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","organizations:DescribeAccount","organizations:DescribeOrganization","organizations:DescribeOrganizationalUnit",` +
			`"organizations:DescribePolicy","organizations:ListChildren","organizations:ListParents","organizations:ListPoliciesForTarget","organizations:ListRoots","organizations:ListPolicies","organizations:ListTargetsForPolicy"],"Resource":"*"}]}`},
	{"ANPAJKSO7NDY4T57MWDSQ", "IAMReadOnlyAccess", "Provides read only access to IAM via the AWS Management Console.", "2015-02-06T18:40:39Z",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],"Resource":"*"}]}`},
}

// awsManaged are those policies, compiled, by their ARNs.
var awsManaged = sync.OnceValue(func() map[string]*Policy {
	all := map[string]*Policy{}
	for _, row := range awsPolicies {
		created, err := time.Parse(time.RFC3339, row.created)
		if err != nil {
			panic(err)
		}
		p := &Policy{
			Entity:      Entity{ID: row.id, Account: AWSAccount, Name: row.name, Path: "/", Created: created},
			Description: row.description, Updated: created, Default: 1, Next: 2,
			Versions: []PolicyVersion{{Number: 1, Text: row.text, Created: created}},
		}
		p.compile()
		all[p.ARN()] = p
	}
	return all
})
