package versioning

import (
	"testing"
	"time"
)

// TestReadConditions walks all combinations of the four, each absent, true or false, and
// compares with RFC 9110, section 13.2.2, step by step.
func TestReadConditions(t *testing.T) {
	made := time.Date(2026, 11, 27, 10, 0, 0, 999_000_000, time.UTC)
	now := made.Add(time.Hour)
	const absent, holds, fails = 0, 1, 2
	for n := range 81 {
		match, none, modified, unmodified := n%3, n/3%3, n/9%3, n/27
		var c Conditions
		c.IfMatch = []string{"", "e", "x"}[match]
		c.IfNoneMatch = []string{"", "x", "e"}[none]
		c.IfModifiedSince = []time.Time{{}, made.Add(-time.Second), made}[modified]
		c.IfUnmodifiedSince = []time.Time{{}, made, made.Add(-time.Second)}[unmodified]
		want := Proceed
		switch {
		case match == fails, match == absent && unmodified == fails: // steps 1 and 2
			want = FailsCondition
		case none == fails, none == absent && modified == fails: // steps 3 and 4
			want = Unchanged
		}
		if got := c.Read("e", made, now); got != want {
			t.Errorf("%+v: %v, want %v", c, got, want)
		}
	}
}

// TestConditionsOfAWS are the outcomes that GetObject's page documents, and times as
// headers have them.
func TestConditionsOfAWS(t *testing.T) {
	made := time.Date(2026, 11, 27, 10, 0, 0, 5, time.UTC)
	now, second := made.Add(time.Hour), made.Truncate(time.Second)
	for _, c := range []struct {
		what string
		c    Conditions
		want Verdict
	}{
		{"IfMatch true, IfUnmodifiedSince false", Conditions{IfMatch: `"e"`, IfUnmodifiedSince: made.Add(-time.Hour)}, Proceed},
		{"IfNoneMatch false, IfModifiedSince true", Conditions{IfNoneMatch: `"e"`, IfModifiedSince: made.Add(-time.Hour)}, Unchanged},
		{"modified in the very second", Conditions{IfModifiedSince: second}, Unchanged},
		{"not modified since the very second", Conditions{IfUnmodifiedSince: second}, Proceed},
		{"modified since the future", Conditions{IfModifiedSince: now.Add(time.Second)}, Proceed},
		{"modified since now", Conditions{IfModifiedSince: now}, Unchanged},
		{"not modified since the future", Conditions{IfUnmodifiedSince: now.Add(time.Hour)}, Proceed},
		{"any", Conditions{IfMatch: "*"}, Proceed},
		{"none of any", Conditions{IfNoneMatch: "*"}, Unchanged},
		{"one of several", Conditions{IfMatch: `"x", "e"`}, Proceed},
		{"none of several", Conditions{IfNoneMatch: `"x","e"`}, Unchanged},
		{"weak", Conditions{IfMatch: `W/"e"`}, FailsCondition},
		{"none of weak", Conditions{IfNoneMatch: `W/"e"`}, Unchanged},
		{"part of it", Conditions{IfMatch: `"ee"`}, FailsCondition},
	} {
		if got := c.c.Read("e", made, now); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func TestWriteConditions(t *testing.T) {
	for _, c := range []struct {
		c              Conditions
		there, missing Verdict
	}{
		{Conditions{}, Proceed, Proceed},
		{Conditions{IfMatch: "e"}, Proceed, Missing},
		{Conditions{IfMatch: `"e"`}, Proceed, Missing},
		{Conditions{IfMatch: "*"}, Proceed, Missing},
		{Conditions{IfMatch: "x"}, FailsCondition, Missing},
		{Conditions{IfNoneMatch: "*"}, FailsCondition, Proceed},
		{Conditions{IfNoneMatch: "e"}, FailsCondition, Proceed},
		{Conditions{IfNoneMatch: "x"}, Proceed, Proceed},
		{Conditions{IfMatch: "e", IfNoneMatch: "*"}, FailsCondition, Missing},
		{Conditions{IfModifiedSince: time.Unix(1, 0), IfUnmodifiedSince: time.Unix(1, 0)}, Proceed, Proceed},
	} {
		if got := c.c.Write(true, "e"); got != c.there {
			t.Errorf("%+v of what exists: %v, want %v", c.c, got, c.there)
		}
		if got := c.c.Write(false, ""); got != c.missing {
			t.Errorf("%+v of what does not: %v, want %v", c.c, got, c.missing)
		}
	}
}
