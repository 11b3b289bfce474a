// Package s3control answers the S3 Control API (2018-08-20), as far as it manages access points,
// their tags among that, and Block Public Access of accounts. Each operation is one call of a session, which decides
// whether the caller may, and has a file.
//
// Requests go to /v20180820/... at the addresses of S3 and are signed for it: the header
// x-amz-account-id, which every client sends, tells them from those about a bucket of that name;
// the first label of the host does, too, where it is an account's number ([Handler.Answers]).
// Both are the caller's own account, or the request is refused: these operations know no
// other's.
//
// What else S3 Control has (jobs, grants, lenses, buckets on Outposts, Object Lambda, access
// points of several Regions and of directory buckets) has no operations: it is NotImplemented.
//
// An error is rendered in one place (errors.go) as AWS does here: an Error in an ErrorResponse.
//
// To extend: a row in operations.go, its file, and an entry in the tests' table, which
// TestOperations demands.
//
// Sources: "Amazon S3 Control" in the Amazon S3 API Reference, botocore's model for what stands
// where; what AWS answers in fact is recorded in LocalStack's snapshots of
// tests/aws/services/s3control.
package s3control
