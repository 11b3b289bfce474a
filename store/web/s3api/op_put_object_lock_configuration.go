package s3api

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"

	"pail/store/web/apierror"
	"pail/versioning"
)

// An objectLockConfiguration is the body of PutObjectLockConfiguration.
type objectLockConfiguration struct {
	XMLName           xml.Name `xml:"ObjectLockConfiguration"`
	ObjectLockEnabled string
	Rule              *struct {
		DefaultRetention *struct {
			Mode             string
			Days, Years      *int32
			DefaultEventHold *struct{}
		}
	}
}

// putObjectLockConfiguration answers PUT /BUCKET?object-lock
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLockConfiguration.html). The
// token that S3 once wanted for buckets that exist it wants no longer.
func (c *call) putObjectLockConfiguration() error {
	var conf objectLockConfiguration
	if err := c.readLockXML(&conf); err != nil {
		return err
	}
	d, err := conf.retention()
	if err != nil {
		return err
	}
	if err := c.s.SetObjectLock(c.ctx, c.bucket, d); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// retention is the default retention that a configuration gives. What S3 answers to a period
// that cannot be, https://github.com/versity/versitygw/issues/1738 has seen.
func (conf objectLockConfiguration) retention() (d versioning.DefaultRetention, err error) {
	malformed := apierror.New(apierror.MalformedXML, "")
	if conf.ObjectLockEnabled != "Enabled" {
		return d, malformed
	}
	if conf.Rule == nil {
		return d, nil
	}
	r := conf.Rule.DefaultRetention
	if r == nil {
		return d, malformed
	}
	if err := noEventHolds(r.DefaultEventHold); err != nil {
		return d, err
	}
	ok := false
	if d.Mode, ok = versioning.ParseLockMode(r.Mode); !ok || (r.Days == nil) == (r.Years == nil) {
		return d, malformed
	}
	name, value := "Days", r.Days
	if value == nil {
		name, value = "Years", r.Years
		d.Years = *value
	} else {
		d.Days = *value
	}
	if err := versioning.CheckDefaultRetention(d); errors.Is(err, versioning.RuleRetentionPeriod) {
		return d, invalidArgument(name, strconv.Itoa(int(*value)), "%v", err)
	}
	return d, nil
}
