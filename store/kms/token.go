package kms

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"

	"pail/store/fault"
)

// A grant token names a grant: a version, the 32 bytes of its id and 16 random ones, so that
// no two are the same, in base64. It is no secret and gives nobody anything: whom the grant is
// for is asked each time.
const (
	tokenVersion = 1
	tokenSize    = 1 + 32 + 16
	maxTokens    = 10
	maxToken     = 8192
)

// Token makes a token of the grant.
func (g *Grant) Token() (string, error) {
	id, err := hex.DecodeString(g.ID)
	if err != nil || len(id) != 32 {
		return "", fault.New(fault.Damaged, "the grant %q has no id", g.ID)
	}
	b := append(make([]byte, 0, tokenSize), tokenVersion)
	b = append(b, id...)
	b = b[:tokenSize]
	_, _ = rand.Read(b[1+32:]) // never fails
	return base64.StdEncoding.EncodeToString(b), nil
}

// ParseToken is the id of the grant that a token names. The kinds of failure:
// KMSInvalidGrantToken.
func ParseToken(token string) (id string, err error) {
	if len(token) <= maxToken {
		b, err := base64.StdEncoding.Strict().DecodeString(token)
		if err == nil && len(b) == tokenSize && b[0] == tokenVersion {
			return hex.EncodeToString(b[1:33]), nil
		}
	}
	return "", fault.New(fault.KMSInvalidGrantToken, "The grant token is not valid")
}

// CheckTokens refuses tokens that are none. Grants take effect at once here, so that tokens
// are asked for nothing else. The kinds of failure: KMSInvalidGrantToken, InvalidArgument.
func CheckTokens(tokens []string) error {
	if len(tokens) > maxTokens {
		return invalid("grantTokens must have at most %d members: it has %d", maxTokens, len(tokens))
	}
	for _, t := range tokens {
		if _, err := ParseToken(t); err != nil {
			return err
		}
	}
	return nil
}
