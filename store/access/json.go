package access

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// maxDepth is how deeply the values of a policy may be nested. A policy needs six levels;
// more is somebody's attempt at the stack of the reader.
const maxDepth = 16

// A nodeKind is the JSON type of a value.
type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeString
	nodeArray
	nodeObject
)

// A node is a JSON value that has kept the order of its members, so that a member that is
// given twice is seen: encoding/json keeps the last one silently, and two readers of one
// policy must never read two policies.
type node struct {
	kind    nodeKind
	text    string // of a string, a number or a bool
	items   []node // of an array
	members []member
}

type member struct {
	name  string
	value node
}

// parseJSON reads a document that is one JSON object and nothing else.
func parseJSON(data []byte) (node, error) {
	if !utf8.Valid(data) {
		return node{}, malformed("", "Policies must be valid JSON in UTF-8")
	}
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return node{}, malformed("", "Policies must be valid JSON and the first byte must be '{'")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n, err := readNode(d, 0)
	if err != nil {
		return node{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return node{}, malformed("", "Policies must be valid JSON: there is text after the closing brace")
	}
	return n, nil
}

func readNode(d *json.Decoder, depth int) (node, error) {
	t, err := d.Token()
	if err != nil {
		return node{}, jsonError(err)
	}
	switch t := t.(type) {
	case nil:
		return node{kind: nodeNull}, nil
	case bool:
		if t {
			return node{kind: nodeBool, text: "true"}, nil
		}
		return node{kind: nodeBool, text: "false"}, nil
	case json.Number:
		return node{kind: nodeNumber, text: t.String()}, nil
	case string:
		return node{kind: nodeString, text: t}, nil
	}
	if depth++; depth > maxDepth {
		return node{}, malformed("", "Policies must not be nested deeper than %d levels", maxDepth)
	}
	if t == json.Delim('[') {
		return readArray(d, depth)
	}
	return readObject(d, depth)
}

func readArray(d *json.Decoder, depth int) (node, error) {
	n := node{kind: nodeArray}
	for d.More() {
		v, err := readNode(d, depth)
		if err != nil {
			return node{}, err
		}
		n.items = append(n.items, v)
	}
	_, err := d.Token()
	return n, jsonError(err)
}

func readObject(d *json.Decoder, depth int) (node, error) {
	n := node{kind: nodeObject}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return node{}, jsonError(err)
		}
		name := t.(string) // the decoder accepts nothing else here
		if seen[name] {
			return node{}, malformed("", "Policies must not have duplicate elements: %q is given twice in one object", name)
		}
		seen[name] = true
		v, err := readNode(d, depth)
		if err != nil {
			return node{}, err
		}
		n.members = append(n.members, member{name, v})
	}
	_, err := d.Token()
	return n, jsonError(err)
}

func jsonError(err error) error {
	switch err {
	case nil:
		return nil
	case io.EOF, io.ErrUnexpectedEOF:
		return malformed("", "Policies must be valid JSON: the text ends early")
	}
	return malformed("", "Policies must be valid JSON: %s", err)
}

// stringList reads a string, or an array of strings with at least one.
func (n node) stringList(where string) ([]string, error) {
	if n.kind == nodeString {
		return []string{n.text}, nil
	}
	if n.kind != nodeArray {
		return nil, malformed(where, "Invalid policy syntax: a string or an array of strings is expected")
	}
	if len(n.items) == 0 {
		return nil, malformed(where, "Invalid policy syntax: the array is empty")
	}
	list := make([]string, 0, len(n.items))
	for _, v := range n.items {
		if v.kind != nodeString {
			return nil, malformed(where, "Invalid policy syntax: the array must have strings only")
		}
		list = append(list, v.text)
	}
	return list, nil
}
