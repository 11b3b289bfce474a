package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// followMost is how many changes may wait for someone who follows the log.
const followMost = 100_000

// FollowLog calls fn with the newest in.Limit changes (0: none) of the keys that begin
// with in.Prefix, oldest first, and from then on with each change soon after it happened,
// until ctx ends, whose error it returns. The rest of in does not count. The kinds of
// failure: Unavailable (fn was so slow that more changes wait than memory should hold),
// NoSuchBucket (also when it is deleted), and what fn returns.
func (se *Session) FollowLog(ctx context.Context, bucket string, in LogInput, fn func(LogEntry) error) error {
	if err := se.authorizeFor(actListBucketVersions, bucket, "", func(a *asked) { a.list = &listAsked{prefix: in.Prefix} }); err != nil {
		return err
	}
	f := &follower{se: se, bucket: bucket, prefix: in.Prefix, fn: fn, wake: make(chan struct{}, 1)}
	stop := se.s.Watch(f.hear)
	defer stop()
	if err := f.begin(ctx, in.Limit); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.wake:
		}
		changes, err := f.take()
		if err != nil {
			return err
		}
		for _, c := range changes {
			if err := f.tell(ctx, c); err != nil {
				return err
			}
		}
	}
}

// A follower turns changes into entries of the log.
type follower struct {
	se             *Session
	bucket, prefix string
	fn             func(LogEntry) error
	seq            uint64          // the commit that was told last, or the last before all
	told           map[string]bool // keys of that commit
	wake           chan struct{}

	mu      sync.Mutex // guards what follows
	changes []Change
	missed  bool
}

// hear takes a change that has just happened. It must not wait.
func (f *follower) hear(c Change) {
	if c.Bucket != f.bucket || c.Kind == ObjectChanged || c.Kind == DirChanged || c.Kind == BucketChanged || c.Kind == DraftForsaken {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.missed = f.missed || len(f.changes) == followMost; f.missed {
		f.changes = nil
	} else {
		f.changes = append(f.changes, c)
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *follower) take() ([]Change, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.missed {
		return nil, fault.New(fault.Unavailable, "more than %d changes came faster than they could be told", followMost)
	}
	changes := f.changes
	f.changes = nil
	return changes, nil
}

// begin tells what happened last before.
func (f *follower) begin(ctx context.Context, limit int) error {
	err := f.se.view(f.bucket, func(sn *snap, _ *record.Bucket) error {
		f.seq = sn.lastSeq()
		return nil
	})
	if limit == 0 || err != nil {
		return err
	}
	var last []LogEntry
	in := LogInput{Prefix: f.prefix, Limit: limit, Until: Moment{Seq: f.seq, Time: time.Unix(0, 0)}}
	err = f.se.Log(ctx, f.bucket, in, func(e LogEntry) error {
		last = append(last, e)
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(last) {
		if err := f.fn(e); err != nil {
			return err
		}
	}
	return nil
}

// tell tells a change: of each key that it may have made a version of, if it has.
func (f *follower) tell(ctx context.Context, c Change) error {
	switch {
	case c.Kind == BucketDeleted:
		return fault.New(fault.NoSuchBucket, "the bucket %s was deleted", f.bucket).At(f.bucket, "")
	case c.Seq < f.seq, c.Seq == f.seq && f.told == nil:
		return nil // it was there from the beginning
	case c.Seq > f.seq:
		f.seq, f.told = c.Seq, map[string]bool{}
	}
	for _, key := range []string{c.Key, c.To} {
		var err error
		if (c.Kind == DirRenamed || c.Kind == ObjectsExchanged) && strings.HasSuffix(key, "/") {
			err = f.tellBelow(ctx, key)
		} else if key != "" {
			err = f.tellKey(key)
		}
		if err != nil {
			return err
		}
		// Its directory may have got a key of its own, or the one above it.
		dir := table.DirOf(key)
		if dir == key {
			dir, _, _ = table.ParentDir(key)
		}
		if err := f.tellKey(dir); err != nil {
			return err
		}
	}
	return nil
}

// tellKey tells what the commit did to a key, once.
func (f *follower) tellKey(key string) error {
	if key == "" || !hasPrefix(key, f.prefix) || f.told[key] {
		return nil
	}
	f.told[key] = true
	l := &logger{se: f.se, bucket: f.bucket, in: LogInput{Prefix: f.prefix}}
	var entry *LogEntry
	err := f.se.view(f.bucket, func(sn *snap, b *record.Bucket) error {
		line, err := sn.line(b, key)
		if err != nil {
			return err
		}
		v, before, err := line.change(f.seq)
		if v == nil || err != nil {
			return err
		}
		elsewhere, err := l.toldElsewhere(sn, b, v)
		if err == nil && !elsewhere {
			entry = &LogEntry{whatItDid(v, before), toObject(f.bucket, key, v, v == line.top)}
		}
		return err
	})
	if err != nil || entry == nil {
		return err
	}
	return f.fn(*entry)
}

// tellBelow tells what the commit did to the keys below a directory.
func (f *follower) tellBelow(ctx context.Context, dir string) error {
	if !overlap(dir, f.prefix) {
		return nil
	}
	in := LogInput{
		Prefix: max(dir, f.prefix), // the longer one
		After:  Moment{Seq: f.seq - 1}, Until: Moment{Seq: f.seq, Time: time.Unix(0, 0)}, scope: &f.prefix,
	}
	return f.se.Log(ctx, f.bucket, in, func(e LogEntry) error {
		if f.told[e.Object.Key] {
			return nil
		}
		return f.fn(e)
	})
}
