package s3api

import (
	"encoding/xml"
	"net/http"
	"strconv"

	"pail/store/site"
	"pail/store/web/apierror"
)

// A websiteConfiguration is the body of PutBucketWebsite.
type websiteConfiguration struct {
	XMLName       xml.Name `xml:"WebsiteConfiguration"`
	IndexDocument *struct {
		Suffix *string
	}
	ErrorDocument *struct {
		Key *string
	}
	RedirectAll *struct {
		HostName string
		Protocol string
	} `xml:"RedirectAllRequestsTo"`
	Rules *struct {
		Rules []routingRule `xml:"RoutingRule"`
	} `xml:"RoutingRules"`
}

type routingRule struct {
	Condition *struct {
		ErrorCode string  `xml:"HttpErrorCodeReturnedEquals"`
		KeyPrefix *string `xml:"KeyPrefixEquals"`
	}
	Redirect *struct {
		HostName   string
		Protocol   string
		Code       string  `xml:"HttpRedirectCode"`
		WithKey    *string `xml:"ReplaceKeyWith"`
		WithPrefix *string `xml:"ReplaceKeyPrefixWith"`
	}
}

// getBucketWebsite answers GET /BUCKET?website
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketWebsite.html).
func (c *call) getBucketWebsite() error {
	conf, err := c.s.Website(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("WebsiteConfiguration")
	if conf.Index != nil {
		x.open("IndexDocument")
		x.text("Suffix", *conf.Index)
		x.close("IndexDocument")
	}
	if conf.Error != nil {
		x.open("ErrorDocument")
		x.text("Key", *conf.Error)
		x.close("ErrorDocument")
	}
	if to := conf.RedirectAll; to != nil {
		x.open("RedirectAllRequestsTo")
		x.text("HostName", to.Host)
		x.optional("Protocol", to.Protocol)
		x.close("RedirectAllRequestsTo")
	}
	if len(conf.Rules) > 0 {
		x.open("RoutingRules")
		for _, r := range conf.Rules {
			x.routingRule(r)
		}
		x.close("RoutingRules")
	}
	return c.xml(x, "WebsiteConfiguration")
}

func (w *xmlWriter) routingRule(r site.Rule) {
	w.open("RoutingRule")
	if cond := r.Condition; cond != nil {
		w.open("Condition")
		if cond.ErrorCode != 0 {
			w.number("HttpErrorCodeReturnedEquals", int64(cond.ErrorCode))
		}
		w.given("KeyPrefixEquals", cond.KeyPrefix)
		w.close("Condition")
	}
	w.open("Redirect")
	w.optional("HostName", r.Redirect.Host)
	if r.Redirect.Code != 0 {
		w.number("HttpRedirectCode", int64(r.Redirect.Code))
	}
	w.optional("Protocol", r.Redirect.Protocol)
	w.given("ReplaceKeyPrefixWith", r.Redirect.WithPrefix)
	w.given("ReplaceKeyWith", r.Redirect.WithKey)
	w.close("Redirect")
	w.close("RoutingRule")
}

// putBucketWebsite answers PUT /BUCKET?website
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketWebsite.html).
func (c *call) putBucketWebsite() error {
	var body websiteConfiguration
	if err := c.readXML(&body, smallBody*2); err != nil {
		return err
	}
	var conf site.Config
	if body.IndexDocument != nil {
		conf.Index = orEmpty(body.IndexDocument.Suffix)
	}
	if body.ErrorDocument != nil {
		conf.Error = orEmpty(body.ErrorDocument.Key)
	}
	if to := body.RedirectAll; to != nil {
		conf.RedirectAll = &site.RedirectAll{Host: to.HostName, Protocol: to.Protocol}
	}
	if body.Rules != nil {
		for _, r := range body.Rules.Rules {
			rule, err := r.rule()
			if err != nil {
				return err
			}
			conf.Rules = append(conf.Rules, rule)
		}
	}
	if err := c.s.SetWebsite(c.ctx, c.bucket, conf); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// orEmpty is what an element holds that is there, perhaps without its own element.
func orEmpty(s *string) *string {
	if s == nil {
		return new(string)
	}
	return s
}

func (r routingRule) rule() (out site.Rule, err error) {
	if r.Redirect == nil {
		return out, apierror.New(apierror.MalformedXML, "")
	}
	if r.Condition != nil {
		out.Condition = &site.Condition{KeyPrefix: r.Condition.KeyPrefix}
		if code := r.Condition.ErrorCode; code != "" {
			if out.Condition.ErrorCode, err = strconv.Atoi(code); err != nil {
				return out, invalidArgument("HttpErrorCodeReturnedEquals", code, "The provided HTTP error code (%s) is not valid. Valid codes are 4XX or 5XX.", code)
			}
		}
	}
	to := r.Redirect
	out.Redirect = site.Redirect{Host: to.HostName, Protocol: to.Protocol, WithKey: to.WithKey, WithPrefix: to.WithPrefix}
	if to.Code != "" {
		if out.Redirect.Code, err = strconv.Atoi(to.Code); err != nil {
			return out, invalidArgument("HttpRedirectCode", to.Code, "The provided HTTP redirect code (%s) is not valid. Valid codes are 3XX except 300.", to.Code)
		}
	}
	return out, nil
}

// deleteBucketWebsite answers DELETE /BUCKET?website
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketWebsite.html).
func (c *call) deleteBucketWebsite() error {
	if err := c.s.DeleteWebsite(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}
