package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store/web/apierror"
)

// putObjectLegalHold answers PUT /BUCKET/KEY?legal-hold
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLegalHold.html).
func (c *call) putObjectLegalHold() error {
	nd, err := c.lockable()
	if err != nil {
		return err
	}
	var body struct {
		XMLName xml.Name `xml:"LegalHold"`
		Status  string
	}
	if err := c.readLockXML(&body); err != nil {
		return err
	}
	if body.Status != "ON" && body.Status != "OFF" {
		return apierror.New(apierror.MalformedXML, "")
	}
	if err := c.s.SetLegalHold(c.ctx, nd, body.Status == "ON"); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
