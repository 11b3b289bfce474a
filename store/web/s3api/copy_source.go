package s3api

import (
	"net/url"
	"strings"

	"pail/store"
	"pail/store/access"
	"pail/store/web/apierror"
	"pail/versioning"
)

// copySourcePrefix begins the headers with the preconditions on the source of a copy.
const copySourcePrefix = "x-amz-copy-source-"

// maxCopy is the size of the largest source of a copy, and of a part that is copied
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
const maxCopy = 5 << 30

// copySource reads x-amz-copy-source: BUCKET/KEY as in a form, perhaps behind a slash and
// followed by ?versionId=ID. In the place of BUCKET the alias of an access point may stand, or
// its ARN and /object.
func (c *call) copySource() (src store.Source, err error) {
	v := c.r.Header.Get("x-amz-copy-source")
	src, err = parseCopySource(v)
	if err == nil {
		src, err = c.resolved(src)
	}
	if err != nil {
		return src, err
	}
	if src.Customer, err = c.customerKey(sourceCustomerPrefix, true); err != nil {
		return src, err
	}
	return src, c.checkOwner(c.r.Header.Get("x-amz-source-expected-bucket-owner"), src.Bucket)
}

func parseCopySource(v string) (src store.Source, err error) {
	invalid := func(why string) (store.Source, error) {
		return store.Source{}, invalidArgument("x-amz-copy-source", v, "%s", why)
	}
	path, query, found := strings.Cut(v, "?")
	if found {
		id, ok := strings.CutPrefix(query, "versionId=")
		if !ok {
			return invalid("Unsupported copy source parameter.")
		}
		if _, err := versioning.ParseID(id); err != nil {
			return src, invalidArgument("x-amz-copy-source", v, "Invalid version id specified")
		}
		src.Version = id
	}
	if path, err = url.QueryUnescape(path); err != nil {
		return invalid("Invalid copy source encoding")
	}
	path = strings.TrimPrefix(path, "/")
	if strings.HasPrefix(path, "arn:") {
		src.AccessPoint, src.Key, _ = strings.Cut(path, "/object/")
		if _, _, _, ok := access.ParseAccessPointARN(src.AccessPoint); !ok {
			return invalid("Invalid copy source bucket name")
		}
	} else if src.Bucket, src.Key, _ = strings.Cut(path, "/"); versioning.CheckBucketName(src.Bucket) != nil && !access.IsAccessPointAlias(src.Bucket) {
		return invalid("Invalid copy source bucket name")
	}
	if versioning.CheckKey(src.Key) != nil {
		return invalid("Invalid copy source object key")
	}
	return src, nil
}

// fitsCopy refuses a source that is too large for one copy. It is called by the store with
// the version that is copied.
func fitsCopy(o store.Object) error {
	if o.Size > maxCopy {
		return apierror.New(apierror.InvalidRequest, "The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxCopy))
	}
	return nil
}

// copiedHeader says which version was copied.
func (c *call) copiedHeader(o store.Object) {
	if o.Versioned {
		c.w.Header()["X-Amz-Copy-Source-Version-Id"] = []string{o.VersionID}
	}
}
