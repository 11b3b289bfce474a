package xmldoc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"reflect"
	"strings"
)

// A onceReader reads the tokens of a document that is to become a struct, and fails where
// an element comes again for which the struct has one place only.
type onceReader struct {
	d    *xml.Decoder
	open []onceElement // the elements that the next token is in
}

// A onceElement is an element that is open, and what may be in it.
type onceElement struct {
	places places
	seen   map[string]bool // of the elements that may come once
}

// places are what an element may hold, by the names of the elements in it. Those that it
// does not know may come as often as they like: nobody reads them.
type places map[string]place

type place struct {
	in   places
	many bool
}

var errTwice = errors.New("an element is there twice")

func newOnceReader(data []byte, v any) *onceReader {
	return &onceReader{
		d:    xml.NewDecoder(bytes.NewReader(data)),
		open: []onceElement{{places: places{"": {in: placesOf(reflect.TypeOf(v).Elem())}}}},
	}
}

// Token implements xml.TokenReader.
func (r *onceReader) Token() (xml.Token, error) {
	t, err := r.d.Token()
	switch t := t.(type) {
	case xml.StartElement:
		if err := r.enter(t.Name.Local); err != nil {
			return nil, err
		}
	case xml.EndElement:
		r.open = r.open[:len(r.open)-1]
	}
	return t, err
}

func (r *onceReader) enter(name string) error {
	if len(r.open) == 1 {
		name = "" // the root, which the struct itself names
	}
	in := &r.open[len(r.open)-1]
	p, known := in.places[name]
	if known && !p.many {
		if in.seen[name] {
			return errTwice
		}
		if in.seen == nil {
			in.seen = map[string]bool{}
		}
		in.seen[name] = true
	}
	r.open = append(r.open, onceElement{places: p.in})
	return nil
}

// placesOf are the places of a struct with tags of encoding/xml.
func placesOf(t reflect.Type) places {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	ps := places{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, flags, _ := strings.Cut(f.Tag.Get("xml"), ",")
		if f.Name == "XMLName" || flags != "" {
			continue // the name of the element itself, its text, or all others
		}
		if name == "" {
			name = f.Name
		}
		ps.add(strings.Split(name, ">"), place{in: placesOf(f.Type), many: f.Type.Kind() == reflect.Slice})
	}
	return ps
}

// add adds a place by the path to it.
func (ps places) add(path []string, p place) {
	if len(path) > 1 {
		in := places{}
		in.add(path[1:], p)
		p = place{in: in}
	}
	ps[path[0]] = p
}
