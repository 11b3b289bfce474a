package store_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"pail/store"
	"pail/versioning"
)

const timeBucket = "times"

// TestRenameKeepsTimes renames what came over S3, without attributes: as a file and with
// its directory, in a version of its own. Its mtime is that of its publish then as ever.
func TestRenameKeepsTimes(t *testing.T) {
	for _, many := range []int{1, 2000} { // with the rename, and behind it
		for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
			t.Run(fmt.Sprint(many, " ", state), func(t *testing.T) {
				r := newRig(t, store.Options{})
				r.bucket(timeBucket, state)
				r.put(timeBucket, "d/f", "body")
				r.fill(timeBucket, "d/x", many-1)
				before := r.entry("d/", "f").Attr
				r.rename("d/f", "d/g")
				after := r.entry("d/", "g").Attr
				if !after.Mtime.Equal(before.Mtime) || !after.Ctime.After(before.Ctime) || !after.Unowned {
					t.Fatalf("%+v\nbecame %+v", before, after)
				}
				r.put(timeBucket, "d/f", "body")
				before = r.entry("d/", "f").Attr
				r.rename("d/", "e/")
				if got := r.entry("e/", "f").Attr; got != before {
					t.Fatalf("%+v\nbecame at once %+v", before, got)
				}
				r.eventually("the move is done", func() bool { return r.s.Status().Moves == 0 })
				if got := r.entry("e/", "f").Attr; got != before {
					t.Fatalf("%+v\nbecame in the end %+v", before, got)
				}
				r.checkFsck()
			})
		}
	}
}

func (r *rig) entry(dir, name string) store.Object {
	r.Helper()
	e, err := r.se.Lookup(r.ctx, timeBucket, dir, name)
	r.ok(err)
	if e.Object == nil {
		r.Fatalf("%s%s is no object", dir, name)
	}
	return *e.Object
}

func (r *rig) rename(from, to string) {
	r.Helper()
	r.ok(r.se.Rename(r.ctx, store.Path{Bucket: timeBucket, Key: from}, store.Path{Bucket: timeBucket, Key: to}, store.RenameFlags{}))
}

// TestOpenFileHasTheTimesOfItsName: a rename changes the ctime of an open file too, be
// it read, written or new, and what it is published with.
func TestOpenFileHasTheTimesOfItsName(t *testing.T) {
	for _, how := range []string{"read", "written", "new"} {
		t.Run(how, func(t *testing.T) {
			r := newRig(t, store.Options{})
			r.bucket(timeBucket, versioning.Enabled)
			if how != "new" {
				r.put(timeBucket, "f", "body")
			}
			f := r.file(timeBucket, "f", store.OpenFlags{Write: how != "read", Create: how == "new"})
			if how != "read" {
				r.write(f, 0, "changed")
			}
			before := f.Object().Attr.Ctime
			r.rename("f", "g")
			during := f.Object().Attr
			if !during.Ctime.After(before) {
				t.Fatal("the open file still has the ctime from before")
			}
			if got := r.entry("", "g").Attr; got != during {
				t.Fatalf("the name has %+v\nand the handle %+v", got, during)
			}
			r.ok(f.Close(r.ctx))
			if got := r.entry("", "g").Attr; got != during {
				t.Fatalf("closed it has %+v\nand had %+v", got, during)
			}
		})
	}
}

// TestTruncatingNothing: opening an empty file with O_TRUNC makes no version but changes
// its times, and for good.
func TestTruncatingNothing(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(timeBucket, versioning.Enabled)
	r.save(timeBucket, "f", "")
	old := time.Unix(1e9, 0)
	_, err := r.se.SetAttr(r.ctx, timeBucket, "f", store.AttrChange{Mtime: &old})
	r.ok(err)
	f := r.file(timeBucket, "f", store.OpenFlags{Write: true, Truncate: true})
	during := f.Object().Attr
	r.ok(f.Close(r.ctx))
	if got := r.entry("", "f").Attr; got != during || !got.Mtime.After(old) {
		t.Fatalf("it had %+v\nand has %+v", during, got)
	}
	vs, err := r.se.Versions(r.ctx, timeBucket, "f")
	r.ok(err)
	if len(vs) != 1 {
		t.Fatalf("%d versions", len(vs))
	}
}

// TestAttributesOfFilesBeingOpened changes attributes while others open the file: those
// who have it open then see what is recorded.
func TestAttributesOfFilesBeingOpened(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(timeBucket, versioning.Unversioned)
	r.put(timeBucket, "f", "body")
	for round := range 1000 {
		var g errgroup.Group
		files := make([]*store.File, 3)
		start := make(chan struct{})
		for i := range files {
			g.Go(func() (err error) {
				<-start
				files[i], err = r.se.OpenFile(r.ctx, timeBucket, "f", store.OpenFlags{Write: i == 0})
				return err
			})
		}
		mode := uint32(0o600 + round%64)
		g.Go(func() error {
			<-start
			_, err := r.se.SetAttr(r.ctx, timeBucket, "f", store.AttrChange{Mode: &mode})
			return err
		})
		close(start)
		r.ok(g.Wait())
		want, err := r.se.Head(r.ctx, timeBucket, "f", "")
		r.ok(err)
		for _, f := range files {
			if got := f.Object().Attr; got != want.Attr {
				t.Fatalf("round %d: the file has %+v\nrecorded is %+v", round, got, want.Attr)
			}
			r.ok(f.Close(r.ctx))
		}
		if want.Attr.Mode&0o7777 != mode {
			t.Fatalf("mode %o, want %o", want.Attr.Mode, mode)
		}
	}
}

// TestModeAloneGivesNobody sets only the mode of what came over S3: it has no owner then
// as before, so that each mount can say whose it is, and its mode from then on.
func TestModeAloneGivesNobody(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(timeBucket, versioning.Unversioned)
	r.put(timeBucket, "d/f", "body")
	mode, id := uint32(0o604), uint32(7)
	change := func(key string, c store.AttrChange) store.Attr {
		got, err := r.se.SetAttr(r.ctx, timeBucket, key, c)
		r.ok(err)
		return got
	}
	for _, key := range []string{"d/f", "d/"} {
		if got := change(key, store.AttrChange{Mtime: new(time.Time)}); !got.Unowned || !got.Modeless {
			t.Errorf("%s before: %+v", key, got)
		}
		change(key, store.AttrChange{Mode: &mode})
		r.reopen()
		if got := change(key, store.AttrChange{Mtime: new(time.Time)}); !got.Unowned || got.Modeless || got.Mode&0o7777 != mode {
			t.Errorf("%s with a mode: %+v", key, got)
		}
		got := change(key, store.AttrChange{UID: &id, GID: &id})
		if got.Unowned || got.Modeless || got.Mode&0o7777 != mode || got.UID != id || got.GID != id {
			t.Errorf("%s with an owner: %+v", key, got)
		}
	}
}

// TestTimesFarAway sets times that records cannot hold: the nearest is kept, as disks do.
func TestTimesFarAway(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket(timeBucket, versioning.Unversioned)
	r.put(timeBucket, "f", "body")
	r.put(timeBucket, "d/", "")
	first, last := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)
	for _, c := range []struct{ set, want time.Time }{
		{time.Unix(1<<34, 1), last}, {last.Add(1), last}, {last, last}, {last.Add(-1), last.Add(-1)}, {time.Unix(-1, 5), time.Unix(-1, 5)},
		{first, first}, {first.Add(-1), first}, {time.Unix(-1<<40, 0), first},
	} {
		for _, key := range []string{"f", "d/"} {
			got, err := r.se.SetAttr(r.ctx, timeBucket, key, store.AttrChange{Atime: &c.set, Mtime: &c.set})
			r.ok(err)
			if !got.Mtime.Equal(c.want) || !got.Atime.Equal(c.want) {
				t.Errorf("%s: %v became %v and %v", key, c.set, got.Atime, got.Mtime)
			}
		}
	}
}
