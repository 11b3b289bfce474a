package versioning

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func ptr[T any](v T) *T { return &v }

// rule is an enabled rule for everything, with changes.
func rule(change func(*LifecycleRule)) Lifecycle {
	r := LifecycleRule{ID: "r", Status: LifecycleEnabled, Filter: &LifecycleFilter{}, Expiration: &LifecycleExpiration{Days: ptr(int32(1))}}
	change(&r)
	return Lifecycle{Rules: []LifecycleRule{r}}
}

func TestCheckLifecycle(t *testing.T) {
	tag := &Tag{"k", "v"}
	midnight := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		l    Lifecycle
		want Rule // 0: none
	}{
		"sound":          {rule(func(*LifecycleRule) {}), 0},
		"no rules":       {Lifecycle{}, RuleLifecycleForm},
		"too many":       {Lifecycle{Rules: make([]LifecycleRule, MaxLifecycleRules+1)}, RuleLifecycleForm},
		"status":         {rule(func(r *LifecycleRule) { r.Status = "enabled" }), RuleLifecycleForm},
		"no filter":      {rule(func(r *LifecycleRule) { r.Filter = nil }), RuleLifecycleForm},
		"old form":       {rule(func(r *LifecycleRule) { r.Filter, r.Prefix = nil, ptr("logs/") }), 0},
		"both forms":     {rule(func(r *LifecycleRule) { r.Prefix = ptr("logs/") }), RuleLifecycleForm},
		"long id":        {rule(func(r *LifecycleRule) { r.ID = strings.Repeat("x", 256) }), RuleLifecycle},
		"long prefix":    {rule(func(r *LifecycleRule) { r.Filter.Prefix = ptr(strings.Repeat("x", 1025)) }), RuleLifecycleRequest},
		"two conditions": {rule(func(r *LifecycleRule) { r.Filter = &LifecycleFilter{Prefix: ptr("a"), Tag: tag} }), RuleLifecycleForm},
		"and of one":     {rule(func(r *LifecycleRule) { r.Filter.And = &LifecycleAnd{Prefix: ptr("a")} }), RuleLifecycleForm},
		"and of two":     {rule(func(r *LifecycleRule) { r.Filter.And = &LifecycleAnd{Prefix: ptr("a"), Tags: []Tag{*tag}} }), 0},
		"same tag twice": {rule(func(r *LifecycleRule) { r.Filter.And = &LifecycleAnd{Tags: []Tag{*tag, {"k", "w"}}} }), RuleLifecycleRequest},
		"empty tag":      {rule(func(r *LifecycleRule) { r.Filter.Tag = &Tag{} }), RuleLifecycleRequest},
		"empty size range": {rule(func(r *LifecycleRule) {
			r.Filter.And = &LifecycleAnd{SizeGreater: ptr(int64(9)), SizeLess: ptr(int64(9))}
		}), RuleLifecycleRequest},
		"size below 0":      {rule(func(r *LifecycleRule) { r.Filter.SizeGreater = ptr(int64(-1)) }), RuleLifecycleRequest},
		"less than nothing": {rule(func(r *LifecycleRule) { r.Filter.SizeLess = ptr(int64(0)) }), RuleLifecycleRequest},
		"no action":         {rule(func(r *LifecycleRule) { r.Expiration = nil }), RuleLifecycleRequest},
		"empty expiration":  {rule(func(r *LifecycleRule) { r.Expiration = &LifecycleExpiration{} }), RuleLifecycleForm},
		"days and date":     {rule(func(r *LifecycleRule) { r.Expiration.Date = &midnight }), RuleLifecycleForm},
		"days and marker":   {rule(func(r *LifecycleRule) { r.Expiration.ExpiredObjectDeleteMarker = ptr(true) }), RuleLifecycleForm},
		"marker":            {rule(func(r *LifecycleRule) { r.Expiration = &LifecycleExpiration{ExpiredObjectDeleteMarker: ptr(true)} }), 0},
		"tagged marker": {rule(func(r *LifecycleRule) {
			r.Filter.Tag, r.Expiration = tag, &LifecycleExpiration{ExpiredObjectDeleteMarker: ptr(true)}
		}), RuleLifecycleRequest},
		"0 days":        {rule(func(r *LifecycleRule) { r.Expiration.Days = ptr(int32(0)) }), RuleLifecycle},
		"date":          {rule(func(r *LifecycleRule) { r.Expiration = &LifecycleExpiration{Date: &midnight} }), 0},
		"date and time": {rule(func(r *LifecycleRule) { r.Expiration = &LifecycleExpiration{Date: ptr(midnight.Add(time.Hour))} }), RuleLifecycle},
		"noncurrent without days": {rule(func(r *LifecycleRule) {
			r.Noncurrent = &NoncurrentExpiration{Newer: ptr(int32(1))}
		}), RuleLifecycleForm},
		"noncurrent 0 days": {rule(func(r *LifecycleRule) { r.Noncurrent = &NoncurrentExpiration{Days: ptr(int32(0))} }), RuleLifecycle},
		"newer versions": {rule(func(r *LifecycleRule) {
			r.Noncurrent = &NoncurrentExpiration{Days: ptr(int32(1)), Newer: ptr(int32(100))}
		}), 0},
		"too many newer versions": {rule(func(r *LifecycleRule) {
			r.Noncurrent = &NoncurrentExpiration{Days: ptr(int32(1)), Newer: ptr(int32(101))}
		}), RuleLifecycle},
		"newer versions in the old form": {rule(func(r *LifecycleRule) {
			r.Filter, r.Prefix = nil, ptr("")
			r.Noncurrent = &NoncurrentExpiration{Days: ptr(int32(1)), Newer: ptr(int32(1))}
		}), RuleLifecycleRequest},
		"abort":        {rule(func(r *LifecycleRule) { r.AbortUploadsAfter = ptr(int32(1)) }), 0},
		"abort at 0":   {rule(func(r *LifecycleRule) { r.AbortUploadsAfter = ptr(int32(0)) }), RuleLifecycle},
		"sized abort":  {rule(func(r *LifecycleRule) { r.Filter.SizeLess, r.AbortUploadsAfter = ptr(int64(9)), ptr(int32(1)) }), RuleLifecycleRequest},
		"transition":   {rule(func(r *LifecycleRule) { r.Transitions = true }), RuleLifecycleTransition},
		"two forms":    {Lifecycle{append(rule(func(*LifecycleRule) {}).Rules, LifecycleRule{ID: "b", Status: LifecycleEnabled, Prefix: ptr(""), Expiration: &LifecycleExpiration{Days: ptr(int32(1))}})}, RuleLifecycleRequest},
		"one id twice": {Lifecycle{append(rule(func(*LifecycleRule) {}).Rules, rule(func(*LifecycleRule) {}).Rules...)}, RuleLifecycle},
	} {
		err := CheckLifecycle(c.l)
		if c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLifecycleRounds has the examples of "Lifecycle configuration elements" in the Amazon S3
// User Guide.
func TestLifecycleRounds(t *testing.T) {
	j := rule(func(r *LifecycleRule) {
		r.Expiration.Days = ptr(int32(3))
		r.Noncurrent = &NoncurrentExpiration{Days: ptr(int32(5))}
	}).Judge(24 * time.Hour)
	due, ok := j.Current(Subject{Key: "a"}, time.Date(2014, 1, 15, 10, 30, 0, 0, time.UTC), true)
	if want := time.Date(2014, 1, 19, 0, 0, 0, 0, time.UTC); !ok || !due.At.Equal(want) || due.Rule != "r" {
		t.Errorf("an object ends at %v by %q, want %v", due.At, due.Rule, want)
	}
	due, ok = j.Noncurrent(Subject{Key: "a"}, time.Date(2014, 1, 2, 11, 30, 0, 0, time.UTC), 0)
	if want := time.Date(2014, 1, 8, 0, 0, 0, 0, time.UTC); !ok || !due.At.Equal(want) {
		t.Errorf("a noncurrent version ends at %v, want %v", due.At, want)
	}
	short := rule(func(r *LifecycleRule) { r.Expiration.Days = ptr(int32(2)) }).Judge(300 * time.Millisecond)
	if due, _ := short.Current(Subject{}, time.UnixMilli(1000), true); !due.At.Equal(time.UnixMilli(1800)) {
		t.Errorf("two short days end at %v", due.At)
	}
}

// naive judges by reading each rule as its sentence says it, one after another, in a form
// as unlike Judge's as can be: by counting midnights.
type naive struct{ rules []LifecycleRule }

func (n naive) applies(r *LifecycleRule, o Subject) bool {
	if r.Status != "Enabled" {
		return false
	}
	var conds []bool
	prefix := func(p *string) {
		if p != nil {
			conds = append(conds, len(o.Key) >= len(*p) && o.Key[:len(*p)] == *p)
		}
	}
	sizes := func(greater, less *int64) {
		if greater != nil {
			conds = append(conds, !o.Marker && o.Size > *greater)
		}
		if less != nil {
			conds = append(conds, !o.Marker && o.Size < *less)
		}
	}
	tag := func(t Tag) {
		v, ok := o.Tags[t.Key]
		conds = append(conds, !o.Marker && ok && v == t.Value)
	}
	prefix(r.Prefix)
	if f := r.Filter; f != nil {
		prefix(f.Prefix)
		sizes(f.SizeGreater, f.SizeLess)
		if f.Tag != nil {
			tag(*f.Tag)
		}
		if a := f.And; a != nil {
			prefix(a.Prefix)
			sizes(a.SizeGreater, a.SizeLess)
			for _, t := range a.Tags {
				tag(t)
			}
		}
	}
	for _, c := range conds {
		if !c {
			return false
		}
	}
	return true
}

// passed says whether so many whole days lie between the midnight after t and now.
func passed(t, now time.Time, days int32) bool {
	y, m, d := t.UTC().Date()
	return !now.Before(time.Date(y, m, d+1+int(days), 0, 0, 0, 0, time.UTC))
}

func (n naive) current(o Subject, made, now time.Time, alone bool) bool {
	for i := range n.rules {
		r := &n.rules[i]
		if e := r.Expiration; e != nil && n.applies(r, o) && (!o.Marker || alone) {
			if e.Days != nil && passed(made, now, *e.Days) || e.Date != nil && !now.Before(*e.Date) ||
				o.Marker && e.ExpiredObjectDeleteMarker != nil && *e.ExpiredObjectDeleteMarker {
				return true
			}
		}
	}
	return false
}

func (n naive) noncurrent(o Subject, since, now time.Time, newer int) bool {
	for i := range n.rules {
		r := &n.rules[i]
		if e := r.Noncurrent; e != nil && n.applies(r, o) && passed(since, now, *e.Days) && (e.Newer == nil || newer >= int(*e.Newer)) {
			return true
		}
	}
	return false
}

func (n naive) upload(key string, begun, now time.Time) bool {
	for i := range n.rules {
		r := &n.rules[i]
		if r.AbortUploadsAfter != nil && n.applies(r, Subject{Key: key}) && passed(begun, now, *r.AbortUploadsAfter) {
			return true
		}
	}
	return false
}

var someKeys = [...]string{"", "a", "a/", "a/b", "ab", "b", "b/c/d", "logs/1", "logs/2"}

func someRule(r *rand.Rand, id int) LifecycleRule {
	some := func(n int) bool { return r.IntN(n) == 0 }
	days := func() *int32 { return ptr(int32(1 + r.IntN(4))) }
	u := LifecycleRule{ID: fmt.Sprint("rule", id), Status: LifecycleEnabled, Filter: &LifecycleFilter{}}
	if some(5) {
		u.Status = LifecycleDisabled
	}
	prefix := ptr(someKeys[r.IntN(len(someKeys))])
	tag := Tag{string(rune('k' + r.IntN(2))), string(rune('v' + r.IntN(2)))}
	greater, less := int64(r.IntN(5)), int64(6+r.IntN(5))
	switch r.IntN(7) {
	case 0:
		u.Filter.Prefix = prefix
	case 1:
		u.Filter.Tag = &tag
	case 2:
		u.Filter.SizeGreater = &greater
	case 3:
		u.Filter.SizeLess = &less
	case 4:
		u.Filter.And = &LifecycleAnd{Prefix: prefix, Tags: []Tag{tag}}
	case 5:
		u.Filter.And = &LifecycleAnd{SizeGreater: &greater, SizeLess: &less}
	}
	switch r.IntN(4) {
	case 0:
		u.Expiration = &LifecycleExpiration{Days: days()}
	case 1:
		u.Expiration = &LifecycleExpiration{Date: ptr(time.Date(2026, 3, 1+r.IntN(9), 0, 0, 0, 0, time.UTC))}
	case 2:
		u.Expiration = &LifecycleExpiration{ExpiredObjectDeleteMarker: ptr(!some(4))}
	}
	if some(2) {
		u.Noncurrent = &NoncurrentExpiration{Days: days()}
		if some(2) {
			u.Noncurrent.Newer = ptr(int32(1 + r.IntN(3)))
		}
	}
	if some(3) {
		u.AbortUploadsAfter = days()
	}
	return u
}

// TestJudgeAgainstNaive compares random verdicts of random rules.
func TestJudgeAgainstNaive(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	yes := map[string]int{}
	for range 4000 {
		var l Lifecycle
		for i := range 1 + r.IntN(4) {
			for {
				u := someRule(r, i)
				if CheckLifecycle(Lifecycle{Rules: []LifecycleRule{u}}) == nil {
					l.Rules = append(l.Rules, u)
					break
				}
			}
		}
		j, n := l.Judge(24*time.Hour), naive{l.Rules}
		for range 20 {
			o := Subject{Key: someKeys[r.IntN(len(someKeys))], Size: int64(r.IntN(12)), Marker: r.IntN(4) == 0}
			if r.IntN(2) == 0 {
				o.Tags = map[string]string{"k": "v", "l": "w"}
			}
			at := time.Date(2026, 3, 1+r.IntN(5), r.IntN(24), r.IntN(60), 0, r.IntN(2), time.UTC)
			now := at.Add(time.Duration(r.IntN(7*24*60)) * time.Minute)
			if r.IntN(3) == 0 {
				now = now.Truncate(24 * time.Hour)
			}
			if now.Before(at) {
				now = at
			}
			alone, newer := r.IntN(2) == 0, r.IntN(4)
			for what, c := range map[string]struct {
				due  Due
				ok   bool
				want bool
			}{
				"current":    verdict(j.Current(o, at, alone))(n.current(o, at, now, alone)),
				"noncurrent": verdict(j.Noncurrent(o, at, newer))(n.noncurrent(o, at, now, newer)),
				"upload":     verdict(j.Upload(o.Key, at))(n.upload(o.Key, at, now)),
			} {
				if got := c.ok && !now.Before(c.due.At); got != c.want {
					t.Fatalf("%s of %+v, made %v, alone %v, newer %d, at %v: judged %v (%+v), should be %v by %+v", what, o, at, alone, newer, now, got, c.due, c.want, l)
				}
				if c.want {
					yes[what]++
				}
				if what != "upload" && c.ok && !below(o.Key, j.Prefixes()) || what == "upload" && c.ok && !below(o.Key, j.UploadPrefixes()) {
					t.Fatalf("%q ends and is below none of %q, %q", o.Key, j.Prefixes(), j.UploadPrefixes())
				}
			}
		}
	}
	for _, what := range []string{"current", "noncurrent", "upload"} {
		if yes[what] < 1000 {
			t.Errorf("only %d of the kind %s ended", yes[what], what)
		}
	}
}

func verdict(due Due, ok bool) func(want bool) struct {
	due  Due
	ok   bool
	want bool
} {
	return func(want bool) struct {
		due  Due
		ok   bool
		want bool
	} {
		return struct {
			due  Due
			ok   bool
			want bool
		}{due, ok, want}
	}
}

func below(key string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

func TestLifecyclePrefixesCoverEachOther(t *testing.T) {
	var l Lifecycle
	for i, p := range []string{"b", "a/x", "a/", "c", "a/y", "cc"} {
		l.Rules = append(l.Rules, rule(func(r *LifecycleRule) { r.ID, r.Filter.Prefix = fmt.Sprint(i), &p }).Rules...)
	}
	if got, want := l.Judge(time.Hour).Prefixes(), []string{"a/", "b", "c"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
