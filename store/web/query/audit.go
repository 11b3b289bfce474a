package query

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"

	"pail/store"
	"pail/store/trail"
	"pail/store/web"
)

// maxTold is how many bytes of parameters a record tells: "requestParameters" of the CloudTrail
// User Guide.
const maxTold = 100 << 10

// secret are the parameters that no record may tell.
var secret = []string{"AuthenticationCode1", "AuthenticationCode2", "TokenCode"}

// run does what a request asks for, as an act of the audit trail. What comes back of it, as
// secrets of keys, is in no record.
func (h *Handler) run(op *Operation, c *Call, r *web.Request) (err error) {
	ctx, act := store.BeginAct(c.Ctx, c.S, store.Operation{Name: op.Name, Source: h.o.Source, AccessKey: r.AccessKey})
	if act == nil {
		return op.Run(c)
	}
	c.Ctx = ctx
	e := &act.Event
	e.Parameters = c.told()
	if t := r.TLS; t != nil {
		e.TLS = trail.TLS{Version: strings.Replace(tls.VersionName(t.Version), "TLS ", "TLSv", 1), Cipher: tls.CipherSuiteName(t.CipherSuite), Host: r.Host}
	}
	ended := false
	defer func() {
		var o store.Outcome
		switch {
		case !ended: // by a panic
			o.Code = h.o.Failure
		case err != nil:
			failed := errorOf(err, h.o.Failure)
			o.Code, o.Message = failed.Code, failed.Message
		}
		act.End(o)
	}()
	err = op.Run(c)
	ended = true
	return err
}

// told are the parameters as records have them.
func (p Params) told() (out []trail.Field) {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if name == "" || name == "Action" || name == "Version" || slices.Contains(secret, name) {
			continue
		}
		value := p.values[name]
		size += len(name) + len(value)
		out = append(out, trail.Field{Name: strings.ToLower(name[:1]) + name[1:], Value: value})
	}
	if size > maxTold {
		return []trail.Field{{Name: "omitted", Value: true}, {Name: "originalSize", Value: int64(size)}}
	}
	return out
}
