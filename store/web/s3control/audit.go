package s3control

import (
	"crypto/tls"
	"strings"

	"pail/store"
	"pail/store/trail"
)

// audited answers the call by run, and tells the audit trail of it: as a management event.
func (c *call) audited(run func() error) (err error) {
	name := c.op.event
	if name == "" {
		name = c.op.name
	}
	op := store.Operation{Name: name, AccessKey: c.r.AccessKey}
	switch {
	case strings.HasPrefix(c.name, "arn:"):
		op.AccessPoint = c.name
	case c.name != "":
		op.AccessPoint = c.h.store.AccessPointARN(c.account, c.name)
	}
	ctx, act := store.BeginAct(c.ctx, c.s, op)
	if act == nil {
		return run()
	}
	c.ctx = ctx
	e := &act.Event
	e.Parameters = []trail.Field{{Name: "Host", Value: c.r.Host}, {Name: "accountId", Value: c.account}}
	if c.name != "" {
		e.Parameters = append(e.Parameters, trail.Field{Name: "name", Value: c.name})
	}
	if b := c.q.Get("bucket"); b != "" {
		e.Parameters = append(e.Parameters, trail.Field{Name: "bucket", Value: b})
	}
	if t := c.r.TLS; t != nil {
		e.TLS = trail.TLS{Version: strings.Replace(tls.VersionName(t.Version), "TLS ", "TLSv", 1), Cipher: tls.CipherSuiteName(t.CipherSuite), Host: c.r.Host}
	}
	ended := false
	defer func() {
		var o store.Outcome
		switch {
		case !ended: // by a panic
			o.Code = "InternalError"
		case err != nil:
			r := refusalOf(err)
			o.Code, o.Message = r.code, r.message
		}
		act.End(o)
	}()
	err = run()
	ended = true
	return err
}

// told adds to what the audit trail is told of the request.
func (c *call) told(name, value string) {
	if act := store.ActOf(c.ctx); act != nil && value != "" {
		act.Event.Parameters = append(act.Event.Parameters, trail.Field{Name: name, Value: value})
	}
}
