package iam

import (
	"strings"
	"testing"
	"time"

	"pail/store/access"
	"pail/store/fault"
)

// FuzzOpenToken opens any text as a session token, under a secret that it might have been
// sealed with: what is no token is refused, and what is opened says what was sealed.
func FuzzOpenToken(f *testing.F) {
	s := Secret{ID: "AAAAAAAA", Key: []byte(strings.Repeat("k", secretKey))}
	t := &Temporary{Kind: access.User, Account: "000000000000", Of: "AIDAX", Issued: time.Unix(1, 0), Expires: time.Unix(2, 0)}
	token, err := t.Seal(s)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{token, token[:len(token)-1], token + "A", "", "A", strings.Repeat("A", 9000), "AUFBQUFBQUFB" + token[12:]} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := OpenToken(text, func(id string) (Secret, bool) { return s, id == s.ID })
		if err != nil {
			return
		}
		again, err := got.Seal(s)
		if err != nil {
			t.Fatalf("what was opened cannot be sealed: %v", err)
		}
		if _, err := OpenToken(again, func(string) (Secret, bool) { return s, true }); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTokensAreBounded(t *testing.T) {
	s := NewSecret()
	tmp := &Temporary{Kind: access.RoleSession, Account: "000000000000", Of: "AROAX", Name: "s"}
	for range maxSessionTags {
		tmp.Tags = append(tmp.Tags, Tag{random(idAlphabet, maxTagKey), random(secretAlphabet, maxTagValue)})
	}
	if _, err := tmp.Seal(s); !fault.Is(err, fault.PackedPolicyTooLarge) {
		t.Errorf("a token of any length: %v", err)
	}
	tmp.Tags = tmp.Tags[:5]
	token, err := tmp.Seal(s)
	if err != nil || len(token) > maxToken*4/3+3 || PackedSize(token) > 100 || PackedSize(token) < 20 {
		t.Errorf("%d bytes, %d %%, %v", len(token), PackedSize(token), err)
	}
	for i, r := range []rune(token) {
		if r > 0x7e || r < '-' {
			t.Fatalf("the token has %q at %d", r, i)
		}
	}
}
