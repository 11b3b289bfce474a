// Package clients runs what people use against S3 against the listener of the real
// program: aws, boto3, s3cmd, rclone, restic, s3fs, and the newest SDKs for Go, JavaScript
// and MinIO's. They are what the protocol means; our own reading of it has tests elsewhere.
//
// It is "make clients", not "make test": the programs come from Debian and from npm
// (.ci/setup clients) and take minutes. A program that is missing fails its test in CI and
// skips it elsewhere.
package clients
