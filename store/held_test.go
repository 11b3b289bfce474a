package store_test

import (
	"context"
	"errors"
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// TestDirectoriesOfNewFilesStay deletes the last key of directories over S3 while files
// are being made in them.
func TestDirectoriesOfNewFilesStay(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			r := newRig(t, store.Options{})
			r.bucket("bkt", state)
			hold := func(dir string) (*store.File, uint64) {
				r.put("bkt", dir+"key", "x")
				f := r.file("bkt", dir+"new", store.OpenFlags{Write: true, Create: true})
				r.write(f, 0, "text")
				d, err := r.se.StatDir(r.ctx, "bkt", dir)
				r.ok(err)
				_, err = r.se.Delete(r.ctx, "bkt", dir+"key", store.DeleteOptions{})
				r.ok(err)
				r.checkFsck()
				return f, d.Ino
			}
			same := func(dir string, ino uint64) {
				t.Helper()
				d, err := r.se.StatDir(r.ctx, "bkt", dir)
				r.ok(err)
				if d.Ino != ino {
					t.Fatalf("%s is another directory", dir)
				}
			}
			f, ino := hold("a/b/published/")
			same("a/b/published/", ino)
			r.ok(f.Close(r.ctx))
			same("a/b/published/", ino)
			if d, err := r.se.StatDir(r.ctx, "bkt", "a/b/published/"); err != nil || d.Explicit || d.Children != 1 {
				t.Fatalf("%+v %v", d, err)
			}
			f, ino = hold("a/b/unlinked/")
			r.ok(r.se.Unlink(r.ctx, "bkt", "a/b/unlinked/new"))
			same("a/b/unlinked/", ino) // as every directory whose last file is unlinked
			r.ok(f.Close(r.ctx))
			f, ino = hold("a/b/left/")
			r.ok(r.se.Rename(r.ctx, store.Path{Bucket: "bkt", Key: "a/b/left/new"}, store.Path{Bucket: "bkt", Key: "elsewhere"}, store.RenameFlags{}))
			same("a/b/left/", ino)
			r.ok(f.Close(r.ctx))
			r.put("bkt", "a/b/own/", "")
			f, ino = hold("a/b/own/")
			_, err := r.se.Delete(r.ctx, "bkt", "a/b/own/", store.DeleteOptions{})
			r.ok(err)
			same("a/b/own/", ino)
			_, err = r.se.Head(r.ctx, "bkt", "a/b/own/", "")
			r.kind(err, fault.NoSuchKey) // what S3 deleted is gone for S3
			r.checkFsck()
			r.ok(f.Close(r.ctx))
			r.checkFsck()
			// And without a new file it goes.
			_, err = r.se.Delete(r.ctx, "bkt", "a/b/own/new", store.DeleteOptions{})
			r.ok(err)
			_, err = r.se.StatDir(r.ctx, "bkt", "a/b/own/")
			r.kind(err, fault.NoSuchKey)
			r.checkFsck()
		})
	}
}

// TestHeldDirectoriesAndKill kills the process that held them: those in which nothing
// was published or fsynced go, wherever they were renamed to.
func TestHeldDirectoriesAndKill(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("bkt", versioning.Enabled)
	r.ok(r.s.Close(r.ctx))
	r.child("hold", r.opts.Dir)
	r.open()
	for dir, want := range map[string]fault.Kind{"a/lost/": fault.NoSuchKey, "a/synced/": fault.None, "moved/lost/": fault.NoSuchKey, "moved/": fault.NoSuchKey, "other/": fault.NoSuchKey, "again/": fault.NoSuchKey, "swapped/": fault.None} {
		_, err := r.se.StatDir(r.ctx, "bkt", dir)
		if fault.KindOf(err) != want {
			t.Errorf("%s: %v, want %v", dir, err, want)
		}
	}
	r.checkFsck()
}

func holdAndDie(args []string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Dir: args[0], MemTableSize: 4 << 20})
	if err != nil {
		return err
	}
	se := s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
	hold := func(dir string, sync bool) error {
		if _, err := se.Put(ctx, "bkt", dir+"key", input("x")); err != nil {
			return err
		}
		f, err := se.OpenFile(ctx, "bkt", dir+"new", store.OpenFlags{Write: true, Create: true})
		if err != nil {
			return err
		}
		if sync {
			if err := f.Sync(ctx); err != nil {
				return err
			}
		}
		_, err = se.Delete(ctx, "bkt", dir+"key", store.DeleteOptions{})
		return err
	}
	rename := func(from, to string, exchange bool) error {
		return se.Rename(ctx, store.Path{Bucket: "bkt", Key: from}, store.Path{Bucket: "bkt", Key: to}, store.RenameFlags{Exchange: exchange})
	}
	_, err = se.Put(ctx, "bkt", "other/x", input("x"))
	err = errors.Join(err, hold("a/lost/", false), hold("a/synced/", true), hold("b/lost/", false), rename("b/", "moved/", false),
		hold("swapped/", false), rename("swapped/", "other/", true), rename("other/", "again/", false), s.Sync(ctx))
	if err != nil {
		return err
	}
	return die()
}
