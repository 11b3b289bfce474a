// Package iamapi answers the API of IAM (2010-05-08): users, groups, roles, access keys,
// policies, MFA devices, and what they have. Each operation is one call of a session, which
// decides whether the caller may; see package query for the protocol.
//
// What of IAM is not here (passwords, certificates, federation, instance profiles) nobody has: who
// asks for it is told so (absent.go), and who would make it that this is an InvalidAction.
//
// To extend: a row in operations.go, its function, and an entry in the tests' table, which
// TestOperations demands.
package iamapi
