package control

import (
	"time"

	"pail/store"
)

// A PublicAccessBlock is which settings of Block Public Access are on.
type PublicAccessBlock struct {
	BlockPublicACLs       bool `json:"block_public_acls"`
	IgnorePublicACLs      bool `json:"ignore_public_acls"`
	BlockPublicPolicy     bool `json:"block_public_policy"`
	RestrictPublicBuckets bool `json:"restrict_public_buckets"`
}

func blockOf(p store.PublicAccess) PublicAccessBlock {
	return PublicAccessBlock{p.BlockPublicAcls, p.IgnorePublicAcls, p.BlockPublicPolicy, p.RestrictPublicBuckets}
}

func (b PublicAccessBlock) settings() store.PublicAccess {
	return store.PublicAccess{
		BlockPublicAcls: b.BlockPublicACLs, IgnorePublicAcls: b.IgnorePublicACLs,
		BlockPublicPolicy: b.BlockPublicPolicy, RestrictPublicBuckets: b.RestrictPublicBuckets,
	}
}

// An AccessPoint is a way into a bucket with rules of its own.
type AccessPoint struct {
	Name          string            `json:"name"`
	Account       string            `json:"account"`
	ARN           string            `json:"arn"`
	Alias         string            `json:"alias"`
	Bucket        string            `json:"bucket"`
	BucketAccount string            `json:"bucket_account"`
	VPC           string            `json:"vpc,omitempty"` // the only network it is for
	Block         PublicAccessBlock `json:"public_access_block"`
	Created       time.Time         `json:"created"`
}

func accessPointOf(p store.AccessPoint) AccessPoint {
	return AccessPoint{
		Name: p.Name, Account: p.Account, ARN: p.ARN, Alias: p.Alias, Bucket: p.Bucket, BucketAccount: p.BucketAccount,
		VPC: p.VPC, Block: blockOf(p.Block), Created: p.Created,
	}
}

// An AccessPointRequest names an access point of an account.
type AccessPointRequest struct {
	InAccount
	Name string `json:"name"`
}

// A CreateAccessPointRequest makes an access point.
type CreateAccessPointRequest struct {
	AccessPointRequest
	Bucket        string             `json:"bucket"`
	BucketAccount string             `json:"bucket_account,omitempty"` // by number, name or alias; "": that of the access point
	VPC           string             `json:"vpc,omitempty"`
	Block         *PublicAccessBlock `json:"public_access_block,omitempty"` // nil: all of it is on
}

// An AccessPointsRequest asks for access points: those into a bucket, or all for "".
type AccessPointsRequest struct {
	InAccount
	Bucket string `json:"bucket,omitempty"`
}

// A PutAccessPointPolicyRequest replaces the policy of an access point.
type PutAccessPointPolicyRequest struct {
	AccessPointRequest
	Text string `json:"text"`
}

// An AccessPointPolicy is the policy of an access point.
type AccessPointPolicy struct {
	Policy string `json:"policy"`
	Public bool   `json:"public"` // S3 would call it public
}

// A PutAccountBlockRequest configures Block Public Access of an account.
type PutAccountBlockRequest struct {
	InAccount
	Block PublicAccessBlock `json:"public_access_block"`
}
