// Package sigv4 decides who sent a request to the S3 listener, and that what was signed is
// what arrived: AWS Signature Version 4 and 2, and the bodies that version 4 wraps.
//
// # Duty
//
// [Verifier.Verify] looks at one request and answers with a [Result]: whose it is, how it
// was signed, and a body to read instead of the request's. [Verifier.VerifyPost] does the
// same for the fields of a browser's form. [Sign] and [URL.Presign] are the other side.
// The package knows HTTP and the failures of package apierror, and nothing of the store:
// whose a key is comes from [Verifier.Lookup].
//
// # Words
//
// The canonical request is the text that both sides build of a request; the string to sign
// names its hash, the time and the scope (day, region, service); the signature is an HMAC of
// that under a key which is derived of the secret and the scope. A presigned URL carries all
// of it in its query. A body is aws-chunked when its pieces are signed one by one, each
// signature over the one before (the first over the request's, the seed), or when checksums
// follow it as trailers.
//
// # Promises
//
//   - Whatever Verify accepts was signed with the key's secret: method, path, query, each
//     header named as signed, host and every x-amz-* header among them.
//   - A body that is not what was signed ends in an [apierror.Error] instead of io.EOF, and
//     the reader is never given all of it: where the length is known, the last bytes are
//     held back until everything was verified, trailers included. So whoever needs all
//     bytes, by io.EOF or by count, sees the failure. Bytes of a body that turns out
//     wrong later may have been read by then: nobody may act on them before the end.
//   - Memory for a body is bounded, whatever sizes it names (chunk.go).
//   - Signatures are compared in constant time.
//   - Everything is safe for concurrent use, but for one body from several goroutines.
//
// # Decisions
//
// The path is taken as it was sent, neither cleaned nor encoded twice. It fits if the client
// signed it as S3 describes (decoded, then encoded) or exactly as sent, for some clients do
// that with unusual escapes.
//
// Behind a proxy the host that the client signed may be another than what arrives. The names
// in [Verifier.Hosts] are tried too, as are the default ports, but only names that mean the
// same bucket as the request's own host does: a URL signed for a path at one name would else
// open the same path in the bucket of another.
//
// All x-amz-* headers must be signed, except x-amz-content-sha256, whose value is a part of
// what is signed anyway. Content-Type need not be, though the documentation says so: S3
// accepts it unsigned, and browsers add it to presigned uploads.
//
// A key is derived by four HMACs, so it is kept by access key and day (key.go).
//
// Temporary credentials bring a security token, which [Verifier.Temporary] opens; the token
// is among what is signed.
//
// Other services than S3 sign whole bodies, and demand no x-amz-content-sha256
// ([Verifier.VerifyWhole]); of a request for them there is no unsigned payload. [ServiceOf]
// tells which service a request is for, by what it says itself.
//
// SigV4A, which signs for several regions with ECDSA, is NotImplemented.
//
// # Sources
//
// The pages below "Authenticating Requests (AWS Signature Version 4)" in the Amazon S3 API
// Reference (sigv4-auth-using-authorization-header, sigv4-query-string-auth, sigv4-streaming,
// sigv4-streaming-trailers, sigv4-HTTPPOSTConstructPolicy), RESTAuthentication for version 2,
// and "Error responses". Sentences and details of errors that are not written there are as S3
// was seen to answer, by the issues of VersityGW and by LocalStack's recordings.
package sigv4
