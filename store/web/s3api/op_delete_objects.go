package s3api

import (
	"context"
	"encoding/xml"
	"errors"
	"sync"

	"pail/store"
	"pail/store/fault"
	"pail/store/trail"
	"pail/store/web/apierror"
	"pail/versioning"
)

// A deleteRequest is the body of DeleteObjects.
type deleteRequest struct {
	XMLName xml.Name `xml:"Delete"`
	Quiet   bool
	Objects []objectIdentifier `xml:"Object"`
}

// An objectIdentifier names one key or version that is to be deleted.
type objectIdentifier struct {
	Key       string
	VersionID *string `xml:"VersionId"`
	ETag      string  // of the object as it must be, or "*"
	// Only directory buckets know these.
	Size             string
	LastModifiedTime string
}

// Bounds of DeleteObjects: how many keys it takes, how large its body may be with each byte
// of them written as a reference, and how many keys are deleted at once. The store commits
// what is asked for at the same time together, so that a thousand deletes cost a few syncs.
const (
	maxDeletes    = 1000
	maxDeleteBody = 8 << 20
	deletesAtOnce = 256
)

// A deletion is what became of one of them.
type deletion struct {
	res store.DeleteResult
	err error
}

// deleteObjects answers POST /BUCKET?delete
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html).
func (c *call) deleteObjects() error {
	data, err := c.readAll(maxDeleteBody)
	if err != nil {
		return err
	}
	if err := c.checkSums(data, true); err != nil {
		return err
	}
	var req deleteRequest
	chars := hideChars(data)
	if err := parseXML(chars.data, &req); err != nil {
		return err
	}
	if n := len(req.Objects); n == 0 || n > maxDeletes {
		return apierror.New(apierror.MalformedXML, "")
	}
	for i := range req.Objects {
		req.Objects[i].Key = chars.show(req.Objects[i].Key)
	}
	mfa := c.mfa()
	if err := c.confirmMFA(req.Objects, mfa); err != nil {
		return err
	}
	done := c.deleteAll(req.Objects, mfa)
	if err := c.failedAll(done); err != nil {
		return err
	}
	return c.deleted(req, done)
}

// failedAll is the failure of the whole request: there is no bucket, or none any more, or
// nobody has signed the request and may delete none of what it names.
func (c *call) failedAll(done []deletion) error {
	denied := 0
	for _, d := range done {
		if needless := (*store.BypassError)(nil); errors.As(d.err, &needless) {
			return d.err // it is the request that is wrong, and nothing was deleted
		}
		switch fault.KindOf(d.err) {
		case fault.NoSuchBucket:
			return d.err
		case fault.AccessDenied:
			denied++
		}
	}
	if c.r.Anonymous && denied == len(done) {
		return done[0].err
	}
	return nil
}

// confirmMFA refuses the whole request if it names versions, or shows a code, and the code is
// not the one that the bucket takes
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html).
func (c *call) confirmMFA(objects []objectIdentifier, mfa *store.MFA) error {
	for _, o := range objects {
		if c.r.Header.Get("x-amz-mfa") == "" && (o.VersionID == nil || *o.VersionID == "") {
			continue
		}
		err := c.s.ConfirmMFA(c.ctx, c.bucket, o.Key, mfa)
		if fault.Is(err, fault.AccessDenied) {
			continue // which is said of each key
		}
		return err
	}
	return nil
}

// deleteAll deletes what is named, in the order of the request where the key is the same.
func (c *call) deleteAll(objects []objectIdentifier, mfa *store.MFA) []deletion {
	byKey := map[string][]int{}
	var keys []string
	for i, o := range objects {
		if byKey[o.Key] == nil {
			keys = append(keys, o.Key)
		}
		byKey[o.Key] = append(byKey[o.Key], i)
	}
	done := make([]deletion, len(objects))
	var wg sync.WaitGroup
	turns := make(chan struct{}, deletesAtOnce)
	for _, key := range keys {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			for _, i := range byKey[key] {
				done[i].res, done[i].err = c.deleteTold(objects[i], mfa)
			}
		})
	}
	wg.Wait()
	c.logDeletes(objects, done)
	return done
}

// deleteTold is deleteOne, of which the audit trail is told as of a request of its own: AWS
// leaves the keys out, and whoever reads the trail wants to know them.
func (c *call) deleteTold(o objectIdentifier, mfa *store.MFA) (res store.DeleteResult, err error) {
	ctx, act := c.beginAct("DeleteObject", o.Key)
	defer func() { c.endAct(act, err, 0) }()
	if act != nil && o.VersionID != nil {
		act.Event.Parameters = append(act.Event.Parameters, trail.Field{Name: "versionId", Value: *o.VersionID})
	}
	return c.deleteOne(ctx, o, mfa)
}

func (c *call) deleteOne(ctx context.Context, o objectIdentifier, mfa *store.MFA) (store.DeleteResult, error) {
	if o.Size != "" || o.LastModifiedTime != "" {
		return store.DeleteResult{}, apierror.New(apierror.NotImplemented, "")
	}
	opts := store.DeleteOptions{Conditions: store.Conditions{IfMatch: o.ETag}, Bypass: c.bypass(), MFA: mfa}
	if o.VersionID != nil && *o.VersionID != "" {
		if _, err := versioning.ParseID(*o.VersionID); err != nil {
			return store.DeleteResult{}, fault.New(fault.NoSuchVersion, "")
		}
		opts.Version = *o.VersionID
	}
	return c.s.Delete(ctx, c.bucket, o.Key, opts)
}

// deleted answers what became of the deletes.
func (c *call) deleted(req deleteRequest, done []deletion) error {
	x := newXML("DeleteResult")
	for i, o := range req.Objects {
		d := done[i]
		version := ""
		if o.VersionID != nil {
			version = *o.VersionID
		}
		switch {
		case d.err != nil:
			r := refusalOf(d.err)
			x.open("Error")
			x.text("Key", o.Key)
			x.optional("VersionId", version)
			x.text("Code", r.code)
			x.text("Message", r.message)
			x.close("Error")
		case !req.Quiet:
			x.open("Deleted")
			x.text("Key", o.Key)
			x.optional("VersionId", version)
			if d.res.DeleteMarker {
				x.flag("DeleteMarker", true)
				x.text("DeleteMarkerVersionId", d.res.VersionID)
			}
			x.close("Deleted")
		}
	}
	return c.xml(x, "DeleteResult")
}
