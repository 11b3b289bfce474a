package s3api

import (
	"encoding/xml"
	"net/http"
	"strings"

	"pail/store"
	"pail/store/fault"
	"pail/store/web/apierror"
)

// A createBucketConfiguration is the body of CreateBucket.
type createBucketConfiguration struct {
	XMLName            xml.Name `xml:"CreateBucketConfiguration"`
	LocationConstraint string
	Tags               []tag `xml:"Tags>Tag"`
}

// createBucket answers PUT /BUCKET
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html).
func (c *call) createBucket() error {
	data, err := c.readBody(smallBody)
	if err != nil {
		return err
	}
	var conf createBucketConfiguration
	if len(data) > 0 {
		if err := parseXML(data, &conf); err != nil {
			return err
		}
	}
	if err := c.checkLocation(conf.LocationConstraint); err != nil {
		return err
	}
	in := store.BucketOptions{ObjectLock: strings.EqualFold(c.r.Header.Get("x-amz-bucket-object-lock-enabled"), "true")}
	if in.Ownership, err = c.ownership(); err != nil {
		return err
	}
	if in.ACL, err = c.aclHeaders(); err != nil {
		return err
	}
	if in.Tags, err = uniqueTags(conf.Tags); err != nil {
		return err
	}
	in.Constraint = conf.LocationConstraint
	_, err = c.s.CreateBucket(c.ctx, c.bucket, in)
	if fault.Is(err, fault.BucketAlreadyOwnedByYou) && c.h.region == store.DefaultRegion {
		err = nil // as always in the oldest region, and in no other; scripts rely on it
	}
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	return c.empty(http.StatusOK)
}

// ownership is that which a new bucket is to have, "" if the request does not say.
func (c *call) ownership() (store.Ownership, error) {
	o := store.Ownership(c.r.Header.Get("x-amz-object-ownership"))
	switch o {
	case "", store.OwnerEnforced, store.OwnerPreferred, store.OwnerWriter:
		return o, nil
	}
	return "", apierror.New(apierror.InvalidArgument, "Invalid x-amz-object-ownership header: %s", string(o)).With("ArgumentName", "x-amz-object-ownership")
}

// checkLocation refuses another region than ours. us-east-1 is the one that has no
// location constraint; all others demand theirs.
func (c *call) checkLocation(constraint string) error {
	switch {
	case constraint == c.h.region, constraint == "" && c.h.region == store.DefaultRegion, constraint == "EU" && c.h.region == "eu-west-1":
		return nil
	case constraint == "":
		return apierror.New(apierror.IllegalLocationConstraint, "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
	case c.h.region == store.DefaultRegion:
		return apierror.New(apierror.InvalidLocationConstraint, "").With("LocationConstraint", constraint)
	}
	return apierror.New(apierror.IllegalLocationConstraint, "The %s location constraint is incompatible for the region specific endpoint this request was sent to.", constraint)
}
