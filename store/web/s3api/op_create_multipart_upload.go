package s3api

import (
	"time"

	"pail/store/checksum"
)

// createMultipartUpload answers POST /BUCKET/KEY?uploads
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html).
func (c *call) createMultipartUpload() error {
	in, err := c.putInput()
	if err != nil {
		return err
	}
	if in.Sums.Algorithm, err = c.wantedAlgorithm(); err != nil {
		return err
	}
	if in.ChecksumType, err = c.wantedType(); err != nil {
		return err
	}
	in.Encryption.Told = c.encryptedHeaders
	id, err := c.s.CreateUpload(c.ctx, c.bucket, c.key, in)
	if err != nil {
		return err
	}
	if a, t := in.Sums.Algorithm, in.ChecksumType; a != checksum.None {
		if t == checksum.Unknown {
			t = a.DefaultType()
		}
		c.w.Header().Set("x-amz-checksum-algorithm", a.String())
		c.w.Header().Set("x-amz-checksum-type", t.String())
	}
	c.abortHeaders(time.Now())
	x := newXML("InitiateMultipartUploadResult")
	x.text("Bucket", c.bucket)
	x.text("Key", c.key)
	x.text("UploadId", id)
	return c.xml(x, "InitiateMultipartUploadResult")
}
