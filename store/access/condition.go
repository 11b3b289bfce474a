package access

import "strings"

// A setOperator is ForAllValues: or ForAnyValue: ("Set operators for multivalued context
// keys").
type setOperator uint8

const (
	single setOperator = iota
	forAll
	forAny
)

// A condition is one key of one operator; all conditions of a statement must hold.
type condition struct {
	op       *operator
	set      setOperator
	ifExists bool
	key      *Key
	name     string // what the Context is asked for
	written  string // the key as the policy writes it
	values   []value
}

func parseConditions(n node, variables bool, at string, kind Kind) ([]condition, error) {
	if n.kind != nodeObject {
		return nil, malformed(at, "Invalid policy syntax: an object is expected")
	}
	var list []condition
	for _, o := range n.members {
		c, err := parseOperator(o.name, at)
		if err != nil {
			return nil, err
		}
		if o.value.kind != nodeObject || len(o.value.members) == 0 {
			return nil, malformed(at+"."+o.name, "Invalid policy syntax: an object with condition keys is expected")
		}
		seen := map[string]bool{}
		for _, k := range o.value.members {
			if folded := strings.ToLower(k.name); seen[folded] {
				return nil, malformed(at+"."+o.name, "Policies must not have duplicate elements: the key %q is given twice in one operator", k.name)
			} else {
				seen[folded] = true
			}
			one := c
			if err := one.parse(k, variables, at+"."+o.name, kind); err != nil {
				return nil, err
			}
			list = append(list, one)
		}
	}
	return list, nil
}

func parseOperator(text, at string) (c condition, err error) {
	name := text
	if s, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		c.set, name = forAll, s
	} else if s, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		c.set, name = forAny, s
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	if c.op = findOperator(name); c.op == nil {
		return c, malformed(at, "Invalid Condition type : %s", text)
	}
	if c.op.family == compareNull && name != text {
		return c, malformed(at, "Invalid Condition type : %s, because Null itself asks whether a key exists", text)
	}
	return c, nil
}

func (c *condition) parse(m member, variables bool, at string, kind Kind) error {
	k, tag, err := findKey(m.name, at)
	if err != nil {
		return err
	}
	if k == nil {
		k = foreignKey
		if kind.row().vendor != "" {
			return malformed(at, "Policy has an invalid condition key: %q", m.name)
		}
	} else if !c.op.fits(k.Type) {
		return malformed(at, "The operator %s cannot compare the values of %s", c.op.name, k.Name)
	}
	c.key, c.name, c.written = k, k.full(tag), m.name
	items := []node{m.value}
	if m.value.kind == nodeArray {
		items = m.value.items
	}
	if len(items) == 0 {
		return malformed(at, "Invalid policy syntax: %s has no values", m.name)
	}
	for _, n := range items {
		switch n.kind {
		case nodeString, nodeNumber, nodeBool:
		default:
			return malformed(at, "Invalid policy syntax: the values of %s must be strings, numbers or booleans", m.name)
		}
		v, err := c.op.parseValue(n.text, variables && c.op.variables(), at)
		if err != nil {
			return err
		}
		c.values = append(c.values, v)
	}
	return nil
}

// holds tells whether the condition is met. void is set if the statement cannot apply at
// all, because a negated condition compares with a variable that has no value.
func (c *condition) holds(e *eval) (t tri, void bool) {
	if e.unknown(c.key) {
		return maybe, false
	}
	var one [1]string
	have, exists := e.values(c.key, c.name, &one)
	exists = exists && len(have) > 0
	switch {
	case c.op.family == compareNull:
		return triOf(c.wantsNull(exists)), false
	case !exists && c.ifExists:
		return yes, false
	case c.set == forAll && empty(have):
		return yes, false
	case c.set == forAny && empty(have):
		return no, false
	case !exists:
		return triOf(c.op.negated), false
	}
	// Without a set operator a key has one value. Should a request have more, one that
	// matches is enough, and for a negated operator one too many.
	all := c.set == forAll || c.set == single && c.op.negated
	t = triOf(all)
	for _, h := range have {
		m, v := c.matchOne(e, h)
		void = void || v
		if all {
			t = t.and(m)
		} else {
			t = t.or(m)
		}
	}
	return t, void
}

// matchOne compares one value of the request with those of the policy: any of them must
// match, with a negated operator none.
func (c *condition) matchOne(e *eval, have string) (t tri, void bool) {
	for i := range c.values {
		m, v := c.op.match(e, &c.values[i], have)
		t, void = t.or(m), void || v
		if t == yes {
			break
		}
	}
	if c.op.negated {
		return t.not(), void && t != yes
	}
	return t, false
}

func (c *condition) wantsNull(exists bool) bool {
	for i := range c.values {
		if c.values[i].plain == "true" != exists {
			return true
		}
	}
	return false
}

// empty tells whether the values are what AWS calls a null data set: none, or nothing but
// empty strings.
func empty(have []string) bool {
	for _, h := range have {
		if h != "" {
			return false
		}
	}
	return true
}
