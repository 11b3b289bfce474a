package s3api

import (
	"encoding/xml"
	"strconv"
	"strings"

	"pail/store"
	"pail/store/checksum"
	"pail/store/web/apierror"
)

// A completeRequest is the body of CompleteMultipartUpload.
type completeRequest struct {
	XMLName xml.Name          `xml:"CompleteMultipartUpload"`
	Parts   []completeElement `xml:"Part"`
}

// A completeElement names one part, with a checksum of it perhaps.
type completeElement struct {
	PartNumber *int
	ETag       string
	Others     []struct {
		XMLName xml.Name
		Value   string `xml:",chardata"`
	} `xml:",any"`
}

// maxCompleteBody is how large that body may be: 10,000 parts, and a kilobyte for each.
const maxCompleteBody = 10 << 20

// completeMultipartUpload answers POST /BUCKET/KEY?uploadId=ID
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).
// Completing moves no bytes, and so the answer does not begin before it is done.
func (c *call) completeMultipartUpload() error {
	if err := c.noVersion(); err != nil {
		return err
	}
	parts, err := c.completeParts()
	if err != nil {
		return err
	}
	in, err := c.completeInput()
	if err != nil {
		return err
	}
	o, err := c.s.CompleteUpload(c.ctx, c.bucket, c.key, c.q.Get("uploadId"), parts, in)
	if err != nil {
		return err
	}
	c.tellSize(o.Size)
	c.encryptionHeaders(o.Encryption)
	c.versionHeader(o)
	c.expirationHeader(o)
	x := newXML("CompleteMultipartUploadResult")
	x.text("Location", c.objectURL(c.key))
	x.text("Bucket", c.bucket)
	x.text("Key", c.key)
	x.text("ETag", quote(o.ETag))
	checksumElements(x, o.Checksums)
	x.optional("ChecksumType", o.ChecksumType.String())
	return c.xml(x, "CompleteMultipartUploadResult")
}

// completeParts reads the list of parts.
func (c *call) completeParts() ([]store.CompletedPart, error) {
	data, err := c.readAll(maxCompleteBody)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, apierror.New(apierror.InvalidRequest, "You must specify at least one part")
	}
	var req completeRequest
	if err := parseXML(data, &req); err != nil {
		return nil, err
	}
	if len(req.Parts) == 0 || len(req.Parts) > store.MaxParts {
		return nil, apierror.New(apierror.MalformedXML, "")
	}
	parts := make([]store.CompletedPart, len(req.Parts))
	for i := range req.Parts {
		if parts[i], err = req.Parts[i].part(); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// part is what the store knows of it.
func (e *completeElement) part() (p store.CompletedPart, err error) {
	switch {
	case e.PartNumber == nil, e.ETag == "":
		return p, apierror.New(apierror.MalformedXML, "")
	case *e.PartNumber < 1:
		return p, invalidArgument("PartNumber", strconv.Itoa(*e.PartNumber), "PartNumber must be >= 1")
	}
	p.Number, p.ETag = *e.PartNumber, unquote(e.ETag)
	for _, other := range e.Others {
		name, ok := strings.CutPrefix(other.XMLName.Local, "Checksum")
		if !ok {
			return p, apierror.New(apierror.MalformedXML, "")
		}
		a, ok := checksum.Parse(name)
		if !ok || p.Value != nil {
			return p, e.invalidChecksums()
		}
		p.Algorithm = a
		if p.Value, err = a.Decode(other.Value); err != nil {
			return p, e.invalidChecksums()
		}
	}
	return p, nil
}

// invalidChecksums tells all checksums of the part, as S3 does.
func (e *completeElement) invalidChecksums() error {
	var all strings.Builder
	for _, other := range e.Others {
		all.WriteString(strings.TrimPrefix(other.XMLName.Local, "Checksum") + ":" + other.Value + ";")
	}
	return invalidArgument("Checksum", all.String(), "Invalid Base64 or multiple checksums present in request")
}

// completeInput is what the headers of a request demand of the object.
func (c *call) completeInput() (in store.CompleteInput, err error) {
	if in.Conditions, err = c.writeConditions(); err != nil {
		return in, err
	}
	a, text, err := c.checksumHeader()
	if err != nil {
		return in, err
	}
	if a != checksum.None {
		in.Algorithm = a
		if in.Value, in.Parts, err = a.DecodeObject(text); err != nil {
			return in, invalidChecksum(a, "header")
		}
	}
	if in.ChecksumType, err = c.wantedType(); err != nil {
		return in, err
	}
	if v := c.r.Header.Get("x-amz-mp-object-size"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		switch {
		case err != nil, v[0] == '+':
			return in, apierror.New(apierror.InvalidRequest, "Value for x-amz-mp-object-size header is invalid.")
		case n < 0:
			return in, apierror.New(apierror.InvalidRequest, "Value for x-amz-mp-object-size header is less than zero: '%d'", n)
		}
		in.Size = &n
	}
	return in, nil
}
