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
