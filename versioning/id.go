package versioning

import (
	"encoding/base32"
	"encoding/binary"
	"strconv"
)

// NullID is how the null version is named.
const NullID = "null"

// IDLength is the number of characters in every id but NullID.
const IDLength = 26

// An ID names a version within a key. The zero ID is that of the null version.
// Other ids have a Seq of at least 1.
type ID struct {
	Seq    uint64 // the commit that made the version
	Random uint64 // so that ids cannot be guessed
}

// base32hex keeps the order of the bytes it encodes.
var base32hex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// IsNull reports whether id is that of the null version.
func (id ID) IsNull() bool { return id == ID{} }

// String returns the id as S3 clients see it: NullID or IDLength characters that
// sort in commit order.
func (id ID) String() string {
	if id.IsNull() {
		return NullID
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], id.Seq)
	binary.BigEndian.PutUint64(b[8:], id.Random)
	return base32hex.EncodeToString(b[:])
}

// ParseID is the inverse of String. It accepts exactly what String returns.
func ParseID(s string) (ID, error) {
	if s == NullID {
		return ID{}, nil
	}
	if len(s) == IDLength {
		b, err := base32hex.DecodeString(s)
		if err == nil && len(b) == 16 {
			id := ID{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
			// The last character has two spare bits: one spelling only.
			if id.Seq != 0 && id.String() == s {
				return id, nil
			}
		}
	}
	return ID{}, violation(RuleVersionID, "%s is not a version id", quoteShort(s))
}

// A Selector names a version in any of the ways that people may use. Exactly one
// of its forms holds.
type Selector struct {
	Current bool   // the top of the chain
	Number  uint64 // not 0: the version with that number
	ID      ID     // otherwise: the version with that id (zero: the null version)
}

// ParseSelector reads a version id, NullID, a decimal version number, or "" for
// the current version.
func ParseSelector(s string) (Selector, error) {
	if s == "" {
		return Selector{Current: true}, nil
	}
	if s[0] >= '1' && s[0] <= '9' && len(s) < IDLength {
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return Selector{Number: n}, nil
		}
	}
	id, err := ParseID(s)
	if err != nil {
		return Selector{}, violation(RuleVersionID, "%s is neither a version id nor a version number", quoteShort(s))
	}
	return Selector{ID: id}, nil
}

// String is the inverse of ParseSelector.
func (s Selector) String() string {
	switch {
	case s.Current:
		return ""
	case s.Number != 0:
		return strconv.FormatUint(s.Number, 10)
	}
	return s.ID.String()
}

// quoteShort quotes s for a message, cut to a bearable length.
func quoteShort(s string) string {
	if len(s) > 80 {
		return strconv.Quote(s[:80]) + "..."
	}
	return strconv.Quote(s)
}
