package kmsapi

import (
	"crypto/tls"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"pail/store"
	"pail/store/trail"
	"pail/store/web"
)

// maxTold is how many bytes of a request a record tells: "requestParameters" of the CloudTrail
// User Guide.
const maxTold = 100 << 10

// secret are the members that no record may tell.
var secret = []string{"Plaintext", "CiphertextBlob", "GrantToken", "GrantTokens", "Recipient"}

// run does what a request asks for, as an act of the audit trail.
func (h *Handler) run(op *operation, c *call, r *web.Request) (out any, err error) {
	ctx, act := store.BeginAct(c.ctx, c.s, store.Operation{Name: op.name, Source: trail.SourceKMS, AccessKey: r.AccessKey})
	if act == nil {
		return op.run(c)
	}
	c.ctx = ctx
	e := &act.Event
	e.Parameters = told(c.body)
	if t := r.TLS; t != nil {
		e.TLS = trail.TLS{Version: strings.Replace(tls.VersionName(t.Version), "TLS ", "TLSv", 1), Cipher: tls.CipherSuiteName(t.CipherSuite), Host: r.Host}
	}
	ended := false
	defer func() {
		var o store.Outcome
		switch {
		case !ended: // by a panic
			o.Code = "KMSInternalException"
		case err != nil:
			f := failureOf(err)
			o.Code, o.Message = f.code, f.message
		}
		act.End(o)
	}()
	out, err = op.run(c)
	ended = true
	return out, err
}

// told are the members of a request as records have them.
func told(body []byte) []trail.Field {
	if len(body) > maxTold {
		return []trail.Field{{Name: "omitted", Value: true}, {Name: "originalSize", Value: int64(len(body))}}
	}
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		return nil
	}
	for _, name := range secret {
		delete(members, name)
	}
	return fields(members, true)
}

// fields are the members of an object, which are spelt as AWS's records do; the pairs of an
// encryption context stay as they are.
func fields(members map[string]any, spelt bool) (out []trail.Field) {
	out = []trail.Field{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		f := trail.Field{Name: name, Value: value(members[name], spelt && !strings.Contains(name, "EncryptionContext"))}
		if spelt {
			f.Name = camel(name)
		}
		out = append(out, f)
	}
	return out
}

func value(v any, spelt bool) any {
	switch v := v.(type) {
	case map[string]any:
		return fields(v, spelt)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = value(v[i], spelt)
		}
		return list
	}
	return v
}
