package store

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/event"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/trail"
	"pail/store/work"
)

// Notifications. The update that makes a change also writes down whom it is to be told,
// in a queue of each webhook (table of events): so an event is there exactly if its change
// is, and the configuration that counts is the one of that moment. The herald takes events
// from there, in the order in which they happened, and forgets each once it has been
// received: a webhook that was told and could not answer is told again. Events of changes
// that no configuration asks for cost a look at a map.
//
// Considered: to read the change feed. That would write down every change of every bucket
// for the sake of a few, with all that messages need, and match them with configurations
// that may be other ones by then.

// A herald knows whom to tell of what, and tells them.
type herald struct {
	s    *Store
	job  *work.Job
	busy atomic.Int32 // buckets with notifications

	mu    sync.RWMutex // guards what follows
	hooks map[string]*record.Webhook
	told  map[uint64][]event.Target // by bucket
	fails map[uint64]*hookFailure   // by webhook
	post  Poster
	timer *time.Timer
	ended bool

	poked chan struct{} // has room for one: there may be more to tell
}

// load reads all webhooks and notifications. What cannot be read is reported, and nobody is
// told by it until it is put again.
func (h *herald) load(sn *snap) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks, h.told = map[string]*record.Webhook{}, map[uint64][]event.Target{}
	it := sn.r.Scan(meta.ScanOptions{Prefix: settingWebhook()})
	defer it.Close()
	for it.Next() {
		w := new(record.Webhook)
		switch err := unmarshal(it.Key(), it.Value(), w); {
		case unreadable(err):
			h.s.problem("the webhook %q cannot be read; pail fsck says more", it.Key()[len(settingWebhook()):])
		case err != nil:
			return err
		default:
			h.hooks[w.Name] = w
		}
	}
	if err := damaged(it.Err()); err != nil {
		return err
	}
	for _, b := range h.s.buckets.all("") {
		var r record.Notifications
		switch ok, err := sn.readConfig(table.ConfigNotifications, b.Id, &r); {
		case unreadable(err):
			h.s.problem("the notifications of the bucket %q cannot be read, and nobody is told of what happens there; put them again: %v", b.Name, err)
		case err != nil:
			return err
		case ok:
			h.told[b.Id] = toNotifications(&r).Targets
		}
	}
	h.busy.Store(int32(len(h.told)))
	return nil
}

// hook adds a webhook. It is called on the committer's goroutine, as the next ones are.
func (h *herald) hook(w *record.Webhook) {
	kept := proto.CloneOf(w)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks[w.Name] = kept
}

func (h *herald) unhook(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.fails, h.hooks[name].GetId())
	delete(h.hooks, name)
}

// tell makes targets those of a bucket.
func (h *herald) tell(bucket uint64, targets []event.Target) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(targets) == 0 {
		delete(h.told, bucket)
	} else {
		h.told[bucket] = targets
	}
	h.busy.Store(int32(len(h.told)))
}

func (h *herald) targets(bucket uint64) []event.Target {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.told[bucket]
}

// hookNamed returns a webhook, which must not be changed; nil if there is none.
func (h *herald) hookNamed(name string) *record.Webhook {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.hooks[name]
}

func (h *herald) hooked() []*record.Webhook {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Values(h.hooks))
}

// namedBy returns a bucket whose notifications name a webhook, 0 if there is none.
func (h *herald) namedBy(name string) uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for bucket, targets := range h.told {
		for i := range targets {
			if arn, err := event.ParseARN(targets[i].Service, targets[i].ARN); err == nil && arn.Name == name {
				return bucket
			}
		}
	}
	return 0
}

// notify writes down whom to tell that something has happened to a key: of what type, as
// package event names it. v is the version that was made, removed or changed.
func (t *txn) notify(b *record.Bucket, typ, key string, v *record.Version) error {
	if t.who.expires {
		t.logExpiry(b, typ, key, v)
	}
	if t.s.herald.busy.Load() == 0 {
		return nil
	}
	if t.who.expires {
		switch typ {
		case event.RemovedDelete:
			typ = event.ExpiredDelete
		case event.RemovedMarker:
			typ = event.ExpiredMarker
		}
	}
	targets := t.s.herald.targets(b.Id)
	for i := range targets {
		if !targets[i].Wants(typ, key) {
			continue
		}
		hook := t.destination(b, &targets[i])
		if hook == nil {
			continue
		}
		e := t.newEvent(b, typ)
		e.Key, e.ConfigId, e.Etag, e.Size = key, targets[i].ID, v.Etag, v.Size
		if e.Principal == "" {
			e.Principal = v.Principal // a job does what that one has begun
		}
		if !v.Null {
			e.Version = versionID(v)
		}
		if err := t.putEvent(hook, e); err != nil {
			return err
		}
	}
	return nil
}

// logExpiry tells the access log what a lifecycle does.
func (t *txn) logExpiry(b *record.Bucket, typ, key string, v *record.Version) {
	switch typ {
	case event.RemovedDelete:
		t.logExpired(b, trail.LogExpire, key, v)
	case event.RemovedMarker:
		t.logExpired(b, trail.LogExpireMarker, key, v)
	}
}

// notifyRemoved is notify of a version that was removed for good.
func (t *txn) notifyRemoved(b *record.Bucket, key string, v *record.Version) error {
	if t.undoes {
		return nil // whoever undoes says what stands there then
	}
	return t.notify(b, event.RemovedDelete, key, v)
}

// notifyStands is notify of what stands at a key now that a rename has brought it there or
// taken it away, or that the publish which stood there is undone.
func (t *txn) notifyStands(b *record.Bucket, key string) error {
	if t.s.herald.targets(b.Id) == nil {
		return nil
	}
	v, err := t.versionAt(table.Head(b.Id, key))
	if err != nil {
		return err
	}
	if v != nil {
		return t.notify(b, event.CreatedCopy, key, v)
	}
	if v, err = t.versionAt(table.Dead(b.Id, key)); err != nil {
		return err
	}
	if v != nil && v.Marker {
		return t.notify(b, event.RemovedMarker, key, v)
	}
	return t.notify(b, event.RemovedDelete, key, &record.Version{Null: true})
}

// notifyTags is notify of a version whose tags may have changed.
func (t *txn) notifyTags(b *record.Bucket, key string, was map[string]string, v *record.Version) error {
	switch {
	case maps.Equal(was, v.Tags):
		return nil
	case len(v.Tags) == 0:
		return t.notify(b, event.TaggingDelete, key, v)
	}
	return t.notify(b, event.TaggingPut, key, v)
}

func (t *txn) newEvent(b *record.Bucket, typ string) *record.Event {
	return &record.Event{
		Schema: record.Schema, Type: typ, TimeNs: t.now().UnixNano(), Region: b.Region, Bucket: b.Name, Owner: b.Account,
		Principal: t.who.principal, SourceIp: t.who.ip, RequestId: t.who.request, Door: uint32(t.who.door),
	}
}

// putEvent puts an event into the queue of a webhook.
func (t *txn) putEvent(hook *record.Webhook, e *record.Event) error {
	if t.events == 0 {
		t.tx.Defer(func(meta.Commit) { t.s.herald.wake() })
	}
	t.events++
	return t.put(table.Event(hook.Id, t.tx.Seq(), t.events), e)
}
