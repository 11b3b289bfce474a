package s3api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"pail/store/web/apierror"
)

// readXML reads the body of a request into v, a struct with tags of encoding/xml. limit
// is the most bytes that such a body may have. AWS takes bodies with its namespace and
// without.
func (c *call) readXML(v any, limit int64) error {
	data, err := c.readBody(limit)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return apierror.New(apierror.MissingRequestBody, "")
	}
	return parseXML(data, v)
}

// readBody reads the whole body of a request that is no object, and compares it with the
// checksums that the request says it has.
func (c *call) readBody(limit int64) ([]byte, error) {
	data, err := c.readAll(limit)
	if err != nil {
		return nil, err
	}
	return data, c.checkSums(data, false)
}

// readAll reads a body of at most limit bytes.
func (c *call) readAll(limit int64) ([]byte, error) {
	if c.r.Size > limit {
		return nil, apierror.New(apierror.MaxMessageLengthExceeded, "")
	}
	data, err := io.ReadAll(io.LimitReader(c.r.Content, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, apierror.New(apierror.MaxMessageLengthExceeded, "")
	}
	return data, nil
}

// parseXML reads one document and nothing behind it.
func parseXML(data []byte, v any) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(v); err != nil {
		return apierror.New(apierror.MalformedXML, "")
	}
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return apierror.New(apierror.MalformedXML, "")
		}
		switch t := t.(type) {
		case xml.Comment, xml.ProcInst:
		case xml.CharData:
			for _, b := range t {
				if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
					return apierror.New(apierror.MalformedXML, "")
				}
			}
		default:
			return apierror.New(apierror.MalformedXML, "")
		}
	}
}
