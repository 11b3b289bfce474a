package control

import (
	"time"

	"pail/store/iam"
)

// An AccessKey is what requests to the S3 door are signed with.
type AccessKey struct {
	ID        string    `json:"access_key"`
	Secret    string    `json:"secret_key,omitempty"` // told when it is made, and never again
	Account   string    `json:"account"`
	Principal string    `json:"principal"` // ARN of whom it acts for
	Created   time.Time `json:"created"`
	Active    bool      `json:"active"`
	Root      bool      `json:"root,omitempty"` // the start of a listener made it or was told it
}

// An InAccount names the account that a request is about: by its number, its name or its
// alias; "" is the store's own.
type InAccount struct {
	Account string `json:"account,omitempty"`
}

// A CreateAccessKeyRequest makes an access key: the given one, or with neither part one
// that is made up.
type CreateAccessKeyRequest struct {
	InAccount
	User      string `json:"user,omitempty"` // whose it will be; "" is the root
	AccessKey string `json:"access_key,omitempty"`
	SecretKey string `json:"secret_key,omitempty"`
}

// An AccessKeyRequest names an access key.
type AccessKeyRequest struct {
	AccessKey string `json:"access_key"`
}

// A SetAccessKeyRequest has an access key accepted or refused.
type SetAccessKeyRequest struct {
	AccessKeyRequest
	Active bool `json:"active"`
}

func accessKeyOf(k iam.AccessKey) AccessKey {
	return AccessKey{
		ID: k.ID, Secret: k.Secret, Account: k.Account, Principal: k.Principal,
		Created: k.Created, Active: !k.Inactive, Root: k.Root,
	}
}
