package kms

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"pail/store/fault"
)

// A Ref is how a request names a key: by its id or an alias, in an account or, for "", in
// the caller's own.
type Ref struct {
	Region, Account string // of an ARN
	ID              string // as written; "": it is named by Alias
	Alias           string // alias/...
}

// ParseRef reads the parameter KeyId ("Key identifiers"). The kinds of failure:
// KMSInvalidARN.
func ParseRef(text string) (Ref, error) {
	if !strings.HasPrefix(text, "arn:") {
		if strings.HasPrefix(text, "alias/") {
			return Ref{Alias: text}, nil
		}
		return Ref{ID: text}, nil
	}
	p := strings.SplitN(text, ":", 6)
	if len(p) != 6 || p[1] != "aws" || p[2] != "kms" || p[3] == "" || p[4] == "" {
		return Ref{}, fault.New(fault.KMSInvalidARN, "%q is no ARN of a key or an alias", text)
	}
	r := Ref{Region: p[3], Account: p[4]}
	if id, ok := strings.CutPrefix(p[5], "key/"); ok && id != "" {
		r.ID = id
		return r, nil
	}
	if strings.HasPrefix(p[5], "alias/") {
		r.Alias = p[5]
		return r, nil
	}
	return Ref{}, fault.New(fault.KMSInvalidARN, "%q is no ARN of a key or an alias", text)
}

// newID makes up the id of a key: a random UUID.
func newID() (id string, raw [16]byte) {
	_, _ = rand.Read(raw[:]) // never fails
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80
	return formatID(raw), raw
}

func formatID(raw [16]byte) string {
	b := make([]byte, 0, 36)
	for i, at := range [...]int{0, 4, 6, 8, 10, 16} {
		if i == 5 {
			break
		}
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, raw[at:[...]int{4, 6, 8, 10, 16}[i]])
	}
	return string(b)
}

// parseID is the other way; false: it is no id of a key as keys have them.
func parseID(id string) (raw [16]byte, ok bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return raw, false
	}
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(b) != 16 {
		return raw, false
	}
	copy(raw[:], b)
	return raw, formatID(raw) == id
}

// newHexID makes up an id of 64 hexadecimal digits.
func newHexID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func isHexID(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// IsKeyID says whether a text could be the id of a key.
func IsKeyID(text string) bool {
	_, ok := parseID(text)
	return ok
}
