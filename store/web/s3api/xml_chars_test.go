package s3api

import (
	"strings"
	"testing"
)

// TestHiddenChars reads keys beside others that fill the whole of Unicode, in text, in
// references and in sections whose text is literal.
func TestHiddenChars(t *testing.T) {
	var all strings.Builder
	for r := rune(0x20); r <= 0x10fffd; r += 0x20 {
		if r < 0xd800 || r > 0xdfff {
			all.WriteRune(r + 1)
		}
	}
	for _, c := range []struct{ text, key string }{
		{"a&#1;b", "a\x01b"},
		{"a\x01b", "a\x01b"},
		{"a&#xfffe;b\uffff", "a\ufffeb\uffff"},
		{"\U000f0001", "\U000f0001"},
		{"\U0010ff01", "\U0010ff01"},
		{"&#xF0000;&#x0;", "\U000f0000\x00"},
		{"&#983040;A&#0;", "\U000f0000A\x00"},
		{"\U000f0000\U000f0000@\x1f", "\U000f0000\U000f0000@\x1f"},
		{"<![CDATA[&#1;]]>\x02", "&#1;\x02"},
		{"<![CDATA[\U000f0000&#xf0000;]]>&#2;", "\U000f0000&#xf0000;\x02"},
		{"<!-- &#1; \U000f0000 -->&#3;", "\x03"},
	} {
		doc := "<Delete><Object><Key>" + all.String() + "</Key></Object><Object><Key>" + c.text + "</Key></Object></Delete>"
		chars := hideChars([]byte(doc))
		var req deleteRequest
		if err := parseXML(chars.data, &req); err != nil {
			t.Fatalf("%q: %v", c.text, err)
		}
		if got := chars.show(req.Objects[1].Key); got != c.key {
			t.Errorf("%q is read as %q, want %q", c.text, got, c.key)
		}
		if got := chars.show(req.Objects[0].Key); got != all.String() {
			t.Errorf("beside %q the other key is %d bytes, want %d", c.text, len(got), all.Len())
		}
	}
}
