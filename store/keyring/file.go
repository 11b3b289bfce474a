package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"pail/crypto"
)

// The numbers of the layouts of the file of keys: a ring has the records' key, too, in the
// second, which is written of no other, so that earlier programs open those that they know.
const (
	fileFormat        = 1
	fileFormatRecords = 2
)

// What can be wrong with a file of keys or the secret for it.
var (
	// ErrWrong says that a secret is not the one of the file: another one may be.
	ErrWrong = errors.New("the master key is another")
	// ErrNotGiven says that nobody gave a secret.
	ErrNotGiven = errors.New("none was given")
	// ErrDamaged says that bytes are not what Ring.Marshal returned.
	ErrDamaged = errors.New("the file of keys is damaged")
	// ErrNewer says that a later program has written the file.
	ErrNewer = errors.New("the file of keys was written by a newer program")
)

// A Generation is a store key, without the key.
type Generation struct {
	Number uint32    `json:"number"`
	Made   time.Time `json:"made"` // UTC
}

// A file is what the disk has of a ring, in JSON. All but Sealed and Sum is the header, which
// is bound to what Sealed holds: the keys of the generations one behind the other, and last
// that of the records if they are encrypted.
type file struct {
	Format      int          `json:"format"`
	Source      Source       `json:"master_key"`
	Argon       *argonParams `json:"argon2id,omitempty"`
	Changed     time.Time    `json:"changed"`
	Records     bool         `json:"records"` // are encrypted
	Generations []Generation `json:"generations"`
	Sealed      []byte       `json:"sealed,omitempty"`
	Sum         string       `json:"sum,omitempty"` // XXH64 of the file without it
}

func (f file) text() []byte {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		panic("keyring: " + err.Error()) // no such value marshals badly
	}
	return append(b, '\n')
}

// context is what the sealed keys are bound to.
func (f file) context() []byte {
	f.Sealed, f.Sum = nil, ""
	return append([]byte("pail store keys\n"), f.text()...)
}

func (f file) marshal() []byte {
	f.Sum = ""
	f.Sum = fmt.Sprintf("%016x", xxhash.Sum64(f.text()))
	return f.text()
}

// A Locked is a file of keys that was read and not opened.
type Locked struct{ f file }

// Parse reads a file of keys. The errors: ErrDamaged, ErrNewer. What it takes marshals to the
// same bytes again.
func Parse(b []byte) (*Locked, error) {
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, ErrDamaged
	}
	if f.Format > fileFormatRecords {
		return nil, ErrNewer
	}
	if f.Format < fileFormat || f.Records != (f.Format == fileFormatRecords) || !f.validTimes() || !bytes.Equal(f.marshal(), b) {
		return nil, ErrDamaged
	}
	switch f.Source {
	case Passphrase:
		if f.Argon == nil || !f.Argon.valid() {
			return nil, ErrDamaged
		}
	case Beside, External:
		if f.Argon != nil {
			return nil, ErrDamaged
		}
	default:
		return nil, ErrNewer
	}
	for i, g := range f.Generations {
		if g.Number == 0 || i > 0 && g.Number <= f.Generations[i-1].Number {
			return nil, ErrDamaged
		}
	}
	if len(f.Generations) == 0 || len(f.Sealed) != f.keys()*crypto.KeySize+crypto.EnvelopeOverhead {
		return nil, ErrDamaged
	}
	return &Locked{f}, nil
}

// keys is how many keys Sealed holds.
func (f *file) keys() int {
	if f.Records {
		return len(f.Generations) + 1
	}
	return len(f.Generations)
}

// validTimes says whether the times of the file can be marshalled.
func (f *file) validTimes() bool {
	fits := func(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }
	for _, g := range f.Generations {
		if !fits(g.Made) {
			return false
		}
	}
	return fits(f.Changed)
}

// Source is what the master key is made from.
func (l *Locked) Source() Source { return l.f.Source }

// Records says whether the store's records are encrypted, too.
func (l *Locked) Records() bool { return l.f.Records }

// Generations are those of the store keys, oldest first.
func (l *Locked) Generations() []Generation { return append([]Generation(nil), l.f.Generations...) }

// Changed is when the file was written.
func (l *Locked) Changed() time.Time { return l.f.Changed }

// Marshal is the file.
func (l *Locked) Marshal() []byte { return l.f.marshal() }

// Open opens the keys with the secret of the file's source (NewMaster). The errors: ErrWrong;
// that a secret is no key. A passphrase takes the time and memory that the file says.
func (l *Locked) Open(secret []byte) (*Ring, error) {
	m := &Master{source: l.f.Source, argon: l.f.Argon}
	if l.f.Source == Passphrase {
		m.key = l.f.Argon.key(secret)
	} else {
		var err error
		if m.key, err = ParseKey(secret); err != nil {
			return nil, err
		}
	}
	b, err := m.key.Open(l.f.Sealed, l.f.context())
	if err != nil {
		return nil, ErrWrong
	}
	defer clear(b)
	keys := make([]*crypto.Key, l.f.keys())
	for i := range keys {
		if keys[i], err = crypto.ParseKey(b[i*crypto.KeySize : (i+1)*crypto.KeySize]); err != nil {
			return nil, ErrDamaged
		}
	}
	s := &state{locked: *l, master: m, keys: keys}
	if n := len(l.f.Generations); l.f.Records {
		s.keys, s.records = keys[:n:n], keys[n]
	}
	return newRing(s), nil
}

// next is the state with another list of keys, another master key or a key of the records,
// sealed.
func (s *state) next(m *Master, generations []Generation, keys []*crypto.Key, records *crypto.Key, now time.Time) *state {
	f := file{
		Format: fileFormat, Source: m.source, Argon: m.argon, Changed: now.UTC().Round(0),
		Records: records != nil, Generations: generations,
	}
	all := make([]byte, 0, (len(keys)+1)*crypto.KeySize)
	for _, k := range keys {
		all = append(all, k[:]...)
	}
	if records != nil {
		f.Format = fileFormatRecords
		all = append(all, records[:]...)
	}
	defer clear(all)
	f.Sealed = m.key.Seal(all, f.context())
	return &state{locked: Locked{f}, master: m, keys: keys, records: records}
}
