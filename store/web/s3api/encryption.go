package s3api

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"pail/store"
	"pail/store/web"
	"pail/store/web/apierror"
)

// The headers by which a request asks for encryption, and an answer tells of it
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html), as net/http spells them.
const (
	encryptionName        = "X-Amz-Server-Side-Encryption"
	encryptionKeyName     = encryptionName + "-Aws-Kms-Key-Id"
	encryptionContextName = encryptionName + "-Context"
	bucketKeyName         = encryptionName + "-Bucket-Key-Enabled"

	customerPrefix       = encryptionName + "-Customer-"
	sourceCustomerPrefix = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-"
)

// encryption is how a request asks for an object to be encrypted. That it says nothing with
// the header is not that it has none.
func (c *call) encryption() (in store.EncryptionInput, err error) {
	h := c.r.Header
	if vs, ok := h[encryptionName]; ok {
		if in.Mode = vs[0]; in.Mode == "" {
			return in, invalidArgument("x-amz-server-side-encryption", "", "The encryption method specified is not supported")
		}
	}
	in.KMSKey = h.Get(encryptionKeyName)
	if v := h.Get(encryptionContextName); v != "" {
		if in.Context, err = decodeContext(v); err != nil {
			return in, invalidArgument("x-amz-server-side-encryption-context", v, "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map")
		}
	}
	switch v := h.Get(bucketKeyName); strings.ToLower(v) {
	case "":
	case "true", "false":
		on := strings.EqualFold(v, "true")
		in.BucketKey = &on
	default:
		return in, invalidArgument("x-amz-server-side-encryption-bucket-key-enabled", v, "The value specified for the bucket key is not valid: it is true or false")
	}
	in.Customer, err = c.customerKey(customerPrefix, true)
	return in, err
}

// decodeContext takes an encryption context out of its header: pairs as JSON, in base64.
func decodeContext(v string) (pairs map[string]string, err error) {
	b, err := base64.StdEncoding.DecodeString(v)
	if err == nil {
		err = json.Unmarshal(b, &pairs)
	}
	return pairs, err
}

// noEncryption refuses the headers where there is nothing to encrypt, as S3 does for reads
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
func (c *call) noEncryption() error {
	for _, name := range []string{encryptionName, encryptionKeyName} {
		if vs, ok := c.r.Header[name]; ok {
			name = strings.ToLower(name)
			return invalidArgument(name, vs[0], "%s header is not supported for this operation.", name)
		}
	}
	return nil
}

// bring gives the session the customer's key of a request that reads, or goes on with, an object.
func (c *call) bring() error {
	k, err := c.customerKey(customerPrefix, false)
	if err == nil && k != nil {
		c.s = store.Bringing(c.s, k)
		c.log.As(c.s)
	}
	return err
}

// customerKey is the customer's key that the headers with a prefix bring, nil if there are none
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html).
// digested says that its MD5 has to come with it, as S3 demands of what makes objects only.
func (c *call) customerKey(prefix string, digested bool) (*store.CustomerKey, error) {
	h := c.r.Header
	algorithm, key, sum := h.Get(prefix+"Algorithm"), h.Get(prefix+"Key"), h.Get(prefix+"Key-Md5")
	_, some := h[prefix+"Key"]
	if algorithm == "" && sum == "" && !some {
		return nil, nil
	}
	refuse := func(name, format string) (*store.CustomerKey, error) {
		name = strings.ToLower(prefix + name)
		value := h.Get(name)
		if strings.HasSuffix(name, "-key") {
			value = "null" // it is a secret, whatever it is
		}
		return nil, invalidArgument(name, value, "%s", format)
	}
	const begin = "Requests specifying Server Side Encryption with Customer provided keys must "
	switch {
	case !web.ClientOf(c.r.Request).Secure && !c.h.plainKeys:
		return refuse("Algorithm", begin+"be made over a secure connection.")
	case algorithm == "":
		return refuse("Algorithm", begin+"provide a valid encryption algorithm.")
	case algorithm != "AES256":
		return nil, apierror.New(apierror.InvalidEncryptionAlgorithm, "").
			With("ArgumentName", strings.ToLower(prefix+"Algorithm")).With("ArgumentValue", algorithm)
	case key == "":
		return refuse("Key", begin+"provide an appropriate secret key.")
	case sum == "" && digested:
		return refuse("Key-Md5", begin+"provide the client calculated MD5 of the secret key.")
	}
	switch k, err := decodeCustomerKey(key, sum); {
	case errors.Is(err, errKeySum):
		return refuse("Key-Md5", "The calculated MD5 hash of the key did not match the hash that was provided.")
	case errors.Is(err, errKeySize):
		return refuse("Key", "The secret key was invalid for the specified algorithm.")
	case err != nil:
		return refuse("Key", begin+"provide an appropriate secret key.")
	default:
		return k, nil
	}
}

// Why a header is no customer's key.
var (
	errKeySum  = errors.New("the MD5 is another")
	errKeySize = errors.New("it has another length")
)

// decodeCustomerKey takes a customer's key out of its header: base64 of 32 bytes, whose MD5 is sum,
// in base64, unless that is empty.
func decodeCustomerKey(key, sum string) (*store.CustomerKey, error) {
	b, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	if len(b) == 0 {
		return nil, errors.New("it is empty")
	}
	if sum != "" {
		d := md5.Sum(b)
		if subtle.ConstantTimeCompare([]byte(base64.StdEncoding.EncodeToString(d[:])), []byte(sum)) != 1 {
			return nil, errKeySum
		}
	}
	k, err := store.NewCustomerKey(b)
	if err != nil {
		return nil, errKeySize
	}
	return k, nil
}

// encryptionHeaders tell how an object or a part is encrypted, if it is.
func (c *call) encryptionHeaders(e store.Encryption) {
	h := c.w.Header()
	switch e.Mode {
	case "":
		return
	case store.ModeCustomer:
		// As S3: that the request's key is the one, which the store has checked.
		algorithm, sum := c.r.Header.Get(customerPrefix+"Algorithm"), c.r.Header.Get(customerPrefix+"Key-Md5")
		if algorithm != "" {
			h[customerPrefix+"Algorithm"] = []string{algorithm}
		}
		if sum != "" {
			h[customerPrefix+"Key-Md5"] = []string{sum}
		}
		return
	}
	h[encryptionName] = []string{e.Mode}
	if e.KMSKey != "" {
		h[encryptionKeyName] = []string{e.KMSKey}
	}
	if e.BucketKey {
		h[bucketKeyName] = []string{"true"}
	}
}

// encryptedHeaders are encryptionHeaders of what the request has made, whose context it is told
// again.
func (c *call) encryptedHeaders(e store.Encryption) {
	c.encryptionHeaders(e)
	if v := c.r.Header.Get(encryptionContextName); v != "" && e.Mode == store.ModeKMS {
		c.w.Header()[encryptionContextName] = []string{v}
	}
}
