// Package web is the room of everything that speaks HTTP: listeners and TLS, the chain
// that each request goes through, and, below it, one room per protocol.
//
// # The chain
//
// A request gets its id (ID) when it comes in. An [Identify] tells who sends it (package
// sigv4 checks signatures and decodes bodies) and opens the store as that principal
// (store.As); then the [Protocol] answers (s3api: one operation, one file). An error is
// rendered in one place of each protocol: a fault.Error by the row of its kind, an
// apierror.Error by itself. When the request was answered the log gets one line, at debug,
// or at error where we have failed, and the metrics get an [Observation].
//
// Several protocols share addresses ([Services]): signatures name the service that they are for,
// and what nobody has signed is S3's, but for forms and queries that are plainly those of IAM and
// STS (packages iamapi and stsapi; query is what these have in common), and for requests whose
// X-Amz-Target is of KMS (package kmsapi). S3 Control (package s3control) is signed for S3, and
// told by its paths and the account that they are about.
//
// # Listeners
//
// A [Server] serves one protocol at any number of addresses: IPv4, IPv6 and sockets in the
// filesystem, with and without TLS side by side. Certificates come from package certs.
//
//   - Slow clients cost a connection and nothing else. Headers must come within a time; a
//     body must go on coming, and an answer must go on being taken, but neither has a time
//     for the whole of it, which depends on sizes and lines. A body that stalls is
//     RequestTimeout, one that ends too early IncompleteBody, headers over a size
//     RequestHeaderSectionTooLarge.
//   - 10,000 connections that were used and are kept open cost some 200 MiB
//     (TestIdleConnections holds them under 300).
//   - A shutdown takes no more requests and finishes those that have begun, until its
//     context ends; then it cuts them off, and waits until their goroutines have gone: the
//     store may be closed after it.
//   - A panic fails its request and no other.
//
// # Who comes by which way
//
// A request knows its [Client]: the address, whether TLS was on the way, and the endpoint
// ([Address]) that it came through, which is what policies ask for as aws:SourceIp,
// aws:SecureTransport, aws:SourceVpce and aws:SourceVpc. What X-Forwarded-For and
// X-Forwarded-Proto say counts only from [Proxies] that were named.
//
// [Limits] bound how many requests an address and an access key may send. Ten signatures that
// do not fit, of one address for one key, have that address wait before it may use that key
// again, a second and then twice as long each time, up to a minute: also a right one is
// SlowDown then, so that nothing is learned. Others at the address, and the holder of the key
// elsewhere, are not held up. What is kept for all that is bounded, too (limit.go).
//
// # Decisions
//
//   - HTTP/1.1 and no HTTP/2: S3 speaks nothing else, and no client asks for more. Many
//     transfers in one connection share one congestion window and one lock, a stalled body
//     cannot be told from a stalled connection, and files could not go to the socket within
//     the kernel.
//   - Deadlines of answers are in the connection (conn.go), not in the handler: the kernel's
//     path from a file to a socket goes by the connection, in pieces with a deadline each.
//     Those of bodies are set around each read (body.go), because net/http reads from the
//     connection itself between requests.
package web
