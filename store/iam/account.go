package iam

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"pail/store/access"
)

// An Account owns buckets and identities. Its root may do everything in it.
type Account struct {
	ID      string // 12 digits
	Name    string // for people; unique in the store
	Alias   string // "": none; unique in the store
	Created time.Time
}

// CanonicalID is the 64 hexadecimal digits by which S3's lists and ACLs name an account.
// It is always the same for one account, and nothing can be learned from it.
func CanonicalID(account string) string {
	sum := sha256.Sum256([]byte("pail account " + account))
	return hex.EncodeToString(sum[:])
}

// RootARN names the root of an account.
func RootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// root is the root of an account as a caller.
func (a *Account) root() *Caller {
	return &Caller{Principal: access.Principal{
		Kind: access.Root, Account: access.Account{ID: a.ID, CanonicalID: CanonicalID(a.ID)}, ARN: RootARN(a.ID), ID: a.ID,
	}}
}
