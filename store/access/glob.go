package access

import (
	"strings"
	"unicode/utf8"
)

// A glob is a pattern in which "*" stands for any characters and "?" for one. Its wildcards
// are written \xff* and \xff?, and a byte \xff as \xff\xff: so a "*" that came out of a
// variable or of ${*} is just a star, whatever bytes a request may put into a header.
type glob string

const (
	globMark = 0xff
	globMany = "\xff*"
	globOne  = "\xff?"
)

// appendGlob adds the text of a policy, whose * and ? are wildcards.
func appendGlob(b []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '*', '?', globMark:
			b = append(b, globMark, c)
		default:
			b = append(b, c)
		}
	}
	return b
}

// appendLiteral adds text that has no wildcards.
func appendLiteral(b []byte, text string) []byte {
	if strings.IndexByte(text, globMark) < 0 {
		return append(b, text...)
	}
	for i := 0; i < len(text); i++ {
		if text[i] == globMark {
			b = append(b, globMark)
		}
		b = append(b, text[i])
	}
	return b
}

func toGlob(text string) glob { return glob(appendGlob(nil, text)) }

// literal returns how many bytes at the front of the glob have no mark.
func (g glob) literal() int {
	if i := strings.IndexByte(string(g), globMark); i >= 0 {
		return i
	}
	return len(g)
}

// wild tells whether the glob has a wildcard.
func (g glob) wild() bool {
	for i := g.literal(); i < len(g); i++ {
		if g[i] == globMark {
			if g[i+1] != globMark {
				return true
			}
			i++
		}
	}
	return false
}

// plain returns the text of a glob that has no wildcards.
func (g glob) plain() string {
	if g.literal() == len(g) {
		return string(g)
	}
	return strings.ReplaceAll(string(g), "\xff\xff", "\xff")
}

// match tells whether the glob stands for s as a whole. It never takes more than
// len(g) x len(s) steps: only the last star is ever tried again.
func (g glob) match(s string) bool {
	n := g.literal()
	if len(s) < n || s[:n] != string(g[:n]) {
		return false
	}
	if g, s = g[n:], s[n:]; g == globMany {
		return true
	}
	return g.matchMarks(s)
}

// matchMarks is match for a glob that begins with a mark, or is empty.
func (g glob) matchMarks(s string) bool {
	gi, si, star, mark := 0, 0, -1, 0
	for si < len(s) || star < 0 && gi < len(g) {
		if gi < len(g) {
			switch {
			case g[gi] != globMark:
				if si < len(s) && g[gi] == s[si] {
					gi, si = gi+1, si+1
					continue
				}
			case g[gi+1] == '*':
				gi += 2
				if star, mark = gi, g[gi:].ahead(s, si); mark < 0 {
					return false
				}
				si = mark
				continue
			case si == len(s):
			case g[gi+1] == '?':
				_, n := utf8.DecodeRuneInString(s[si:])
				gi, si = gi+2, si+n
				continue
			case s[si] == globMark:
				gi, si = gi+2, si+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[mark:])
		if mark = g[star:].ahead(s, mark+n); mark < 0 {
			return false
		}
		gi, si = star, mark
	}
	return g[gi:].onlyStars()
}

// ahead returns the first place in s, from i on, at which the text may be that the glob
// begins with; -1: there is none.
func (g glob) ahead(s string, i int) int {
	n := g.literal()
	if n == 0 {
		return i
	}
	at := strings.Index(s[i:], string(g[:n]))
	if at < 0 {
		return -1
	}
	return i + at
}

func (g glob) onlyStars() bool {
	for len(g) > 0 {
		if len(g) < 2 || g[0] != globMark || g[1] != '*' {
			return false
		}
		g = g[2:]
	}
	return true
}

// matchBelow says of all strings that begin with prefix whether the glob stands for them:
// yes for all, no for none, maybe for some or for who knows.
func (g glob) matchBelow(prefix string) tri {
	n := g.literal()
	if m := min(n, len(prefix)); string(g[:m]) != prefix[:m] {
		return no
	}
	if n < len(prefix) {
		if g, prefix = g[n:], prefix[n:]; g == "" {
			return no
		}
		return g.walk(prefix)
	}
	if g = g[len(prefix):]; g != "" && g.onlyStars() {
		return yes
	}
	return maybe
}

// walk is matchBelow for a glob that begins with a mark: it keeps all places in the glob that
// can be reached by reading the prefix.
func (g glob) walk(prefix string) tri {
	var buf [2][96]bool
	places, next := buf[0][:], buf[1][:]
	if len(g) >= len(places) {
		places, next = make([]bool, len(g)+1), make([]bool, len(g)+1)
	}
	g.reach(places, 0)
	for len(prefix) > 0 {
		if !utf8.FullRuneInString(prefix) {
			return maybe // half a character: the rest of it is below
		}
		_, n := utf8.DecodeRuneInString(prefix)
		clear(next)
		moved := false
		for i := range g {
			if !places[i] {
				continue
			}
			to := -1
			switch {
			case g[i] != globMark:
				if strings.HasPrefix(string(g[i:]), prefix[:n]) {
					to = i + n
				}
			case g[i+1] == '*':
				to = i
			case g[i+1] == '?':
				to = i + 2
			case prefix[0] == globMark:
				to = i + 2
			}
			if to >= 0 {
				g.reach(next, to)
				moved = true
			}
		}
		if !moved {
			return no
		}
		places, next, prefix = next, places, prefix[n:]
	}
	for i := range g {
		if places[i] && g[i:].onlyStars() {
			return yes
		}
	}
	return maybe
}

// reach marks place i, and those behind the stars that begin there.
func (g glob) reach(places []bool, i int) {
	places[i] = true
	for i+1 < len(g) && g[i] == globMark && g[i+1] == '*' {
		i += 2
		places[i] = true
	}
}

// A tri is an answer about one request (yes or no) or about many (maybe: not the same for
// all of them).
type tri uint8

const (
	no tri = iota
	maybe
	yes
)

func triOf(b bool) tri {
	if b {
		return yes
	}
	return no
}

func (t tri) and(u tri) tri { return min(t, u) }
func (t tri) or(u tri) tri  { return max(t, u) }
func (t tri) not() tri      { return yes - t }
