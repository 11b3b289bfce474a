package s3api

import (
	"net/http"
	"strconv"
	"strings"

	"pail/store/cors"
	"pail/store/fault"
	"pail/store/web/apierror"
)

// Browsers ask before they send some requests (a preflight), and look in every answer for
// whether the page may have it. Both follow the bucket's rules, whoever asks and whatever
// the answer is: an error that a page may not read is a riddle to whoever debugs it.

// allowOrigin puts into the answer what the bucket's rules let a page of another origin
// have of it.
func (c *call) allowOrigin() {
	origin := c.r.Header.Get("Origin")
	if origin == "" || c.bucket == "" || c.r.Method == http.MethodOptions || c.h.store == nil {
		return
	}
	conf, err := c.h.store.CORS(c.bucket)
	if err != nil {
		return
	}
	if a, ok := conf.Match(origin, c.r.Method, nil); ok {
		c.allow(a)
	}
}

func (c *call) allow(a cors.Answer) {
	h := c.w.Header()
	h.Set("Access-Control-Allow-Origin", a.Origin)
	h.Set("Access-Control-Allow-Methods", strings.Join(a.Methods, ", "))
	if len(a.Headers) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(a.Headers, ", "))
	}
	if len(a.Expose) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(a.Expose, ", "))
	}
	if a.MaxAge != nil {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(*a.MaxAge)))
	}
	if a.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
}

// preflight answers OPTIONS
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html). Nobody signs it.
func (c *call) preflight() error {
	origin, method := c.r.Header.Get("Origin"), c.r.Header.Get("Access-Control-Request-Method")
	switch {
	case origin == "":
		return apierror.New(apierror.BadRequest, "Insufficient information. Origin request header needed.")
	case method == "":
		return apierror.New(apierror.BadRequest, "Insufficient information. Access-Control-Request-Method request header needed.")
	}
	if c.h.store == nil || c.bucket == "" {
		return forbidden("CORSResponse: CORS is not enabled for this bucket.", method, c.level())
	}
	conf, err := c.h.store.CORS(c.bucket)
	if fault.Is(err, fault.NoSuchCORS) {
		return forbidden("CORSResponse: CORS is not enabled for this bucket.", method, c.level())
	}
	if err != nil {
		return err
	}
	var headers []string
	for _, line := range c.r.Header.Values("Access-Control-Request-Headers") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				headers = append(headers, name)
			}
		}
	}
	a, ok := conf.Match(origin, method, headers)
	if !ok {
		return forbidden("CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.", method, c.level())
	}
	c.allow(a)
	return c.empty(http.StatusOK)
}

// forbidden is AWS's answer to a preflight that is not allowed; the misspelling is AWS's.
func forbidden(message, method string, l level) error {
	return apierror.New(apierror.AccessForbidden, "%s", message).With("Method", method).With("ResourceType", l.String())
}
