package control

import (
	"time"

	"pail/store"
)

// A Webhook is an address that is sent events.
type Webhook struct {
	Name    string     `json:"name"`
	URL     string     `json:"url"`
	ARN     string     `json:"arn"`       // by which notifications of buckets name it, as a queue
	Topic   string     `json:"topic_arn"` // the same as a topic
	Func    string     `json:"lambda_arn"`
	Created time.Time  `json:"created"`
	Waiting int        `json:"waiting"`          // events that it is still to be told
	Failed  string     `json:"failed,omitempty"` // why the last try failed, if it did
	Since   *time.Time `json:"since,omitempty"`  // since when
}

// An AddWebhookRequest makes a webhook.
type AddWebhookRequest struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// A WebhookRequest names a webhook.
type WebhookRequest struct {
	Name string `json:"name"`
}

// A Lifecycle is how carrying out lifecycles is doing.
type Lifecycle struct {
	Daily   bool       `json:"daily"` // it happens by itself
	Running bool       `json:"running"`
	Started *time.Time `json:"started,omitempty"` // when the pass began that has not ended, if there is one
	Ended   *time.Time `json:"ended,omitempty"`   // when the last whole one ended, if there was one
	Deleted int64      `json:"deleted"`           // versions, delete markers and uploads that it has ended for good
	Marked  int64      `json:"marked"`            // objects that it has put a delete marker on
}

func webhookOf(h store.Webhook) Webhook {
	w := Webhook{Name: h.Name, URL: h.URL, ARN: h.ARN, Topic: h.Topic, Func: h.Func, Created: h.Created, Waiting: h.Waiting}
	if h.Failed != nil {
		w.Failed, w.Since = h.Failed.Error(), &h.Since
	}
	return w
}

func lifecycleOf(s store.LifecycleStatus) Lifecycle {
	w := Lifecycle{Daily: s.Daily, Running: s.Running, Deleted: s.Deleted, Marked: s.Marked}
	if !s.Started.IsZero() {
		w.Started = &s.Started
	}
	if !s.Ended.IsZero() {
		w.Ended = &s.Ended
	}
	return w
}
