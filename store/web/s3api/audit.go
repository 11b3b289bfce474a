package s3api

import (
	"context"
	"crypto/tls"
	"maps"
	"slices"
	"strings"

	"pail/store"
	"pail/store/trail"
	"pail/store/web"
)

// What the audit trail is told of a request. Its record is written when everything of the
// answer is, and before net/http hands on the end of it: whoever has the whole answer finds
// the record after a kill, too. An error is told as the client was.

// audited answers the call by run, or with its error, and tells the trail of it.
func (c *call) audited(run func() error) (err error) {
	ctx, act := c.beginAct(c.op.name, c.key)
	if act != nil {
		c.ctx = ctx
		act.Event.Parameters = append(act.Event.Parameters, c.parameters()...)
	}
	defer func() { c.endAct(act, err, c.w.Bytes) }()
	if err = run(); err != nil {
		c.refuse(err)
	}
	return err
}

// beginAct begins an act of the call's on a key of its bucket; nil: the trail does not ask
// for it.
func (c *call) beginAct(operation, key string) (context.Context, *store.Act) {
	op := store.Operation{Name: operation, Bucket: c.bucket, Key: key, AccessKey: c.r.AccessKey}
	if c.point != nil {
		op.AccessPoint = c.point.ARN
	}
	ctx, act := store.BeginAct(c.ctx, c.s, op)
	if act == nil {
		return ctx, nil
	}
	e := &act.Event
	e.Parameters = []trail.Field{{Name: "Host", Value: c.r.Host}}
	version, method := web.Signing(c.r.Signed)
	if version != "" {
		e.Additional = append(e.Additional, trail.Field{Name: "SignatureVersion", Value: version})
	}
	if t := c.r.TLS; t != nil {
		e.TLS = trail.TLS{Version: web.TLSVersion(t.Version), Cipher: tls.CipherSuiteName(t.CipherSuite), Host: c.r.Host}
		e.Additional = append(e.Additional, trail.Field{Name: "CipherSuite", Value: e.TLS.Cipher})
	}
	e.Additional = append(e.Additional, trail.Field{Name: "bytesTransferredIn", Value: max(c.r.ContentLength, 0)})
	if method != "" {
		e.Additional = append(e.Additional, trail.Field{Name: "AuthenticationMethod", Value: method})
	}
	e.Additional = append(e.Additional,
		trail.Field{Name: "x-amz-id-2", Value: c.r.ID.HostID()}, trail.Field{Name: "bytesTransferredOut", Value: int64(0)})
	return ctx, act
}

// endAct ends it. A panic that cuts the answer off is no error of the act: what was answered
// is told.
func (c *call) endAct(act *store.Act, err error, out int64) {
	if act == nil {
		return
	}
	o := store.Outcome{Additional: []trail.Field{{Name: "bytesTransferredOut", Value: out}}}
	if n := c.w.Received(); n > 0 {
		o.Additional = append(o.Additional, trail.Field{Name: "bytesTransferredIn", Value: n})
	}
	if err != nil {
		r := refusalOf(err)
		o.Code, o.Message = r.code, r.message
	}
	act.End(o)
}

// secrets are parameters and headers that no record repeats: what signs, and what opens.
var secrets = map[string]bool{
	"x-amz-signature": true, "x-amz-credential": true, "x-amz-security-token": true, "signature": true, "awsaccesskeyid": true,
	"x-amz-mfa": true, "x-amz-server-side-encryption-customer-key": true, "x-amz-server-side-encryption-customer-key-md5": true,
	"x-amz-copy-source-server-side-encryption-customer-key":     true,
	"x-amz-copy-source-server-side-encryption-customer-key-md5": true,
	"x-amz-server-side-encryption-context":                      true,
	// These say nothing that a record does not say elsewhere.
	"x-amz-date": true, "x-amz-content-sha256": true, "x-amz-user-agent": true,
}

// parameters are what the query and the headers of the request ask for.
func (c *call) parameters() (out []trail.Field) {
	for _, name := range slices.Sorted(maps.Keys(c.q)) {
		low := strings.ToLower(name)
		if signed := low == "x-amz-date"; signed || !secrets[low] {
			out = append(out, trail.Field{Name: name, Value: c.q.Get(name)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.r.Header)) {
		low := strings.ToLower(name)
		if !strings.HasPrefix(low, "x-amz-") || strings.HasPrefix(low, "x-amz-meta-") || secrets[low] || c.q.Has(name) {
			continue
		}
		out = append(out, trail.Field{Name: low, Value: c.r.Header.Get(name)})
	}
	return out
}
