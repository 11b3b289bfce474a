// Package kms holds the rules of the key management service: keys, their states, material
// and rotation, aliases, key policies, grants, and ciphertexts. It is pure: what is kept is
// the store's business (store/kms.go says how), who may do what is decided by package access,
// and material is kept secret by a [Sealer] that is handed in.
//
// # Words
//
// A [Key] is a name, a policy and a state; its secret is its [Material], of which rotation
// makes more: the newest encrypts, all of them decrypt. [Keys] are all that a store has at one
// moment; rules make an item of them, or say why not. A [Grant] lets somebody use a key
// besides what its policy says; its token names it and gives nobody anything.
//
// # Ciphertexts
//
//	0   1   version: 1, or 2 of a key that is kept outside
//	1   16  id of the key, a UUID
//	17  4   number of the material, big-endian, not 0
//	21  n   the plaintext in an envelope of package crypto under that material
//
// So whoever decrypts need not name the key. Associated data of the envelope are those 21
// bytes and the encryption context in its one form (appendContext): the pairs sorted by
// their keys, every text with its length before it, so that {"ab":"c"} is not {"a":"bc"}. A
// ciphertext opens under the same key with an equal context only, whatever order it is given
// in; keys and values know case. A ciphertext is not changed into another one: every byte of
// it is authenticated.
//
// Each envelope has a random salt of 256 bits, from which a key of its own is derived
// (HKDF-SHA256), used once. So neither many ciphertexts under one key nor a store that is
// restored from a backup brings the nonces of AES-GCM together: two ciphertexts share a key
// only if their salts collide.
//
// # Keys outside
//
// A key may be kept by a [Service] outside, which is asked for each use ([Outside]). Version 2 of
// a ciphertext has the same header, and behind it what the service made. Where that takes
// associated data it gets the bytes above; where it takes an encryption context it gets ours
// and the id of the key (KeyPair), so that nothing opens for another key or context either way.
//
// # Material at rest
//
// Material is 256 random bits, sealed under the store's keys and bound to the id of its key
// and its number: records that are exchanged do not open. It is unsealed for each use and
// wiped after it; nothing keeps it in memory. A store that was opened without its master key
// neither makes nor uses keys.
// Deleting a key takes its record away; its sealed bytes may stay in files of the engine until
// compaction, and in backups.
//
// # Sources
//
// AWS KMS API Reference (2014-11-01), and of the AWS KMS Developer Guide "Key states of AWS
// KMS keys", "Rotate AWS KMS keys", "Grants in AWS KMS", "Key policies in AWS KMS", "Default
// key policy", "Encryption context", "Aliases in AWS KMS", "Quotas".
//
// # Decisions
//
//   - Keys are symmetric (SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT) and of one Region. What AWS has
//     besides is refused with a sentence.
//   - What is changed is so for the next request. AWS lets five minutes pass; so a grant's
//     token is never needed, and is only checked to be one.
//   - A policy is refused when it is put if it could not be enforced (package access), as
//     those of buckets are.
//   - A pair of an encryption context in a condition (kms:EncryptionContext:KEY) is found
//     whatever the case of KEY, as AWS has it; kms:EncryptionContextKeys knows case.
//
// # To extend
//
// Another rule is a method of Keys that returns the item as it will be. Another kind of item
// is a type with home(), a case in builder and in CheckItem, and its record in the store.
package kms
