package website

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"pail/store"
	"pail/store/fault"
	"pail/store/site"
	"pail/store/web"
	"pail/store/web/apierror"
)

// Objects answers with an object as the API does; s3api.Handler is one. A status other than
// 200 is that of the answer, whatever the request says of ranges and conditions. Errors are
// returned with nothing answered.
type Objects interface {
	ServeObject(w *web.Answer, r *web.Request, bucket, key string, status int) error
}

// Options say what a Handler serves.
type Options struct {
	Store   *store.Store
	Objects Objects
	// Bucket returns the bucket that a host names below one of the domains.
	Bucket func(host string) (string, bool)
}

// A Handler is the protocol of websites, for web.Listen. It is safe for concurrent use.
type Handler struct{ o Options }

// New returns a Handler.
func New(o Options) *Handler { return &Handler{o} }

// OperationOf names what a request asks for.
func (h *Handler) OperationOf(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return "WebsiteGet"
	}
	return ""
}

// A visit is one request for a page.
type visit struct {
	h      *Handler
	w      *web.Answer
	r      *web.Request
	bucket string
	key    string
	conf   *site.Config
}

// Answer answers with a page, a redirect, or an error as a page, and returns that error.
func (h *Handler) Answer(w *web.Answer, r *web.Request) (err error) {
	v := &visit{h: h, w: w, r: r, key: strings.TrimPrefix(r.URL.Path, "/")}
	v.bucket = v.named()
	log := web.BeginLog(h.o.Store, r, v.bucket)
	if log != nil {
		log.Record.Operation, log.Record.Key = "WEBSITE."+r.Method+".OBJECT", v.key
	}
	defer func() {
		code := ""
		if err != nil {
			_, code, _ = describe(err)
		}
		web.EndLog(log, w, code)
	}()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return v.page(apierror.New(apierror.MethodNotAllowed, ""))
	}
	if v.conf, err = v.h.o.Store.Website(v.bucket); err != nil {
		return v.page(err)
	}
	p := v.conf.Route(v.key)
	if p.Redirect != nil {
		v.redirect(*p.Redirect)
		return nil
	}
	if err = v.object(p); err == nil {
		return nil
	}
	return v.failed(err)
}

// Refuse answers a request that never came so far.
func (h *Handler) Refuse(w http.ResponseWriter, r *web.Request, err error) {
	a, ok := w.(*web.Answer)
	if !ok {
		a = &web.Answer{ResponseWriter: w}
	}
	_ = (&visit{h: h, w: a, r: r}).page(err)
}

// named is the bucket that the host names.
func (v *visit) named() string {
	if bucket, ok := v.h.o.Bucket(v.r.Host); ok {
		return bucket
	}
	host := v.r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}

// object answers with the object of a page, or sends the browser where it says.
func (v *visit) object(p site.Page) error {
	o, err := v.r.Session.Head(v.r.Context(), v.bucket, p.Key, "")
	if err == nil && o.Headers.WebsiteRedirect != "" {
		v.sendTo(o.Headers.WebsiteRedirect, http.StatusMovedPermanently)
		return nil
	}
	if err == nil {
		return v.h.o.Objects.ServeObject(v.w, v.r, v.bucket, p.Key, http.StatusOK)
	}
	if fault.Is(err, fault.NoSuchKey) && p.Folder != "" {
		if _, e := v.r.Session.Head(v.r.Context(), v.bucket, p.Folder, ""); e == nil {
			v.redirect(p.Slash)
			return nil
		}
	}
	return err
}

// failed shows what the configuration has for an error: a redirect, the error document, or
// nothing, and then a page of ours.
func (v *visit) failed(err error) error {
	if v.w.Status != 0 {
		panic(http.ErrAbortHandler) // the browser must not take what it has for the whole
	}
	status, _, _ := describe(err)
	if status == http.StatusNotModified {
		v.w.WriteHeader(status)
		return nil
	}
	to, page := v.conf.Failed(v.key, status)
	switch {
	case to != nil:
		v.redirect(*to)
		return nil
	case page != nil:
		if e := v.h.o.Objects.ServeObject(v.w, v.r, v.bucket, *page, status); e == nil {
			return err
		} else if v.w.Status != 0 {
			panic(http.ErrAbortHandler)
		} else {
			return v.page(err, e)
		}
	}
	return v.page(err)
}

func (v *visit) redirect(to site.Location) {
	scheme := "http"
	if v.r.TLS != nil {
		scheme = "https"
	}
	v.sendTo(to.URL(scheme, v.r.Host), to.Code)
}

func (v *visit) sendTo(url string, code int) {
	v.w.Header().Set("Location", url)
	v.w.Header().Set("Content-Length", "0")
	v.w.WriteHeader(code)
}

// describe is an error as its status, code and sentence.
func describe(err error) (status int, code, message string) {
	if e := (*apierror.Error)(nil); errors.As(err, &e) {
		return e.Status, string(e.Code), e.Message
	}
	row := fault.KindOf(err).Row()
	return row.HTTPStatus, row.S3Code, row.Message
}
