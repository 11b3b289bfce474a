package s3control

import (
	"encoding/xml"
	"net/http"
)

type tagResourceRequest struct {
	XMLName xml.Name `xml:"TagResourceRequest"`
	Tags    tagList
}

// tagResource answers POST /v20180820/tags/ARN
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_TagResource.html).
func (c *call) tagResource() error {
	name, err := c.tagged()
	if err != nil {
		return err
	}
	var body tagResourceRequest
	if err := c.read(&body); err != nil {
		return err
	}
	tags, err := body.Tags.tags()
	if err == nil {
		err = c.s.TagAccessPoint(c.ctx, name, tags)
	}
	if err != nil {
		return untagged(err)
	}
	return c.done(http.StatusNoContent)
}
