package store

import (
	"fmt"

	"pail/store/event"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// checkConfig checks one piece of a configuration by itself.
func (f *fsck) checkConfig(k, v []byte) error {
	kind, bucket, piece, err := table.SplitConfig(k)
	if err != nil {
		return err
	}
	var p record.ConfigPiece
	if err := unmarshal(k, v, &p); err != nil {
		return err
	}
	switch {
	case f.buckets[bucket] == nil && kind != table.ConfigPointPolicy: // whose that is checkAccessPoints knows
		return f.wrong(k, f.without(k), "there is no bucket %d", bucket)
	case newConfigRecord(kind) == nil:
		return f.wrong(k, f.without(k), "there is no configuration of the kind %q", byte(kind))
	case piece >= p.Pieces:
		return f.wrong(k, f.without(k), "it is piece %d of %d", piece, p.Pieces)
	}
	return nil
}

// newConfigRecord is an empty record of a kind of configuration, nil if there is no such.
func newConfigRecord(kind table.ConfigKind) record.Record {
	switch kind {
	case table.ConfigCORS:
		return new(record.Cors)
	case table.ConfigWebsite:
		return new(record.Website)
	case table.ConfigLifecycle:
		return new(record.Lifecycle)
	case table.ConfigNotifications:
		return new(record.Notifications)
	case table.ConfigPolicy, table.ConfigPointPolicy:
		return new(record.Policy)
	case table.ConfigLogging:
		return new(record.Logging)
	}
	return nil
}

// checkConfigs checks each configuration as a whole: that its pieces are all there and
// that what they say would be let in.
func (f *fsck) checkConfigs() error {
	var last configID
	return f.scan(table.Configs(), func(k, _ []byte) error {
		kind, bucket, _, err := table.SplitConfig(k)
		if id := (configID{kind, bucket}); err != nil || id == last || newConfigRecord(kind) == nil || kind == table.ConfigPointPolicy {
			return nil // told of by its piece, or with its access point
		} else {
			last = id
		}
		m := newConfigRecord(kind)
		bad := ""
		if _, err := f.sn.readConfig(kind, bucket, m); unreadable(err) {
			bad = err.Error()
		} else if err != nil {
			return err
		} else if err := checkConfigRecord(m, f.buckets[bucket].GetName()); err != nil {
			bad = err.Error()
		}
		if bad == "" {
			return nil
		}
		if kind == table.ConfigPolicy {
			return f.wrong(k, f.shut(bucket), "%s", bad)
		}
		return f.wrong(k, remedy{
			does: "removes it: the bucket is without that configuration",
			fix: func(r *repairer) error {
				return r.update(func(t *txn) error { return t.writeConfig(kind, bucket, nil) })
			},
		}, "%s", bad)
	})
}

// checkConfigRecord says what of a configuration no session would have let in.
func checkConfigRecord(m record.Record, bucket string) error {
	switch r := m.(type) {
	case *record.Cors:
		return toCORS(r).Check()
	case *record.Website:
		return toWebsite(r).Check()
	case *record.Lifecycle:
		return versioning.CheckLifecycle(toLifecycle(r))
	case *record.Notifications:
		return toNotifications(r).Check()
	case *record.Policy:
		return toBucketPolicy(bucket, r).broken
	case *record.Logging:
		l := toLogging(r)
		return l.check()
	}
	return fmt.Errorf("no configuration is kept as %T", m)
}

// checkEvent checks an event that a webhook is to be told.
func (f *fsck) checkEvent(k, v []byte) error {
	_, seq, _, err := table.SplitEvent(k)
	if err != nil {
		return err
	}
	if err := unmarshal(k, v, new(record.Event)); err != nil {
		return err
	}
	return f.checkNumbers(k, seq, 0, f.without(k))
}

// checkWebhook checks a webhook.
func (f *fsck) checkWebhook(k, v []byte) error {
	var w record.Webhook
	if err := unmarshal(k, v, &w); err != nil {
		return err
	}
	if name := string(k[len(settingWebhook()):]); w.Name != name || event.CheckName(name) != nil {
		return f.wrong(k, f.without(k), "it says that its name is %q", w.Name)
	}
	return f.checkNumbers(k, 0, w.Id, f.without(k))
}
