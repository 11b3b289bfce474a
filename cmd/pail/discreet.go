package main

import (
	"context"
	"log/slog"
	"sync/atomic"

	"pail/store"
	"pail/store/fault"
)

// withheld stands in the log for what may be a name.
const withheld = "(withheld: see pail mount --log)"

// A discreet handler writes a log that lies in a store whose records are encrypted, once it
// does: it says what happened and how an error is called, and leaves out to what and to whom.
type discreet struct {
	slog.Handler
	on *atomic.Bool
}

// Handle implements slog.Handler. What follows a message is a number, a time, how a failure is
// called, or withheld.
func (d discreet) Handle(ctx context.Context, r slog.Record) error {
	if !d.on.Load() {
		return d.Handler.Handle(ctx, r)
	}
	kept := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		kept.AddAttrs(without(a))
		return true
	})
	return d.Handler.Handle(ctx, kept)
}

// WithAttrs implements slog.Handler. Whether the log is discreet is not known yet, so it is.
func (d discreet) WithAttrs(attrs []slog.Attr) slog.Handler {
	kept := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		kept[i] = without(a)
	}
	if !d.on.Load() {
		kept = attrs
	}
	return discreet{d.Handler.WithAttrs(kept), d.on}
}

// WithGroup implements slog.Handler.
func (d discreet) WithGroup(name string) slog.Handler {
	return discreet{d.Handler.WithGroup(name), d.on}
}

// without is an attribute without what may be a name.
func without(a slog.Attr) slog.Attr {
	switch a.Value.Resolve().Kind() {
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64:
		return a
	}
	if err, ok := a.Value.Any().(error); ok {
		return slog.String(a.Key, fault.KindOf(err).String()+" "+withheld)
	}
	return slog.String(a.Key, withheld)
}

// discretion decides where the log of a background daemon may be: one that tells of every
// request is not for a store that keeps names secret.
func (p *mountPlan) discretion() error {
	if p.log != "" || !store.RecordsLocked(p.store) {
		return nil
	}
	if p.req.Debug {
		return usagef("--debug logs names, and the log would be in the store, whose names are encrypted; name another place with --log")
	}
	p.discreet.Store(true)
	return nil
}
