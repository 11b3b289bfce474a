package s3api

import (
	"net/http"

	"pail/store"
	"pail/store/trail"
	"pail/store/web"
)

// What access logs are told of a request. Like the record of the audit trail (audit.go), theirs
// is written when everything of the answer is, and before net/http hands on the end of it.

// beginLog begins the record of the call, if its bucket logs.
func (c *call) beginLog() {
	c.log = web.BeginLog(c.h.store, c.r, c.bucket)
	if c.log == nil {
		return
	}
	c.log.As(c.s)
	rec := &c.log.Record
	rec.Key, rec.VersionID, rec.AccessPoint = c.key, c.q.Get("versionId"), c.pointARN()
	if c.op != nil {
		rec.Operation = trail.LogOperation(c.op.name)
	} else {
		rec.Operation = unknownOperation(c.r.Method, c.address)
	}
}

// pointARN names the access point of an address, "" if there is none.
func (a address) pointARN() string {
	if a.point == nil {
		return ""
	}
	return a.point.ARN
}

// unknownOperation is how the log names what is no operation.
func unknownOperation(method string, a address) string {
	return "REST." + method + "." + a.level().String()
}

// endLog ends it. answered says whether the call was: else it has panicked, and the server
// refuses it if nothing of an answer was sent.
func (c *call) endLog(err error, answered bool) {
	if !answered && c.w.Status == 0 {
		c.log.Drop()
		return
	}
	code := ""
	if err != nil {
		code = refusalOf(err).code
	}
	web.EndLog(c.log, c.w, code)
}

// logRefused begins the record of a request that never came to be a call; nil: its bucket does
// not log.
func (h *Handler) logRefused(r *web.Request) *store.AccessEntry {
	a := h.addressOf(r.Request)
	log := web.BeginLog(h.store, r, a.bucket)
	if log == nil {
		return nil
	}
	log.Record.Key, log.Record.AccessPoint = a.key, a.pointARN()
	if log.Record.Operation = trail.LogOperation(h.OperationOf(r.Request)); log.Record.Operation == "" {
		log.Record.Operation = unknownOperation(r.Method, a)
	}
	return log
}

// tellSize notes the size of the object that the call is about.
func (c *call) tellSize(size int64) {
	if c.log != nil {
		c.log.Record.ObjectSize = size
	}
}

// learnLog notes who has sent a form, and the key in it.
func (c *call) learnLog(se *store.Session, key string) {
	if c.log != nil {
		c.log.As(se)
		c.log.Record.Key = key
	}
}

// logDeletes tells of each key that was to be deleted.
func (c *call) logDeletes(objects []objectIdentifier, done []deletion) {
	if c.log == nil {
		return
	}
	for i, o := range objects {
		rec := c.log.Part(trail.LogBatchDelete, o.Key)
		if o.VersionID != nil {
			rec.VersionID = *o.VersionID
		}
		rec.Status = http.StatusNoContent
		if err := done[i].err; err != nil {
			r := refusalOf(err)
			rec.Status, rec.ErrorCode = r.status, r.code
		}
		c.log.Add(rec)
	}
}

// beginSource begins the record of the reading of what is copied; nil: the bucket that has it
// does not log.
func (c *call) beginSource(src store.Source, operation string) *store.AccessEntry {
	log := web.BeginLog(c.h.store, c.r, src.Bucket)
	if log == nil {
		return nil
	}
	log.Record = log.Part(operation, src.Key)
	log.Record.VersionID, log.Record.AccessPoint = src.Version, src.AccessPoint
	return log
}

// endSource ends it: from is what was read, if that came about, and err why the copy has failed.
func (c *call) endSource(log *store.AccessEntry, from store.Object, err error) {
	if log == nil {
		return
	}
	rec := &log.Record
	switch {
	case from.Bucket != "" || err == nil:
		rec.Status, rec.ObjectSize = http.StatusOK, from.Size
	default:
		r := refusalOf(err)
		rec.Status, rec.ErrorCode = r.status, r.code
	}
	log.End()
}
