package control

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"pail/store"
	"pail/store/fault"
	"pail/store/trail"
)

// untold are the operations of which the audit trail is not told: those that only look at the
// store itself, and those that mount and serve. What is done through a mount or a door is told
// there.
func untold(op string) bool {
	switch op {
	case opBucket, opStatus, opFsck, opScrub, opBackupContent, opMount, opServe, opEndService, opStop, opUnmount:
		return true
	}
	return false
}

// auditedAs is how the trail is told of an operation: by AWS's name if it has one, else by
// ours, with capitals in the place of dashes.
func auditedAs(op string) store.Operation {
	if what, ok := audits()[op]; ok {
		return what
	}
	var name strings.Builder
	for word := range strings.SplitSeq(op, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return store.Operation{Name: name.String(), Source: trail.SourcePail}
}

// audits are the operations that have other names in the trail than here.
func audits() map[string]store.Operation {
	pail := func(name string) store.Operation { return store.Operation{Name: name, Source: trail.SourcePail} }
	cloudTrail := func(name string) store.Operation { return store.Operation{Name: name, Source: trail.SourceCloudTrail} }
	iam := func(name string) store.Operation { return store.Operation{Name: name, Source: trail.SourceIAM} }
	return map[string]store.Operation{
		opBuckets:       {Name: "ListBuckets"},
		opCreateBucket:  {Name: "CreateBucket"},
		opDeleteBucket:  {Name: "DeleteBucket"},
		opSetVersioning: {Name: "PutBucketVersioning"},
		opList:          {Name: "ListObjects"},
		opListAt:        {Name: "ListObjects"},
		opListVersions:  {Name: "ListObjectVersions"},
		opVersions:      {Name: "ListObjectVersions"},
		opVersionsAt:    {Name: "ListObjectVersions"},
		opLog:           {Name: "ListObjectVersions"},
		opFollowLog:     {Name: "ListObjectVersions"},
		opStat:          {Name: "HeadObject"},
		opStatAt:        {Name: "HeadObject"},
		opRead:          {Name: "GetObject"},
		opDelete:        {Name: "DeleteObject"},
		opRestore:       {Name: "CopyObject"},
		opRestoreAt:     pail("RestoreObjects"),
		opTags:          {Name: "GetObjectTagging"},
		opChangeTags:    {Name: "PutObjectTagging"},
		opSettings:      pail("GetSettings"),
		opAccessKeys:    iam("ListAccessKeys"),
		opCreateKey:     iam("CreateAccessKey"),
		opSetKey:        iam("UpdateAccessKey"),
		opDeleteKey:     iam("DeleteAccessKey"),
		opWebhooks:      pail("ListWebhooks"),
		opBackup:        pail("GetBackup"),

		opAccessPoints:      {Name: "ListAccessPoints"},
		opCreateAccessPoint: {Name: "CreateAccessPoint"},
		opAccessPoint:       {Name: "GetAccessPoint"},
		opDeleteAccessPoint: {Name: "DeleteAccessPoint"},

		opPointPolicy:        {Name: "GetAccessPointPolicy"},
		opPutPointPolicy:     {Name: "PutAccessPointPolicy"},
		opDeletePointPolicy:  {Name: "DeleteAccessPointPolicy"},
		opAccountBlock:       {Name: "GetAccountPublicAccessBlock"},
		opPutAccountBlock:    {Name: "PutAccountPublicAccessBlock"},
		opDeleteAccountBlock: {Name: "DeleteAccountPublicAccessBlock"},
		opTrail:              cloudTrail("GetTrail"),
		opEnableTrail:        cloudTrail("UpdateTrail"),
		opSelectTrail:        cloudTrail("PutEventSelectors"),
		opDisableTrail:       cloudTrail("StopLogging"),
		opDeliverTrail:       pail("DeliverTrail"),
		opVerifyTrail:        pail("GetTrailVerified"),
	}
}

// hidden are members of requests that no record repeats.
var hidden = map[string]bool{"secret_key": true, "secret": true, "seed": true, "code": true, "codes": true, "mfa": true, "root_secret_key": true, "password": true}

// audited answers the call by op, and tells the trail of it.
func (c *call) audited(ctx context.Context, name string, op operation) (err error) {
	if untold(name) || c.store == nil || !c.store.Audits() { // without a store only mounts are served
		return op(ctx, c)
	}
	what := auditedAs(name)
	var asked map[string]any
	_ = json.Unmarshal(c.body, &asked) // what is none the operation refuses
	text := func(name string) string { s, _ := asked[name].(string); return s }
	what.Bucket, what.Key = text("bucket"), text("key")
	switch kind := trail.KindOf(what.Name); {
	case strings.Contains(what.Name, "AccessPoint"):
		what.AccessPoint = c.pointNamed(text("account"), text("name"))
	case !kind.Data && what.Source == "" && what.Bucket == "":
		what.Bucket = text("name")
	}
	if what.Key == "" && what.Bucket != "" && strings.HasSuffix(what.Name, "ObjectTagging") {
		what.Name = strings.Replace(what.Name, "Object", "Bucket", 1)
	}
	ctx, act := store.BeginAct(ctx, c.session(), what)
	if act != nil {
		act.Event.UserAgent = "pail"
		act.Event.Parameters = parameters(asked)
		act.Event.Additional = []trail.Field{
			{Name: "door", Value: store.DoorControl.String()}, {Name: "uid", Value: c.peer.UID}, {Name: "gid", Value: c.peer.GID},
			{Name: "pid", Value: int64(c.peer.PID)}, {Name: "comm", Value: commOf(c.peer.PID)},
		}
	}
	defer func() {
		var o store.Outcome
		if err != nil {
			o.Code, o.Message = fault.KindOf(err).Row().S3Code, err.Error()
		}
		act.End(o)
	}()
	return op(ctx, c)
}

// pointNamed is the ARN of an access point that a request names; "": it names none.
func (c *call) pointNamed(account, name string) string {
	if name == "" {
		return ""
	}
	id := store.Account
	if a, err := c.store.FindAccount(account); account != "" && err == nil {
		id = a.ID
	}
	return c.store.AccessPointARN(id, name)
}

// parameters are what a request asked for, but for what names bucket and key.
func parameters(asked map[string]any) (out []trail.Field) {
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if name == "bucket" || name == "key" || hidden[name] {
			continue
		}
		switch v := asked[name].(type) {
		case string, bool, float64:
			out = append(out, trail.Field{Name: name, Value: v})
		case nil:
		default:
			b, err := json.Marshal(v)
			if err == nil {
				out = append(out, trail.Field{Name: name, Value: string(b)})
			}
		}
	}
	return out
}

// commOf is the name of the program that a process runs, "" if it cannot be told.
func commOf(pid int32) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}
