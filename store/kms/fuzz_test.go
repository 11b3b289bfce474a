package kms

import (
	"bytes"
	"maps"
	"testing"
)

// FuzzCiphertext: whatever bytes are, they are refused or name a key, and nothing but what was
// encrypted decrypts.
func FuzzCiphertext(f *testing.F) {
	m := newMaster()
	k, err := (&Keys{}).CreateKey(maker(m), NewKey{})
	if err != nil {
		f.Fatal(err)
	}
	good, err := k.Encrypt(m, []byte("secret"), map[string]string{"a": "b"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, "a", "b")
	f.Add(good[:headerSize], "", "")
	f.Add([]byte{version1}, "a", "c")
	f.Fuzz(func(t *testing.T, blob []byte, key, value string) {
		context := map[string]string{key: value}
		h, err := ParseHeader(blob)
		if err == nil {
			raw, ok := parseID(h.Key)
			if !ok || !bytes.Equal(appendHeader(nil, raw, h.Material), blob[:headerSize]) {
				t.Fatalf("%x names %+v", blob, h)
			}
		}
		p, err := k.Decrypt(m, blob, context)
		if err == nil && !(bytes.Equal(blob, good) && maps.Equal(context, map[string]string{"a": "b"})) {
			t.Fatalf("%x decrypts to %q", blob, p)
		}
	})
}

// FuzzToken: whatever a grant token is, it is refused or names a grant.
func FuzzToken(f *testing.F) {
	tok, err := (&Grant{ID: newHexID()}).Token()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(tok)
	f.Add("")
	f.Add("AQ==")
	f.Fuzz(func(t *testing.T, token string) {
		id, err := ParseToken(token)
		if err == nil && !isHexID(id) {
			t.Fatalf("%q names %q", token, id)
		}
		after, err := parseMarker(token)
		if err == nil && len(after) >= len(token) && token != "" {
			t.Fatalf("%q is behind %q", token, after)
		}
		if r, err := ParseRef(token); err == nil && (r.ID == "") == (r.Alias == "") && token != "" {
			t.Fatalf("%q is %+v", token, r)
		}
		_, _ = parseID(token)
	})
}

// FuzzContext: two contexts have one form exactly if they are equal.
func FuzzContext(f *testing.F) {
	f.Add("a", "bc", "ab", "c")
	f.Add("", "", "", "x")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		a, b := map[string]string{k1: v1, k2: ""}, map[string]string{k2: v2}
		if same := bytes.Equal(appendContext(nil, a), appendContext(nil, b)); same != maps.Equal(a, b) {
			t.Fatalf("%q and %q", a, b)
		}
		if !bytes.Equal(appendContext(nil, map[string]string{k1: v1, k2: v2}), appendContext(nil, map[string]string{k2: v2, k1: v1})) && k1 != k2 {
			t.Fatal("the order counts")
		}
	})
}
