package s3api

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Keys may hold characters that XML 1.0 has no way to say, such as U+0001
// and U+FFFE. S3 takes them as references (&#x1;), which encoding/xml refuses. So they are hidden from it: each is replaced
// by a mark and a letter, and put back in what was read. A mark that the document has itself is
// replaced by the mark twice.

// hideMark is a character for private use, which no name of an element may have.
const hideMark = '\U000f0000'

// hideLetter + r stands for a hidden r.
const hideLetter = '@'

// hidden is a document without such characters.
type hidden struct {
	data []byte
	some bool // any was hidden
}

// charReference is a reference to a character by its number, or a section in which references
// are none.
var charReference = regexp.MustCompile(`<!\[CDATA\[(?s:.*?)\]\]>|<!--(?s:.*?)-->|&#(x[0-9a-fA-F]{1,8}|[0-9]{1,10});`)

// hideChars replaces what XML 1.0 does not allow, both references and the characters.
func hideChars(data []byte) hidden {
	some := bytes.IndexFunc(data, unsayable) >= 0
	for _, m := range charReference.FindAllSubmatch(data, -1) {
		some = some || m[1] != nil && unsayable(referred(m[1]))
	}
	if !some || !utf8.Valid(data) {
		return hidden{data: data}
	}
	out := make([]byte, 0, len(data)+len(data)/8)
	last := 0
	for _, m := range charReference.FindAllSubmatchIndex(data, -1) {
		if m[2] < 0 {
			continue // text as it stands
		}
		if r := referred(data[m[2]:m[3]]); r == hideMark || unsayable(r) {
			out = appendHidden(appendShown(out, data[last:m[0]]), r)
			last = m[1]
		}
	}
	return hidden{appendShown(out, data[last:]), true}
}

func unsayable(r rune) bool {
	return r >= 0 && r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
}

// appendShown appends text as it stands in a document.
func appendShown(to, text []byte) []byte {
	for _, r := range string(text) {
		if r == hideMark || unsayable(r) {
			to = appendHidden(to, r)
		} else {
			to = utf8.AppendRune(to, r)
		}
	}
	return to
}

func appendHidden(to []byte, r rune) []byte {
	to = utf8.AppendRune(to, hideMark)
	if r != hideMark {
		r += hideLetter
	}
	return utf8.AppendRune(to, r)
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

// show puts the hidden characters back.
func (h hidden) show(s string) string {
	if !h.some || !strings.ContainsRune(s, hideMark) {
		return s
	}
	var b strings.Builder
	marked := false
	for _, r := range s {
		switch {
		case !marked && r == hideMark:
			marked = true
			continue
		case marked && r != hideMark:
			r -= hideLetter
		}
		marked = false
		b.WriteRune(r)
	}
	return b.String()
}
