package store

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"pail/store/event"
	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A Webhook is an address that is sent the events which the notifications of buckets name
// it for.
type Webhook struct {
	Name    string
	URL     string
	ARN     string // by which configurations name it, as a queue
	Topic   string // the same as a topic
	Func    string // and as a function
	Created time.Time
	Waiting int       // events that it is still to be told
	Failed  error     // why the last try to tell it one failed; nil: it did not
	Since   time.Time // since when it has failed
}

// settingWebhook is where webhooks stand, by their names.
func settingWebhook() []byte { return table.Setting("webhook/") }

func webhookKey(name string) []byte { return append(settingWebhook(), name...) }

// AddWebhook makes a webhook: its URL, of HTTP or HTTPS, is sent each event in a POST of its
// own. It is durable when it returns. The kinds of failure: InvalidArgument (the name or the
// URL), Exists.
func (se *Session) AddWebhook(ctx context.Context, name, address string) (Webhook, error) {
	if err := se.authorize(actPutWebhooks, "", ""); err != nil {
		return Webhook{}, err
	}
	if err := event.CheckName(name); err != nil {
		return Webhook{}, err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Webhook{}, fault.New(fault.InvalidArgument, "%q is no address of a webhook; it must be a URL as https://example.com/path", address)
	}
	var made *record.Webhook
	_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
		if had, err := t.has(webhookKey(name)); err != nil || had {
			if had {
				err = fault.New(fault.Exists, "there is a webhook %q already; remove it first to change its URL", name)
			}
			return err
		}
		made = &record.Webhook{Schema: record.Schema, Id: t.tx.NextID(), Name: name, Url: address, CreatedNs: t.now().UnixNano()}
		t.onMerged(func() { t.s.herald.hook(made) })
		return t.put(webhookKey(name), made)
	})
	if err != nil {
		return Webhook{}, err
	}
	return se.s.toWebhook(made), nil
}

func (s *Store) toWebhook(h *record.Webhook) Webhook {
	arn := event.ARN{Region: s.label.Region, Account: Account, Name: h.Name}
	return Webhook{
		Name: h.Name, URL: h.Url, ARN: arn.Of(event.Queue), Topic: arn.Of(event.Topic), Func: arn.Of(event.Function),
		Created: time.Unix(0, h.CreatedNs).UTC(),
	}
}

// Webhooks returns all webhooks in the order of their names.
func (se *Session) Webhooks(ctx context.Context) ([]Webhook, error) {
	if err := se.authorize(actGetWebhooks, "", ""); err != nil {
		return nil, err
	}
	var out []Webhook
	err := se.s.view(func(sn *snap) error {
		for _, h := range se.s.herald.hooked() {
			w := se.s.toWebhook(h)
			w.Failed, w.Since = se.s.herald.failing(h.Id)
			var err error
			if w.Waiting, err = sn.countBelow(ctx, table.EventsOf(h.Id)); err != nil {
				return err
			}
			out = append(out, w)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Webhook) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

func (sn *snap) countBelow(ctx context.Context, prefix []byte) (n int, err error) {
	it := sn.r.Scan(meta.ScanOptions{Prefix: prefix, KeysOnly: true})
	defer it.Close()
	for ; it.Next(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return n, ctx.Err()
		}
	}
	return n, damaged(it.Err())
}

// RemoveWebhook removes a webhook, and what it has not been told yet. It is durable when it
// returns. The kinds of failure: NoSuchEntity, Busy (the notifications of
// a bucket name it).
func (se *Session) RemoveWebhook(ctx context.Context, name string) error {
	if err := se.authorize(actPutWebhooks, "", ""); err != nil {
		return err
	}
	_, err := se.s.update(ctx, se.author(), durableFreeing, func(t *txn) error {
		var h record.Webhook
		ok, err := t.get(webhookKey(name), &h)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NoSuchEntity, "there is no webhook %q; pail webhook ls shows them", name)
		}
		if bucket := t.s.herald.namedBy(name); bucket != 0 {
			return fault.New(fault.Busy, "the notifications of the bucket %q name the webhook %q; take them away first", t.bucketByID(bucket).GetName(), name)
		}
		t.tx.Delete(webhookKey(name))
		t.onMerged(func() { t.s.herald.unhook(name) })
		t.tx.Defer(func(meta.Commit) { t.s.herald.wake() }) // it removes the events of nobody
		return nil
	})
	return err
}

// Notifications returns who is told of what happens in a bucket; nobody if nobody was named.
// What it returns must not be changed.
func (se *Session) Notifications(ctx context.Context, bucket string) (*event.Config, error) {
	if err := se.authorize(actGetNotifications, bucket, ""); err != nil {
		return nil, err
	}
	c, err := bucketConfig(se.s, table.ConfigNotifications, bucket, fault.NoData, new(record.Notifications), toNotifications)
	if fault.Is(err, fault.NoData) {
		return &event.Config{}, nil
	}
	return c, err
}

// SetNotifications replaces who is told of what happens in a bucket; a target without an id
// gets one. Each target is sent a test event. It is durable when it returns, and holds for
// everything that happens after. The kinds of failure: InvalidArgument (a destination that is
// no webhook of this store among others), InvalidRequest, MalformedConfig, NotSupported
// (EventBridge).
func (se *Session) SetNotifications(ctx context.Context, bucket string, c event.Config) error {
	if err := se.authorize(actPutNotifications, bucket, ""); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return configError(bucket, err)
	}
	c = c.Normal(newConfigID)
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		for i := range c.Targets {
			if t.destination(b, &c.Targets[i]) == nil {
				return fault.New(fault.InvalidArgument, "Unable to validate the following destination configurations: %s is no webhook of this store (pail webhook ls shows them)", c.Targets[i].ARN).
					With("ArgumentName1", c.Targets[i].ARN).With("ArgumentValue1", "The destination queue does not exist").At(bucket, "")
			}
		}
		t.changed(bucketChange(bucket, configOperation(table.ConfigNotifications, false)))
		var m record.Record
		if len(c.Targets) > 0 {
			m = fromNotifications(c)
		}
		if err := t.writeConfig(table.ConfigNotifications, b.Id, m); err != nil {
			return err
		}
		id := b.Id
		t.onMerged(func() { t.s.herald.tell(id, c.Targets) })
		for i := range c.Targets {
			e := t.newEvent(b, event.Test)
			if err := t.putEvent(t.destination(b, &c.Targets[i]), e); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// destination is the webhook that a target of a bucket's notifications names, nil if there
// is none.
func (t *txn) destination(b *record.Bucket, target *event.Target) *record.Webhook {
	arn, err := event.ParseARN(target.Service, target.ARN)
	if err != nil || arn.Account != Account || arn.Region != b.Region && arn.Region != t.s.label.Region {
		return nil
	}
	return t.s.herald.hookNamed(arn.Name)
}
