package s3api

import "pail/store"

// getBucketLocation answers GET /BUCKET?location
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html). The region
// us-east-1 is no location.
func (c *call) getBucketLocation() error {
	region, err := c.s.Location(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("LocationConstraint")
	if region != store.DefaultRegion {
		x.b = appendEscaped(x.b, region)
	}
	return c.xml(x, "LocationConstraint")
}
