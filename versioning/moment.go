package versioning

import (
	"strconv"
	"strings"
	"time"
)

// A Moment is a point in time that someone asked to look back to.
type Moment struct {
	Time time.Time
	// Relative says that the expression means another moment when it is read
	// later (-2h, yesterday), so that an answer must not be cached under it.
	Relative bool
}

// layouts are the absolute forms: RFC 3339 and what it looks like with less said.
// A space may stand for the T. Fractions of a second are read by time.Parse.
var layouts = [...]string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02",
}

// ParseTime reads a time expression:
//
//	2026-11-23T12:00:00Z  2026-11-23T12:00:00.5+02:00  2026-11-23T12:00  2026-11-23
//	-90s  -30m  -2h  -3d  -1w  -1d12h  now  today  yesterday
//
// What names no zone is in now's location; days are 24 hours in relative forms,
// calendar days in today and yesterday. A moment after now is refused.
func ParseTime(expr string, now time.Time) (Moment, error) {
	m, ok := parseTime(expr, now)
	if !ok {
		return Moment{}, violation(RuleTime,
			"%s is not a time; write 2026-11-23T12:00:00Z, 2026-11-23, -2h, -3d, today or yesterday", quoteShort(expr))
	}
	if m.Time.After(now) {
		return Moment{}, violation(RuleTime, "%s lies in the future", quoteShort(expr))
	}
	return m, nil
}

func parseTime(expr string, now time.Time) (Moment, bool) {
	switch expr {
	case "now":
		return Moment{now, true}, true
	case "today":
		return Moment{midnight(now, 0), true}, true
	case "yesterday":
		return Moment{midnight(now, -1), true}, true
	}
	if ago, found := strings.CutPrefix(expr, "-"); found {
		d, ok := parseAgo(ago)
		return Moment{now.Add(-d), true}, ok
	}
	if len(expr) > 10 && expr[10] == ' ' {
		expr = expr[:10] + "T" + expr[11:]
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, expr, now.Location()); err == nil {
			return Moment{Time: t}, true
		}
	}
	return Moment{}, false
}

func midnight(t time.Time, days int) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d+days, 0, 0, 0, 0, t.Location())
}

// ParseSpan reads a length of time: numbers with the units w, d, h, m and s, the larger
// units first, as in 7d or 1d12h. ok is false for anything else.
func ParseSpan(s string) (d time.Duration, ok bool) { return parseAgo(s) }

// parseAgo reads numbers with units, the larger units first: 1d12h.
func parseAgo(s string) (time.Duration, bool) {
	units := []struct {
		letter byte
		length time.Duration
	}{{'w', 7 * 24 * time.Hour}, {'d', 24 * time.Hour}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}
	const limit = 200 * 365 * 24 * time.Hour // well inside what a Duration holds
	var total time.Duration
	if s == "" {
		return 0, false
	}
	for s != "" {
		end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if end <= 0 {
			return 0, false
		}
		n, err := strconv.ParseInt(s[:end], 10, 64)
		if err != nil {
			return 0, false
		}
		for len(units) > 0 && units[0].letter != s[end] {
			units = units[1:]
		}
		if len(units) == 0 || n > int64(limit/units[0].length) {
			return 0, false
		}
		total += time.Duration(n) * units[0].length
		if total > limit {
			return 0, false
		}
		units = units[1:]
		s = s[end+1:]
	}
	return total, true
}
