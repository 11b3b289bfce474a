package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store"
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
	ch := store.VersioningChange{State: versioning.Enabled, MFA: c.mfa()}
	switch conf.MFADelete {
	case "":
	case "Disabled":
		ch.MFADelete = store.MFADisabled
	case "Enabled":
		ch.MFADelete = store.MFAEnabled
	default:
		return apierror.New(apierror.MalformedXML, "")
	}
	switch conf.Status {
	case "Enabled":
	case "Suspended":
		ch.State = versioning.Suspended
	case "":
		return fault.New(fault.IllegalVersioning, "The Versioning element must be specified")
	default:
		return apierror.New(apierror.MalformedXML, "")
	}
	if err := c.s.ChangeVersioning(c.ctx, c.bucket, ch); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// mfa is what a request shows of an MFA device.
func (c *call) mfa() *store.MFA { return store.NewMFA(c.r.Header.Get("x-amz-mfa")) }
