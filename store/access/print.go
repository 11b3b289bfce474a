package access

import (
	"bytes"
	"encoding/json"
)

// Text returns the policy as JSON in one form: elements in the order of the grammar, lists
// always as arrays, "*" for everyone. Parse reads it as the same policy. It has no Id or
// Sid that the policy has not.
func (p *Policy) Text() []byte {
	doc := object{}
	doc.addString("Version", p.Version)
	doc.addString("Id", p.ID)
	list := make([]any, len(p.statements))
	for i := range p.statements {
		list[i] = p.statements[i].json()
	}
	doc.add("Statement", list)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		panic(err) // strings and arrays of them always encode
	}
	return bytes.TrimSpace(b.Bytes())
}

// An object is a JSON object whose members have an order.
type object []objectMember

type objectMember struct {
	name  string
	value any
}

func (o *object) add(name string, v any) { *o = append(*o, objectMember{name, v}) }

func (o *object) addString(name, v string) {
	if v != "" {
		o.add(name, v)
	}
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := enc.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (s *Statement) json() object {
	var o object
	o.addString("Sid", s.Sid)
	if s.principal != nil {
		o.add(not("Principal", s.principal.not), s.principal.json())
	}
	effect := "Allow"
	if s.Deny {
		effect = "Deny"
	}
	o.add("Effect", effect)
	names := make([]string, len(s.actions))
	for i := range s.actions {
		names[i] = s.actions[i].text
	}
	o.add(not("Action", s.notAction), names)
	if s.resources != nil {
		arns := make([]string, len(s.resources))
		for i := range s.resources {
			arns[i] = s.resources[i].text
		}
		o.add(not("Resource", s.notRes), arns)
	}
	if len(s.conditions) > 0 {
		o.add("Condition", conditionsJSON(s.conditions))
	}
	return o
}

func not(element string, is bool) string {
	if is {
		return "Not" + element
	}
	return element
}

func (es *entities) json() any {
	if es.everyone && len(es.list) == 0 {
		return "*"
	}
	byType := map[string][]string{}
	if es.everyone {
		byType["AWS"] = []string{"*"}
	}
	for _, e := range es.list {
		byType[e.Type] = append(byType[e.Type], e.Value)
	}
	return byType
}

// conditionsJSON groups the conditions by operator again.
func conditionsJSON(list []condition) object {
	var o object
	for i := 0; i < len(list); {
		var keys object
		name := list[i].operator()
		for ; i < len(list) && list[i].operator() == name; i++ {
			texts := make([]string, len(list[i].values))
			for j := range texts {
				texts[j] = list[i].values[j].text
			}
			keys.add(list[i].written, texts)
		}
		o.add(name, keys)
	}
	return o
}

// operator returns the operator with its modifiers, as a policy writes it.
func (c *condition) operator() string {
	name := c.op.name
	switch c.set {
	case forAll:
		name = "ForAllValues:" + name
	case forAny:
		name = "ForAnyValue:" + name
	}
	if c.ifExists {
		name += "IfExists"
	}
	return name
}
