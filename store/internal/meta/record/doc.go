// Package record holds the records that the store keeps in its key-value engine, as
// protocol buffers, and nothing else. The generated code is committed; `make proto`
// makes it anew from records.proto.
//
// Every top-level record has a schema number. A record written by a newer Pail is
// refused by Unmarshal with ErrNewer rather than read with fields missing.
package record
