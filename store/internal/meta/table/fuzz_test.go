package table

import (
	"bytes"
	"testing"
)

// FuzzEscaped: any string comes back from a key, with what stands behind it, in the order
// of the plain strings; and any bytes are a string or malformed.
func FuzzEscaped(f *testing.F) {
	f.Add("a\x00b", "a\x00", []byte("tail"))
	f.Add("", "\xff", []byte{})
	f.Fuzz(func(t *testing.T, a, b string, tail []byte) {
		ea, eb := appendEscaped(nil, a), appendEscaped(nil, b)
		if got, want := bytes.Compare(ea, eb), bytes.Compare([]byte(a), []byte(b)); got != want {
			t.Fatalf("%q and %q compare as %d", a, b, got)
		}
		s, rest, err := cutEscaped(append(ea, tail...))
		if err != nil || s != a || !bytes.Equal(rest, tail) {
			t.Fatalf("%q and %q come back as %q and %q: %v", a, tail, s, rest, err)
		}
		if s, rest, err := cutEscaped(tail); err == nil {
			if back := append(appendEscaped(nil, s), rest...); !bytes.Equal(back, tail) {
				t.Fatalf("%q is %q and %q, which is %q", tail, s, rest, back)
			}
		}
	})
}
