package store

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pail/integration/trial"
	"pail/versioning"
)

func p[T any](v T) *T { return &v }

// A testClock is a clock that stands still until it is moved.
type testClock struct{ ns atomic.Int64 }

func newTestClock() *testClock {
	c := new(testClock)
	c.ns.Store(time.Date(2026, 1, 1, 10, 30, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *testClock) now() time.Time       { return time.Unix(0, c.ns.Load()) }
func (c *testClock) pass(d time.Duration) { c.ns.Add(int64(d)) }

const day = 24 * time.Hour

func setLifecycle(t *testing.T, se *Session, bucket string, rules ...versioning.LifecycleRule) {
	t.Helper()
	if err := se.SetLifecycle(context.Background(), bucket, versioning.Lifecycle{Rules: rules}); err != nil {
		t.Fatal(err)
	}
}

func lifecycleRule(filter versioning.LifecycleFilter, change func(*versioning.LifecycleRule)) versioning.LifecycleRule {
	r := versioning.LifecycleRule{Status: versioning.LifecycleEnabled, Filter: &filter}
	change(&r)
	return r
}

func runLifecycles(t *testing.T, s *Store) LifecycleStatus {
	t.Helper()
	st, err := s.RunLifecycles(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// history is what there is of a bucket: KEY:VERSION and whether it is current and a marker.
func history(t *testing.T, se *Session, bucket string) (out []string) {
	t.Helper()
	in := ListVersionsInput{}
	for {
		page, err := se.ListVersions(context.Background(), bucket, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			s := fmt.Sprint(v.Key, " ", v.Number)
			if v.Latest {
				s += " current"
			}
			if v.DeleteMarker {
				s += " marker"
			}
			out = append(out, s)
		}
		if !page.Truncated {
			return out
		}
		in.KeyMarker, in.VersionMarker = page.NextKey, page.NextVersion
	}
}

func wantHistory(t *testing.T, se *Session, bucket string, want ...string) {
	t.Helper()
	if got := history(t, se, bucket); !slices.Equal(got, want) {
		t.Errorf("%s has\n%q, want\n%q", bucket, got, want)
	}
}

func TestLifecycleByState(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	s, se := openTest(t, Options{Now: clock.now})
	for name, state := range map[string]versioning.State{"plain": versioning.Unversioned, "kept": versioning.Enabled, "halted": versioning.Enabled} {
		mustBucket(t, se, name, state)
		put(t, se, name, "logs/a", "one")
		if name == "halted" {
			if err := se.SetVersioning(ctx, name, versioning.Suspended); err != nil {
				t.Fatal(err)
			}
		}
		put(t, se, name, "logs/a", "two")
		put(t, se, name, "other", "x")
		setLifecycle(t, se, name, lifecycleRule(versioning.LifecycleFilter{Prefix: p("logs/")}, func(r *versioning.LifecycleRule) {
			r.Expiration = &versioning.LifecycleExpiration{Days: p(int32(2))}
		}))
	}
	clock.pass(2*day + 13*time.Hour) // 23:30 of the third day
	if st := runLifecycles(t, s); st.Deleted != 0 || st.Marked != 0 {
		t.Fatalf("before it is due: %+v", st)
	}
	clock.pass(30 * time.Minute)
	st := runLifecycles(t, s)
	if st.Deleted != 1 || st.Marked != 2 || !st.Ended.Equal(clock.now()) || !st.Started.IsZero() {
		t.Errorf("%+v", st)
	}
	wantHistory(t, se, "plain", "other 1 current")
	wantHistory(t, se, "kept", "logs/a 3 current marker", "logs/a 2", "logs/a 1", "other 1 current")
	wantHistory(t, se, "halted", "logs/a 3 current marker", "logs/a 1", "other 1 current")
	if _, err := se.StatDir(ctx, "plain", "logs/"); err == nil {
		t.Error("the implied directory of what has ended is still there")
	}
	vs, err := se.Versions(ctx, "kept", "logs/a")
	if err != nil || vs[0].Principal != "s3.amazonaws.com" {
		t.Errorf("%+v, %v", vs, err)
	}
	fsckClean(t, s, true)
}

func TestLifecycleNoncurrent(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	s, se := openTest(t, Options{Now: clock.now})
	mustBucket(t, se, "bkt", versioning.Enabled)
	for _, key := range []string{"all/a", "keep/a"} {
		for i := range 4 {
			put(t, se, "bkt", key, fmt.Sprint(i))
			clock.pass(time.Hour)
		}
		if _, err := se.Delete(ctx, "bkt", key, DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		put(t, se, "bkt", key, "new")
	}
	rule := func(prefix string, newer *int32) versioning.LifecycleRule {
		return lifecycleRule(versioning.LifecycleFilter{Prefix: &prefix}, func(r *versioning.LifecycleRule) {
			r.Noncurrent = &versioning.NoncurrentExpiration{Days: p(int32(1)), Newer: newer}
		})
	}
	setLifecycle(t, se, "bkt", rule("all/", nil), rule("keep/", p(int32(2))))
	clock.pass(2 * day)
	if st := runLifecycles(t, s); st.Deleted != 7 || st.Marked != 0 {
		t.Errorf("%+v", st)
	}
	// Two versions besides the marker between them and the current one.
	wantHistory(t, se, "bkt", "all/a 6 current", "keep/a 6 current", "keep/a 5 marker", "keep/a 4", "keep/a 3")
	fsckClean(t, s, true)
}

func TestLifecycleMarkersUploadsAndDisabledRules(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	s, se := openTest(t, Options{Now: clock.now})
	mustBucket(t, se, "bkt", versioning.Enabled)
	for _, key := range []string{"alone", "covering"} {
		put(t, se, "bkt", key, "x")
		if _, err := se.Delete(ctx, "bkt", key, DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := se.Delete(ctx, "bkt", "alone", DeleteOptions{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	var uploads []string
	for _, key := range []string{"tmp/u", "tmp/u", "u"} {
		id, err := se.CreateUpload(ctx, "bkt", key, PutInput{})
		if err != nil {
			t.Fatal(err)
		}
		uploads = append(uploads, id)
	}
	put(t, se, "bkt", "stays", "x")
	setLifecycle(t, se, "bkt",
		lifecycleRule(versioning.LifecycleFilter{}, func(r *versioning.LifecycleRule) {
			r.Expiration = &versioning.LifecycleExpiration{ExpiredObjectDeleteMarker: p(true)}
		}),
		lifecycleRule(versioning.LifecycleFilter{Prefix: p("tmp/")}, func(r *versioning.LifecycleRule) { r.AbortUploadsAfter = p(int32(3)) }),
		lifecycleRule(versioning.LifecycleFilter{}, func(r *versioning.LifecycleRule) {
			r.Status, r.Expiration = versioning.LifecycleDisabled, &versioning.LifecycleExpiration{Days: p(int32(1))}
		}))
	if st := runLifecycles(t, s); st.Deleted != 1 {
		t.Errorf("%+v", st)
	}
	wantHistory(t, se, "bkt", "covering 2 current marker", "covering 1", "stays 1 current")
	clock.pass(4 * day)
	if st := runLifecycles(t, s); st.Deleted != 2 {
		t.Errorf("%+v", st)
	}
	page, err := se.ListUploads(ctx, "bkt", ListUploadsInput{})
	if err != nil || len(page.Uploads) != 1 || page.Uploads[0].ID != uploads[2] {
		t.Errorf("%+v, %v", page, err)
	}
	wantHistory(t, se, "bkt", "covering 2 current marker", "covering 1", "stays 1 current")
	fsckClean(t, s, true)
}

// A lifeVersion is a version as the model of TestLifecycleModel has it.
type lifeVersion struct {
	o     Object
	since time.Time // when it ceased to be current; of the current one: nothing
}

// TestLifecycleModel compares what passes leave with what a model says that they must, which
// knows only listings and rules: random histories under random rules, over days.
func TestLifecycleModel(t *testing.T) {
	ctx := context.Background()
	seed := trial.Seed(t)
	r := rand.New(rand.NewPCG(seed, 4))
	clock := newTestClock()
	s, se := openTest(t, Options{Now: clock.now, MemTableSize: 4 << 20})
	states := map[string]versioning.State{"plain": versioning.Unversioned, "kept": versioning.Enabled, "halted": versioning.Suspended}
	for name := range states {
		mustBucket(t, se, name, versioning.Unversioned)
	}
	keys := []string{"a", "a/b", "a/c/d", "b", "b/", "logs/1", "logs/2"}
	deleted, marked := int64(0), int64(0)
	for round := range 60 {
		for range 25 {
			name := []string{"plain", "kept", "halted"}[r.IntN(3)]
			key := keys[r.IntN(len(keys))]
			if round > 3 && states[name] != versioning.Unversioned {
				state := states[name]
				if r.IntN(10) == 0 {
					state = versioning.Enabled
				}
				if err := se.SetVersioning(ctx, name, state); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			switch r.IntN(5) {
			case 0:
				_, err = se.Delete(ctx, name, key, DeleteOptions{})
			case 1:
				if vs, e := se.Versions(ctx, name, key); e == nil {
					_, err = se.Delete(ctx, name, key, DeleteOptions{Version: vs[r.IntN(len(vs))].VersionID})
				}
			default:
				in := PutInput{Body: &zeros{r.IntN(12)}, Size: -1}
				if r.IntN(2) == 0 {
					in.Tags = map[string]string{"k": string(rune('v' + r.IntN(2)))}
				}
				_, err = se.Put(ctx, name, key, in)
			}
			if err != nil {
				t.Fatal(err)
			}
			clock.pass(time.Duration(r.IntN(3*3600)) * time.Second)
		}
		want := map[string][]string{}
		for name := range states {
			var rules []versioning.LifecycleRule
			for range 1 + r.IntN(3) {
				rules = append(rules, someRule(r, keys))
			}
			setLifecycle(t, se, name, rules...)
			l, err := se.Lifecycle(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			state, err := se.Versioning(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range keys {
				vs, d, m := afterLifecycle(t, se, name, key, state, l.Judge(day), clock.now())
				want[name] = append(want[name], vs...)
				deleted, marked = deleted+d, marked+m
			}
		}
		st := runLifecycles(t, s)
		for name := range states {
			var got []string
			for _, key := range keys {
				vs, _ := se.Versions(ctx, name, key)
				for i, v := range vs {
					got = append(got, lifeName(v, i == 0 && v.Principal == lifecyclePrincipal && v.Modified.Equal(clock.now())))
				}
			}
			if !slices.Equal(got, want[name]) {
				l, _ := se.Lifecycle(ctx, name)
				t.Fatalf("seed %d, round %d, %s, %+v:\ngot  %q\nwant %q\n%+v", seed, round, name, st, got, want[name], l)
			}
		}
	}
	if deleted < 50 || marked < 10 { // what a seed brings varies
		t.Errorf("only %d ended and %d were marked", deleted, marked)
	}
	fsckClean(t, s, true)
}

type zeros struct{ n int }

func (z *zeros) Read(p []byte) (int, error) {
	n := min(len(p), z.n)
	z.n -= n
	if n == 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	return n, nil
}

func someRule(r *rand.Rand, keys []string) versioning.LifecycleRule {
	days := func() *int32 { return p(int32(1 + r.IntN(3))) }
	for {
		u := lifecycleRule(versioning.LifecycleFilter{}, func(u *versioning.LifecycleRule) {
			switch r.IntN(5) {
			case 0:
				u.Filter.Prefix = p(keys[r.IntN(len(keys))])
			case 1:
				u.Filter.Tag = &versioning.Tag{Key: "k", Value: "v"}
			case 2:
				u.Filter.SizeGreater = p(int64(r.IntN(8)))
			}
			switch r.IntN(5) {
			case 0, 1:
				u.Expiration = &versioning.LifecycleExpiration{Days: days()}
			case 2:
				u.Expiration = &versioning.LifecycleExpiration{ExpiredObjectDeleteMarker: p(true)}
			}
			if r.IntN(2) == 0 {
				u.Noncurrent = &versioning.NoncurrentExpiration{Days: days()}
				if r.IntN(2) == 0 {
					u.Noncurrent.Newer = p(int32(1 + r.IntN(2)))
				}
			}
		})
		if versioning.CheckLifecycle(versioning.Lifecycle{Rules: []versioning.LifecycleRule{u}}) == nil {
			return u
		}
	}
}

func lifeName(o Object, made bool) string {
	if made {
		return o.Key + " marker of now"
	}
	return o.Key + " " + o.VersionID + " " + o.ETag
}

// afterLifecycle is what a pass must leave of a key.
func afterLifecycle(t *testing.T, se *Session, bucket, key string, state versioning.State, j *versioning.Judge, now time.Time) (left []string, deleted, marked int64) {
	t.Helper()
	vs, err := se.Versions(context.Background(), bucket, key)
	if err != nil {
		return nil, 0, 0
	}
	sub := func(o Object) versioning.Subject {
		return versioning.Subject{Key: o.Key, Size: o.Size, Tags: o.Tags, Marker: o.DeleteMarker}
	}
	newer := 0
	var old []Object
	for i, v := range vs[1:] {
		due, ok := j.Noncurrent(sub(v), vs[i].Modified, newer)
		if !v.DeleteMarker {
			newer++
		}
		if ok && !now.Before(due.At) {
			deleted++
			continue
		}
		old = append(old, v)
	}
	top := vs[0]
	due, ok := j.Current(sub(top), top.Modified, len(vs) == 1)
	switch ends := ok && !now.Before(due.At); {
	case !ends:
		old = append([]Object{top}, old...)
	case top.DeleteMarker, state == versioning.Unversioned:
		deleted++
	default:
		marked++
		left = append(left, key+" marker of now")
		old = append([]Object{top}, old...)
		if state == versioning.Suspended {
			old = slices.DeleteFunc(old, func(o Object) bool { return o.VersionID == NullVersion })
		}
	}
	for _, o := range old {
		left = append(left, lifeName(o, false))
	}
	return left, deleted, marked
}

// TestLifecycleGoesOnWhereItWasCut cuts passes short, by the end of the store too, until all
// is done, and counts that nothing was done twice or passed over.
func TestLifecycleGoesOnWhereItWasCut(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	o := Options{Now: clock.now, Dir: t.TempDir() + "/store"}
	s, se := openTest(t, o)
	const keys = 450
	for _, name := range []string{"one", "two"} {
		mustBucket(t, se, name, versioning.Unversioned)
		for i := range keys {
			put(t, se, name, fmt.Sprintf("k%04d", i), "x")
		}
		setLifecycle(t, se, name, lifecycleRule(versioning.LifecycleFilter{Prefix: p("k")}, func(r *versioning.LifecycleRule) {
			r.Expiration = &versioning.LifecycleExpiration{Days: p(int32(1))}
		}))
	}
	clock.pass(3 * day)
	began := clock.now()
	cuts := 0
	for {
		cut, cancel := context.WithCancel(ctx)
		n := 0
		stop := s.Watch(func(c Change) {
			if c.Kind == ObjectDeleted {
				if n++; n == 150 {
					cancel()
				}
			}
		})
		st, err := s.RunLifecycles(cut)
		stop()
		cancel()
		if err == nil {
			if st.Deleted != 2*keys {
				t.Errorf("%d were ended in all, want %d", st.Deleted, 2*keys)
			}
			break
		}
		if cuts++; cuts > 20 {
			t.Fatal("it never ends")
		}
		if st.Started.IsZero() || !st.Started.Equal(began) {
			t.Fatalf("cut short it says %+v", st)
		}
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		s, se = openTest(t, o)
		if got := s.Status().Lifecycle.Started; !got.Equal(began) {
			t.Fatalf("after the restart the pass began at %v", got)
		}
	}
	if cuts < 3 {
		t.Errorf("it was cut short %d times", cuts)
	}
	wantHistory(t, se, "one")
	wantHistory(t, se, "two")
	fsckClean(t, s, true)
}

// TestLifecycleLeavesAloneWhatHasChanged changes keys between the verdict and the deed.
func TestLifecycleLeavesAloneWhatHasChanged(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	s, se := openTest(t, Options{Now: clock.now})
	mustBucket(t, se, "bkt", versioning.Enabled)
	tagged := lifecycleRule(versioning.LifecycleFilter{Tag: &versioning.Tag{Key: "end", Value: "yes"}}, func(r *versioning.LifecycleRule) {
		r.Expiration = &versioning.LifecycleExpiration{Days: p(int32(1))}
		r.Noncurrent = &versioning.NoncurrentExpiration{Days: p(int32(1))}
	})
	setLifecycle(t, se, "bkt", tagged)
	yes := map[string]string{"end": "yes"}
	for _, key := range []string{"new", "gone", "retagged", "same", "undeleted"} {
		for range 2 {
			if _, err := se.Put(ctx, "bkt", key, PutInput{Body: &zeros{1}, Size: 1, Tags: yes}); err != nil {
				t.Fatal(err)
			}
		}
	}
	clock.pass(3 * day)
	r := &expiryRun{e: s.expirer, gait: newGait(0, false), saved: time.Now()}
	var bucket uint64
	judged := func() {
		t.Helper()
		r.deeds = nil
		err := s.view(func(sn *snap) error {
			b, err := sn.bucket("bkt")
			if err != nil {
				return err
			}
			bucket = b.Id
			l, err := s.lifecycle(b.Id)
			if err != nil {
				return err
			}
			_, _, err = r.look(ctx, sn, b, "", "", l.judge)
			return err
		})
		if err != nil || len(r.deeds) != 10 {
			t.Fatalf("%d deeds, %v", len(r.deeds), err)
		}
	}
	judged()
	put(t, se, "bkt", "new", "newer")
	if _, err := se.Delete(ctx, "bkt", "gone", DeleteOptions{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"1", "2"} {
		if err := se.SetTags(ctx, "bkt", "retagged", ref, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := se.Delete(ctx, "bkt", "undeleted", DeleteOptions{Version: "2"}); err != nil {
		t.Fatal(err)
	}
	if err := r.doAll(ctx, bucket); err != nil {
		t.Fatal(err)
	}
	wantHistory(t, se, "bkt", "gone 2 current", "new 3 current", "new 2", "new 1", "retagged 2 current", "retagged 1",
		"same 3 current marker", "same 2", "undeleted 1 current")

	// And nothing without the rule by which it was judged.
	s2, se2 := openTest(t, Options{Now: clock.now})
	s, se, r.e = s2, se2, s2.expirer
	mustBucket(t, se, "bkt", versioning.Enabled)
	setLifecycle(t, se, "bkt", tagged)
	for i := range 10 {
		if _, err := se.Put(ctx, "bkt", fmt.Sprint(i), PutInput{Body: &zeros{1}, Size: 1, Tags: yes}); err != nil {
			t.Fatal(err)
		}
	}
	clock.pass(3 * day)
	judged()
	if err := se.DeleteLifecycle(ctx, "bkt"); err != nil {
		t.Fatal(err)
	}
	if err := r.doAll(ctx, bucket); err != nil {
		t.Fatal(err)
	}
	if got := history(t, se, "bkt"); len(got) != 10 {
		t.Errorf("without a rule there is left: %q", got)
	}
}

// TestLifecyclesByThemselves has passes begin by themselves: on days of a few milliseconds,
// and on days that are over before a pass is.
func TestLifecyclesByThemselves(t *testing.T) {
	for _, day := range []time.Duration{20 * time.Millisecond, time.Microsecond} {
		t.Run(day.String(), func(t *testing.T) { lifecyclesByThemselves(t, day) })
	}
}

func lifecyclesByThemselves(t *testing.T, day time.Duration) {
	s, se := openTest(t, Options{LifecycleDay: day})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	setLifecycle(t, se, "bkt", lifecycleRule(versioning.LifecycleFilter{}, func(r *versioning.LifecycleRule) {
		r.Expiration = &versioning.LifecycleExpiration{Days: p(int32(1))}
	}))
	s.SetLifecycles(true)
	for range 3 {
		put(t, se, "bkt", "k", "x")
		for end := time.Now().Add(30 * time.Second); len(history(t, se, "bkt")) > 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("nothing ended by itself: %+v", s.Status().Lifecycle)
			}
		}
	}
	s.SetLifecycles(false)
	if s.Status().Lifecycle.Daily {
		t.Error("it goes on")
	}
}

// TestLifecycleOfALongHistory: one key of more versions than one update ends.
func TestLifecycleOfALongHistory(t *testing.T) {
	clock := newTestClock()
	s, se := openTest(t, Options{Now: clock.now})
	mustBucket(t, se, "bkt", versioning.Enabled)
	for range 3*deedsPerUpdate + 7 {
		put(t, se, "bkt", "k", "x")
	}
	setLifecycle(t, se, "bkt", lifecycleRule(versioning.LifecycleFilter{}, func(r *versioning.LifecycleRule) {
		r.Noncurrent = &versioning.NoncurrentExpiration{Days: p(int32(1)), Newer: p(int32(5))}
	}))
	clock.pass(3 * day)
	if st := runLifecycles(t, s); st.Deleted != 3*deedsPerUpdate+1 {
		t.Errorf("%+v", st)
	}
	if got := history(t, se, "bkt"); len(got) != 6 {
		t.Errorf("%q", got)
	}
	fsckClean(t, s, true)
}
