package checksum

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// ErrMalformed says that a text is no value of an algorithm.
var ErrMalformed = errors.New("not the base64 of a checksum")

// encoding refuses bits behind the last byte, as S3 does.
var encoding = base64.StdEncoding.Strict()

// Encode is a value as text.
func Encode(value []byte) string { return base64.StdEncoding.EncodeToString(value) }

// EncodeType is a value as S3 shows it for an object that has a number of parts.
func EncodeType(value []byte, t Type, parts int) string {
	if t != Composite {
		return Encode(value)
	}
	return Encode(value) + "-" + strconv.Itoa(parts)
}

// Decode reads a value of the algorithm.
func (a Algorithm) Decode(text string) ([]byte, error) {
	if len(text) != base64.StdEncoding.EncodedLen(a.Size()) {
		return nil, ErrMalformed
	}
	value, err := encoding.DecodeString(text)
	if err != nil || len(value) != a.Size() {
		return nil, ErrMalformed
	}
	return value, nil
}

// DecodeObject reads the value of a whole object: one that may be followed by "-" and the
// number of its parts. parts is 0 if it is not.
func (a Algorithm) DecodeObject(text string) (value []byte, parts int, err error) {
	text, number, found := strings.Cut(text, "-")
	if found {
		parts, err = strconv.Atoi(number)
		if err != nil || parts < 1 || strconv.Itoa(parts) != number {
			return nil, 0, ErrMalformed
		}
	}
	value, err = a.Decode(text)
	return value, parts, err
}
