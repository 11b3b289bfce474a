package store

import (
	"encoding/json"
	"strings"

	"pail/store/access"
	"pail/store/internal/meta/table"
	"pail/store/trail"
	"pail/versioning"
)

// A bucketAct is what a change of a bucket amounts to over S3, for who changes it where no
// request tells that: on a mount, by its attributes.
type bucketAct struct {
	event      string // the operation, as AWS names it; without an AWS one, ours
	source     string // "" for S3
	parameters []trail.Field
}

// bucketChange is a change of a bucket by an operation of S3.
func bucketChange(bucket, operation string, parameters ...trail.Field) Change {
	return Change{Kind: BucketChanged, Bucket: bucket, act: &bucketAct{event: operation, parameters: parameters}}
}

// ownBucketChange is a change of what only Pail knows of a bucket.
func ownBucketChange(bucket, operation string, parameters ...trail.Field) Change {
	return Change{Kind: BucketChanged, Bucket: bucket, act: &bucketAct{event: operation, source: trail.SourcePail, parameters: parameters}}
}

// onto tells an event what was done.
func (a *bucketAct) onto(e *trail.Event) {
	if a == nil {
		e.Name, e.Source = "SetBucketAttributes", trail.SourcePail
		return
	}
	e.Name, e.Parameters = trail.KindOf(a.event).Name, a.parameters
	if a.source != "" {
		e.Source = a.source
	}
}

// asJSON is a parameter of more than one value.
func asJSON(name string, v any) trail.Field {
	b, err := json.Marshal(v)
	if err != nil { // never: what is told is made of strings, numbers and lists of them
		b = nil
	}
	return trail.Field{Name: name, Value: string(b)}
}

func aclField(in *ACLInput, a *access.ACL) trail.Field {
	if in.Canned != "" {
		return trail.Field{Name: "x-amz-acl", Value: in.Canned}
	}
	type grant struct{ Grantee, Permission string }
	grants := []grant{}
	for _, g := range a.Grants {
		grants = append(grants, grant{g.Grantee.CanonicalUser + g.Grantee.Group, string(g.Permission)})
	}
	return asJSON("AccessControlPolicy", grants)
}

func versioningFields(c VersioningChange) []trail.Field {
	status := ""
	switch c.State {
	case versioning.Enabled:
		status = "Enabled"
	case versioning.Suspended:
		status = "Suspended"
	}
	out := []trail.Field{{Name: "Status", Value: status}}
	switch c.MFADelete {
	case MFAEnabled:
		out = append(out, trail.Field{Name: "MfaDelete", Value: "Enabled"})
	case MFADisabled:
		out = append(out, trail.Field{Name: "MfaDelete", Value: "Disabled"})
	}
	return out
}

// configOperation is the operation that puts or deletes a configuration.
func configOperation(kind table.ConfigKind, deletes bool) string {
	name := map[table.ConfigKind]string{
		table.ConfigCORS: "BucketCors", table.ConfigWebsite: "BucketWebsite", table.ConfigLifecycle: "BucketLifecycleConfiguration",
		table.ConfigNotifications: "BucketNotificationConfiguration", table.ConfigPolicy: "BucketPolicy",
	}[kind]
	if deletes {
		return "Delete" + strings.TrimSuffix(name, "Configuration")
	}
	return "Put" + name
}
