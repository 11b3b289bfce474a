// Package xmldoc reads the bodies of requests that are documents of XML, for the protocols
// whose bodies they are.
//
// It is stricter than encoding/xml: there is one document and nothing behind it, and an element
// for which the schema has one place does not come twice, of which encoding/xml would take the
// last and another reader, a proxy that checks what is asked for, the first.
package xmldoc

import (
	"encoding/xml"
	"errors"
	"io"
)

var errBehind = errors.New("there is something behind the document")

// Decode reads a document into v, a pointer to a struct with tags of encoding/xml. What v has no
// place for is passed over, as AWS does.
func Decode(data []byte, v any) error {
	d := xml.NewTokenDecoder(newOnceReader(data, v))
	if err := d.Decode(v); err != nil {
		return err
	}
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch t := t.(type) {
		case xml.Comment, xml.ProcInst:
		case xml.CharData:
			for _, b := range t {
				if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
					return errBehind
				}
			}
		default:
			return errBehind
		}
	}
}
