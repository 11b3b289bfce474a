package s3api

import (
	"strconv"
	"unicode/utf8"
)

// namespace is that of all answers of S3.
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// An xmlWriter builds the body of an answer. Listings are answers of thousands of
// elements, for which encoding/xml takes longer than the store does; and keys may hold
// characters that XML 1.0 has no way to say, which AWS writes as references all the same
// and encoding/xml replaces.
type xmlWriter struct{ b []byte }

// newXML begins a document with its root element. The root is closed by bytes.
func newXML(root string) *xmlWriter {
	w := &xmlWriter{b: make([]byte, 0, 1024)}
	w.b = append(w.b, xmlProlog+"<"...)
	w.b = append(w.b, root...)
	w.b = append(w.b, ` xmlns="`+namespace+`">`...)
	return w
}

// newPlainXML is newXML for a document without a namespace, as errors are.
func newPlainXML(root string) *xmlWriter {
	w := &xmlWriter{b: make([]byte, 0, 512)}
	w.b = append(w.b, xmlProlog+"<"...)
	w.b = append(w.b, root...)
	w.b = append(w.b, '>')
	return w
}

// open begins an element.
func (w *xmlWriter) open(name string) {
	w.b = append(w.b, '<')
	w.b = append(w.b, name...)
	w.b = append(w.b, '>')
}

// close ends an element.
func (w *xmlWriter) close(name string) {
	w.b = append(w.b, '<', '/')
	w.b = append(w.b, name...)
	w.b = append(w.b, '>')
}

// text is an element that holds a string, also an empty one.
func (w *xmlWriter) text(name, value string) {
	w.open(name)
	w.b = appendEscaped(w.b, value)
	w.close(name)
}

// optional is text, but nothing for an empty string.
func (w *xmlWriter) optional(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

// number is an element that holds a number.
func (w *xmlWriter) number(name string, n int64) {
	w.open(name)
	w.b = strconv.AppendInt(w.b, n, 10)
	w.close(name)
}

// flag is an element that holds true or false.
func (w *xmlWriter) flag(name string, v bool) {
	w.open(name)
	w.b = strconv.AppendBool(w.b, v)
	w.close(name)
}

// bytes closes the root and returns the document.
func (w *xmlWriter) bytes(root string) []byte {
	w.close(root)
	return w.b
}

// appendEscaped appends s as character data. What XML 1.0 cannot hold is written as the
// reference that AWS writes; clients that must read such keys ask for encoding-type=url.
func appendEscaped(b []byte, s string) []byte {
	last := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				b = append(b, s[last:i]...)
				b = append(b, "\ufffd"...)
				last = i + n
			case unsayable(r):
				b = appendReference(append(b, s[last:i]...), r)
				last = i + n
			}
			i += n
			continue
		}
		esc := ""
		switch {
		case c == '&':
			esc = "&amp;"
		case c == '<':
			esc = "&lt;"
		case c == '>':
			esc = "&gt;"
		case c == '"':
			esc = "&quot;"
		case c < 0x20 || c == 0x7f:
			b = appendReference(append(b, s[last:i]...), rune(c))
			last = i + 1
		}
		if esc != "" {
			b = append(b, s[last:i]...)
			b = append(b, esc...)
			last = i + 1
		}
		i++
	}
	return append(b, s[last:]...)
}

// appendReference appends a character by its number.
func appendReference(b []byte, r rune) []byte {
	b = append(b, "&#x"...)
	b = strconv.AppendUint(b, uint64(r), 16)
	return append(b, ';')
}

// each is an element for each of some strings.
func (w *xmlWriter) each(name string, values []string) {
	for _, v := range values {
		w.text(name, v)
	}
}

// given is text, but nothing for a string that is not there.
func (w *xmlWriter) given(name string, value *string) {
	if value != nil {
		w.text(name, *value)
	}
}

// givenNumber is number, but nothing for one that is not there.
func (w *xmlWriter) givenNumber(name string, n *int32) {
	if n != nil {
		w.number(name, int64(*n))
	}
}

// givenLong is givenNumber for sizes.
func (w *xmlWriter) givenLong(name string, n *int64) {
	if n != nil {
		w.number(name, *n)
	}
}

// tag is a tag of an object or a bucket.
func (w *xmlWriter) tag(key, value string) {
	w.open("Tag")
	w.text("Key", key)
	w.text("Value", value)
	w.close("Tag")
}
