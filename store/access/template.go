package access

import "strings"

// A template is the text of a Resource or of a condition's value: pieces of a glob and
// variables between them ("IAM policy elements: Variables and tags").
type template struct {
	parts []part
	fixed glob // the whole where there are no variables
}

type part struct {
	text     glob
	key      *Key // of a variable; nil: text
	name     string
	fallback *string
}

// parseTemplate reads the text of a policy. Variables exist from Version 2012-10-17 on;
// before it "${" is text like any other. wild says whether * and ? are wildcards.
func parseTemplate(text string, variables, wild bool, where string) (template, error) {
	add := func(b []byte, s string) []byte {
		if wild {
			return appendGlob(b, s)
		}
		return appendLiteral(b, s)
	}
	var t template
	var b []byte
	flush := func() {
		if len(b) > 0 {
			t.parts = append(t.parts, part{text: glob(b)})
			b = nil
		}
	}
	for variables {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			break
		}
		b = add(b, before)
		inside, after, closed := cutVariable(rest)
		if !closed {
			return t, malformed(where, "Invalid policy syntax: the variable ${%s has no closing brace", rest)
		}
		text = after
		switch inside {
		case "*", "?", "$":
			b = appendLiteral(b, inside)
			continue
		}
		v, err := parseVariable(inside, where)
		if err != nil {
			return t, err
		}
		flush()
		t.parts = append(t.parts, v)
	}
	b = add(b, text)
	flush()
	if !t.variable() {
		if len(t.parts) > 0 {
			t.fixed = t.parts[0].text
		}
		t.parts = nil
	}
	return t, nil
}

// cutVariable returns what stands before the brace that closes a variable. A brace in a
// default value, which is quoted, closes nothing.
func cutVariable(s string) (inside, after string, ok bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'':
			quoted = !quoted
		case '}':
			if !quoted {
				return s[:i], s[i+1:], true
			}
		}
	}
	return "", "", false
}

func parseVariable(inside, where string) (part, error) {
	name, def, hasDefault := strings.Cut(inside, ",")
	name = strings.TrimSpace(name)
	k, tag, err := findKey(name, where)
	if err != nil {
		return part{}, err
	}
	if k == nil {
		return part{}, malformed(where, "Invalid policy syntax: ${%s} is no variable that Pail knows", name)
	}
	if k.Multi {
		return part{}, malformed(where, "Invalid policy syntax: ${%s} has many values and cannot be a variable", name)
	}
	v := part{key: k, name: k.full(tag)}
	if hasDefault {
		def = strings.TrimSpace(def)
		if len(def) < 2 || def[0] != '\'' || def[len(def)-1] != '\'' {
			return part{}, malformed(where, "Invalid policy syntax: the default of ${%s} must be in single quotes", name)
		}
		def = def[1 : len(def)-1]
		v.fallback = &def
	}
	return v, nil
}

// lead returns the text that all that the template stands for begins with.
func (t *template) lead() string {
	g := t.fixed
	if len(t.parts) > 0 {
		g = t.parts[0].text
	}
	return string(g[:g.literal()])
}

// variable tells whether the template has variables.
func (t *template) variable() bool {
	for i := range t.parts {
		if t.parts[i].key != nil {
			return true
		}
	}
	return false
}

// fill returns the glob with the variables of the request in it; buf is where it may be
// built. It returns maybe if a variable differs from object to object, and no if one has no
// value.
func (t *template) fill(e *eval, buf []byte) (glob, tri) {
	if t.parts == nil {
		return t.fixed, yes
	}
	b := buf[:0]
	for i := range t.parts {
		p := &t.parts[i]
		if p.key == nil {
			b = append(b, p.text...)
			continue
		}
		if e.unknown(p.key) {
			return "", maybe
		}
		var one [1]string
		vs, ok := e.values(p.key, p.name, &one)
		switch {
		case ok && len(vs) == 1:
			b = appendLiteral(b, vs[0])
		case p.fallback != nil:
			b = appendLiteral(b, *p.fallback)
		default:
			return "", no
		}
	}
	return glob(b), yes
}
