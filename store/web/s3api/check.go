package s3api

import (
	"crypto/md5"
	"encoding/base64"
	"strconv"
	"strings"

	"pail/store"
	"pail/store/fault"
	"pail/store/web/apierror"
	"pail/versioning"
)

// checkAddress refuses what names no bucket or key at all, and a bucket that is not
// owned by whom the client expects (x-amz-expected-bucket-owner).
func (c *call) checkAddress() error {
	if c.bucket == "" {
		return nil
	}
	if c.key != "" {
		if err := versioning.CheckKey(c.key); err != nil {
			if len(c.key) > versioning.MaxKey {
				return fault.New(fault.KeyTooLong, "")
			}
			return apierror.New(apierror.InvalidURI, "")
		}
	}
	return c.checkOwner(c.r.Header.Get("x-amz-expected-bucket-owner"), c.bucket)
}

// checkOwner refuses a bucket of another account than the client expects.
func (c *call) checkOwner(account, bucket string) error {
	if account == "" {
		return nil
	}
	if len(account) != len(store.Account) {
		return apierror.New(apierror.InvalidArgument, "The value of the expected bucket owner parameter must be an AWS account ID").
			With("ArgumentName", "x-amz-expected-bucket-owner").With("ArgumentValue", account)
	}
	return c.s.ExpectOwner(c.ctx, bucket, account)
}

// noVersion refuses a write that names a version: versions never change. AWS has no page
// that says so, but answers thus (https://github.com/scality/cloudserver/pull/698).
func (c *call) noVersion() error {
	if !c.q.Has("versionId") {
		return nil
	}
	return invalidArgument("versionId", c.q.Get("versionId"), "This operation does not accept a version-id.")
}

// contentMD5 is the MD5 that the client says the body has, nil if it does not say.
func (c *call) contentMD5() ([]byte, error) {
	v := c.r.Header["Content-Md5"]
	if v == nil {
		return nil, nil
	}
	sum, err := base64.StdEncoding.DecodeString(v[0])
	if err != nil || len(sum) != md5.Size {
		return nil, apierror.New(apierror.InvalidDigest, "").With("Content-MD5", v[0])
	}
	return sum, nil
}

// checkPayload refuses a body that is sent in unsigned chunks with trailers, which S3 takes
// as an object or a part only (https://github.com/versity/versitygw/issues/1601 has its
// answer).
func (c *call) checkPayload() error {
	if c.op.chunks || c.r.Header.Get("x-amz-content-sha256") != "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
		return nil
	}
	return apierror.New(apierror.InvalidRequest, "The value of x-amz-content-sha256 header is invalid.")
}

// parseCount reads a number that has no sign but a minus: strconv takes a plus too.
func parseCount(s string) (int, error) {
	if strings.HasPrefix(s, "+") {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(s)
}

// numberParameter reads a parameter that is a number from least to most.
func (c *call) numberParameter(name string, least, most, byDefault int) (int, error) {
	if !c.q.Has(name) || c.q.Get(name) == "" {
		return byDefault, nil
	}
	v := c.q.Get(name)
	n, err := parseCount(v)
	if err != nil || n < least || n > most {
		why := "Provided " + name + " not an integer or within integer range"
		if err == nil {
			why = "Argument " + name + " must be an integer between " + strconv.Itoa(least) + " and " + strconv.Itoa(most)
		}
		return 0, invalidArgument(name, v, "%s", why)
	}
	return n, nil
}

// invalidArgument is AWS's InvalidArgument, which names the parameter.
func invalidArgument(name, value, format string, args ...any) error {
	return apierror.New(apierror.InvalidArgument, format, args...).
		With("ArgumentName", name).With("ArgumentValue", value)
}

// smallBody is the most bytes that the body of a request has that is no object and no
// list: S3's own limits of configurations are at most as large.
const smallBody = 64 << 10

// largeBody is smallBody for configurations of up to a thousand rules, each of them with
// filters.
const largeBody = 4 << 20
