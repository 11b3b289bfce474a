package s3control

import (
	"encoding/xml"
	"errors"
	"net/http"

	"pail/store"
	"pail/store/fault"
	"pail/store/web"
	"pail/store/web/apierror"
)

// A refusal is an error as a client gets it.
type refusal struct {
	status        int
	code, message string
	details       []apierror.Detail
}

// sentences are what AWS says of failures that clients and people know by their words.
var sentences = map[fault.Kind]string{
	fault.AccessDenied:                 "Access Denied",
	fault.NoSuchAccessPoint:            "The specified accesspoint does not exist",
	fault.NoSuchAccessPointPolicy:      "The specified accesspoint policy does not exist",
	fault.AccessPointAlreadyOwnedByYou: "Your previous request to create the named accesspoint succeeded and you already own it.",
	fault.TooManyAccessPoints:          "You have attempted to create more access points than allowed.",
	fault.NoSuchPublicAccessBlock:      "The public access block configuration was not found",
}

// refusalOf is how an error looks to a client. What only the operator may know it does not say.
func refusalOf(err error) refusal {
	if e := (*apierror.Error)(nil); errors.As(err, &e) {
		return refusal{status: e.Status, code: string(e.Code), message: e.Message, details: e.Details}
	}
	kind := fault.KindOf(err)
	row := kind.Row()
	r := refusal{status: row.HTTPStatus, code: row.S3Code, message: sentences[kind]}
	e := (*fault.Error)(nil)
	if errors.As(err, &e) {
		for _, f := range e.Facts {
			r.details = append(r.details, apierror.Detail{Name: f.Name, Value: f.Value})
		}
	}
	if d := (*store.DeniedError)(nil); kind == fault.AccessDenied && errors.As(err, &d) {
		r.message = d.Sentence
	}
	if r.message == "" {
		r.message = row.Message
		if e != nil && (row.HTTPStatus < 500 || kind == fault.NotSupported) {
			r.message = e.Text()
		}
	}
	return r
}

type detailElement struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

type errorResponse struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	Error   struct {
		Code    string
		Message string
		Details []detailElement
	}
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

// Refuse answers a request with an error.
func (h *Handler) Refuse(w http.ResponseWriter, r *web.Request, err error) {
	if a, ok := w.(*web.Answer); ok && a.Status != 0 {
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	f := refusalOf(err)
	doc := errorResponse{RequestID: r.ID.String(), HostID: r.ID.HostID()}
	doc.Error.Code, doc.Error.Message = f.code, f.message
	for _, d := range f.details {
		doc.Error.Details = append(doc.Error.Details, detailElement{xml.Name{Local: d.Name}, d.Value})
	}
	send(w, r, f.status, doc)
}
