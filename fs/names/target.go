package names

import (
	"strings"
	"unicode/utf8"

	"pail/store/fault"
)

// A Target is what a component in a Place stands for.
type Target struct {
	Kind    Kind
	Segment string // all of it; of a Part and a Moment: the component's own text
	// Shadowed says that the component is that of a shadowed object: it stands for
	// the object only while there is a directory of the same segment.
	Shadowed bool

	below Place
}

// Resolve reads one component that is looked up in p. A component that this package
// would not write is fault.NoSuchKey.
func (p Place) Resolve(name string) (Target, error) {
	return p.resolve(name, fault.NoSuchKey)
}

// ResolveNew reads one component that is to be made in p. A component that this
// package would not write is fault.InvalidArgument.
func (p Place) ResolveNew(name string) (Target, error) {
	return p.resolve(name, fault.InvalidArgument)
}

func (p Place) resolve(name string, noSuch fault.Kind) (Target, error) {
	if err := check(name); err != nil {
		return Target{}, err
	}
	t, ok := p.read(name)
	if !ok {
		return Target{}, fault.New(noSuch, "%q is not how a key is written here; names beginning with %q are reserved", name, Prefix)
	}
	size := len(p.Dir) + len(p.Pending)
	switch t.Kind {
	case Part:
		size += len(t.Segment)
	case Dir:
		size = len(p.Dir) + len(t.Segment) + len("/")
	case Plain, File, Name:
		size = len(p.Dir) + len(t.Segment)
	}
	if size > maxKey {
		return Target{}, fault.New(fault.KeyTooLong, "the key has %d bytes; a key has at most %d", size, maxKey)
	}
	return t, nil
}

// read does all of resolve but the lengths.
func (p Place) read(name string) (Target, bool) {
	switch {
	case strings.ContainsAny(name, "/\x00"):
		return Target{}, false
	case name == Versions:
		return Target{Kind: History, Segment: name, below: p.Versions()}, !p.History && !p.IsPart()
	case p.History && !p.IsPart() && strings.HasPrefix(name, "@"):
		return Target{Kind: Moment, Segment: name}, true
	case plain(name, p.History):
		t := Target{Kind: Plain, Segment: name}
		if p.History {
			t.Kind = Name
		}
		t.below = p.under(name)
		return t, !p.IsPart()
	}
	kind, s, ok := split(name)
	if !ok || p.History != (kind == Name) && kind != Part || !p.continues(s) {
		return Target{}, false
	}
	if kind == Part {
		ok := len(s) <= maxChunk && len(s) > maxChunk-utf8.UTFMax
		return Target{Kind: Part, Segment: s, below: p.into(s)}, ok
	}
	t := Target{Kind: kind, Segment: p.Pending + s}
	if plain(t.Segment, p.History) {
		t.Shadowed = true
	}
	if kind != File {
		t.below = p.under(t.Segment)
	}
	// The one spelling: writing the segment must give this component here.
	back, part, ok := p.Component(t.Segment, kind, t.Shadowed && kind == File)
	return t, ok && !part && back == name
}

// under returns the place of the directory with that segment.
func (p Place) under(segment string) Place {
	return Place{Dir: p.Dir + segment + "/", History: p.History}
}

// continues reports whether s may follow the parts of p: the innermost one holds as
// much as it could.
func (p Place) continues(s string) bool {
	if !p.IsPart() {
		return true
	}
	_, size := utf8.DecodeRuneInString(s)
	return p.last+size > maxChunk // size is 0 if s is empty
}

// Pick says what the component stands for, given what the store has under its
// segment: Dir, File, or Name. ok is false if that is not there.
func (t Target) Pick(hasDir, hasObject bool) (kind Kind, ok bool) {
	switch {
	case t.Kind == Plain && hasDir, t.Kind == Dir:
		return Dir, hasDir
	case t.Kind == Plain:
		return File, hasObject
	case t.Kind == File:
		return File, hasObject && (!t.Shadowed || hasDir)
	case t.Kind == Name:
		return Name, true
	}
	return t.Kind, false
}

// Creates reports whether something of that kind, Dir or File, may be made under
// the component, given whether the store has a directory of its segment.
func (t Target) Creates(kind Kind, hasDir bool) bool {
	switch t.Kind {
	case Plain:
		return true
	case File:
		return kind == File && (!t.Shadowed || hasDir)
	}
	return t.Kind == kind
}

// Enter returns the place of the directory that the component stands for: of a
// Plain or Dir target that is a directory, of a Part and of History. Of a Name it is
// the place of the .versions inside it, which is the history of that directory.
func (t Target) Enter() Place { return t.below }
