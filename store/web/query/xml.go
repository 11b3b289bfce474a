package query

import (
	"bytes"
	"encoding/xml"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// XML builds the body of an answer, element after element.
type XML struct{ b bytes.Buffer }

// In writes an element and what is in it.
func (x *XML) In(name string, inner func()) {
	x.b.WriteString("<" + name + ">")
	inner()
	x.b.WriteString("</" + name + ">")
}

// Text writes an element that holds a text, also an empty one. What XML cannot hold becomes
// U+FFFD.
func (x *XML) Text(name, value string) {
	x.In(name, func() { _ = xml.EscapeText(&x.b, []byte(value)) }) // a Buffer takes everything
}

// Some is Text, but nothing for an empty text.
func (x *XML) Some(name, value string) {
	if value != "" {
		x.Text(name, value)
	}
}

// Number writes an element that holds a number.
func (x *XML) Number(name string, n int64) { x.Text(name, strconv.FormatInt(n, 10)) }

// Flag writes an element that holds true or false.
func (x *XML) Flag(name string, v bool) { x.Text(name, strconv.FormatBool(v)) }

// Time writes an element that holds a moment, to the second.
func (x *XML) Time(name string, t time.Time) { x.Text(name, t.UTC().Format("2006-01-02T15:04:05Z")) }

// Policy writes an element that holds a policy, encoded as in URLs (RFC 3986), as IAM does.
func (x *XML) Policy(name, text string) {
	x.Text(name, strings.ReplaceAll(url.QueryEscape(text), "+", "%20"))
}

// List writes a list, also an empty one, with an element for each member.
func List[T any](x *XML, name string, items []T, member func(T)) {
	x.In(name, func() {
		for _, it := range items {
			x.In("member", func() { member(it) })
		}
	})
}

// Names writes a list of texts.
func (x *XML) Names(name string, items []string) {
	x.In(name, func() {
		for _, it := range items {
			x.Text("member", it)
		}
	})
}
