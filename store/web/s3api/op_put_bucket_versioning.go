package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store/fault"
	"pail/store/web/apierror"
	"pail/versioning"
)

// A versioningConfiguration is the body of PutBucketVersioning.
type versioningConfiguration struct {
	XMLName   xml.Name `xml:"VersioningConfiguration"`
	Status    string
	MFADelete string `xml:"MfaDelete"`
}

// putBucketVersioning answers PUT /BUCKET?versioning
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html).
func (c *call) putBucketVersioning() error {
	var conf versioningConfiguration
	if err := c.readXML(&conf, smallBody); err != nil {
		return err
	}
	switch conf.MFADelete {
	case "", "Disabled":
	case "Enabled":
		return apierror.New(apierror.NotImplemented, "MFA delete is not enforced yet, and so cannot be set.")
	default:
		return apierror.New(apierror.MalformedXML, "")
	}
	to := versioning.Enabled
	switch conf.Status {
	case "Enabled":
	case "Suspended":
		to = versioning.Suspended
	case "":
		return fault.New(fault.IllegalVersioning, "The Versioning element must be specified")
	default:
		return apierror.New(apierror.MalformedXML, "")
	}
	if err := c.s.SetVersioning(c.ctx, c.bucket, to); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
