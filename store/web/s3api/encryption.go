package s3api

import (
	"net/http"

	"pail/store"
)

// encryptionName is the header by which a request asks for encryption, and an answer tells
// of it.
const encryptionName = "X-Amz-Server-Side-Encryption"

// encryption is how a request asks for an object to be encrypted. That it says nothing with
// the header is not that it has none.
func (c *call) encryption() (in store.EncryptionInput, err error) {
	if vs, ok := c.r.Header[encryptionName]; ok {
		if in.Mode = vs[0]; in.Mode == "" {
			return in, invalidArgument("x-amz-server-side-encryption", "", "The encryption method specified is not supported")
		}
	}
	return in, nil
}

// noEncryption refuses the header where there is nothing to encrypt, as S3 does for reads
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
func (c *call) noEncryption() error {
	if vs, ok := c.r.Header[encryptionName]; ok {
		return invalidArgument("x-amz-server-side-encryption", vs[0], "x-amz-server-side-encryption header is not supported for this operation.")
	}
	return nil
}

// encryptionHeader tells how an object is encrypted, if it is.
func encryptionHeader(h http.Header, mode string) {
	if mode != "" {
		h[encryptionName] = []string{mode}
	}
}
