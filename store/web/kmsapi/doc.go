// Package kmsapi answers the API of the key management service (2014-11-01): keys, aliases,
// policies, grants, and what is encrypted with keys. Each operation is one call of a session,
// which decides whether the caller may.
//
// # The protocol
//
// AWS's JSON 1.1: a POST to / whose header X-Amz-Target names the operation, with one JSON
// object for a body; bytes are base64, times are seconds since 1970. Requests are signed for
// the service "kms", with their bodies.
//
// # Promises
//
//   - A member that an operation needs and does not get, or gets empty, is
//     ValidationException in AWS's words, before anything is done.
//   - Members that an operation does not know are passed over, as AWS does.
//   - An error is rendered in one place (errors.go): a fault.Error by the row of its kind, an
//     apierror.Error (a signature's) by what the JSON protocols call the same.
//   - Nobody without a signature gets further than MissingAuthenticationTokenException.
//   - The audit trail is told of each request with its key and its encryption context; what is
//     encrypted, ciphertexts, keys and grant tokens are in no record.
//
// What of KMS is not here (other kinds of keys, imported material, custom key stores, several
// Regions) has no operations: a request for one is UnknownOperationException.
//
// To extend: a row in operations.go, its function, and an entry in the tests' table, which
// TestOperations demands.
package kmsapi
