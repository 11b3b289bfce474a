package names

import (
	"strings"
	"unicode/utf8"

	"pail/store/fault"
)

// maxKey is S3's limit, in bytes.
const maxKey = 1024

// A Place is where a directory of the mount stands among the keys. It is a plain
// value and may be a map's key. The zero Place is the root of a bucket.
type Place struct {
	Dir     string // key of the directory: "" or ending in "/"
	Pending string // in a part: the beginning of the segments in it
	History bool   // it is the .versions of Dir, or a part in there

	last int // how much of Pending the innermost part holds
}

// Root returns the place of a directory by its key.
func Root(dir string) Place { return Place{Dir: dir} }

// Versions returns the place of the .versions directory of p.
func (p Place) Versions() Place { return Place{Dir: p.Dir, History: true} }

// IsPart reports whether p is a part: a directory without a record.
func (p Place) IsPart() bool { return p.Pending != "" }

// Component returns the component by which a segment of p.Dir shows in p. The kind
// is Dir or File, or Name if p is in a history. shadowed says of a File that a
// directory has the same segment. part says that the component is a part and the
// segment goes on below it. ok is false if the segment does not show in p.
func (p Place) Component(segment string, kind Kind, shadowed bool) (name string, part, ok bool) {
	if kind == File && segment == "" && p.Dir == "" {
		return "", false, false // there is no empty key
	}
	if !shadowed && plain(segment, p.History) {
		return segment, false, !p.IsPart()
	}
	for rest := segment; ; {
		done := len(segment) - len(rest) // so much of it is in parts already
		if fits(kind, rest) {
			return component(kind, rest), false, done == len(p.Pending)
		}
		n := chunk(rest)
		switch {
		case done == len(p.Pending):
			return component(Part, rest[:n]), true, true
		case done > len(p.Pending) || !strings.HasPrefix(p.Pending[done:], rest[:n]):
			return "", false, false
		}
		rest = rest[n:]
	}
}

// Path returns the components of an object below the root of its bucket. shadowed
// says that key + "/" is a directory.
func Path(key string, shadowed bool) []string {
	i := strings.LastIndexByte(key, '/') + 1
	return appendSegment(DirPath(key[:i]), Root(key[:i]), key[i:], File, shadowed)
}

// DirPath returns the components of a directory; dir is "" or ends in "/".
func DirPath(dir string) []string {
	var path []string
	for start := 0; start < len(dir); {
		end := start + strings.IndexByte(dir[start:], '/')
		path = appendSegment(path, Root(dir[:start]), dir[start:end], Dir, false)
		start = end + 1
	}
	return path
}

// Components returns the components of a segment below p: parts, if it needs any, and
// the one that is the segment's own. Kind and shadowed are as for Component.
func (p Place) Components(segment string, kind Kind, shadowed bool) []string {
	return appendSegment(nil, p, segment, kind, shadowed)
}

func appendSegment(path []string, p Place, segment string, kind Kind, shadowed bool) []string {
	for {
		name, part, ok := p.Component(segment, kind, shadowed)
		if !ok {
			return path
		}
		path = append(path, name)
		if !part {
			return path
		}
		_, s, _ := split(name)
		p = p.into(s)
	}
}

// into returns the place of a part below p.
func (p Place) into(s string) Place {
	p.Pending += s
	p.last = len(s)
	return p
}

// check reports what forbids a component wherever it stands.
func check(name string) error {
	if len(name) > MaxComponent {
		return fault.New(fault.NameTooLong, "the name has %d bytes; a name has at most %d", len(name), MaxComponent)
	}
	if !utf8.ValidString(name) {
		return fault.New(fault.InvalidKey, "the name %q is not valid UTF-8", name)
	}
	return nil
}
