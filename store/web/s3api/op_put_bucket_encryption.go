package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store"
	"pail/store/web/apierror"
)

// An encryptionConfiguration is the body of PutBucketEncryption.
type encryptionConfiguration struct {
	XMLName xml.Name         `xml:"ServerSideEncryptionConfiguration"`
	Rules   []encryptionRule `xml:"Rule"`
}

type encryptionRule struct {
	Default *struct {
		Algorithm string `xml:"SSEAlgorithm"`
		Key       string `xml:"KMSMasterKeyID"`
	} `xml:"ApplyServerSideEncryptionByDefault"`
	BucketKey bool `xml:"BucketKeyEnabled"`
	Blocked   *struct {
		Types []string `xml:"EncryptionType"`
	} `xml:"BlockedEncryptionTypes"`
}

// What BlockedEncryptionTypes may say
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_BlockedEncryptionTypes.html).
const (
	customerKeys   = "SSE-C"
	nothingBlocked = "NONE"
)

// putBucketEncryption answers PUT /BUCKET?encryption
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html).
func (c *call) putBucketEncryption() error {
	var body encryptionConfiguration
	if err := c.readXML(&body, smallBody); err != nil {
		return err
	}
	if len(body.Rules) != 1 {
		return apierror.New(apierror.MalformedXML, "")
	}
	e, err := body.Rules[0].encryption()
	if err != nil {
		return err
	}
	if err := c.s.SetBucketEncryption(c.ctx, c.bucket, e); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// encryption is what the store knows of it.
func (r *encryptionRule) encryption() (e store.BucketEncryption, err error) {
	e.BucketKey = r.BucketKey
	if d := r.Default; d != nil {
		if e.Mode, e.KMSKey = d.Algorithm, d.Key; e.Mode == "" {
			return e, apierror.New(apierror.MalformedXML, "")
		}
	}
	if r.Blocked == nil {
		return e, nil
	}
	if len(r.Blocked.Types) != 1 {
		return e, apierror.New(apierror.MalformedXML, "")
	}
	block := r.Blocked.Types[0] == customerKeys
	if !block && r.Blocked.Types[0] != nothingBlocked {
		return e, apierror.New(apierror.MalformedXML, "")
	}
	e.BlockCustomerKeys = &block
	return e, nil
}
