package s3api

import (
	"io"
	"strconv"

	"pail/store/web/apierror"
	"pail/store/web/xmldoc"
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
	tooLong := apierror.New(apierror.MaxMessageLengthExceeded, "").With("MaxMessageLengthBytes", strconv.FormatInt(limit, 10))
	if c.r.Size > limit {
		return nil, tooLong
	}
	data, err := io.ReadAll(io.LimitReader(c.r.Content, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, tooLong
	}
	return data, nil
}

// parseXML reads one document and nothing behind it. An element that S3's schema has once
// must not be there twice: encoding/xml would take the last.
func parseXML(data []byte, v any) error {
	if xmldoc.Decode(data, v) != nil {
		return apierror.New(apierror.MalformedXML, "")
	}
	return nil
}
