package s3control

import "encoding/xml"

type listTagsForResourceResult struct {
	XMLName xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ ListTagsForResourceResult"`
	Tags    tagList
}

// listTagsForResource answers GET /v20180820/tags/ARN
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_ListTagsForResource.html).
func (c *call) listTagsForResource() error {
	name, err := c.tagged()
	if err != nil {
		return err
	}
	tags, err := c.s.AccessPointTags(c.ctx, name)
	if err != nil {
		return untagged(err)
	}
	return c.answer(listTagsForResourceResult{Tags: newTagList(tags)})
}
