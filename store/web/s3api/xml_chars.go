package s3api

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Keys may hold characters that XML 1.0 has no way to say, such as U+0001. S3 takes them as
// references (&#x1;), which encoding/xml refuses. So they are hidden from it: each is replaced
// by a character of a private plane that the document does not have, and put back in what
// was read.

// hidden is a document without such characters.
type hidden struct {
	data []byte
	base rune // U+0000 is base, and so on; 0: none was hidden
}

// charReference is a reference to a character by its number.
var charReference = regexp.MustCompile(`&#(x[0-9a-fA-F]{1,8}|[0-9]{1,10});`)

// Private planes, in steps of what may have to be hidden.
const (
	privateFirst = 0xf0000
	privateLast  = 0x10ff00
	privateStep  = 0x20
)

// hideChars replaces what XML 1.0 does not allow, both references and the characters.
func hideChars(data []byte) hidden {
	forbidden := func(r rune) bool { return r >= 0 && r < 0x20 && r != '\t' && r != '\n' && r != '\r' }
	some := bytes.IndexFunc(data, forbidden) >= 0
	for _, m := range charReference.FindAllSubmatch(data, -1) {
		some = some || forbidden(referred(m[1]))
	}
	if !some || !utf8.Valid(data) {
		return hidden{data: data}
	}
	base := freeBase(data)
	data = charReference.ReplaceAllFunc(data, func(ref []byte) []byte {
		if r := referred(ref[2 : len(ref)-1]); forbidden(r) {
			return utf8.AppendRune(nil, base+r)
		}
		return ref
	})
	data = bytes.Map(func(r rune) rune {
		if forbidden(r) {
			return base + r
		}
		return r
	}, data)
	return hidden{data, base}
}

// referred is the character of a reference, -1 if there is none of its number.
func referred(number []byte) rune {
	digits, base := string(number), 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseInt(digits, base, 32)
	if err != nil {
		return -1
	}
	return rune(n)
}

// freeBase finds characters that the document does not have, in plain or as references:
// there are more places than a document of the size that is read can fill.
func freeBase(data []byte) rune {
	used := map[rune]bool{}
	note := func(r rune) { used[r&^(privateStep-1)] = true }
	for _, r := range string(data) {
		note(r)
	}
	for _, m := range charReference.FindAllSubmatch(data, -1) {
		note(referred(m[1]))
	}
	base := rune(privateFirst)
	for used[base] && base < privateLast {
		base += privateStep
	}
	return base
}

// show puts the hidden characters back.
func (h hidden) show(s string) string {
	if h.base == 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= h.base && r < h.base+privateStep {
			return r - h.base
		}
		return r
	}, s)
}
