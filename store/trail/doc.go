// Package trail holds the rules of the audit trail: what a record of an act looks like, which
// acts a trail is to have, how its log files are named, and how digests make a chain of them
// in which nothing can be changed, taken away or added unseen. It also holds those of access
// logs: what their lines look like, how operations are called there, and the keys of log
// objects (access.go and the files that begin so). It is pure: what acts there are, where
// their records wait and how they get to a bucket or a file is the store's business
// (store/audit.go and store/access_log.go say how).
//
// # Sources
//
// AWS CloudTrail User Guide: "CloudTrail record contents" (event version 1.11), "CloudTrail
// userIdentity element", "Finding your CloudTrail log files" (names of log files), "CloudTrail
// digest file structure", and the validation of the AWS command line (what is signed and
// hashed). Amazon S3 User Guide: "Amazon S3 CloudTrail events" (which events are data events),
// "Logging AWS KMS API calls with AWS CloudTrail" in the AWS KMS Developer Guide, and records that
// were published.
//
// # Decisions
//
//   - The bytes of a record are made once, by AppendJSON, and are never parsed again until
//     somebody verifies them.
//   - A log file is hashed as it is when it is unpacked, as CloudTrail does, so that tools
//     which validate CloudTrail's files take ours.
//   - A digest names, besides what CloudTrail's has, a short hash of each record of a file
//     (recordHashes). With it Compare says which record was changed, is missing or was
//     added, where CloudTrail says only which file.
//   - A digest's signature is RSA with SHA-256 (PKCS #1 v1.5), because that is what "as
//     CloudTrail's" means and what its validators check. The public key is told by pail
//     trail status.
//   - Lines of access logs are those of S3 ("Amazon S3 server access log format"), but that no
//     value can end a quoted field, and that signatures of presigned URLs are left out, which
//     would let whoever reads the log send the request again.
//   - What a mount does is told there as MOUNT.PUT.OBJECT, in the form in which S3 tells SOAP
//     and websites apart from REST, with "-" for what belongs to HTTP: address, request line,
//     status, host. The program that did it stands in the place of the user agent.
//   - What has no event of AWS is of the source "pail.amazonaws.com": settings, webhooks,
//     changed modes of files. A record of the mount tells uid, gid, pid and the name of the
//     program in additionalEventData.
package trail
