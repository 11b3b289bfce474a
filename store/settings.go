package store

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/trail"
)

// A Setting is something about the store, or about one of its buckets, that its owner
// may choose.
type Setting struct {
	Name string
	// Value is a bool, an int64 or a []string, by the setting's type.
	Value any
	// From says who chose the value.
	From SettingSource
	// About says in a few words what the setting decides, and in which unit.
	About string
}

// A SettingSource says where a setting's value comes from.
type SettingSource string

// What was not chosen for a bucket is as chosen for the store, and what was not chosen
// at all is the program's default.
const (
	SettingDefault SettingSource = "default"
	SettingStore   SettingSource = "store"
	SettingBucket  SettingSource = "bucket"
)

// A chosen is what the owner has chosen, by level: for the bucket in question, which
// may be nil, and for the store. Its methods are the settings as the rest of the store
// asks for them.
type chosen struct{ bucket, store *record.Settings }

// settings are those of the store; they are in force from the moment an update that
// changes them is merged.
func (s *Store) settings() chosen { return chosen{store: s.chosen.Load()} }

// settingsOf are those of a bucket.
func (s *Store) settingsOf(b *record.Bucket) chosen {
	return chosen{bucket: b.GetSettings(), store: s.chosen.Load()}
}

// maxObjectSize is the size of the largest object, in bytes.
func (s *Store) maxObjectSize() int64 {
	if s.opts.MaxObjectSize != 0 {
		return s.opts.MaxObjectSize
	}
	if c := s.chosen.Load(); c != nil && c.MaxObjectSize != nil {
		return *c.MaxObjectSize
	}
	return DefaultMaxObjectSize
}

// mkdirVersioning says whether a bucket that mkdir makes starts versioned.
func (c chosen) mkdirVersioning() bool { return c.store.GetMkdirVersioning() }

// noHistory are the patterns of names that are not versioned when they are written on
// a mount.
func (c chosen) noHistory() []string {
	for _, at := range []*record.Settings{c.bucket, c.store} {
		if at.GetNoHistory() != nil {
			return at.NoHistory.Patterns
		}
	}
	return defaultNoHistory()
}

func settingStore() []byte { return table.Setting("store") }

// loadSettings reads the store's settings. Damaged ones are reported and the defaults
// hold, so that they can be set anew.
func (s *Store) loadSettings() error {
	var c record.Settings
	err := s.view(func(sn *snap) error {
		_, err := sn.get(settingStore(), &c)
		return err
	})
	if err == nil {
		if bad := checkSettings(&c); bad != "" {
			err = fault.New(fault.Damaged, "%s", bad)
		}
	}
	if fault.Is(err, fault.Damaged) {
		s.problem("the store's settings cannot be read, so that the defaults hold; choose again with pail config set: %v", err)
		return nil
	}
	if err == nil {
		s.chosen.Store(&c)
	}
	return err
}

// Settings returns the settings of a bucket, or those of the store if bucket is "", in
// the order of their names.
func (se *Session) Settings(ctx context.Context, bucket string) ([]Setting, error) {
	if err := se.authorize(actGetSettings, bucket, ""); err != nil {
		return nil, err
	}
	c := se.s.settings()
	if bucket != "" {
		err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
			c = se.s.settingsOf(b)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	var out []Setting
	for _, d := range settingDefs() {
		if bucket == "" || d.perBucket {
			out = append(out, d.of(c, se.s))
		}
	}
	return out, nil
}

// SetSetting chooses a setting of a bucket, or of the store if bucket is "". Values is
// what a person wrote: one value, or for a list any number. It is in force at once for
// everything that begins after this has returned. The kinds of failure: InvalidArgument
// (no such setting, or no such value), NoSuchBucket.
func (se *Session) SetSetting(ctx context.Context, bucket, name string, values []string) error {
	return se.changeSetting(ctx, bucket, name, func(d settingDef, c *record.Settings) error {
		return d.set(c, values)
	})
}

// ResetSetting takes back what was chosen. It fails as SetSetting does.
func (se *Session) ResetSetting(ctx context.Context, bucket, name string) error {
	return se.changeSetting(ctx, bucket, name, func(d settingDef, c *record.Settings) error {
		d.reset(c)
		return nil
	})
}

func (se *Session) changeSetting(ctx context.Context, bucket, name string, change func(settingDef, *record.Settings) error) error {
	if err := se.authorize(actPutSettings, bucket, ""); err != nil {
		return err
	}
	d, err := settingNamed(name, bucket != "")
	if err != nil {
		return err
	}
	// Before the committer is bothered with what cannot be.
	if err := change(d, &record.Settings{}); err != nil {
		return err
	}
	if bucket == "" {
		_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
			c := cloneSettings(t.s.chosen.Load())
			c.Schema = record.Schema
			if err := change(d, c); err != nil {
				return err
			}
			return t.putSettings(c)
		})
		return err
	}
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		c := cloneSettings(b.Settings)
		if err := change(d, c); err != nil {
			return err
		}
		t.changed(ownBucketChange(bucket, "SetSetting", trail.Field{Name: "name", Value: name}))
		return t.editBucket(b, func(b *record.Bucket) { b.Settings = c })
	})
	return err
}

func (t *txn) putSettings(c *record.Settings) error {
	t.onMerged(func() { t.s.chosen.Store(c) })
	return t.put(settingStore(), c)
}

func cloneSettings(c *record.Settings) *record.Settings {
	if c == nil {
		return &record.Settings{}
	}
	return proto.CloneOf(c)
}

func settingNamed(name string, perBucket bool) (settingDef, error) {
	var names []string
	for _, d := range settingDefs() {
		switch {
		case perBucket && !d.perBucket && d.name == name:
			return d, fault.New(fault.InvalidArgument, "%s is a setting of the whole store; set it without naming a bucket", name)
		case d.name == name:
			return d, nil
		case !perBucket || d.perBucket:
			names = append(names, d.name)
		}
	}
	return settingDef{}, fault.New(fault.InvalidArgument, "there is no setting %q; there are: %s", name, strings.Join(names, ", "))
}

// checkSettings says what is wrong with settings that were read, "" if nothing is.
func checkSettings(c *record.Settings) string {
	if c == nil {
		return ""
	}
	for _, d := range settingDefs() {
		if err := d.check(c); err != nil {
			return fmt.Sprintf("the setting %s: %v", d.name, err)
		}
	}
	return ""
}
