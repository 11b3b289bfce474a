package s3api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"pail/store"
	"pail/store/fault"
	"pail/store/web"
	"pail/store/web/apierror"
	"pail/versioning"
)

// A refusal is an error as a client gets it.
type refusal struct {
	status  int
	code    string
	message string
	details []apierror.Detail
}

// sentences are what AWS says of failures that clients and people know by their words.
// Of all others the store's own words say more.
var sentences = map[fault.Kind]string{
	fault.NoSuchBucket:            "The specified bucket does not exist",
	fault.NoSuchKey:               "The specified key does not exist.",
	fault.NoSuchVersion:           "The specified version does not exist.",
	fault.NoSuchCORS:              "The CORS configuration does not exist",
	fault.NoSuchWebsite:           "The specified bucket does not have a website configuration",
	fault.NoSuchLifecycle:         "The lifecycle configuration does not exist",
	fault.NoSuchUpload:            "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
	fault.BucketAlreadyOwnedByYou: "Your previous request to create the named bucket succeeded and you already own it.",
	fault.BucketAlreadyExists:     "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
	fault.InvalidBucketName:       "The specified bucket is not valid.",
	fault.PreconditionFailed:      "At least one of the pre-conditions you specified did not hold",
	fault.InvalidPart:             "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
	fault.InvalidPartOrder:        "The list of parts was not in ascending order. Parts must be ordered by part number.",
	fault.EntityTooSmall:          "Your proposed upload is smaller than the minimum allowed size",
	fault.KeyTooLong:              "Your key is too long",
	fault.MetadataTooLarge:        "Your metadata headers exceed the maximum allowed metadata size",
	fault.MethodNotAllowed:        "The specified method is not allowed against this resource.",
	fault.InvalidRange:            "The requested range is not satisfiable",
	fault.AccessDenied:            "Access Denied",
	fault.ObjectLocked:            "Access Denied because object protected by object lock.",
	fault.NoSuchLock:              "The specified object does not have a ObjectLock configuration",
	fault.NoSuchBucketPolicy:      "The bucket policy does not exist",
	fault.NoSuchPublicAccessBlock: "The public access block configuration was not found",
	fault.NoSuchOwnership:         "The bucket ownership controls were not found",
	fault.NoSuchEncryption:        "The server side encryption configuration was not found",
	fault.ACLsDisabled:            "The bucket does not allow ACLs",
	fault.ACLNotOwners:            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
	fault.IncompleteBody:          "You did not provide the number of bytes specified by the Content-Length HTTP header",
}

// refusalOf is how an error looks to a client. What only the operator may know (which
// file is damaged) it does not say.
func refusalOf(err error) refusal {
	if e := (*apierror.Error)(nil); errors.As(err, &e) {
		return refusal{status: e.Status, code: string(e.Code), message: e.Message, details: e.Details}
	}
	kind := fault.KindOf(err)
	row := kind.Row()
	r := refusal{status: row.HTTPStatus, code: row.S3Code, message: sentences[kind], details: factsOf(err)}
	if d := (*store.DeniedError)(nil); kind == fault.AccessDenied && errors.As(err, &d) {
		r.message = d.Sentence
	}
	if r.message == "" {
		r.message = row.Message
		var e *fault.Error
		if errors.As(err, &e) && (row.HTTPStatus < 500 || kind == fault.NotSupported) {
			r.message = e.Text()
		}
	}
	return r
}

// refuse answers the call with an error.
func (c *call) refuse(err error) {
	if c.w.Status != 0 && !c.begun {
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	r := refusalOf(err)
	r.details = append(r.details, c.details(err)...)
	if c.begun {
		c.rest(r.document(c.r))
		return
	}
	c.markerHeaders(err)
	write(c.w, c.r, r)
}

// Refuse answers a request that never came to be a call: one whose signature is wrong.
func (h *Handler) Refuse(w http.ResponseWriter, r *web.Request, err error) {
	refused := refusalOf(err)
	a, ok := w.(*web.Answer)
	if !ok {
		a = &web.Answer{ResponseWriter: w}
	}
	log := h.logRefused(r)
	write(a, r, refused)
	web.EndLog(log, a, refused.code)
}

// markerHeaders tell that what was to be read is a delete marker, and what may be done to
// one that was named
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html).
func (c *call) markerHeaders(err error) {
	var m *store.MarkerError
	if !errors.As(err, &m) || c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return
	}
	h := c.w.Header()
	h["X-Amz-Delete-Marker"] = []string{"true"}
	h["X-Amz-Version-Id"] = []string{m.VersionID}
	if fault.Is(err, fault.MethodNotAllowed) {
		h["Allow"] = []string{http.MethodDelete}
		h["Last-Modified"] = []string{formatHTTPTime(m.Modified)}
	}
}

// details are the elements that AWS adds to some failures.
func (c *call) details(err error) []apierror.Detail {
	bucket, key := c.about(err)
	switch kind := fault.KindOf(err); kind {
	case fault.NoSuchBucket, fault.BucketNotEmpty, fault.BucketAlreadyExists, fault.BucketAlreadyOwnedByYou, fault.InvalidBucketName,
		fault.NoSuchBucketPolicy, fault.NoSuchPublicAccessBlock, fault.NoSuchOwnership, fault.NoSuchEncryption,
		fault.NoSuchTagSet, fault.NoSuchCORS, fault.NoSuchWebsite, fault.NoSuchLifecycle, fault.NoSuchObjectLock:
		return []apierror.Detail{{Name: "BucketName", Value: bucket}}
	case fault.NoSuchKey:
		return []apierror.Detail{{Name: "Key", Value: key}}
	case fault.NoSuchVersion:
		return []apierror.Detail{{Name: "Key", Value: key}, {Name: "VersionId", Value: c.q.Get("versionId")}}
	case fault.NoSuchUpload:
		return []apierror.Detail{{Name: "UploadId", Value: c.q.Get("uploadId")}}
	case fault.KeyTooLong:
		return []apierror.Detail{{Name: "Size", Value: strconv.Itoa(len(key))}, {Name: "MaxSizeAllowed", Value: strconv.Itoa(versioning.MaxKey)}}
	case fault.MethodNotAllowed:
		return []apierror.Detail{{Name: "Method", Value: c.r.Method}, {Name: "ResourceType", Value: "DeleteMarker"}}
	case fault.PreconditionFailed:
		return c.failedCondition(err)
	}
	return nil
}

// factsOf are the elements that the store knows of.
func factsOf(err error) (details []apierror.Detail) {
	if e := (*fault.Error)(nil); errors.As(err, &e) {
		for _, f := range e.Facts {
			details = append(details, apierror.Detail{Name: f.Name, Value: f.Value})
		}
	}
	return details
}

// about is what an error is about: the address of the request, or the source of a copy.
func (c *call) about(err error) (bucket, key string) {
	bucket, key = c.bucket, c.key
	if e := (*fault.Error)(nil); errors.As(err, &e) && e.Resource != "" {
		bucket, key, _ = strings.Cut(e.Resource, "/")
	}
	return bucket, key
}

// failedCondition names the precondition that did not hold, as far as the request has only
// one that can have been it.
func (c *call) failedCondition(err error) []apierror.Detail {
	prefix, names := "", []string{"If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since"}
	if bucket, key := c.about(err); bucket != c.bucket || key != c.key {
		switch {
		case c.r.Header["X-Amz-Copy-Source"] != nil:
			prefix = copySourcePrefix
		case c.r.Header["X-Amz-Rename-Source"] != nil:
			prefix = renameSourcePrefix
		}
	}
	var failed []apierror.Detail
	for _, name := range names {
		if c.r.Header.Get(prefix+name) != "" {
			failed = append(failed, apierror.Detail{Name: "Condition", Value: prefix + name})
		}
	}
	if len(failed) != 1 {
		return nil
	}
	return failed
}

// write sends a refusal. An answer to HEAD, and one that says that nothing was modified,
// has no body.
func write(w http.ResponseWriter, r *web.Request, f refusal) {
	h := w.Header()
	setID(h, r.ID)
	if r.Method == http.MethodHead || f.status == http.StatusNotModified {
		w.WriteHeader(f.status)
		return
	}
	body := f.document(r)
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(f.status)
	_, _ = w.Write(body)
}

// document is the body of a refusal.
func (f refusal) document(r *web.Request) []byte {
	x := newPlainXML("Error")
	x.text("Code", f.code)
	x.text("Message", f.message)
	for _, d := range f.details {
		x.text(d.Name, d.Value)
	}
	x.text("Resource", r.URL.Path)
	x.text("RequestId", r.ID.String())
	x.text("HostId", r.ID.HostID())
	return x.bytes("Error")
}

// setID says which request an answer is for.
func setID(h http.Header, id web.ID) {
	h["X-Amz-Request-Id"] = []string{id.String()}
	h["X-Amz-Id-2"] = []string{id.HostID()}
}
