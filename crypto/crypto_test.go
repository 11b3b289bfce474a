package crypto

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var derived = map[string]string{
	"pail blob 1":     "3e8d5d69dde8a2c01d666ad0ea57f4c625796ecc22afb71141fd391c4d0a68ea",
	"pail envelope 1": "62c2f433bea29671ef51a671854b64b7dc1b0b95f259d0d0c5ad10675ed93261",
}

// Vectors of what the ciphers here are made of: what they compute is what everybody does.
func TestKnownAnswers(t *testing.T) {
	gcm := func(key, nonce, plain, aad string) string {
		k, err := ParseKey(unhex(t, key))
		if err != nil {
			t.Fatal(err)
		}
		var a cipher.AEAD = k.aead()
		return hex.EncodeToString(a.Seal(nil, unhex(t, nonce), unhex(t, plain), unhex(t, aad)))
	}
	for _, v := range []struct{ from, got, want string }{
		{"GCM specification, test case 13", gcm(
			"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", ""),
			"530f8afbc74536b9a963b4f1c4cb738b"},
		{"GCM specification, test case 14", gcm(
			"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
			"00000000000000000000000000000000", ""),
			"cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
		{"GCM specification, test case 16", gcm(
			"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
			"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
			"feedfacedeadbeeffeedfacedeadbeefabaddad2"),
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
				"76fc6ece0f4e1768cddf8853bb2d551b"},
	} {
		if v.got != v.want {
			t.Errorf("%s: %s, want %s", v.from, v.got, v.want)
		}
	}
	// What keys on disk depend on is fixed for good: these values were computed with Python's
	// hmac and hashlib, after RFC 5869.
	k := new(Key)
	for i := range k {
		k[i] = byte(i)
	}
	for label, want := range derived {
		if got := k.Derive(label, []byte("salt")); hex.EncodeToString(got[:]) != want {
			t.Errorf("Derive(%q) = %x, want %s", label, got[:], want)
		}
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	k := NewKey()
	for _, f := range []string{"%v", "%s", "%x", "%+v", "%#v", "%d", "%q"} {
		for _, v := range []any{k, *k, struct{ K Key }{*k}} {
			s := fmt.Sprintf(f, v)
			if bytes.Contains([]byte(s), []byte(fmt.Sprintf("%x", k[:4]))) || bytes.Contains([]byte(s), []byte(fmt.Sprintf("%d %d", k[0], k[1]))) {
				t.Errorf("%s of %T prints the key: %s", f, v, s)
			}
		}
	}
}

func TestEnvelopes(t *testing.T) {
	k, other := NewKey(), NewKey()
	sealed := k.Seal([]byte("secret"), []byte("here"))
	if got, err := k.Open(sealed, []byte("here")); err != nil || string(got) != "secret" {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if len(sealed) != len("secret")+EnvelopeOverhead {
		t.Errorf("an envelope of 6 bytes has %d", len(sealed))
	}
	if again := k.Seal([]byte("secret"), []byte("here")); bytes.Equal(again, sealed) {
		t.Error("two envelopes of one secret are alike")
	}
	if _, err := other.Open(sealed, []byte("here")); err != ErrOpen {
		t.Errorf("another key: %v", err)
	}
	if _, err := k.Open(sealed, []byte("there")); err != ErrOpen {
		t.Errorf("another context: %v", err)
	}
	for i := range sealed {
		for bit := range 8 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1 << bit
			if _, err := k.Open(bad, []byte("here")); err != ErrOpen {
				t.Fatalf("bit %d of byte %d changed: %v", bit, i, err)
			}
		}
		if _, err := k.Open(sealed[:i], []byte("here")); err != ErrOpen {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestSegmentsAreBound(t *testing.T) {
	k := NewKey()
	c := k.ForBlob(7)
	var b Batch
	b.Draw(4)
	plain := bytes.Repeat([]byte("segment "), SegmentSize/8)
	slot := c.Seal(nil, &b, 3, 9, plain)
	hole := c.SealHole(nil, &b, 3, 10)
	if len(slot) != SlotSize || len(hole) != SlotOverhead {
		t.Fatalf("slots of %d and %d bytes", len(slot), len(hole))
	}
	got := make([]byte, SegmentSize)
	if seq, h, err := c.Open(got, slot, &b, 3); err != nil || h || seq != 9 || !bytes.Equal(got, plain) {
		t.Fatalf("Open = %d, %v, %v", seq, h, err)
	}
	if seq, h, err := c.Open(got, hole, &b, 3); err != nil || !h || seq != 10 || !bytes.Equal(got, make([]byte, SegmentSize)) {
		t.Fatalf("Open of a hole = %d, %v, %v", seq, h, err)
	}
	for what, open := range map[string]func() error{
		"another place": func() error { _, _, err := c.Open(got, slot, &b, 4); return err },
		"another blob":  func() error { _, _, err := k.ForBlob(8).Open(got, slot, &b, 3); return err },
		"another key":   func() error { _, _, err := NewKey().ForBlob(7).Open(got, slot, &b, 3); return err },
		"cut":           func() error { _, _, err := c.Open(got, slot[:SlotSize-1], &b, 3); return err },
		"zeros":         func() error { _, _, err := c.Open(got, make([]byte, SlotSize), &b, 3); return err },
		"a hole of it": func() error {
			_, _, err := c.Open(got, append(bytes.Clone(hole[:12]), slot[12:]...), &b, 3)
			return err
		},
		"as an index": func() error { _, err := c.OpenIndex(slot); return err },
	} {
		if err := open(); err != ErrOpen {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, s := range [][]byte{slot, hole} {
		for i := range s {
			bad := bytes.Clone(s)
			bad[i] ^= 1 << (i % 8)
			if _, _, err := c.Open(got, bad, &b, 3); err != ErrOpen {
				t.Fatalf("byte %d of %d changed: %v", i, len(s), err)
			}
		}
	}
}

// No two segments are sealed with one nonce, and one batch's nonces go once each.
func TestNoncesAreUsedOnce(t *testing.T) {
	c := NewKey().ForBlob(1)
	plain := make([]byte, SegmentSize)
	seen := map[string]bool{}
	var b Batch
	for range 40 {
		b.Draw(50)
		for range 50 {
			nonce := string(c.Seal(nil, &b, 1, 1, plain)[:nonceSize])
			if seen[nonce] {
				t.Fatal("a nonce came twice")
			}
			seen[nonce] = true
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("sealed without a nonce left")
				}
			}()
			c.Seal(nil, &b, 1, 1, plain)
		}()
	}
}

// Slots of different segments and sides never overlap.
func TestLayout(t *testing.T) {
	for _, l := range []Layout{Dense, Double} {
		at := map[int64]string{}
		for segment := range int64(3 * GroupSegments) {
			for side := range 2 {
				if l == Dense && side == 1 {
					continue
				}
				off := l.Offset(segment, side)
				if was, ok := at[off]; ok || off%SlotSize != 0 || off < 0 {
					t.Fatalf("layout %d: segment %d side %d at %d, where %s is", l, segment, side, off, was)
				}
				at[off] = fmt.Sprintf("segment %d side %d", segment, side)
				if run := l.Run(segment); run > 1 && l.Offset(segment+1, side) != off+SlotSize {
					t.Fatalf("layout %d: segment %d has a run of %d", l, segment, run)
				}
			}
		}
	}
}

func TestIndexTellsWhatWasSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom([]Layout{Dense, Double}).Draw(t, "layout")
		length := rapid.Int64Range(0, 400*SegmentSize).Draw(t, "length")
		n := SegmentCount(length)
		kinds := make([]Kind, n)
		x := NewIndex(l, length)
		most := int(First)
		if l == Double {
			most = int(Second)
		}
		for i := int64(0); i < n; {
			run := min(rapid.Int64Range(1, 150).Draw(t, "run"), n-i)
			k := Kind(rapid.IntRange(0, most).Draw(t, "kind"))
			for range run {
				x.Set(i, Kind(rapid.IntRange(0, most).Draw(t, "before")))
				x.Set(i, k)
				kinds[i] = k
				i++
			}
		}
		y, err := ParseIndex(x.Marshal(), length)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []*Index{x, y} {
			if x.Length != length || x.Layout != l {
				t.Fatalf("%d bytes, layout %d", x.Length, x.Layout)
			}
			for i, k := range kinds {
				if got := x.At(int64(i)); got != k {
					t.Fatalf("segment %d is %d, want %d", i, got, k)
				}
				run := int64(i)
				for run < n && kinds[run] == k {
					run++
				}
				if got := x.Run(int64(i), n); got != run-int64(i) {
					t.Fatalf("run at %d is %d, want %d", i, got, run-int64(i))
				}
			}
			if x.At(n) != Hole || x.At(-1) != Hole {
				t.Fatal("something is outside of the blob")
			}
		}
		if !bytes.Equal(y.Marshal(), x.Marshal()) {
			t.Fatal("the index was read as another")
		}
	})
}

func FuzzIndex(f *testing.F) {
	x := NewIndex(Double, 9*SegmentSize+1)
	x.Set(2, First)
	x.Set(9, Second)
	f.Add(x.Marshal())
	f.Add(FullIndex(Dense, 1<<20).Marshal())
	f.Add(NewIndex(Dense, 0).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ParseIndex(b, 1<<24)
		if err != nil {
			return
		}
		if !bytes.Equal(x.Marshal(), b) {
			t.Fatalf("%x was read as %x", b, x.Marshal())
		}
	})
}

// No ciphertext but that which was made opens.
func FuzzOpen(f *testing.F) {
	k := new(Key)
	c := k.ForBlob(1)
	var b Batch
	b.Draw(2)
	slot, hole := c.Seal(nil, &b, 0, 1, make([]byte, SegmentSize)), c.SealHole(nil, &b, 0, 2)
	envelope, index := k.Seal([]byte("secret"), nil), c.SealIndex([]byte("index"))
	for _, seed := range [][]byte{slot, hole, envelope, index} {
		f.Add(seed)
	}
	// The fuzzer begins with the seeds of other runs too, which are sealed with other nonces
	// under the same key: what opens must then be one of them, whole.
	plain := make([]byte, SegmentSize)
	f.Fuzz(func(t *testing.T, in []byte) {
		var b Batch
		bad := bytes.Clone(in)
		_, _, err := c.Open(plain, in, &b, 0)
		for i := 0; err == nil && i < min(len(bad), SlotOverhead); i++ {
			bad[i] ^= 0x40
			if _, _, err := c.Open(plain, bad, &b, 0); err == nil {
				t.Fatalf("byte %d does not count", i)
			}
			bad[i] ^= 0x40
		}
		if secret, err := k.Open(in, nil); err == nil && len(secret)+EnvelopeOverhead != len(in) {
			t.Fatal("an envelope of another length")
		}
		_, _ = c.OpenIndex(in)
	})
}

func BenchmarkSegments(b *testing.B) {
	c := NewKey().ForBlob(1)
	plain := make([]byte, SegmentSize)
	var batch Batch
	batch.Draw(1)
	slot := c.Seal(nil, &batch, 1, 1, plain)
	b.Run("Seal", func(b *testing.B) {
		b.SetBytes(SegmentSize)
		for b.Loop() {
			batch.Draw(1)
			slot = c.Seal(slot[:0], &batch, 1, 1, plain)
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.SetBytes(SegmentSize)
		for b.Loop() {
			if _, _, err := c.Open(plain, slot, &batch, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
	k := NewKey()
	b.Run("Envelope", func(b *testing.B) {
		for b.Loop() {
			k.Wrap(k, nil)
		}
	})
	b.Run("ForBlob", func(b *testing.B) {
		for b.Loop() {
			k.ForBlob(1)
		}
	})
}
