package names

import (
	"strings"
	"unicode/utf8"
)

const (
	// Versions is the directory of the history, present by name in every
	// directory.
	Versions = ".versions"
	// Prefix begins every escaped component.
	Prefix = "%pail-"

	// MaxComponent is the greatest length of a component, NAME_MAX, in bytes.
	MaxComponent = 255
	// maxChunk is the greatest length of what a part holds, unescaped.
	maxChunk = (MaxComponent - len(Prefix) - len("part-")) / 2
)

// A Kind is what a component or a segment stands for.
type Kind uint8

// The kinds. Dir, File and Name are also what Component takes.
const (
	Plain   Kind = iota // a directory, or the object if there is none
	Dir                 // a directory
	File                // an object
	Name                // inside .versions: whatever has this segment
	Part                // a directory that holds the beginning of a long segment
	History             // the .versions directory itself
	Moment              // inside .versions: a component that begins with "@"
)

// words are what follows Prefix. "export-" is none of them on purpose: pail export writes
// under such names what has not got its own yet.
var words = [...]string{Dir: "dir-", File: "file-", Name: "name-", Part: "part-"}

var escaper = strings.NewReplacer("%", "%%", "\x00", "%0")

// component returns the escaped component of a whole segment or a chunk.
func component(kind Kind, s string) string {
	return Prefix + words[kind] + escaper.Replace(s)
}

// fits reports whether s has an escaped component of its own.
func fits(kind Kind, s string) bool {
	n := len(Prefix) + len(words[kind]) + len(s)
	return n <= MaxComponent && n+strings.Count(s, "%")+strings.Count(s, "\x00") <= MaxComponent
}

// chunk returns the length of the beginning of s that goes into a part.
func chunk(s string) int {
	n := maxChunk
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// split takes an escaped component apart. ok is false if there is no such word or
// the escapes are not what component writes.
func split(name string) (kind Kind, s string, ok bool) {
	rest, found := strings.CutPrefix(name, Prefix)
	if !found {
		return 0, "", false
	}
	for k, word := range words {
		if word == "" || !strings.HasPrefix(rest, word) {
			continue
		}
		s, ok := unescape(rest[len(word):])
		return Kind(k), s, ok
	}
	return 0, "", false
}

func unescape(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch {
		case i < len(s) && s[i] == '%':
			b.WriteByte('%')
		case i < len(s) && s[i] == '0':
			b.WriteByte(0)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// plain reports whether a segment can be a component as it is.
func plain(s string, history bool) bool {
	switch {
	case s == "" || s == "." || s == ".." || s == Versions:
		return false
	case len(s) > MaxComponent || strings.HasPrefix(s, Prefix):
		return false
	case history && s[0] == '@':
		return false
	}
	return strings.IndexByte(s, 0) < 0
}
