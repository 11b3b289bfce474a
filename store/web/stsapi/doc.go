// Package stsapi answers the API of STS (2011-06-15): who a caller is, and temporary
// credentials. Each operation is one call of a session, which decides whether the caller may;
// see package query for the protocol.
//
// Federation with SAML and OpenID Connect is not here: a request for it is InvalidAction.
//
// To extend: a row in operations, its function, and an entry in the tests' table, which
// TestOperations demands.
package stsapi
