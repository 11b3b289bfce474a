// Package query is what AWS's query protocol is made of, which IAM and STS speak: a form
// with Action and Version goes in, XML comes out. Packages iamapi and stsapi have the
// operations.
//
// # Promises
//
//   - A parameter that an operation needs and does not get, or gets empty, is
//     ValidationError in AWS's words, before anything is done. So is one that comes twice.
//   - Parameters that an operation does not know are passed over, as AWS does: SDKs are
//     newer than servers.
//   - An error is rendered in one place (errors.go): a fault.Error by the row of its kind, an
//     apierror.Error (a signature's) by what IAM and STS call the same, an [Error] by itself.
//   - Nobody without a signature gets further than MissingAuthenticationToken.
//
// # To extend
//
// An operation is a row of its package's table: a name, the parameters it needs, and a
// function of a [Call].
//
// # Sources
//
// "Making query requests" and "Calling IAM as a web service" in the IAM User Guide, "Common
// Errors" in the API References of IAM and STS, and botocore's models for what is in which
// element.
package query
