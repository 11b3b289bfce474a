package control

import (
	"encoding/base64"
	"time"

	"pail/store"
	"pail/store/trail"
)

// A SelectTrailRequest says which events the audit trail has.
type SelectTrailRequest struct {
	Management string   `json:"management"`         // all, read, write or none
	Data       string   `json:"data"`               // likewise
	Prefixes   []string `json:"prefixes,omitempty"` // of ARNs of objects; none: all objects
}

// An EnableTrailRequest makes the audit trail, or changes it, and turns it on.
type EnableTrailRequest struct {
	SelectTrailRequest
	Name   string `json:"trail,omitempty"`
	Bucket string `json:"to_bucket,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	File   string `json:"file,omitempty"`
}

// A Trail is the audit trail and how it is doing.
type Trail struct {
	Name        string     `json:"name"`
	On          bool       `json:"on"`
	Bucket      string     `json:"bucket,omitempty"`
	Prefix      string     `json:"prefix,omitempty"`
	File        string     `json:"file,omitempty"`
	Management  string     `json:"management"`
	Data        string     `json:"data"`
	Prefixes    []string   `json:"prefixes,omitempty"`
	Created     time.Time  `json:"created"`
	PublicKey   string     `json:"public_key"` // base64 of PKCS #1, DER
	Fingerprint string     `json:"public_key_fingerprint"`
	Waiting     int64      `json:"waiting"` // bytes of records that are not delivered yet
	Records     int64      `json:"records"` // that were delivered
	Delivered   *time.Time `json:"delivered,omitempty"`
	Failed      string     `json:"failed,omitempty"` // why the last delivery failed, if it did
	Since       *time.Time `json:"since,omitempty"`
}

// A TrailFinding is a problem that verifying the trail has found, or, at the end, how much
// was looked at.
type TrailFinding struct {
	Where  string       `json:"where,omitempty"`
	What   string       `json:"what,omitempty"`
	Report *TrailReport `json:"report,omitempty"`
}

// A TrailReport counts what was looked at.
type TrailReport struct {
	Digests  int64 `json:"digests"`
	Logs     int64 `json:"log_files"`
	Records  int64 `json:"records"`
	Problems int64 `json:"problems"`
}

func trailOf(t store.Trail) Trail {
	w := Trail{
		Name: t.Name, On: t.On, Bucket: t.Bucket, Prefix: t.Prefix, File: t.File,
		Management: t.Select.Management.String(), Data: t.Select.Data.String(), Prefixes: t.Select.Prefixes,
		Created: t.Created, PublicKey: base64.StdEncoding.EncodeToString(t.PublicKey), Fingerprint: t.Fingerprint,
		Waiting: t.Waiting, Records: t.Records,
	}
	if !t.Delivered.IsZero() {
		w.Delivered = &t.Delivered
	}
	if t.Failed != nil {
		w.Failed, w.Since = t.Failed.Error(), &t.Since
	}
	return w
}

// selector reads which events are asked for.
func (r SelectTrailRequest) selector() (s trail.Selector, err error) {
	s.Prefixes = r.Prefixes
	if s.Management, err = trail.ParseWhich(r.Management); err == nil {
		s.Data, err = trail.ParseWhich(r.Data)
	}
	return s, err
}
