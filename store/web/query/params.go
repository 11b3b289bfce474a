package query

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Params are the parameters of a request.
type Params struct{ values map[string]string }

// ParseParams decodes forms (application/x-www-form-urlencoded): that of the URL and that of
// the body. Parameters of a presigned signature are none of an operation.
func ParseParams(forms ...string) (Params, error) {
	p := Params{map[string]string{}}
	for _, form := range forms {
		all, err := url.ParseQuery(form)
		if err != nil {
			return p, &Error{404, "MalformedQueryString", "The query string contains a syntax error: " + err.Error()}
		}
		for name, values := range all {
			if strings.HasPrefix(name, "X-Amz-") {
				continue
			}
			if _, twice := p.values[name]; twice || len(values) != 1 {
				return p, Invalid("The parameter %q is given more than once.", name)
			}
			if !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
				return p, Invalid("The parameter %q is not UTF-8.", name)
			}
			p.values[name] = values[0]
		}
	}
	return p, nil
}

// Get returns a parameter, "" if there is none.
func (p Params) Get(name string) string { return p.values[name] }

// Lookup returns a parameter, and whether there is one.
func (p Params) Lookup(name string) (string, bool) {
	v, ok := p.values[name]
	return v, ok
}

// Optional returns a parameter that may be left out, but not be empty.
func (p Params) Optional(name string) (string, error) {
	v, ok := p.values[name]
	if ok && v == "" {
		return "", invalidMembers([]string{tooShort(name)})
	}
	return v, nil
}

// camel is how AWS's sentences spell a parameter.
func camel(name string) string { return strings.ToLower(name[:1]) + name[1:] }

func tooShort(name string) string {
	return "Value '' at '" + camel(name) + "' failed to satisfy constraint: Member must have length greater than or equal to 1"
}

func invalidMembers(wrong []string) *Error {
	text := " validation errors detected: "
	if len(wrong) == 1 {
		text = " validation error detected: "
	}
	return Invalid("%s", strconv.Itoa(len(wrong))+text+strings.Join(wrong, "; "))
}

// demand refuses parameters that are needed and not there; a name that ends in ? may be
// empty.
func (p Params) demand(names []string) error {
	var wrong []string
	for _, name := range names {
		name, emptyToo := strings.CutSuffix(name, "?")
		v, ok := p.values[name]
		switch {
		case ok && v == "" && !emptyToo && !p.hasMembers(name):
			wrong = append(wrong, tooShort(name))
		case !ok && !p.hasMembers(name):
			wrong = append(wrong, "Value null at '"+camel(name)+"' failed to satisfy constraint: Member must not be null")
		}
	}
	if wrong != nil {
		return invalidMembers(wrong)
	}
	return nil
}

func (p Params) hasMembers(name string) bool {
	for n := range p.values {
		if strings.HasPrefix(n, name+".member.") {
			return true
		}
	}
	return false
}

// Int returns a parameter that is a whole number, and whether it is there.
func (p Params) Int(name string) (n int, given bool, err error) {
	v, ok := p.values[name]
	if !ok {
		return 0, false, nil
	}
	n64, err := strconv.ParseInt(v, 10, 32)
	if err != nil {
		return 0, true, Invalid("Value '%s' at '%s' is not a whole number", v, camel(name))
	}
	return int(n64), true, nil
}

// Seconds returns a parameter that is a number of seconds from least up, 0 if it is not
// there.
func (p Params) Seconds(name string, least int) (time.Duration, error) {
	n, given, err := p.Int(name)
	if err == nil && given && n < least {
		err = invalidMembers([]string{"Value '" + strconv.Itoa(n) + "' at '" + camel(name) + "' failed to satisfy constraint: Member must have value greater than or equal to " + strconv.Itoa(least)})
	}
	return time.Duration(n) * time.Second, err
}

// Bool returns a parameter that is true or false, false if it is not there.
func (p Params) Bool(name string) (bool, error) {
	switch v, ok := p.values[name]; {
	case !ok || strings.EqualFold(v, "false"):
		return false, nil
	case strings.EqualFold(v, "true"):
		return true, nil
	default:
		return false, Invalid("Value '%s' at '%s' is neither true nor false", v, camel(name))
	}
}

// OneOf returns a parameter that is one of some words, "" if it is not there.
func (p Params) OneOf(name string, words ...string) (string, error) {
	v, ok := p.values[name]
	if ok && !slices.Contains(words, v) {
		return "", invalidMembers([]string{"Value '" + v + "' at '" + camel(name) + "' failed to satisfy constraint: Member must satisfy enum value set: [" + strings.Join(words, ", ") + "]"})
	}
	return v, nil
}

// Members returns the members of a list in their order: Name.member.1 and so on. What
// follows the number, as in Name.member.1.Key, is in each of them by its name; the value of
// the member itself has the name "".
func (p Params) Members(name string) ([]Params, error) {
	members := map[int]Params{}
	for n, v := range p.values {
		rest, ok := strings.CutPrefix(n, name+".member.")
		if !ok {
			continue
		}
		number, field, _ := strings.Cut(rest, ".")
		i, err := strconv.ParseUint(number, 10, 31)
		if err != nil || i == 0 || strconv.FormatUint(i, 10) != number {
			return nil, Invalid("The parameter %q is no member of a list: they are numbered from 1", n)
		}
		if _, is := members[int(i)]; !is {
			members[int(i)] = Params{map[string]string{}}
		}
		members[int(i)].values[field] = v
	}
	out := make([]Params, 0, len(members))
	for _, i := range slices.Sorted(maps.Keys(members)) {
		out = append(out, members[i])
	}
	return out, nil
}

// Texts returns the members of a list of texts.
func (p Params) Texts(name string) ([]string, error) {
	members, err := p.Members(name)
	var out []string
	for _, m := range members {
		v, ok := m.values[""]
		if !ok {
			return nil, Invalid("The members of %s are texts", name)
		}
		out = append(out, v)
	}
	return out, err
}
