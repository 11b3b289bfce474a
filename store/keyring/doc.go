// Package keyring is the keys of a store: the master key, what it is made from, and the
// store keys that it seals, by generation. It does no I/O and keeps no secrets but in memory;
// where its bytes lie, and who is asked for the secret, the store knows.
//
// # Words
//
// The master key seals the store keys and nothing else. Its source is a passphrase, a key of
// 256 bits that somebody keeps elsewhere, or a key that lies beside the store. A generation is
// a store key with its number; the current one, the newest, seals what is sealed from now on,
// and the older ones open what they have sealed. The records' key encrypts the records of the
// store, and whatever else in its directory would tell of them; it is there if somebody has
// chosen a master key, and no rotation changes it: what it encrypts would have to be written
// again. A ring is all of them, opened.
//
// # Promises
//
//   - Nothing on disk says more of a key than that it exists. The sealed list is bound to
//     everything else that the file says (generations, source, what is encrypted), so that
//     nobody without the master key takes a generation away or brings one in.
//   - A wrong passphrase and a damaged file are told apart: the file has a sum of its own.
//   - What a Ring seals names its generation. Rotation adds one and re-seals the list: no
//     data is written again.
//   - What makes a ring of untrusted bytes bounds the memory that it may take (Argon2id).
//
// It does not protect against going back: whoever may write to the disk and kept an older
// file of keys, and knows the master key or passphrase of that time, opens what that sealed.
// So after a passphrase was lost to somebody a new one is not enough for what is there
// already; it is for what will be sealed, with a new generation.
//
// The parameters of Argon2id are the second recommended option of RFC 9106, section 4 (three
// passes over 64 MiB, four lanes): a small machine has that much, and a guess costs a tenth of
// a second. They stand in the file, so that they can grow.
package keyring
