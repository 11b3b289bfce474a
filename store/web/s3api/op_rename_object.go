package s3api

import (
	"net/http"
	"net/url"
	"strings"

	"pail/store"
	"pail/store/web/apierror"
	"pail/versioning"
)

// renameSourcePrefix begins the headers with the preconditions on what is renamed.
const renameSourcePrefix = "x-amz-rename-source-"

// renameObject answers PUT /BUCKET/KEY?renameObject
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_RenameObject.html). S3 has it for
// directory buckets only, which keep no history; here every bucket has it, and one that is
// versioned keeps the history at the old key, with a delete marker on top. The client token
// is taken and not needed: a rename that is asked for again finds nothing to rename.
func (c *call) renameObject() error {
	from, err := c.renameSource()
	if err != nil {
		return err
	}
	in := store.RenameInput{SourceIf: c.conditions(renameSourcePrefix)}
	if in.Conditions, err = c.writeConditions(); err != nil {
		return err
	}
	for _, header := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
		if c.r.Header.Get(header) != "" {
			return unknownCondition(header)
		}
	}
	if err := c.s.RenameObject(c.ctx, c.bucket, from, c.key, in); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// renameSource is the key of the object that is to be renamed. Clients write it alone, with
// a slash before it, or as /BUCKET/KEY; it is encoded as in a URL.
func (c *call) renameSource() (string, error) {
	v := c.r.Header.Get("x-amz-rename-source")
	if v == "" {
		return "", apierror.New(apierror.InvalidRequest, "The x-amz-rename-source header is missing or empty")
	}
	key, err := url.PathUnescape(v)
	if err == nil {
		key = strings.TrimPrefix(strings.TrimPrefix(key, "/"+c.bucket+"/"), "/")
		err = versioning.CheckKey(key)
	}
	if err != nil {
		return "", invalidArgument("x-amz-rename-source", v, "Invalid rename source object key")
	}
	return key, nil
}
