package keyring

import (
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"pail/crypto"
	"pail/store/fault"
)

// ErrGone says that something was sealed under a generation that the ring does not have.
var ErrGone = errors.New("the store key of that generation is gone")

// errFull says that no number is left for another generation.
var errFull = errors.New("there are as many generations of store keys as can be numbered")

// A Ring is the keys of a store, opened. It is safe for concurrent use, and whoever holds it
// sees what Become changes.
type Ring struct{ state atomic.Pointer[state] }

// A state is what a ring holds at one moment. It never changes.
type state struct {
	locked  Locked
	master  *Master
	keys    []*crypto.Key // as the generations of locked
	records *crypto.Key   // nil: the records are not encrypted
}

func newRing(s *state) *Ring {
	r := new(Ring)
	r.state.Store(s)
	return r
}

// New makes a ring of one generation under a master key.
func New(m *Master, now time.Time) *Ring {
	first := []Generation{{1, now.UTC().Round(0)}}
	return newRing(new(state).next(m, first, []*crypto.Key{crypto.NewKey()}, nil, now))
}

// Marshal is the file of the ring, which Parse reads and Locked.Open opens.
func (r *Ring) Marshal() []byte { return r.state.Load().locked.Marshal() }

// Header is the ring without its keys.
func (r *Ring) Header() *Locked { l := r.state.Load().locked; return &l }

// Master is the key that opens the ring's file, for whoever makes a copy of it on paper. Of a
// passphrase it is what Argon2id made of that, and no use for Locked.Open.
func (r *Ring) Master() *crypto.Key { k := *r.state.Load().master.key; return &k }

// Rotated is the ring with a new generation. The ring itself stays as it is until Become: a
// key is used when its file is durable.
func (r *Ring) Rotated(now time.Time) (*Ring, error) {
	s := r.state.Load()
	f := &s.locked.f
	last := f.Generations[len(f.Generations)-1].Number
	if last == math.MaxUint32 {
		return nil, errFull
	}
	generations := append(slices.Clip(f.Generations), Generation{last + 1, now.UTC().Round(0)})
	return newRing(s.next(s.master, generations, append(slices.Clip(s.keys), crypto.NewKey()), s.records, now)), nil
}

// Under is the ring under another master key.
func (r *Ring) Under(m *Master, now time.Time) *Ring {
	s := r.state.Load()
	return newRing(s.next(m, s.locked.f.Generations, s.keys, s.records, now))
}

// WithRecords is the ring with a key for the records, which it keeps for good: no rotation and
// no other master key changes it. A ring that has one is returned as it is.
func (r *Ring) WithRecords(now time.Time) *Ring {
	s := r.state.Load()
	if s.records != nil {
		return r
	}
	return newRing(s.next(s.master, s.locked.f.Generations, s.keys, crypto.NewKey(), now))
}

// Records is the key of the records; nil if they are not encrypted.
func (r *Ring) Records() *crypto.Key { return r.state.Load().records }

// Become makes the ring what another one is: that one's file is durable.
func (r *Ring) Become(other *Ring) { r.state.Store(other.state.Load()) }

// Generation is the number of the current generation.
func (r *Ring) Generation() uint32 {
	n, _ := r.state.Load().current()
	return n
}

func (s *state) current() (uint32, *crypto.Key) {
	last := len(s.keys) - 1
	return s.locked.f.Generations[last].Number, s.keys[last]
}

func (s *state) find(generation uint32) (*crypto.Key, error) {
	for i, g := range s.locked.f.Generations {
		if g.Number == generation {
			return s.keys[i], nil
		}
	}
	return nil, fault.Wrap(fault.Damaged, ErrGone, "generation %d of the store's keys is missing; restore the file of keys from a backup", generation)
}

// Seal puts a secret into an envelope under the current generation (crypto.Key.Seal).
func (r *Ring) Seal(plain, context []byte) (generation uint32, sealed []byte) {
	n, k := r.state.Load().current()
	return n, k.Seal(plain, context)
}

// Open takes a secret out of its envelope. It is Damaged, and wraps ErrGone or crypto.ErrOpen,
// if the ring lacks the generation or the envelope is not one of that key and context.
func (r *Ring) Open(generation uint32, sealed, context []byte) ([]byte, error) {
	k, err := r.state.Load().find(generation)
	if err != nil {
		return nil, err
	}
	plain, err := k.Open(sealed, context)
	return plain, openError(err)
}

// Wrap is Seal of a key.
func (r *Ring) Wrap(key *crypto.Key, context []byte) (generation uint32, wrapped []byte) {
	n, k := r.state.Load().current()
	return n, k.Wrap(key, context)
}

// Unwrap is Open of a key.
func (r *Ring) Unwrap(generation uint32, wrapped, context []byte) (*crypto.Key, error) {
	k, err := r.state.Load().find(generation)
	if err != nil {
		return nil, err
	}
	key, err := k.Unwrap(wrapped, context)
	return key, openError(err)
}

func openError(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Damaged, err, "something that the store's keys have sealed is damaged")
}
