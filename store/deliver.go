package store

import (
	"context"
	"slices"
	"time"

	"pail/store/event"
	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// A Poster sends the body of a message to a URL and returns nil once it was received. It
// returns soon after ctx is done. It is called from many goroutines.
type Poster func(ctx context.Context, url string, body []byte) error

const (
	// eventsAtOnce bounds how many events are read, and forgotten, at once.
	eventsAtOnce = 100
	// eventsKept is how long a webhook that does not answer is waited for: as long as a
	// queue of Amazon SQS keeps a message unless it is told otherwise. What is older is
	// dropped, or it would fill the disk.
	eventsKept = 4 * 24 * time.Hour
	// The pauses before a webhook that failed is tried again.
	firstHookPause = time.Second
	lastHookPause  = time.Minute
)

// A hookFailure is how telling a webhook fails.
type hookFailure struct {
	err   error
	since time.Time // by the store's clock
	pause time.Duration
	next  time.Time // when to try again, by the clock of the machine
}

func newHerald(s *Store) *herald {
	h := &herald{s: s, fails: map[uint64]*hookFailure{}, poked: make(chan struct{}, 1)}
	h.job = s.jobs.Add(work.Task{Name: "notify", Run: h.run})
	return h
}

// SetPoster has events sent to webhooks from now on: by post, for the store itself knows no
// network.
func (s *Store) SetPoster(post Poster) {
	h := s.herald
	h.mu.Lock()
	h.post = post
	h.mu.Unlock()
	h.wake()
}

// end keeps the job from being woken by its timer, for the end of the store.
func (h *herald) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	if h.timer != nil {
		h.timer.Stop()
	}
}

// wake says that there may be more to tell.
func (h *herald) wake() {
	select {
	case h.poked <- struct{}{}:
	default:
	}
	h.job.Wake()
}

// failing says why and since when a webhook does not take what it is told.
func (h *herald) failing(hook uint64) (error, time.Time) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if f := h.fails[hook]; f != nil {
		return f.err, f.since
	}
	return nil, time.Time{}
}

func (h *herald) poster() Poster {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.post
}

// run tells webhooks what there is to tell, each on a goroutine of its own, so that one that
// does not answer keeps only itself waiting.
func (h *herald) run(ctx context.Context, _ *work.Progress) error {
	post := h.poster()
	if post == nil {
		return nil
	}
	busy := map[uint64]bool{}
	ended := make(chan uint64)
	var failed error
	for {
		if ctx.Err() == nil && failed == nil {
			var due []*record.Webhook
			if due, failed = h.due(ctx, busy); failed == nil {
				for _, hook := range due {
					busy[hook.Id] = true
					go func() {
						h.tellAll(ctx, post, hook)
						ended <- hook.Id
					}()
				}
			}
		}
		if len(busy) == 0 {
			h.wakeLater()
			if failed == nil {
				failed = ctx.Err()
			}
			return failed
		}
		poked := h.poked
		if ctx.Err() != nil || failed != nil {
			poked = nil // only for those on their way to end
		}
		select {
		case id := <-ended:
			delete(busy, id)
		case <-poked:
		}
	}
}

// due returns the webhooks that have something to be told and may be tried now. Events of
// webhooks that are no more it removes.
func (h *herald) due(ctx context.Context, busy map[uint64]bool) (due []*record.Webhook, err error) {
	hooks := map[uint64]*record.Webhook{}
	for _, hook := range h.hooked() {
		hooks[hook.Id] = hook
	}
	now := time.Now()
	var orphans []uint64
	err = h.s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.Events(), KeysOnly: true})
		defer it.Close()
		for start := table.Events(); ; {
			it.Seek(start)
			if !it.Next() {
				return damaged(it.Err())
			}
			id, _, _, err := table.SplitEvent(it.Key())
			if err != nil {
				return fault.Wrap(fault.Damaged, err, "event for a webhook; run pail fsck")
			}
			start = table.EventsOf(id + 1)
			switch hook := hooks[id]; {
			case hook == nil:
				orphans = append(orphans, id)
			case !busy[id] && h.mayTry(id, now):
				due = append(due, hook)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, id := range orphans {
		if err := h.dropEvents(ctx, id); err != nil {
			return nil, err
		}
	}
	return due, nil
}

func (h *herald) mayTry(hook uint64, now time.Time) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	f := h.fails[hook]
	return f == nil || !now.Before(f.next)
}

// dropEvents removes the events for a webhook that is no more.
func (h *herald) dropEvents(ctx context.Context, hook uint64) error {
	for {
		n := 0
		_, err := h.s.update(ctx, author{}, freeing, func(t *txn) (err error) {
			n, err = t.deleteSome(table.EventsOf(hook), restsPerUpdate)
			return err
		})
		if err != nil || n < restsPerUpdate {
			return err
		}
	}
}

// wakeLater has the job run again when the first of the webhooks that failed may be tried.
func (h *herald) wakeLater() {
	h.mu.Lock()
	defer h.mu.Unlock()
	var next time.Time
	for _, f := range h.fails {
		if next.IsZero() || f.next.Before(next) {
			next = f.next
		}
	}
	if h.timer != nil {
		h.timer.Stop()
	}
	if !next.IsZero() && !h.ended {
		h.timer = time.AfterFunc(max(time.Until(next), 0), h.wake)
	}
}

// tellAll tells a webhook what there is to tell, in order, until it fails.
func (h *herald) tellAll(ctx context.Context, post Poster, hook *record.Webhook) {
	for after := []byte(nil); ; {
		next, err := h.tellSome(ctx, post, hook, after)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			h.hasFailed(hook, err, next != nil)
			return
		case next == nil:
			h.worksAgain(hook)
			return
		}
		after = next // what comes meanwhile comes behind it
	}
}

// A queued is an event in a queue.
type queued struct {
	key []byte
	e   *record.Event
}

// tellSome tells a webhook the next events behind one and forgets those that it has
// received. It returns the last of these, nil if there was none.
func (h *herald) tellSome(ctx context.Context, post Poster, hook *record.Webhook, after []byte) (last []byte, err error) {
	var next []queued
	err = h.s.view(func(sn *snap) error {
		_, err := sn.scanSome(table.EventsOf(hook.Id), after, eventsAtOnce, func(k, v []byte) error {
			e := new(record.Event)
			next = append(next, queued{slices.Clone(k), e})
			return unmarshal(k, v, e)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	n, old := 0, 0
	for _, q := range next {
		if h.s.now().Sub(time.Unix(0, q.e.TimeNs)) > eventsKept {
			old++
		} else if err = h.post1(ctx, post, hook, q); err != nil {
			break
		}
		n++
	}
	if old > 0 {
		h.s.log.Warn("a webhook was not told of old events: it had not answered for days", "webhook", hook.Name, "events", old)
	}
	if n == 0 {
		return nil, err
	}
	// Not durable: after a power cut it may be told again of what it knows.
	_, e := h.s.update(context.WithoutCancel(ctx), author{}, freeing, func(t *txn) error {
		for _, q := range next[:n] {
			t.tx.Delete(q.key)
		}
		return nil
	})
	if err == nil {
		err = e
	}
	return next[n-1].key, err
}

func (h *herald) post1(ctx context.Context, post Poster, hook *record.Webhook, q queued) error {
	_, seq, index, err := table.SplitEvent(q.key)
	if err != nil {
		return fault.Wrap(fault.Damaged, err, "event for a webhook; run pail fsck")
	}
	e := &event.Event{
		Type: q.e.Type, Time: time.Unix(0, q.e.TimeNs), Region: q.e.Region, Bucket: q.e.Bucket, Owner: q.e.Owner,
		Key: q.e.Key, VersionID: q.e.Version, ETag: q.e.Etag, Size: q.e.Size, Seq: seq, Index: index,
		Principal: q.e.Principal, SourceIP: q.e.SourceIp, RequestID: q.e.RequestId, HostID: Door(q.e.Door).String(), ConfigID: q.e.ConfigId,
	}
	if e.SourceIP == "" {
		e.SourceIP = "127.0.0.1" // the mount, the command line, a job
	}
	body, err := e.Message()
	if err != nil {
		return fault.Wrap(fault.Internal, err, "event for the webhook %s", hook.Name)
	}
	return post(ctx, hook.Url, body)
}

// hasFailed notes that telling a webhook has failed, perhaps after it was told something.
// The log is told of the first time.
func (h *herald) hasFailed(hook *record.Webhook, err error, told bool) {
	h.mu.Lock()
	if now := h.hooks[hook.Name]; now == nil || now.Id != hook.Id {
		h.mu.Unlock()
		return // it was removed meanwhile
	}
	f := h.fails[hook.Id]
	first := f == nil
	if told && f != nil {
		f.pause = firstHookPause
	}
	if first {
		f = &hookFailure{since: h.s.now(), pause: firstHookPause}
		h.fails[hook.Id] = f
	}
	f.err, f.next = err, time.Now().Add(f.pause)
	f.pause = min(2*f.pause, lastHookPause)
	h.mu.Unlock()
	if first {
		h.s.log.Error("a webhook does not take what it is told and will be tried again", "webhook", hook.Name, "url", hook.Url, "err", err)
	}
}

func (h *herald) worksAgain(hook *record.Webhook) {
	h.mu.Lock()
	failed := h.fails[hook.Id] != nil
	delete(h.fails, hook.Id)
	h.mu.Unlock()
	if failed {
		h.s.log.Info("a webhook works again", "webhook", hook.Name)
	}
}
