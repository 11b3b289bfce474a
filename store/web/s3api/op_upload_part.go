package s3api

import (
	"net/http"

	"pail/store"
	"pail/store/checksum"
)

// uploadPart answers PUT /BUCKET/KEY?partNumber=N&uploadId=ID
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html).
func (c *call) uploadPart() error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	if err := c.bring(); err != nil {
		return err
	}
	var in store.PartInput
	if in.Body, in.Size, err = c.objectBody(); err != nil {
		return err
	}
	if in.Sums, err = c.sums(); err != nil {
		return err
	}
	in.SumIfLocked = true
	p, err := c.s.UploadPart(c.ctx, c.bucket, c.key, c.q.Get("uploadId"), number, in)
	if err != nil {
		return err
	}
	c.tellSize(p.Size)
	h := c.w.Header()
	h["Etag"] = []string{quote(p.ETag)}
	c.encryptionHeaders(p.Encryption)
	for name, value := range p.Checksums {
		// One only: clients complete with what they were told, and two for a part are refused.
		if a := in.Sums.Algorithm; a == checksum.None || a.Lower() == name {
			h.Set("x-amz-checksum-"+name, value)
		}
	}
	return c.empty(http.StatusOK)
}
