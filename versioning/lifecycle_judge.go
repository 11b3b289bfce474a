package versioning

import (
	"slices"
	"strings"
	"time"
)

// A Due says when something ends, and by which rule. Rules act at At and later, whenever
// whoever carries them out comes by.
type Due struct {
	At   time.Time
	Rule string // its id
}

// A Judge applies the enabled rules of a lifecycle. It is safe for concurrent use.
type Judge struct {
	day   time.Duration
	rules []judged
}

// A judged is an enabled rule and to what it applies.
type judged struct {
	scope
	*LifecycleRule
}

// A scope is a filter of whatever shape.
type scope struct {
	prefix        string
	tags          []Tag
	greater, less *int64
}

// A Subject is a version or a marker that is judged.
type Subject struct {
	Key    string
	Size   int64 // bytes
	Tags   map[string]string
	Marker bool
}

// Judge prepares a lifecycle, which has passed CheckLifecycle, for use. Day is how long a
// day is: 24 hours, or less for those who cannot wait, as tests.
func (l Lifecycle) Judge(day time.Duration) *Judge {
	j := &Judge{day: day}
	for i := range l.Rules {
		if r := &l.Rules[i]; r.Status == LifecycleEnabled {
			j.rules = append(j.rules, judged{r.scope(), r})
		}
	}
	return j
}

func (r *LifecycleRule) scope() scope {
	f := r.Filter
	switch {
	case f == nil:
		return scope{prefix: text(r.Prefix)}
	case f.And != nil:
		return scope{text(f.And.Prefix), f.And.Tags, f.And.SizeGreater, f.And.SizeLess}
	}
	s := scope{prefix: text(f.Prefix), greater: f.SizeGreater, less: f.SizeLess}
	if f.Tag != nil {
		s.tags = []Tag{*f.Tag}
	}
	return s
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// holds says whether a rule applies to a subject. A marker has neither tags nor a size, so
// that a filter which asks for either never fits it.
func (s *scope) holds(o *Subject) bool {
	if !strings.HasPrefix(o.Key, s.prefix) {
		return false
	}
	if o.Marker {
		return len(s.tags) == 0 && s.greater == nil && s.less == nil
	}
	if s.greater != nil && o.Size <= *s.greater || s.less != nil && o.Size >= *s.less {
		return false
	}
	for _, t := range s.tags {
		if v, ok := o.Tags[t.Key]; !ok || v != t.Value {
			return false
		}
	}
	return true
}

// after is the end of a span of days: S3 adds it to the moment at which it began and rounds
// up to the next midnight UTC, so that everything of one day ends together ("Lifecycle
// rules: Based on an object's age" in the User Guide).
func (j *Judge) after(t time.Time, days int32) time.Time {
	day := int64(j.day)
	sec, rest := t.Unix(), int64(t.Nanosecond())
	if day%int64(time.Second) == 0 {
		// In seconds, which reach further than nanoseconds.
		day /= int64(time.Second)
		return time.Unix((floorDiv(sec, day)+int64(days)+1)*day, 0).UTC()
	}
	ns := sec*int64(time.Second) + rest
	return time.Unix(0, (floorDiv(ns, day)+int64(days)+1)*day).UTC()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// earliest keeps the earlier of two ends, and of two at once that of the first rule.
func (d *Due) earliest(at time.Time, rule string, any *bool) {
	if !*any || at.Before(d.At) {
		*d, *any = Due{at, rule}, true
	}
}

// Current says when the current version of a key ends, which was made at a time; ok is
// false if no rule says so. alone says that the key has no other version or marker: a
// marker that is alone hides nothing and is removed, one that is not stays.
//
// A rule that ends objects after some days, or at a date, also ends markers that are alone
// and as old; one that names ExpiredObjectDeleteMarker ends them at once.
func (j *Judge) Current(o Subject, made time.Time, alone bool) (due Due, ok bool) {
	if o.Marker && !alone {
		return Due{}, false
	}
	for i := range j.rules {
		r := &j.rules[i]
		e := r.Expiration
		if e == nil || !r.holds(&o) {
			continue
		}
		switch {
		case e.Days != nil:
			due.earliest(j.after(made, *e.Days), r.ID, &ok)
		case e.Date != nil:
			due.earliest(e.Date.UTC(), r.ID, &ok)
		case o.Marker && e.ExpiredObjectDeleteMarker != nil && *e.ExpiredObjectDeleteMarker:
			due.earliest(made, r.ID, &ok)
		}
	}
	return due, ok
}

// Noncurrent says when a noncurrent version or marker ends that has not been current since
// a time. newer is how many noncurrent versions of its key are newer than it; markers are
// not counted ("NoncurrentVersionExpiration" in the User Guide).
func (j *Judge) Noncurrent(o Subject, since time.Time, newer int) (due Due, ok bool) {
	for i := range j.rules {
		r := &j.rules[i]
		n := r.Noncurrent
		if n == nil || n.Newer != nil && newer < int(*n.Newer) || !r.holds(&o) {
			continue
		}
		due.earliest(j.after(since, *n.Days), r.ID, &ok)
	}
	return due, ok
}

// Upload says when an upload of a key that was not completed ends.
func (j *Judge) Upload(key string, begun time.Time) (due Due, ok bool) {
	for i := range j.rules {
		r := &j.rules[i]
		if r.AbortUploadsAfter != nil && strings.HasPrefix(key, r.prefix) {
			due.earliest(j.after(begun, *r.AbortUploadsAfter), r.ID, &ok)
		}
	}
	return due, ok
}

// EndsNoncurrent says whether any rule ends noncurrent versions.
func (j *Judge) EndsNoncurrent() bool {
	return slices.ContainsFunc(j.rules, func(r judged) bool { return r.Noncurrent != nil })
}

// Prefixes are the prefixes below which objects are that rules end, in byte order, none of
// them below another.
func (j *Judge) Prefixes() []string {
	return j.prefixes(func(r *judged) bool { return r.Expiration != nil || r.Noncurrent != nil })
}

// UploadPrefixes is Prefixes for uploads.
func (j *Judge) UploadPrefixes() []string {
	return j.prefixes(func(r *judged) bool { return r.AbortUploadsAfter != nil })
}

func (j *Judge) prefixes(wanted func(*judged) bool) []string {
	var all, least []string
	for i := range j.rules {
		if wanted(&j.rules[i]) {
			all = append(all, j.rules[i].prefix)
		}
	}
	slices.Sort(all)
	for _, p := range all {
		if len(least) == 0 || !strings.HasPrefix(p, least[len(least)-1]) {
			least = append(least, p)
		}
	}
	return least
}
