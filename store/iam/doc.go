// Package iam has the identities of a store and their keys: what they look like, how they
// are made up, the rules by which they change, and the directory in memory in which a
// request's caller is found. The store keeps them in its records (store/identity*.go,
// store/access_keys.go) and decides who may change them.
//
// # Words
//
// An account owns identities and buckets; its root may do everything in it. A user has
// access keys, a role is assumed, a group hands its policies to its users: all three are
// holders of policies, managed ones (which have versions, and stand for themselves) and
// inline ones. A [Caller] is an identity with everything that decides over it, compiled.
//
// An access key is an id that everybody may see and a secret that signs requests. The root
// access key is the one that the first listener of a store makes, or that its environment
// names.
//
// # Decisions
//
//   - A [Directory] never changes; a rule makes the items of the next one, or says why not,
//     in the words and under the quotas of AWS. So rules are pure, looking up takes no lock,
//     and what is decided with was all true at one moment.
//   - Callers are put together when they are first asked for, from policies that were
//     compiled when they were put; a change makes all of them anew.
//   - What cannot be enforced might deny: an identity with a policy that this program cannot
//     compile may do nothing.
//   - Unique ids are never given again, and everything that refers to an identity does so
//     by its id: who gets the name of somebody who was deleted has none of his rights.
//   - Ids are as AWS makes them, secrets have letters and digits only, so that they can be
//     pasted into any shell, URL and configuration file (AWS's have + and /, too).
//   - Given ids and secrets may be of any length that some store of objects has: who comes
//     from MinIO, Garage or Ceph keeps what its clients are set up with.
//   - Secrets are kept as they are: SigV4 derives its keys from them, and a hash would do
//     as well to whoever steals it. They are as safe as the directory of the store and its
//     backups, which have mode 0700.
package iam
