package s3api

import (
	"net/http"
	"net/url"
	"strconv"

	"pail/store"
	"pail/store/web"
)

// ServeObject answers with the current version of an object, for protocols that show
// objects to others than the API's clients. A status of 200 means as the API does, with
// what the request says of ranges and conditions; any other is the status of the answer,
// which then brings the whole object. An error before the answer has begun is returned and
// nothing answered; one after that also, and Answer.Status tells them apart.
func (h *Handler) ServeObject(w *web.Answer, r *web.Request, bucket, key string, status int) (err error) {
	c := &call{h: h, w: w, r: r, ctx: r.Context(), s: r.Session, q: url.Values{}, address: address{bucket: bucket, key: key}}
	operation := "GetObject"
	if r.Method == http.MethodHead {
		operation = "HeadObject"
	}
	ctx, act := c.beginAct(operation, key)
	c.ctx = ctx
	defer func() { c.endAct(act, err, w.Bytes) }()
	o, err := c.s.Get(c.ctx, bucket, key, "")
	if err != nil {
		return err
	}
	defer o.Close()
	what := reading{status: status, part: store.Range{Len: o.Object().Size}}
	if status == http.StatusOK {
		if what, err = c.describe(o.Object()); err != nil {
			return err
		}
	} else {
		c.objectHeaders(o.Object())
		w.Header()["Content-Length"] = []string{strconv.FormatInt(what.part.Len, 10)}
	}
	w.WriteHeader(what.status)
	if r.Method == http.MethodHead || what.part.Len == 0 {
		return nil
	}
	_, err = o.WriteRange(w, what.part)
	return err
}
