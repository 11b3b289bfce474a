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

// hidden are members of requests that no record repeats.
var hidden = map[string]bool{"secret_key": true, "secret": true, "seed": true, "code": true, "codes": true, "mfa": true, "root_secret_key": true, "password": true}

// audited answers the call by op, and tells the trail of it.
func (c *call) audited(ctx context.Context, name string, op operation) (err error) {
	if untold(name) || c.store == nil || !c.store.Audits() { // without a store only mounts are served
		return op(ctx, c)
	}
	var asked map[string]any
	_ = json.Unmarshal(c.body, &asked) // what is none the operation refuses
	what := auditedAs(name, asked)
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
		if what.Source == trail.SourceIAM {
			asked = identityParameters(name, asked)
		}
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
