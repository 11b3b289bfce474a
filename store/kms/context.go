package kms

import (
	"encoding/binary"
	"maps"
	"slices"
	"unicode/utf8"
)

// appendContext appends an encryption context in its one form: how many pairs there are, and
// the pairs in the byte order of their keys, each text with its length before it. Two maps
// have the same form exactly if they are equal, whatever order they were given in.
func appendContext(b []byte, c map[string]string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(c)))
	for _, k := range slices.Sorted(maps.Keys(c)) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(k)))
		b = append(b, k...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(c[k])))
		b = append(b, c[k]...)
	}
	return b
}

// CheckContext refuses an encryption context that none may be. The kinds of failure:
// InvalidArgument.
func CheckContext(c map[string]string) error {
	size := 0
	for k, v := range c {
		if k == "" {
			return invalid("Value '' at 'encryptionContext' failed to satisfy constraint: keys must not be empty")
		}
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return invalid("the encryption context must be UTF-8")
		}
		size += len(k) + len(v)
	}
	if size > maxContext {
		return invalid("the encryption context must have at most %d bytes: it has %d", maxContext, size)
	}
	return nil
}
