// Package crypto is how Pail keeps bytes secret: keys, envelopes, and the encrypted bytes of
// blobs. It does no I/O and knows neither buckets nor files; what it needs of randomness it
// takes from the system.
//
// # Whom it protects against
//
// Somebody who has the disk, or a copy of it, at one moment or at several: a stolen machine, a
// disk sent back, a backup in foreign hands, an administrator of storage. Without the keys he
// learns of encrypted contents how long each is, which are shared, and when what was written.
// What he changes is noticed when it is read: every byte is authenticated, in its place.
//
// It does not protect against somebody who controls the running daemon or its memory, nor
// against whoever may ask the daemon by way of its rules. Keys are in memory while they are in
// use; the Go runtime may leave copies, and Wipe does what it can.
//
// Somebody who may write to the disk and kept an older state of it can put that back as a
// whole. Of a blob that is complete nothing older exists under its key but states that its
// draft had before it was complete; one segment of such a state can be put in the place of
// the later one. Against going back as a whole only a witness outside of the disk helps.
//
// # Keys
//
//	passphrase --Argon2id--> master key   (or from a file, a variable, a credential, a command)
//	master key --envelope--> store keys, by generation: rotating adds one
//	store key, key of KMS or customer's key --envelope--> a version's key
//	version's key --envelope--> the data key of each blob that the version has bytes in
//	data key --HKDF--> the cipher of that blob, by its id
//
// A data key is random and belongs to one blob. A blob that several versions share has an
// envelope of its data key for each different version's key, so that a copy under another key
// moves no bytes. What a version keeps in the records themselves (small contents) is an envelope of
// the version's key.
//
// # Nonces
//
// GCM fails when a nonce is used twice under one key. There are two disciplines and no third
// (mac.go, which encrypts nothing, says why it needs none):
// envelopes have a key each, made from 256 random bits, and the nonce zero, once; segments
// have random nonces of 96 bits, and at most MaxSegments of them are sealed under one data key.
// A counter would do for segments as long as the daemon lives, but a power cut can lose what was
// written and with it how far the counter was, while somebody else has seen the bytes.
//
// Records, which the engine encrypts without authenticating them, have a MAC each (mac.go).
//
// # Bytes
//
// AES-256-GCM, because the machines have instructions for it (4 KiB take a microsecond) and
// S3 names it. Segments are 4 KiB: what a mount reads and writes at least, and 36 bytes of
// 4132 are little. Larger ones would make a change of one page cost more, and save nothing
// where many are read at once, in one read of the disk. Their layout stands in segment.go and
// layout.go, that of an envelope in envelope.go.
//
// A segment of a draft is never overwritten where it is if what is there may have been synced:
// it has two sides, and the later of two good ones, by sequence number, is it. So a write that
// tears costs what it wrote and nothing else.
package crypto
