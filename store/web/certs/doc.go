// Package certs has the certificates of listeners: those of files that somebody else
// renews ([Files]), and those of a certificate authority of our own ([SelfSigned]), and
// those that a public authority gives ([ACME]); and the authorities whose certificates clients must show ([Authorities]).
//
// # Promises
//
//   - Files are read again when they have changed, at a connection, so that a renewal
//     needs no signal and no restart. What cannot be read, or does not fit together, as in
//     the middle of a renewal, leaves the certificate that was there in use, is told to the
//     log, and is tried again at a later connection.
//   - The authority's key and the certificates stand in one directory of mode 0700, each
//     file with mode 0600, and are put in place by renames: nobody meets half of one.
//   - A certificate names what it was asked for (names, addresses) and is renewed when a
//     third of its life is left, or when it is asked for other names. The authority stays
//     the same for its whole life, so that whoever trusts it goes on doing so.
//
// # Decisions
//
//   - ECDSA P-256: every client of the last decade has it, and a handshake costs a tenth of
//     one with RSA.
//   - A certificate lives 90 days: it is renewed by itself, and a stolen one is soon worth
//     nothing. The authority lives ten years, for every client has to be told of it.
//   - The authority is of this store alone. It may sign for any name, because listeners get
//     new ones; its key is as safe as the store's directory, and backups do not have it.
package certs
