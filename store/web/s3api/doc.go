// Package s3api answers the S3 protocol: requests become calls of a session, and what
// the session says becomes headers and XML.
//
// # Duty
//
// One operation, one file: op_put_object.go has what PutObject reads from the request,
// its one call of the session, and what it answers. An operation is known by a line in
// operations_*.go, under AWS's name; the first line that fits a request is meant. What
// several operations share stands beside them: addresses (address.go), what headers say
// of an object (object_headers.go), ranges, listings, XML in both directions.
//
// # Promises
//
//   - Nothing is decided here that the mount decides too: who may do what, which version
//     is current, what a condition means is said by the store.
//   - Who sends a request, how it was signed and what it says is told to the session, which
//     decides; what a policy denies the callers of the bucket's own account are told in AWS's
//     words, everybody else that access is denied.
//   - What the store cannot enforce is not stored: unenforced.go is the one table of it.
//   - An error is rendered in one place (errors.go), with AWS's code, status and details.
//     When a body is on its way already the connection is cut, so that no client takes
//     what it has for the whole.
//   - Behaviour follows the API Reference, whose page each operation names. Where AWS
//     differs from its own page, the code says so.
//
// # Decisions
//
//   - XML is read with encoding/xml and written by hand (xml_write.go). An element that S3's
//     schema has once and a document twice is MalformedXML (package xmldoc).
//   - A Range that cannot be read, and several ranges, are answered with the whole
//     object, as AWS does.
//   - CompleteMultipartUpload and CopyObject answer when they are done and not before, with
//     white space meanwhile, as AWS may: they move no bytes.
//   - The deletes of DeleteObjects run at the same time, so that they share commits; those
//     of one key run in their order.
//   - Conditions on sizes and times of what is deleted, and appending, are for directory
//     buckets. RenameObject is too, on AWS; here all buckets have it.
//   - x-amz-missing-meta never occurs: the store keeps no metadata that is no header.
//   - Key and bucket come from the decoded path; the first slash behind the bucket is no
//     part of the key, all others are, also empty segments.
//   - An access point stands where a bucket does, in the path also by its ARN
//     (access_point.go): from there on the request has the bucket, and a session through
//     the access point. Answers name the bucket, as on AWS.
//
// # To extend
//
// A new operation is a file, a line in operations_*.go, and an entry in walk_*_test.go: a
// success by AWS's client, and each error that AWS documents for it, or why it cannot
// happen. TestWalk fails for an operation without one.
package s3api
