package versioning_test

import (
	"strings"
	"testing"
	"time"

	"pail/versioning"
)

// FuzzSpan: a span is at least nothing, and one that is twice as long reads as more.
func FuzzSpan(f *testing.F) {
	for _, s := range []string{"1d12h", "0s", "10400w", "1h1d", "9223372036854775807s", "1é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := versioning.ParseSpan(s)
		if !ok {
			return
		}
		if d < 0 || strings.Trim(s, "0123456789wdhms") != "" {
			t.Errorf("%q is %v", s, d)
		}
		if more, ok := versioning.ParseSpan("1" + s); ok && more <= d {
			t.Errorf("%q is %v, and with a 1 before it %v", s, d, more)
		}
	})
}

// FuzzState: a state that is understood is written as the same text.
func FuzzState(f *testing.F) {
	f.Add([]byte("enabled"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s versioning.State
		if err := s.UnmarshalText(text); err == nil && s.String() != string(text) {
			t.Errorf("%q is %v", text, s)
		}
	})
}

// FuzzConditions judges by any headers. An object always meets what demands its own ETag,
// and never what demands that it has not that.
func FuzzConditions(f *testing.F) {
	f.Add(`"a", W/"b"`, `*`, "a", int64(5), int64(7))
	f.Add(`,"`, `W/`, `"`, int64(-1), int64(0))
	f.Fuzz(func(t *testing.T, match, none, etag string, since, until int64) {
		now := time.Unix(1e9, 0)
		made := time.Unix(since%1e9, 0)
		c := versioning.Conditions{IfMatch: match, IfNoneMatch: none, IfModifiedSince: time.Unix(since%1e9, 0), IfUnmodifiedSince: time.Unix(until%1e9, 0)}
		for _, exists := range []bool{true, false} {
			if v := c.Write(exists, etag); v > versioning.Missing {
				t.Errorf("%+v of a write: %v", c, v)
			}
		}
		if v := c.Read(etag, made, now); v > versioning.FailsCondition {
			t.Errorf("%+v of a read: %v", c, v)
		}
		if strings.ContainsAny(etag, `", *`) || strings.TrimSpace(etag) != etag || etag == "" || strings.HasPrefix(etag, "W/") {
			return // no ETag is written so
		}
		own := `"` + etag + `"`
		if v := (versioning.Conditions{IfMatch: match + "," + own}).Read(etag, made, now); v != versioning.Proceed && !strings.Contains(match, `"`) {
			t.Errorf("%q is not matched by %q", etag, match+","+own)
		}
		if v := (versioning.Conditions{IfNoneMatch: own}).Read(etag, made, now); v != versioning.Unchanged {
			t.Errorf("%q is not found in %q", etag, own)
		}
	})
}
