// Package iam has the identities of a store and their keys: what they look like, how they
// are made up, and the table in memory by which a request's access key is found. The store
// keeps them in its records (store/access_keys.go) and decides who may change them.
//
// # Words
//
// An access key is an id that everybody may see and a secret that signs requests. It acts
// as a principal of an account. The root access key is the one that the first listener of a
// store makes, or that its environment names; there may be any number of others.
//
// # Decisions
//
//   - Ids are as AWS makes them, secrets have letters and digits only, so that they can be
//     pasted into any shell, URL and configuration file (AWS's have + and /, too).
//   - Given ids and secrets may be of any length that some store of objects has: who comes
//     from MinIO, Garage or Ceph keeps what its clients are set up with.
//   - Secrets are kept as they are: SigV4 derives its keys from them, and a hash would do
//     as well to whoever steals it. They are as safe as the directory of the store and its
//     backups, which have mode 0700.
//   - Looking up a key is a read of memory without a lock: each request does it, and each
//     change of the keys makes the table anew.
package iam
