// Package attrs says what the names of extended attributes stand for on a mount, and how
// values that are lists are written. It knows no store, no kernel and does no I/O.
//
// Names that begin with user.s3. show what S3 knows. Each stands for one [Attr], and each
// Attr that can be named has one name: Parse and Attr.Name are each other's reverse (a
// fuzz test). So the names of user metadata are lower case, as they are in S3, where
// they are parts of HTTP headers: an attribute user.s3.meta.Author does not exist and
// cannot be set, rather than being another name for user.s3.meta.author, because
// programs that copy or compare attributes take two names for two things. The keys of
// tags are what they are.
//
// A metadata name or tag key too long for the name of an attribute (255 bytes) is only in
// user.s3.meta or user.s3.tags, which hold all of them as a JSON object of strings:
//
//	{"animal":"cat","year":"2026"}
//
// A key that comes twice, or a value that is no string, is refused.
//
// user.s3.acl is the JSON that aws s3api get-object-acl prints; the name of a canned ACL may be
// set in its place. user.s3.policy of a bucket is its policy, and user.s3.public-access-block
// a JSON object of the four settings of Block Public Access. user.s3.logging of a bucket is the
// JSON that aws s3api get-bucket-logging prints.
//
// user.s3.versions is a JSON array, newest first, as long as the largest attribute
// permits (64 KiB: some 300 versions). If there are older ones, the last element is
// {"more":true}; .versions has them all.
package attrs
