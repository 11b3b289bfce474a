package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// TestLogAgainstVersions does random operations and compares the log, whole and in parts,
// in one pass and in many, with a list of all versions.
func TestLogAgainstVersions(t *testing.T) {
	for _, moving := range []bool{false, true} {
		t.Run(fmt.Sprintf("moving %v", moving), func(t *testing.T) {
			r := newPastRun(t, versioning.Enabled, moving)
			ops := []func(){
				r.put, r.put, r.save, r.save, r.mkdir, r.unlink, r.remove, r.renameFile, r.renameDir, r.renameDir, r.exchange, r.rmdir, r.forget,
			}
			for range 150 {
				r.clock.move(time.Duration(1+r.rng.IntN(100_000)) * time.Millisecond)
				ops[r.rng.IntN(len(ops))]()
				r.look()
			}
			for range 60 {
				r.checkLog()
			}
		})
	}
}

func (r *pastRun) checkLog() {
	r.Helper()
	in := store.LogInput{Limit: r.rng.IntN(3) * r.rng.IntN(100), Prefix: []string{"", "a", "a/", "d/", "none"}[r.rng.IntN(5)]}
	var err error
	if r.rng.IntN(2) == 0 {
		in.After, err = r.se.Moment(r.ctx, pastBucket, r.sights[r.rng.IntN(len(r.sights))].time.Format(time.RFC3339Nano))
		r.ok(err)
	}
	if r.rng.IntN(2) == 0 {
		in.Until, err = r.se.Moment(r.ctx, pastBucket, r.sights[r.rng.IntN(len(r.sights))].time.Format(time.RFC3339Nano))
		r.ok(err)
	}
	if r.rng.IntN(2) == 0 {
		store.LogInPasses(&in, 1+r.rng.IntN(2000))
	}
	var got []string
	r.ok(r.se.Log(r.ctx, pastBucket, in, func(e store.LogEntry) error {
		got = append(got, fmt.Sprint(e.Object.Seq, " ", e.Object.Key, " ", e.What == store.LogRenamed, e.What == store.LogDeleted))
		return nil
	}))
	want := r.versionsAsLog(in)
	if !slices.Equal(got, want) {
		r.Fatalf("log of %+v is\n%s\nwant\n%s", in, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// versionsAsLog makes a log of the list of versions.
func (r *pastRun) versionsAsLog(in store.LogInput) (out []string) {
	r.Helper()
	var versions []store.Object
	for list := (store.ListVersionsInput{}); ; {
		p, err := r.se.ListVersions(r.ctx, pastBucket, list)
		r.ok(err)
		versions = append(versions, p.Versions...)
		if list.KeyMarker, list.VersionMarker = p.NextKey, p.NextVersion; !p.Truncated {
			break
		}
	}
	made := map[string]bool{} // versions, by commit and key
	for _, o := range versions {
		made[fmt.Sprint(o.Seq, o.Key)] = !o.DeleteMarker
	}
	slices.SortFunc(versions, func(a, b store.Object) int {
		return cmp.Or(cmp.Compare(b.Seq, a.Seq), cmp.Compare(a.Key, b.Key))
	})
	for _, o := range versions {
		half := o.DeleteMarker && o.Renamed != "" && strings.HasPrefix(o.Renamed, in.Prefix) && made[fmt.Sprint(o.Seq, o.Renamed)]
		in := strings.HasPrefix(o.Key, in.Prefix) && o.Seq > in.After.Seq && (in.Until.Time.IsZero() || o.Seq <= in.Until.Seq) &&
			(in.Limit == 0 || len(out) < in.Limit)
		if in && !half {
			out = append(out, fmt.Sprint(o.Seq, " ", o.Key, " ", o.Renamed != "", o.DeleteMarker && o.Renamed == ""))
		}
	}
	return out
}

// TestLogTakesPasses holds no more than its budget.
func TestLogTakesPasses(t *testing.T) {
	r, _ := restoreRig(t, versioning.Enabled)
	for i := range 50 {
		r.put("bkt", fmt.Sprintf("key%02d", i), "")
	}
	var scanned int64
	in := store.LogInput{Scanned: func(keys int64) { scanned = keys }}
	store.LogInPasses(&in, 600) // some ten keys
	n := 0
	r.ok(r.se.Log(r.ctx, "bkt", in, func(store.LogEntry) error { n++; return nil }))
	if n != 50 || scanned < 4*50 || scanned > 8*50 {
		t.Errorf("%d keys in a log for which %d were looked at", n, scanned)
	}
}

// TestLogSaysWhatWasDone is about the kinds of change.
func TestLogSaysWhatWasDone(t *testing.T) {
	r, _ := restoreRig(t, versioning.Enabled)
	r.put("bkt", "a/f", "one")
	r.put("bkt", "a/f", "two")
	r.ok(r.se.ChangeDescription(r.ctx, store.Node{Bucket: "bkt", Key: "a/f"}, store.DescriptionChange{
		Metadata: store.TextChange{Set: map[string]string{"m": "1"}},
	}))
	r.ok(r.se.Rename(r.ctx, store.Path{Bucket: "bkt", Key: "a/f"}, store.Path{Bucket: "bkt", Key: "a/g"}, store.RenameFlags{}))
	r.ok(r.se.Unlink(r.ctx, "bkt", "a/g"))
	r.put("bkt", "a/g", "three")
	r.put("bkt", "b/h", "four")
	r.ok(r.se.Rename(r.ctx, store.Path{Bucket: "bkt", Key: "a/g"}, store.Path{Bucket: "bkt", Key: "b/g"}, store.RenameFlags{}))
	for prefix, want := range map[string]string{
		"": "renamed b/g a/g, created b/h , created a/g , created a/ , deleted a/g , renamed a/g a/f, described a/f , overwritten a/f , created a/f ",
		// What left for elsewhere is told where it was, and what came from there where it is.
		"a/": "renamed a/g b/g, created a/g , created a/ , deleted a/g , renamed a/g a/f, described a/f , overwritten a/f , created a/f ",
		"b/": "renamed b/g a/g, created b/h ",
	} {
		names := map[store.LogWhat]string{
			store.LogCreated: "created", store.LogOverwritten: "overwritten", store.LogDescribed: "described",
			store.LogRenamed: "renamed", store.LogDeleted: "deleted",
		}
		var got []string
		r.ok(r.se.Log(r.ctx, "bkt", store.LogInput{Prefix: prefix}, func(e store.LogEntry) error {
			got = append(got, names[e.What]+" "+e.Object.Key+" "+e.Object.Renamed)
			if e.Object.Door != store.DoorMount || e.Object.Principal != store.Owner().ARN {
				t.Errorf("%+v does not say who did it", e.Object)
			}
			return nil
		}))
		if strings.Join(got, ", ") != want {
			t.Errorf("log of %q: %s\nwant %s", prefix, strings.Join(got, ", "), want)
		}
	}
	if err := r.se.Log(r.ctx, "bkt", store.LogInput{Limit: -1}, nil); !fault.Is(err, fault.InvalidArgument) {
		t.Errorf("a limit below zero: %v", err)
	}
}

// TestFollowLog does random operations and demands that following tells what the log says
// afterwards.
func TestFollowLog(t *testing.T) {
	for _, moving := range []bool{false, true} {
		for _, prefix := range []string{"", "a/"} {
			t.Run(fmt.Sprintf("moving %v below %q", moving, prefix), func(t *testing.T) {
				r := newPastRun(t, versioning.Enabled, moving)
				for range 10 {
					r.put()
				}
				for i := range 5 {
					r.put1(fmt.Sprint(prefix, "first", i)) // hearing of them tells that following has begun
				}
				r.followed(prefix, 60)
			})
		}
	}
}

func (r *pastRun) followed(prefix string, steps int) {
	line := func(e store.LogEntry) string {
		return fmt.Sprintf("%06d %s %d %s", e.Object.Seq, e.Object.Key, e.What, e.Object.Renamed)
	}
	ctx, cancel := context.WithCancel(r.ctx)
	heard, end := make(chan string, 10_000), make(chan error, 1)
	go func() {
		end <- r.se.FollowLog(ctx, pastBucket, store.LogInput{Prefix: prefix, Limit: 3}, func(e store.LogEntry) error {
			heard <- line(e)
			return nil
		})
	}()
	last := func() (out []string) {
		r.ok(r.se.Log(r.ctx, pastBucket, store.LogInput{Prefix: prefix}, func(e store.LogEntry) error {
			out = append(out, line(e))
			return nil
		}))
		slices.Sort(out)
		return out
	}
	before := last()
	want := before[len(before)-3:]
	var got []string
	for range want {
		got = append(got, <-heard)
	}
	ops := []func(){r.put, r.save, r.mkdir, r.unlink, r.remove, r.renameFile, r.renameDir, r.renameDir, r.exchange, r.rmdir}
	for range steps {
		r.clock.move(time.Second)
		ops[r.rng.IntN(len(ops))]()
	}
	r.put1(prefix + "zzz") // the last of all
	for {
		l := <-heard
		got = append(got, l)
		if strings.Contains(l, "zzz") {
			break
		}
	}
	cancel()
	if err := <-end; !errors.Is(err, context.Canceled) {
		r.Errorf("it ended with %v", err)
	}
	slices.Sort(got)
	want = append(want[:3:3], last()[len(before):]...)
	if !slices.Equal(got, want) {
		r.Fatalf("followed\n%s\nwant\n%s\nafter\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), strings.Join(r.log, "\n"))
	}
}

// put1 puts a key that nothing else uses.
func (r *pastRun) put1(key string) { r.rig.put(pastBucket, key, "x") }
