package event

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"

	"pail/store/fault"
)

// Limits of a configuration.
const (
	MaxTargets = 100
	maxID      = 255  // UTF-16 units
	maxFilter  = 1024 // bytes
)

// A Config is who is told of what happens in a bucket.
type Config struct {
	Targets     []Target
	EventBridge bool // refused by Check
}

// A Service is what kind of destination a target names.
type Service uint8

// The services. Their numbers are kept in records and never change.
const (
	Topic    Service = 1
	Queue    Service = 2
	Function Service = 3
)

// A Target is one destination and what it is told.
type Target struct {
	ID      string // "": Normal gives it one
	Service Service
	ARN     string
	Events  []string // such as s3:ObjectCreated:*
	Filters []Filter
}

// A Filter demands a prefix or a suffix of keys.
type Filter struct {
	Name  string // Prefix or Suffix; S3 does not look at its case
	Value string // form-encoded
}

// The names of filters.
const (
	Prefix = "Prefix"
	Suffix = "Suffix"
)

// Normal returns c as it is kept and given back: with an id for each target, and the names
// of filters as S3 spells them. c has passed Check.
func (c Config) Normal(id func() string) Config {
	c.Targets = slices.Clone(c.Targets)
	for i := range c.Targets {
		t := &c.Targets[i]
		if t.ID == "" {
			t.ID = id()
		}
		t.Filters = slices.Clone(t.Filters)
		for j := range t.Filters {
			if f := &t.Filters[j]; strings.EqualFold(f.Name, Prefix) {
				f.Name = Prefix
			} else {
				f.Name = Suffix
			}
		}
	}
	return c
}

// Check reports what of a configuration S3 would refuse: fault.InvalidArgument,
// fault.InvalidRequest, fault.MalformedConfig or fault.NotSupported. Whether destinations
// exist it does not know.
func (c *Config) Check() error {
	if c.EventBridge {
		return fault.New(fault.NotSupported, "there is no EventBridge here to send events to; name webhooks as queues (pail webhook add)")
	}
	if len(c.Targets) > MaxTargets {
		return fault.New(fault.InvalidRequest, "Too many configurations submitted. The maximum number of configurations is %d", MaxTargets)
	}
	ids := map[string]bool{}
	for i := range c.Targets {
		t := &c.Targets[i]
		if err := t.check(); err != nil {
			return err
		}
		if t.ID != "" && ids[t.ID] {
			return fault.New(fault.InvalidArgument, "Same ID used for multiple configurations. IDs must be unique.")
		}
		ids[t.ID] = true
	}
	return c.checkOverlaps()
}

func (t *Target) check() error {
	switch {
	case len(utf16.Encode([]rune(t.ID))) > maxID:
		return fault.New(fault.InvalidArgument, "ID length exceeded allowed limit of %d", maxID)
	case t.ARN == "" || len(t.Events) == 0:
		return fault.New(fault.MalformedConfig, "a notification names its destination and one event at least")
	}
	if _, err := ParseARN(t.Service, t.ARN); err != nil {
		return err
	}
	for i, e := range t.Events {
		if !slices.Contains(types[:], e) {
			return fault.New(fault.InvalidArgument, "The event %q is not supported for notifications", e)
		}
		for _, other := range t.Events[:i] {
			if shared(e, other) {
				return overlap("")
			}
		}
	}
	return t.checkFilters()
}

func (t *Target) checkFilters() error {
	seen := map[string]bool{}
	for _, f := range t.Filters {
		name := strings.ToLower(f.Name)
		switch {
		case name != "prefix" && name != "suffix":
			return fault.New(fault.InvalidArgument, "filter rule name must be either prefix or suffix").
				With("ArgumentName", "FilterRule.Name").With("ArgumentValue", f.Name)
		case seen[name]:
			return fault.New(fault.InvalidArgument, "Cannot specify more than one %s rule in a filter.", name)
		case len(f.Value) > maxFilter:
			return fault.New(fault.InvalidArgument, "Size of filter rule value cannot exceed %d bytes in UTF-8 representation", maxFilter)
		}
		seen[name] = true
	}
	return nil
}

// checkOverlaps refuses targets that one event could go to both of.
func (c *Config) checkOverlaps() error {
	for i := range c.Targets {
		a := &c.Targets[i]
		for j := range c.Targets[:i] {
			b := &c.Targets[j]
			if !sharedAny(a.Events, b.Events) {
				continue
			}
			pa, sa := a.affixes()
			pb, sb := b.affixes()
			prefixes := strings.HasPrefix(pa, pb) || strings.HasPrefix(pb, pa)
			suffixes := strings.HasSuffix(sa, sb) || strings.HasSuffix(sb, sa)
			switch {
			case !prefixes || !suffixes:
			case len(a.Filters) == 0 && len(b.Filters) == 0:
				return overlap("")
			default:
				return overlap("ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.")
			}
		}
	}
	return nil
}

func overlap(ambiguous string) error {
	if ambiguous != "" {
		return fault.New(fault.InvalidArgument, "Configuration is %s", ambiguous)
	}
	return fault.New(fault.InvalidArgument, "Configurations overlap. Configurations on the same bucket cannot share a common event type.")
}

func sharedAny(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if shared(x, y) {
				return true
			}
		}
	}
	return false
}

func shared(a, b string) bool { return includes(a, b) || includes(b, a) }

// includes says whether an event type, which may end in a star, is or includes another.
func includes(pattern, name string) bool {
	all, star := strings.CutSuffix(pattern, "*")
	return pattern == name || star && strings.HasPrefix(name, all)
}

// affixes are the prefix and the suffix that keys must have.
func (t *Target) affixes() (prefix, suffix string) {
	for _, f := range t.Filters {
		value, err := url.QueryUnescape(f.Value)
		if err != nil {
			value = f.Value
		}
		if strings.EqualFold(f.Name, Prefix) {
			prefix = value
		} else {
			suffix = value
		}
	}
	return prefix, suffix
}

// Wants says whether the target is told of an event of a key.
func (t *Target) Wants(event, key string) bool {
	for _, e := range t.Events {
		if includes(e, event) {
			prefix, suffix := t.affixes()
			return strings.HasPrefix(key, prefix) && strings.HasSuffix(key, suffix)
		}
	}
	return false
}
