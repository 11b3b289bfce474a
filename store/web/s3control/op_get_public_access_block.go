package s3control

import (
	"encoding/xml"
	"errors"

	"pail/store/fault"
)

type publicAccessBlockAnswer struct {
	XMLName xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ PublicAccessBlockConfiguration"`
	publicAccessBlock
}

// getPublicAccessBlock answers GET /v20180820/configuration/publicAccessBlock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html).
func (c *call) getPublicAccessBlock() error {
	p, err := c.s.AccountPublicAccess(c.ctx)
	if e := (*fault.Error)(nil); errors.As(err, &e) && e.Kind == fault.NoSuchPublicAccessBlock {
		return e.With("AccountId", c.account)
	}
	if err != nil {
		return err
	}
	return c.answer(publicAccessBlockAnswer{publicAccessBlock: newPublicAccessBlock(p)})
}
