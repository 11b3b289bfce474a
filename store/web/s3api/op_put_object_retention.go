package s3api

import (
	"encoding/xml"
	"errors"
	"net/http"
	"time"

	"pail/store"
	"pail/store/web/apierror"
	"pail/versioning"
)

// An objectRetention is the body of PutObjectRetention.
type objectRetention struct {
	XMLName           xml.Name `xml:"Retention"`
	Mode              *string
	RetainUntilDate   *string
	EventHold         *struct{}
	EventHoldDuration *struct{}
}

// putObjectRetention answers PUT /BUCKET/KEY?retention
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectRetention.html). An empty
// document takes the retention off.
func (c *call) putObjectRetention() error {
	nd, err := c.lockable()
	if err != nil {
		return err
	}
	var body objectRetention
	if err := c.readLockXML(&body); err != nil {
		return err
	}
	r, err := body.retention()
	if err != nil {
		return err
	}
	if err := c.s.SetRetention(c.ctx, nd, r, c.bypass() == store.BypassGovernance); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

func (b objectRetention) retention() (r versioning.Retention, err error) {
	if err := noEventHolds(b.EventHold, b.EventHoldDuration); err != nil {
		return r, err
	}
	malformed := apierror.New(apierror.MalformedXML, "")
	switch {
	case b.Mode == nil && b.RetainUntilDate == nil:
		return r, nil
	case b.Mode == nil || b.RetainUntilDate == nil:
		return r, malformed
	}
	ok := false
	if r.Mode, ok = versioning.ParseLockMode(*b.Mode); !ok {
		return r, malformed
	}
	if r.Until, err = time.Parse(time.RFC3339, *b.RetainUntilDate); err != nil {
		return r, malformed
	}
	if err := versioning.CheckRetention(r, time.Now()); errors.Is(err, versioning.RuleRetentionPast) {
		return r, invalidArgument("RetainUntilDate", *b.RetainUntilDate, "%v", err)
	}
	return r, nil
}
