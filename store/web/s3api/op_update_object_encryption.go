package s3api

import (
	"encoding/xml"
	"net/http"
	"regexp"

	"pail/store"
	"pail/store/web/apierror"
)

// objectEncryption is the body of UpdateObjectEncryption. S3 takes one type of encryption there.
type objectEncryption struct {
	XMLName xml.Name `xml:"ObjectEncryption"`
	KMS     *struct {
		Key       string  `xml:"KMSKeyArn"`
		BucketKey *string `xml:"BucketKeyEnabled"`
	} `xml:"SSE-KMS"`
	S3       *struct{} `xml:"SSE-S3"`
	DSSE     *struct{} `xml:"DSSE-KMS"`
	Customer *struct{} `xml:"SSE-C"`
}

// kmsKeyARN is what S3 takes for the ARN of a key
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_SSEKMSEncryption.html).
var kmsKeyARN = regexp.MustCompile(`^arn:aws[a-zA-Z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+$`)

// updateObjectEncryption answers PUT /BUCKET/KEY?encryption
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html).
func (c *call) updateObjectEncryption() error {
	ref, err := c.version()
	if err != nil {
		return err
	}
	var body objectEncryption
	if err := c.readXML(&body, smallBody); err != nil {
		return err
	}
	in, err := body.encryption()
	if err != nil {
		return err
	}
	if _, err := c.s.UpdateEncryption(c.ctx, c.bucket, c.key, ref, store.EncryptionUpdate{Encryption: in, Strict: true}); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// encryption is what the body asks for. The messages are S3's.
func (b objectEncryption) encryption() (in store.EncryptionInput, err error) {
	refuse := func(message string) (store.EncryptionInput, error) {
		return in, apierror.New(apierror.InvalidRequest, "%s", message)
	}
	switch {
	case b.DSSE != nil || b.Customer != nil:
		return refuse("The UpdateObjectEncryption operation doesn't support updating the encryption type to DSSE-KMS or SSE-C. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.")
	case b.KMS == nil || b.S3 != nil:
		return refuse("Requests that modify an object encryption configuration require a valid new encryption type. Valid values are SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.")
	case b.KMS.Key == "":
		return refuse("Requests that modify an object's encryption type to SSE-KMS require an AWS KMS key Amazon Resource Name (ARN). Modify the request to specify a KMS key ARN, and then try again.")
	case !kmsKeyARN.MatchString(b.KMS.Key) || len(b.KMS.Key) > 2048:
		return refuse("Requests that modify an object's encryption type to SSE-KMS require a valid AWS KMS key Amazon Resource Name (ARN). Confirm that you have a correctly formatted KMS key ARN in your request, and then try again.")
	}
	in = store.EncryptionInput{Mode: store.ModeKMS, KMSKey: b.KMS.Key, BucketKey: new(bool)}
	if on := b.KMS.BucketKey; on != nil {
		if *on != "true" && *on != "false" {
			return refuse("The BucketKeyEnabled value isn't valid. Valid values are true or false. Modify the request to specify a valid value, and then try again.")
		}
		*in.BucketKey = *on == "true"
	}
	return in, nil
}
