// Package access says who may do what: it reads policies and ACLs, refuses those that could
// not be enforced, and decides requests. It is pure: it imports no other room of Pail, and
// touches no disk, no clock and no network. Both doors ask it through the store.
//
// # Words
//
// A policy ([Parse]) has statements that allow or deny. An identity policy is attached to a
// caller; a resource policy (of a bucket, an access point, a role, a KMS key) names its
// principals. A boundary and session policies only narrow. An [ACL] grants, and never
// denies, nor does a [KeyGrant] of a KMS key. A [Request] is one action of a [Principal] on a [Resource], with the values of the
// condition keys ([Keys]) in its [Context]; [Decide] answers with a [Decision], which names
// the step, the statement or the grant that decided. [Decision.Denial] is AWS's sentence for it.
//
// # The order of the evaluation
//
//  1. A Deny that applies, in any policy there is, denies. Only the root of the bucket's owner
//     may read, put and delete the bucket's policy in spite of what it says
//     ("PutBucketPolicy"). A bucket's policy is for its owner's account only.
//  2. Through an access point, first the access point must allow (its network, then its policy
//     or an identity policy that names its ARN), then the bucket, each by the steps below
//     ("Configuring IAM policies for using access points").
//  3. What the resource allows: its policy, or its ACLs unless they are disabled. An Allow
//     names the caller itself or everyone (direct), the role or user behind it, or only its
//     account. RestrictPublicBuckets takes away what a public policy gives to other accounts.
//     An object that another account owns is ruled by its ACL, not by the bucket's policy.
//  4. Anonymous callers and services need a direct Allow of the resource, and nothing else.
//  5. In the resource's own account a direct Allow is enough, whatever boundary and session
//     policies leave out. An Allow for the role behind the caller, or of an identity policy, or
//     being the root, is enough within boundary and session policies. An Allow for the
//     account gives its users nothing: it lets identity policies do it. Roles and keys
//     (MustAllow) need it.
//     A grant of a key allows like the key's policy would; where it names the caller or the
//     role behind it, that is enough from another account, too.
//  6. Across accounts the resource must allow, and an identity policy of the caller too,
//     within boundary and session policies.
//
// The sources are the pages of the IAM User Guide "Policy evaluation logic", "How AWS
// enforcement code logic evaluates requests to allow or deny access", "Cross-account policy
// evaluation logic" and "AWS JSON policy elements: Principal", and of the Amazon S3 User Guide
// "How Amazon S3 authorizes a request", "Access control list (ACL) overview", "Controlling
// ownership of objects and disabling ACLs for your bucket" and "Blocking public access to
// your Amazon S3 storage". Each case in testdata names the page that it comes from.
//
// # What is refused when it is put
//
// What AWS refuses, in its words where they are known: bad JSON, members given twice, unknown
// elements, versions, types and operators, resources of another bucket, actions that S3
// has not or that are done to none of the statement's resources, keys that the actions never
// have, principals that do not exist, what is too long. Beyond AWS, because taking it for
// enforced would be an error:
//
//   - Keys for which Pail has no value (From is Nowhere) and unknown keys of the services that
//     it has. Keys of other services are absent from every request, as in AWS, and only
//     identity policies may name them.
//   - An operator that cannot compare the values of its key, and a value that is none.
//   - NotPrincipal "*", which denies nobody. (With Allow, and in a trust policy, AWS refuses
//     NotPrincipal itself.)
//   - Null with IfExists or a set operator: Null itself asks whether the key exists.
//   - The canned ACL aws-exec-read. The grantee by email is refused by AWS itself now.
//
// # Decisions
//
//   - A policy is compiled once. Its actions are a set of bits over the table of S3's actions,
//     so that a policy that says nothing of an action costs one look; other services' actions
//     are matched by name, and need no change here when the store gets new ones.
//   - Wildcards are marked with a byte that is in no text, so that what a variable brings in
//     is never a wildcard; matching never takes more than pattern times text.
//   - A variable without a value matches nothing; under a negated operator, or in NotResource,
//     its statement applies to nothing. AWS says only that it "might cause the entire
//     statement to be invalid".
//   - Each Action of a resource policy must have each condition key, by at least one of the
//     actions that a wildcard names. NotAction is not asked that.
//   - WRITE in a bucket's ACL makes new objects; over one that is there it takes its owner or
//     the bucket's, as the ACL overview has it, not the older table with DeleteObject.
//   - Operators are case-sensitive as AWS writes them; actions and keys know no case.
//   - Whether a policy is public is asked for each Allow: negated operators, IfExists and
//     ForAllValues fix nothing, since they hold without the key.
//   - [Uniform] evaluates once with every doubt against the caller and once in its favour. An
//     Allow only ever adds and a Deny only ever takes away (fuzzed), so equal answers hold
//     for every key below the prefix.
//
// # How to extend it
//
// A new action or key of S3 is a word in s3Actions or a row of Keys: tests demand golden
// cases of it. A row whose From is Nowhere becomes FromRequest in the change that gives it a
// value. Whoever keeps policies parses them again when it starts, with a Lookup that answers
// from [Policy.Entities].
package access
