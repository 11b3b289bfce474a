package s3api

import "pail/store/site"

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
