package iam

import (
	"crypto/rand"
	"fmt"
	"time"
)

// An AccessKey is what requests are signed with.
type AccessKey struct {
	ID        string
	Secret    string // "" where it is not shown
	Account   string // 12 digits
	Principal string // ARN of whom it acts for
	Created   time.Time
	Inactive  bool   // it is kept, and refused
	Root      bool   // it is the root access key
	Owner     string // unique id of the user whose it is; "": it is the root's
}

// A Given is an access key that somebody has chosen: both parts, or neither.
type Given struct{ ID, Secret string }

// Lengths of given ids and secrets, in bytes.
const (
	MinID, MaxID         = 3, 128
	MinSecret, MaxSecret = 8, 128
)

// IDs have this alphabet, that of base32, behind AKIA, which is what AWS calls the
// long-term keys of a user: "IAM identifiers", AWS Identity and Access Management User
// Guide.
const (
	idAlphabet     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	idPrefix       = "AKIA"
	idLength       = 20
	secretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	secretLength   = 40
)

// Generate makes up the id and the secret of an access key.
func Generate() Given {
	return Given{
		ID:     idPrefix + random(idAlphabet, idLength-len(idPrefix)),
		Secret: random(secretAlphabet, secretLength),
	}
}

// IsTemporary says whether an access key of that id is one of temporary credentials.
func IsTemporary(id string) bool { return len(id) == idLength && id[:len(tempID)] == tempID }

// random returns n characters of an alphabet of at most 64, each as likely as any.
func random(alphabet string, n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for {
		_, _ = rand.Read(buf[:]) // never fails, says its documentation
		for _, b := range buf {
			if i := int(b & 63); i < len(alphabet) {
				if out = append(out, alphabet[i]); len(out) == n {
					return string(out)
				}
			}
		}
	}
}

// Check says what is wrong with a given access key: a part that is missing, a length, a
// character. An id stands in headers and URLs between the marks / , = and :, which it
// cannot have.
func (g Given) Check() error {
	switch {
	case g.ID == "" || g.Secret == "":
		return fmt.Errorf("an access key and its secret key are given together or not at all")
	case len(g.ID) < MinID || len(g.ID) > MaxID:
		return fmt.Errorf("an access key has %d to %d characters, and this one %d", MinID, MaxID, len(g.ID))
	case len(g.Secret) < MinSecret || len(g.Secret) > MaxSecret:
		return fmt.Errorf("a secret key has %d to %d characters, and this one %d", MinSecret, MaxSecret, len(g.Secret))
	}
	for _, c := range []byte(g.ID) {
		if !visible(c) || c == '/' || c == ',' || c == '=' || c == ':' || c == '"' || c == '\\' {
			return fmt.Errorf("an access key cannot have %q: it may have letters, digits and marks other than / , = : \" and \\", c)
		}
	}
	for _, c := range []byte(g.Secret) {
		if !visible(c) {
			return fmt.Errorf("a secret key has visible ASCII characters and no others")
		}
	}
	return nil
}

func visible(c byte) bool { return c > ' ' && c < 0x7f }

// A LastUse is when something was used last; the zero LastUse: never, or nobody knows.
type LastUse struct {
	Time            time.Time
	Service, Region string
}
