package store

import (
	"time"

	"pail/store/cors"
	"pail/store/event"
	"pail/store/internal/meta/record"
	"pail/store/site"
	"pail/versioning"
)

// Configurations as they are kept, and back.

func fromCORS(c cors.Config) *record.Cors {
	r := &record.Cors{Schema: record.Schema}
	for _, u := range c.Rules {
		r.Rules = append(r.Rules, &record.CorsRule{
			Id: u.ID, Headers: u.AllowedHeaders, Methods: u.AllowedMethods,
			Origins: u.AllowedOrigins, Expose: u.ExposeHeaders, MaxAge: u.MaxAge,
		})
	}
	return r
}

func toCORS(r *record.Cors) *cors.Config {
	c := &cors.Config{}
	for _, u := range r.Rules {
		c.Rules = append(c.Rules, cors.Rule{
			ID: u.Id, AllowedHeaders: u.Headers, AllowedMethods: u.Methods,
			AllowedOrigins: u.Origins, ExposeHeaders: u.Expose, MaxAge: u.MaxAge,
		})
	}
	return c
}

func fromWebsite(c site.Config) *record.Website {
	r := &record.Website{Schema: record.Schema, Index: c.Index, Error: c.Error}
	if a := c.RedirectAll; a != nil {
		r.RedirectAll, r.Host, r.Protocol = true, a.Host, a.Protocol
	}
	for _, u := range c.Rules {
		w := &record.WebsiteRule{
			Host: u.Redirect.Host, Protocol: u.Redirect.Protocol, Code: uint32(u.Redirect.Code),
			WithKey: u.Redirect.WithKey, WithPrefix: u.Redirect.WithPrefix,
		}
		if c := u.Condition; c != nil {
			w.Conditional, w.KeyPrefix, w.ErrorCode = true, c.KeyPrefix, uint32(c.ErrorCode)
		}
		r.Rules = append(r.Rules, w)
	}
	return r
}

func toWebsite(r *record.Website) *site.Config {
	c := &site.Config{Index: r.Index, Error: r.Error}
	if r.RedirectAll {
		c.RedirectAll = &site.RedirectAll{Host: r.Host, Protocol: r.Protocol}
	}
	for _, w := range r.Rules {
		u := site.Rule{Redirect: site.Redirect{
			Host: w.Host, Protocol: w.Protocol, Code: int(w.Code), WithKey: w.WithKey, WithPrefix: w.WithPrefix,
		}}
		if w.Conditional {
			u.Condition = &site.Condition{KeyPrefix: w.KeyPrefix, ErrorCode: int(w.ErrorCode)}
		}
		c.Rules = append(c.Rules, u)
	}
	return c
}

func fromLifecycle(l versioning.Lifecycle) *record.Lifecycle {
	r := &record.Lifecycle{Schema: record.Schema}
	for i := range l.Rules {
		u := &l.Rules[i]
		w := &record.LifecycleRule{
			Id: u.ID, Status: u.Status, OldPrefix: u.Prefix, Filter: fromFilter(u.Filter), AbortDays: u.AbortUploadsAfter,
		}
		if e := u.Expiration; e != nil {
			w.Days, w.ExpiredMarker = e.Days, e.ExpiredObjectDeleteMarker
			if e.Date != nil {
				date := e.Date.Unix()
				w.Date = &date
			}
		}
		if n := u.Noncurrent; n != nil {
			w.NoncurrentDays, w.NewerVersions = n.Days, n.Newer
		}
		r.Rules = append(r.Rules, w)
	}
	return r
}

func fromFilter(f *versioning.LifecycleFilter) *record.LifecycleFilter {
	switch {
	case f == nil:
		return nil
	case f.And != nil:
		r := &record.LifecycleFilter{AllOf: true, Prefix: f.And.Prefix, SizeGreater: f.And.SizeGreater, SizeLess: f.And.SizeLess}
		for _, t := range f.And.Tags {
			r.Tags = append(r.Tags, &record.LifecycleTag{Key: t.Key, Value: t.Value})
		}
		return r
	}
	r := &record.LifecycleFilter{Prefix: f.Prefix, SizeGreater: f.SizeGreater, SizeLess: f.SizeLess}
	if f.Tag != nil {
		r.Tags = []*record.LifecycleTag{{Key: f.Tag.Key, Value: f.Tag.Value}}
	}
	return r
}

func toLifecycle(r *record.Lifecycle) versioning.Lifecycle {
	var l versioning.Lifecycle
	for _, w := range r.Rules {
		u := versioning.LifecycleRule{
			ID: w.Id, Status: w.Status, Prefix: w.OldPrefix, Filter: toFilter(w.Filter), AbortUploadsAfter: w.AbortDays,
		}
		if w.Days != nil || w.Date != nil || w.ExpiredMarker != nil {
			u.Expiration = &versioning.LifecycleExpiration{Days: w.Days, ExpiredObjectDeleteMarker: w.ExpiredMarker}
			if w.Date != nil {
				date := time.Unix(*w.Date, 0).UTC()
				u.Expiration.Date = &date
			}
		}
		if w.NoncurrentDays != nil {
			u.Noncurrent = &versioning.NoncurrentExpiration{Days: w.NoncurrentDays, Newer: w.NewerVersions}
		}
		l.Rules = append(l.Rules, u)
	}
	return l
}

func toFilter(r *record.LifecycleFilter) *versioning.LifecycleFilter {
	if r == nil {
		return nil
	}
	var tags []versioning.Tag
	for _, t := range r.Tags {
		tags = append(tags, versioning.Tag{Key: t.Key, Value: t.Value})
	}
	if r.AllOf {
		return &versioning.LifecycleFilter{And: &versioning.LifecycleAnd{
			Prefix: r.Prefix, Tags: tags, SizeGreater: r.SizeGreater, SizeLess: r.SizeLess,
		}}
	}
	f := &versioning.LifecycleFilter{Prefix: r.Prefix, SizeGreater: r.SizeGreater, SizeLess: r.SizeLess}
	if len(tags) > 0 {
		f.Tag = &tags[0]
	}
	return f
}

func fromNotifications(c event.Config) *record.Notifications {
	r := &record.Notifications{Schema: record.Schema}
	for _, t := range c.Targets {
		w := &record.NotificationTarget{Id: t.ID, Service: uint32(t.Service), Arn: t.ARN, Events: t.Events}
		for _, f := range t.Filters {
			w.Filters = append(w.Filters, &record.NotificationFilter{Name: f.Name, Value: f.Value})
		}
		r.Targets = append(r.Targets, w)
	}
	return r
}

func toNotifications(r *record.Notifications) *event.Config {
	c := &event.Config{}
	for _, w := range r.Targets {
		t := event.Target{ID: w.Id, Service: event.Service(w.Service), ARN: w.Arn, Events: w.Events}
		for _, f := range w.Filters {
			t.Filters = append(t.Filters, event.Filter{Name: f.Name, Value: f.Value})
		}
		c.Targets = append(c.Targets, t)
	}
	return c
}
