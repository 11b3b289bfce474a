package versioning

import (
	"slices"
	"time"
)

// Limits of a lifecycle configuration.
const (
	MaxLifecycleRules  = 1000
	MaxLifecycleRuleID = 255        // UTF-16 units
	MaxNewerVersions   = 100        // that a rule may keep
	maxFilterSize      = 1000 << 40 // bytes; AWS refuses sizes beyond it
)

// A Lifecycle is the rules by which a bucket's objects end. Its shape is that of the
// document that was put, so that it is given back as it came; what it means is a Judge's
// business.
type Lifecycle struct{ Rules []LifecycleRule }

// A LifecycleRule says what ends of the objects that it applies to, and when. Either
// Prefix or Filter is given: the first is the form of before there were filters.
type LifecycleRule struct {
	ID                string // "": Named gives it one
	Status            string // LifecycleEnabled or LifecycleDisabled
	Prefix            *string
	Filter            *LifecycleFilter
	Expiration        *LifecycleExpiration
	Noncurrent        *NoncurrentExpiration
	AbortUploadsAfter *int32 // days after an upload began
	// Transitions says that the rule also moves objects between storage classes, which
	// CheckLifecycle refuses.
	Transitions bool
}

// The states of a rule.
const (
	LifecycleEnabled  = "Enabled"
	LifecycleDisabled = "Disabled"
)

// A LifecycleFilter says to which objects a rule applies: those that fit the one field that
// is given, or all objects.
type LifecycleFilter struct {
	Prefix      *string
	Tag         *Tag
	SizeGreater *int64 // bytes
	SizeLess    *int64
	And         *LifecycleAnd
}

// A LifecycleAnd is two or more conditions that must all hold.
type LifecycleAnd struct {
	Prefix      *string
	Tags        []Tag
	SizeGreater *int64
	SizeLess    *int64
}

// A Tag is one tag that a filter demands.
type Tag struct{ Key, Value string }

// A LifecycleExpiration is when current versions end, or that delete markers with nothing
// left below them do. One field is given.
type LifecycleExpiration struct {
	Days                      *int32 // after the object was made
	Date                      *time.Time
	ExpiredObjectDeleteMarker *bool
}

// A NoncurrentExpiration is when noncurrent versions end.
type NoncurrentExpiration struct {
	Days  *int32 // after the version ceased to be current
	Newer *int32 // how many newer noncurrent versions there must be besides; nil: none
}

// Named returns l with an id for each rule that has none, and whether there was one such.
func (l Lifecycle) Named(id func() string) Lifecycle {
	l.Rules = slices.Clone(l.Rules)
	for i := range l.Rules {
		if l.Rules[i].ID == "" {
			l.Rules[i].ID = id()
		}
	}
	return l
}

// CheckLifecycle reports which rule of Amazon S3's a configuration breaks. Sources:
// PutBucketLifecycleConfiguration in the API Reference, "Lifecycle configuration elements"
// in the User Guide, and what AWS was seen to answer where those are silent.
// RuleLifecycleForm is what AWS takes for a document that does not fit its schema.
func CheckLifecycle(l Lifecycle) error {
	if n := len(l.Rules); n == 0 || n > MaxLifecycleRules {
		return violation(RuleLifecycleForm, "a lifecycle has 1 to %d rules, not %d", MaxLifecycleRules, n)
	}
	ids := map[string]bool{}
	for i := range l.Rules {
		r := &l.Rules[i]
		if err := r.check(); err != nil {
			return err
		}
		if (r.Prefix == nil) != (l.Rules[0].Prefix == nil) {
			return violation(RuleLifecycleRequest, "Filter element can only be used in Lifecycle V2.")
		}
		if r.ID != "" && ids[r.ID] {
			return violation(RuleLifecycle, "Rule ID must be unique. Found same ID for more than one rule")
		}
		ids[r.ID] = true
	}
	return nil
}

func (r *LifecycleRule) check() error {
	switch {
	case r.Status != LifecycleEnabled && r.Status != LifecycleDisabled:
		return violation(RuleLifecycleForm, "the status of a lifecycle rule is %s or %s, not %q", LifecycleEnabled, LifecycleDisabled, r.Status)
	case (r.Prefix == nil) == (r.Filter == nil):
		return violation(RuleLifecycleForm, "a lifecycle rule has a filter or, in its old form, a prefix")
	case units(r.ID) > MaxLifecycleRuleID:
		return violation(RuleLifecycle, "ID length should not exceed allowed limit of %d", MaxLifecycleRuleID)
	}
	if err := r.Filter.check(); err != nil {
		return err
	}
	if err := checkPrefix(r.Prefix); err != nil {
		return err
	}
	return r.checkActions()
}

// check reports what is wrong with a filter; nil is none.
func (f *LifecycleFilter) check() error {
	if f == nil {
		return nil
	}
	given := count(f.Prefix != nil, f.Tag != nil, f.SizeGreater != nil, f.SizeLess != nil, f.And != nil)
	if given > 1 {
		return violation(RuleLifecycleForm, "a lifecycle filter has one condition; several stand inside And")
	}
	if a := f.And; a != nil {
		if count(a.Prefix != nil, a.SizeGreater != nil, a.SizeLess != nil)+len(a.Tags) < 2 {
			return violation(RuleLifecycleForm, "And joins two conditions or more")
		}
		return checkConditions(a.Prefix, a.Tags, a.SizeGreater, a.SizeLess)
	}
	var tags []Tag
	if f.Tag != nil {
		tags = []Tag{*f.Tag}
	}
	return checkConditions(f.Prefix, tags, f.SizeGreater, f.SizeLess)
}

func count(given ...bool) (n int) {
	for _, g := range given {
		if g {
			n++
		}
	}
	return n
}

func checkPrefix(prefix *string) error {
	if prefix != nil && len(*prefix) > MaxKey {
		return violation(RuleLifecycleRequest, "The maximum size of a prefix is %d.", MaxKey)
	}
	return nil
}

func checkConditions(prefix *string, tags []Tag, greater, less *int64) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	switch {
	case greater != nil && (*greater < 0 || *greater > maxFilterSize):
		return violation(RuleLifecycleRequest, "'ObjectSizeGreaterThan' should be between 0 and %d.", int64(maxFilterSize))
	case less != nil && (*less < 1 || *less > maxFilterSize):
		return violation(RuleLifecycleRequest, "'ObjectSizeLessThan' should be between 1 and %d.", int64(maxFilterSize))
	case greater != nil && less != nil && *greater >= *less:
		return violation(RuleLifecycleRequest, "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")
	}
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case units(t.Key) < 1 || units(t.Key) > MaxTagKey:
			return violation(RuleLifecycleRequest, "A Tag's Key must be a length between 1 and %d.", MaxTagKey)
		case units(t.Value) > MaxTagValue:
			return violation(RuleLifecycleRequest, "A Tag's Value must be a length between 0 and %d.", MaxTagValue)
		case seen[t.Key]:
			return violation(RuleLifecycleRequest, "Duplicate Tag Keys are not allowed.")
		}
		seen[t.Key] = true
		if err := CheckTag(t.Key, t.Value); err != nil {
			return err
		}
	}
	return nil
}

func (r *LifecycleRule) checkActions() error {
	if r.Expiration == nil && r.Noncurrent == nil && r.AbortUploadsAfter == nil && !r.Transitions {
		return violation(RuleLifecycleRequest, "At least one action needs to be specified in a rule")
	}
	if err := r.checkExpiration(); err != nil {
		return err
	}
	if err := r.checkNoncurrent(); err != nil {
		return err
	}
	if d := r.AbortUploadsAfter; d != nil {
		if *d <= 0 {
			return notPositive("DaysAfterInitiation", "AbortIncompleteMultipartUpload")
		}
		if err := r.unfiltered("AbortIncompleteMultipartUpload"); err != nil {
			return err
		}
	}
	if r.Transitions {
		return violation(RuleLifecycleTransition, "a transition needs a second storage tier, and this store has one: leave transitions out of the lifecycle")
	}
	return nil
}

func (r *LifecycleRule) checkExpiration() error {
	e := r.Expiration
	switch {
	case e == nil:
		return nil
	case count(e.Days != nil, e.Date != nil, e.ExpiredObjectDeleteMarker != nil) != 1:
		return violation(RuleLifecycleForm, "an expiration has one of Days, Date and ExpiredObjectDeleteMarker")
	case e.ExpiredObjectDeleteMarker != nil:
		return r.unfiltered("ExpiredObjectDeleteMarker")
	case e.Days != nil && *e.Days <= 0:
		return notPositive("Days", "Expiration")
	case e.Date != nil && !e.Date.Equal(e.Date.UTC().Truncate(24*time.Hour)):
		return violation(RuleLifecycle, "'Date' must be at midnight GMT")
	}
	return nil
}

func (r *LifecycleRule) checkNoncurrent() error {
	const action = "NoncurrentVersionExpiration"
	n := r.Noncurrent
	switch {
	case n == nil:
		return nil
	case n.Days == nil:
		return violation(RuleLifecycleForm, "%s needs NoncurrentDays", action)
	case *n.Days <= 0:
		return notPositive("NoncurrentDays", action)
	case n.Newer == nil:
		return nil
	case r.Filter == nil:
		return violation(RuleLifecycleRequest, "NewerNoncurrentVersions element can only be used in Lifecycle V2.")
	case *n.Newer <= 0:
		return notPositive("NewerNoncurrentVersions", action)
	case *n.Newer > MaxNewerVersions:
		return violation(RuleLifecycle, "'NewerNoncurrentVersions' for %s action must be at most %d", action, MaxNewerVersions)
	}
	return nil
}

func notPositive(field, action string) error {
	return violation(RuleLifecycle, "'%s' for %s action must be a positive integer", field, action)
}

// unfiltered refuses an action about what has neither tags nor a size.
func (r *LifecycleRule) unfiltered(action string) error {
	s := r.scope()
	switch {
	case len(s.tags) > 0:
		return violation(RuleLifecycleRequest, "%s cannot be specified with Tags.", action)
	case s.greater != nil || s.less != nil:
		return violation(RuleLifecycleRequest, "%s cannot be specified with Object Size.", action)
	}
	return nil
}
