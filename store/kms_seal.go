package store

import (
	"encoding/binary"

	"pail/store/fault"
	"pail/store/keyring"
	"pail/store/kms"
)

// A ringSealer keeps material secret with the keys of the store (kms.Sealer): the number of
// the generation, four bytes, and an envelope under it.
type ringSealer struct{ ring *keyring.Ring }

// Seal puts a secret into an envelope.
func (x ringSealer) Seal(plaintext, context []byte) ([]byte, error) {
	generation, sealed := x.ring.Seal(plaintext, context)
	return append(binary.BigEndian.AppendUint32(nil, generation), sealed...), nil
}

// Open takes a secret out of its envelope. The kinds of failure: Damaged.
func (x ringSealer) Open(sealed, context []byte) ([]byte, error) {
	if len(sealed) < 4 {
		return nil, fault.New(fault.Damaged, "what the store's keys have sealed is cut off")
	}
	return x.ring.Open(binary.BigEndian.Uint32(sealed), sealed[4:], context)
}

// kmsSealer is what keeps material secret: the keys of the store, which are made if there are
// none. The kinds of failure: AccessDenied (the store was opened without its master key),
// NoSpace, IOFailed.
func (s *Store) kmsSealer() (kms.Sealer, error) {
	r, err := s.storeKeys()
	if err != nil {
		return nil, err
	}
	return ringSealer{r}, nil
}
