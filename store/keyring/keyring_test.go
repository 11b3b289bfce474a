package keyring

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"pail/crypto"
	"pail/store/fault"
)

var then = time.Date(2026, 11, 23, 12, 0, 0, 5, time.FixedZone("somewhere", 3600))

// cheap is a master key of a passphrase that takes no time.
func cheap(passphrase string) *Master {
	p := &argonParams{Salt: []byte("0123456789abcdef"), Passes: 1, MemoryKiB: 64, Lanes: 1}
	return &Master{source: Passphrase, argon: p, key: p.key([]byte(passphrase))}
}

func parse(t *testing.T, b []byte) *Locked {
	t.Helper()
	l, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func open(t *testing.T, b []byte, secret string) *Ring {
	t.Helper()
	r, err := parse(t, b).Open([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRingKeepsWhatItSealed(t *testing.T) {
	r := New(cheap("correct horse"), then)
	holder := r // sees what the ring becomes
	g1, one := r.Seal([]byte("one"), []byte("place"))
	next, err := r.Rotated(then.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if r.Generation() != 1 || next.Generation() != 2 {
		t.Fatalf("generations %d and %d", r.Generation(), next.Generation())
	}
	r.Become(next)
	g2, two := holder.Seal([]byte("two"), []byte("place"))
	key := crypto.NewKey()
	g3, wrapped := holder.Wrap(key, []byte("place"))
	if g1 != 1 || g2 != 2 || g3 != 2 {
		t.Errorf("sealed under %d, %d and %d", g1, g2, g3)
	}

	moved := r.Under(cheap("battery staple"), then)
	again := open(t, moved.Marshal(), "battery staple")
	for _, c := range []struct {
		generation uint32
		sealed     []byte
		want       string
	}{{g1, one, "one"}, {g2, two, "two"}} {
		if got, err := again.Open(c.generation, c.sealed, []byte("place")); err != nil || string(got) != c.want {
			t.Errorf("generation %d: %q, %v", c.generation, got, err)
		}
	}
	if got, err := again.Unwrap(g3, wrapped, []byte("place")); err != nil || *got != *key {
		t.Errorf("unwrap: %v", err)
	}
	if _, err := again.Open(g1, two, []byte("place")); !fault.Is(err, fault.Damaged) || !errors.Is(err, crypto.ErrOpen) {
		t.Errorf("another generation opens: %v", err)
	}
	if _, err := again.Unwrap(g3, wrapped, []byte("elsewhere")); !fault.Is(err, fault.Damaged) || !errors.Is(err, crypto.ErrOpen) {
		t.Errorf("another context opens: %v", err)
	}
	if _, err := again.Open(7, two, []byte("place")); !fault.Is(err, fault.Damaged) || !errors.Is(err, ErrGone) {
		t.Errorf("a generation that is not there: %v", err)
	}
	if _, err := parse(t, moved.Marshal()).Open([]byte("correct horse")); !errors.Is(err, ErrWrong) {
		t.Errorf("the former passphrase: %v", err)
	}
}

func TestSources(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb, 0x01}, 16)
	for _, text := range []string{
		string(raw), hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	} {
		m, err := NewMaster(External, []byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		r := open(t, New(m, then).Marshal(), KeyText((*crypto.Key)(raw)))
		if r.Header().Source() != External || *r.Master() != *(*crypto.Key)(raw) {
			t.Errorf("%q: %v", text, r.Header().Source())
		}
	}
	for _, text := range []string{"", "short", strings.Repeat("g", 64), hex.EncodeToString(raw[1:])} {
		if _, err := NewMaster(External, []byte(text)); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q is a key (%v)", text, err)
		}
	}
	if _, err := NewMaster(Passphrase, []byte("1234567")); !errors.Is(err, ErrShort) {
		t.Errorf("a short passphrase: %v", err)
	}
	m, err := NewMaster(Passphrase, []byte("12345678"))
	if err != nil {
		t.Fatal(err)
	}
	if p := m.argon; p.Passes != 3 || p.MemoryKiB != 64<<10 || p.Lanes != 4 || len(p.Salt) != 16 {
		t.Errorf("%+v is not what doc.go says", p)
	}
	open(t, New(m, then).Marshal(), "12345678")
}

// Whatever of the file is changed, it is damaged; with a sum that is right it does not open.
func TestFileIsBound(t *testing.T) {
	r, err := New(cheap("passphrase"), then).Rotated(then)
	if err != nil {
		t.Fatal(err)
	}
	b := r.Marshal()
	for i := range b {
		changed := bytes.Clone(b)
		changed[i] ^= 1
		if _, err := Parse(changed); err == nil {
			t.Fatalf("a bit of byte %d may change: %s", i, changed)
		}
	}
	for name, change := range map[string]func(*file){
		"number":  func(f *file) { f.Generations[1].Number = 3 },
		"made":    func(f *file) { f.Generations[0].Made = then.UTC().Add(1) },
		"changed": func(f *file) { f.Changed = f.Changed.Add(1) },
		"records": func(f *file) { // as if the first key were not the last
			f.Format, f.Records, f.Generations = fileFormatRecords, true, f.Generations[:1]
		},
		"sealed": func(f *file) { f.Sealed[40] ^= 1 },
		"passes": func(f *file) { f.Argon.Passes++ },
	} {
		l := parse(t, b)
		change(&l.f)
		if _, err := parse(t, l.Marshal()).Open([]byte("passphrase")); !errors.Is(err, ErrWrong) {
			t.Errorf("%s may change: %v", name, err)
		}
	}
	for name, change := range map[string]func(*file){
		"format 0":      func(f *file) { f.Format = 0 },
		"no generation": func(f *file) { f.Generations = nil },
		"order":         func(f *file) { f.Generations[0].Number = 2 },
		"length":        func(f *file) { f.Sealed = f.Sealed[1:] },
		"memory":        func(f *file) { f.Argon.MemoryKiB = maxMemoryKiB + 1 },
		"lanes":         func(f *file) { f.Argon.Lanes = 0 },
		"salt":          func(f *file) { f.Argon.Salt = nil },
		"no argon":      func(f *file) { f.Argon = nil },
		"beside":        func(f *file) { f.Source = Beside },
	} {
		l := parse(t, b)
		change(&l.f)
		if _, err := Parse(l.Marshal()); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, change := range []func(*file){func(f *file) { f.Format = 3 }, func(f *file) { f.Source = "token" }} {
		l := parse(t, b)
		change(&l.f)
		if _, err := Parse(l.Marshal()); !errors.Is(err, ErrNewer) {
			t.Errorf("what is not known yet: %v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(New(cheap("passphrase"), then).Marshal())
	m, err := NewMaster(External, make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(New(m, then).Marshal())
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ParseKey(b); err == nil {
			if again, err := ParseKey([]byte(KeyText(k))); err != nil || *again != *k {
				t.Errorf("a key is another one as text (%v)", err)
			}
		}
		l, err := Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(l.Marshal(), b) {
			t.Errorf("%q marshals to %q", b, l.Marshal())
		}
		if l.f.Argon == nil {
			_, _ = l.Open(b[:crypto.KeySize])
		}
	})
}

// The key of the records comes with the first step and stays, whatever else changes; the file
// is of a format that earlier programs refuse, and of the earlier one as long as there is none.
func TestRecordsKeyStays(t *testing.T) {
	r := New(cheap("correct horse"), then)
	if r.Records() != nil || r.Header().Records() || !strings.Contains(string(r.Marshal()), `"format": 1,`) {
		t.Errorf("a new ring has a key of records: %s", r.Marshal())
	}
	r = r.WithRecords(then)
	want := *r.Records()
	if again := r.WithRecords(then); again != r {
		t.Error("it is given another one")
	}
	generation, sealed := r.Seal([]byte("one"), nil)
	next, err := r.Rotated(then)
	if err != nil {
		t.Fatal(err)
	}
	b := next.Under(cheap("battery staple"), then).Marshal()
	if !strings.Contains(string(b), `"format": 2,`) {
		t.Errorf("%s", b)
	}
	got := open(t, b, "battery staple")
	if !got.Header().Records() || got.Generation() != 2 || *got.Records() != want {
		t.Errorf("records %v, generation %d", got.Header().Records(), got.Generation())
	}
	if one, err := got.Open(generation, sealed, nil); err != nil || string(one) != "one" {
		t.Errorf("%q, %v", one, err)
	}
	for name, change := range map[string]func(*file){
		"format of records, none":  func(f *file) { f.Records = false },
		"records, earlier format":  func(f *file) { f.Format = fileFormat },
		"a key that has no number": func(f *file) { f.Generations = f.Generations[:1] },
	} {
		l := parse(t, b)
		change(&l.f)
		if _, err := Parse(l.Marshal()); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
