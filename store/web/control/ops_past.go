package control

import (
	"context"
	"time"

	"pail/store"
	"pail/store/fault"
)

// momentAt is the moment of the past that a time stands for.
func momentAt(ctx context.Context, se *store.Session, bucket string, at time.Time) (store.Moment, error) {
	return se.Moment(ctx, bucket, at.UTC().Format(time.RFC3339Nano))
}

func restoreAt(ctx context.Context, c *call, req RestoreAtRequest) error {
	se := c.session()
	at, err := momentAt(ctx, se, req.Bucket, req.At)
	if err != nil {
		return err
	}
	in := store.RestoreInput{At: at, KeepNew: req.KeepNew, DryRun: req.DryRun, Scanned: func(keys int64) {
		// A client that went away cancels ctx, which ends the restore.
		_ = c.out.progress(Progress{Done: keys, What: "keys looked at"})
	}}
	return se.RestoreAt(ctx, req.Bucket, req.Key, in, func(s store.RestoreStep) error {
		return c.out.item(restoredOf(req.Bucket, s))
	})
}

// logOf sends the log of a bucket.
func logOf(ctx context.Context, c *call, req LogRequest) error {
	se := c.session()
	in := store.LogInput{Prefix: req.Prefix, Limit: req.Limit, Scanned: func(keys int64) {
		_ = c.out.progress(Progress{Done: keys, What: "keys looked at"})
	}}
	for _, m := range []struct {
		at *time.Time
		to *store.Moment
	}{{req.Since, &in.After}, {req.Until, &in.Until}} {
		if m.at == nil {
			continue
		}
		var err error
		if *m.to, err = momentAt(ctx, se, req.Bucket, *m.at); err != nil {
			return err
		}
	}
	return se.Log(ctx, req.Bucket, in, func(e store.LogEntry) error { return c.out.item(logEntryOf(e)) })
}

// followLog sends changes as they happen. Without a daemon there are none: this process
// has the store to itself.
func followLog(ctx context.Context, c *call, req LogRequest) error {
	if c.mounts == nil {
		return fault.New(fault.Unavailable, "no daemon has this store open, so nothing changes it; pail mount starts one")
	}
	in := store.LogInput{Prefix: req.Prefix, Limit: req.Limit}
	return c.session().FollowLog(ctx, req.Bucket, in, func(e store.LogEntry) error {
		if err := c.out.item(logEntryOf(e)); err != nil {
			return err
		}
		return c.out.flush()
	})
}

func logEntryOf(e store.LogEntry) LogEntry {
	out := LogEntry{Object: *objectOf(e.Object)}
	switch e.What {
	case store.LogCreated:
		out.What = LogCreate
	case store.LogDescribed:
		out.What = LogMetadata
	case store.LogDeleted:
		out.What = LogDelete
	case store.LogRenamed:
		out.What, out.From, out.To = LogRename, e.Object.Renamed, e.Object.Key
		if e.Object.DeleteMarker {
			out.From, out.To = out.To, out.From
		}
	default:
		out.What = LogOverwrite
	}
	return out
}

func restoredOf(bucket string, s store.RestoreStep) Restored {
	r := Restored{Bucket: bucket, Key: s.Key, Version: s.VersionID}
	switch s.Act {
	case store.RestoreVersion:
		r.Action, r.Then = RestoredVersion, objectOf(s.Then)
	case store.RestoreDelete:
		r.Action = RestoredDelete
	case store.RestoreAttrs:
		r.Action = RestoredAttrs
	default:
		r.Action = RestoredUnknown
	}
	return r
}
