package kms

import (
	"encoding/binary"
	"time"

	"pail/crypto"
	"pail/store/fault"
)

// A Sealer keeps material secret where it is kept: the master key of a store. Its methods
// may be called from many goroutines. What it cannot do now (it is locked) is a fault.
type Sealer interface {
	Seal(plaintext, context []byte) ([]byte, error)
	Open(sealed, context []byte) ([]byte, error)
}

// newMaterial makes up the material of a key.
func newMaterial(s Sealer, key [16]byte, number uint32, cause Cause, now time.Time) (Material, error) {
	m := Material{Number: number, ID: newHexID(), Created: now, Cause: cause}
	secret := crypto.NewKey()
	defer secret.Wipe()
	var err error
	m.Sealed, err = s.Seal(secret[:], materialContext(key, number))
	return m, err
}

// materialContext is what sealed material is bound to, so that it is none of another key, or
// another one of its own.
func materialContext(key [16]byte, number uint32) []byte {
	b := append([]byte("pail kms material\x00"), key[:]...)
	return binary.BigEndian.AppendUint32(b, number)
}

// open returns the secret of a material. The caller wipes it when it is done.
func (m *Material) open(s Sealer, key [16]byte) (*crypto.Key, error) {
	b, err := s.Open(m.Sealed, materialContext(key, m.Number))
	if err != nil {
		if fault.KindOf(err) == fault.Internal {
			err = fault.Wrap(fault.Damaged, err, "the material %d of the key %s cannot be unsealed", m.Number, formatID(key))
		}
		return nil, err
	}
	k, err := crypto.ParseKey(b)
	clear(b)
	if err != nil {
		return nil, fault.Wrap(fault.Damaged, err, "the material %d of the key %s is none", m.Number, formatID(key))
	}
	return k, nil
}
