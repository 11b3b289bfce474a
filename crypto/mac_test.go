package crypto

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// ghash is GHASH of SP 800-38D, a bit at a time, over the bytes as authenticated ones.
func ghash(h [16]byte, aad []byte) (y [16]byte) {
	blocks := append(bytes.Clone(aad), make([]byte, (16-len(aad)%16)%16)...)
	blocks = binary.BigEndian.AppendUint64(blocks, uint64(len(aad))*8)
	blocks = binary.BigEndian.AppendUint64(blocks, 0)
	for b := range slices.Chunk(blocks, 16) {
		for i := range y {
			y[i] ^= b[i]
		}
		var z [16]byte
		v := h
		for bit := range 128 {
			if y[bit/8]>>(7-bit%8)&1 == 1 {
				for i := range z {
					z[i] ^= v[i]
				}
			}
			carry := v[15] & 1
			for i := 15; i > 0; i-- {
				v[i] = v[i]>>1 | v[i-1]<<7
			}
			v[0] >>= 1
			v[0] ^= 0xe1 * carry
		}
		y = z
	}
	return y
}

// The tag is what its definition says, computed apart.
func TestMACIsWhatItSays(t *testing.T) {
	k := new(Key)
	for i := range k {
		k[i] = byte(i)
	}
	hash, err := aes.NewCipher(k.Derive("pail mac hash 1", nil)[:])
	if err != nil {
		t.Fatal(err)
	}
	last, err := aes.NewCipher(k.Derive("pail mac tag 1", nil)[:])
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 15, 16, 17, 300} {
		name, value := []byte("name"), bytes.Repeat([]byte{7}, n)
		record := binary.BigEndian.AppendUint64(nil, 9)
		record = binary.BigEndian.AppendUint64(record, uint64(len(name)))
		record = append(append(record, name...), value...)

		var h, mask, want [16]byte
		hash.Encrypt(h[:], h[:])
		mask[15] = 1 // the nonce zero, and the counter 1
		hash.Encrypt(mask[:], mask[:])
		want = ghash(h, record)
		for i := range want {
			want[i] ^= mask[i]
		}
		last.Encrypt(want[:], want[:])

		var got [MACSize]byte
		k.NewMAC().Put(got[:], 9, name, value)
		if got != want {
			t.Errorf("%d bytes: %x, want %x", n, got, want)
		}
	}
	// What is on disk depends on it.
	var got [MACSize]byte
	k.NewMAC().Put(got[:], 1, []byte("key"), []byte("value"))
	if s := hex.EncodeToString(got[:]); s != macOfValue {
		t.Errorf("the tag is %s, and was %s", s, macOfValue)
	}
}

const macOfValue = "a08fe80ce5560cbca6e8713e061e2c4f"

// Any other record, or another key, has another tag.
func TestMACBindsEverything(t *testing.T) {
	m, other := NewKey().NewMAC(), NewKey().NewMAC()
	rapid.Check(t, func(t *rapid.T) {
		type record struct {
			number      uint64
			name, value []byte
		}
		draw := func(what string) record {
			return record{rapid.Uint64Range(0, 3).Draw(t, what+" number"),
				rapid.SliceOfN(rapid.ByteRange(0, 1), 0, 3).Draw(t, what+" name"),
				rapid.SliceOfN(rapid.ByteRange(0, 1), 0, 20).Draw(t, what+" value")}
		}
		a, b := draw("a"), draw("b")
		var tag [MACSize]byte
		m.Put(tag[:], a.number, a.name, a.value)
		same := a.number == b.number && bytes.Equal(a.name, b.name) && bytes.Equal(a.value, b.value)
		if m.Is(tag[:], b.number, b.name, b.value) != same {
			t.Fatalf("%v and %v", a, b)
		}
		if other.Is(tag[:], a.number, a.name, a.value) {
			t.Fatal("another key has the same tag")
		}
		tag[rapid.IntRange(0, MACSize-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if m.Is(tag[:], a.number, a.name, a.value) || m.Is(tag[:MACSize-1], a.number, a.name, a.value) || m.Is(nil, a.number, a.name, a.value) {
			t.Fatal("a changed tag is taken")
		}
	})
}

func BenchmarkMAC(b *testing.B) {
	m := NewKey().NewMAC()
	name := []byte("some bucket/some directory/some object")
	for _, n := range []int{64, 256, 4096} {
		value := make([]byte, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			var tag [MACSize]byte
			for b.Loop() {
				m.Put(tag[:], 1, name, value)
			}
		})
	}
}

// SealSame makes one envelope of a secret in a context under a key, another of each other, and
// Open opens it.
func TestSealSame(t *testing.T) {
	k, other := NewKey(), NewKey()
	one := k.SealSame([]byte("secret"), []byte("here"))
	if !bytes.Equal(one, k.SealSame([]byte("secret"), []byte("here"))) {
		t.Error("the same is not the same")
	}
	for what, b := range map[string][]byte{
		"another secret": k.SealSame([]byte("secreT"), []byte("here")), "another context": k.SealSame([]byte("secret"), []byte("herE")),
		"another key": other.SealSame([]byte("secret"), []byte("here")), "Seal": k.Seal([]byte("secret"), []byte("here")),
		"context and secret parted otherwise": k.SealSame([]byte("esecret"), []byte("her")),
	} {
		if bytes.Equal(one[1:1+saltSize], b[1:1+saltSize]) {
			t.Errorf("%s has the same salt", what)
		}
	}
	if got, err := k.Open(one, []byte("here")); err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := k.Open(one, []byte("there")); !errors.Is(err, ErrOpen) {
		t.Errorf("in another context: %v", err)
	}
}
