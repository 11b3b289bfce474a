package store

import (
	"context"
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// Mkdir makes a directory, explicit: its own key, an empty object, exists from then
// on. Its parent must exist. The kinds of failure: Exists, NoSuchKey (the parent).
func (se *Session) Mkdir(ctx context.Context, bucket, dir string, attr Attr) (Dir, error) {
	if err := se.authorize(actPutObject, bucket, dir); err != nil {
		return Dir{}, err
	}
	if err := checkDirKey(bucket, dir); err != nil {
		return Dir{}, err
	}
	var out Dir
	_, err := se.update(ctx, visible, bucket, func(t *txn, b *record.Bucket) error {
		old, err := t.dirForWrite(b, dir)
		if err != nil {
			return err
		}
		if old != nil {
			return fault.New(fault.Exists, "%s/%s exists", bucket, dir).At(bucket, dir)
		}
		if err := t.hasParent(b, dir); err != nil {
			return err
		}
		attr.Mode = attr.Mode&^unix.S_IFMT | unix.S_IFDIR
		d := t.newDir(fromAttr(attr, t.now()))
		if err := t.bear(b, dir, d, false); err != nil {
			return err
		}
		if err := t.makeExplicit(b, dir); err != nil {
			return err
		}
		d.Explicit = true
		out = toDir(bucket, dir, d)
		return nil
	})
	return out, err
}

func checkDirKey(bucket, dir string) error {
	if !strings.HasSuffix(dir, "/") {
		return fault.New(fault.InvalidArgument, "a directory's key ends in a slash, %q does not", dir)
	}
	if err := versioning.CheckKey(dir); err != nil {
		return keyError(bucket, dir, err)
	}
	return nil
}

// hasParent fails with NoSuchKey if the directory above a directory does not exist.
func (t *txn) hasParent(b *record.Bucket, dir string) error {
	parent, _, _ := table.ParentDir(dir)
	p, err := t.dirForWrite(b, parent)
	if err == nil && p == nil {
		err = fault.New(fault.NoSuchKey, "there is no directory %s/%s", b.Name, parent).At(b.Name, parent)
	}
	return err
}

// Rmdir removes an empty directory. The kinds of failure: NoSuchKey, NotEmpty.
func (se *Session) Rmdir(ctx context.Context, bucket, dir string) error {
	if err := se.authorize(actDeleteObject, bucket, dir); err != nil {
		return err
	}
	_, err := se.update(ctx, freeing, bucket, func(t *txn, b *record.Bucket) error {
		d, err := t.dirForWrite(b, dir)
		if err != nil {
			return err
		}
		if d == nil || dir == "" {
			return noSuchKey(bucket, dir)
		}
		if err := t.rmdir(b, dir, d, goAlone); err != nil {
			return err
		}
		t.changed(Change{Kind: DirRemoved, Bucket: bucket, Key: dir, Ino: d.Ino})
		return nil
	})
	return err
}

// rmdir removes an empty directory and its own key; keep is goAlone or giveWay.
func (t *txn) rmdir(b *record.Bucket, dir string, d *record.Dir, keep dirKeep) error {
	if err := t.isEmptyDir(b, dir, d); err != nil {
		return err
	}
	if !d.Explicit {
		return t.putOrPrune(b, dir, d, keep)
	}
	// Deleting its own key makes it implied and, without children, go.
	_, _, err := t.deleteCurrent(b, dir, keep)
	return err
}

// Unlink removes a file's name. Whoever has it open keeps it; a draft of it is never
// published. The directory stays. NoSuchKey: there is no such file.
func (se *Session) Unlink(ctx context.Context, bucket, key string) error {
	if err := se.authorize(actDeleteObject, bucket, key); err != nil {
		return err
	}
	_, err := se.update(ctx, freeing, bucket, func(t *txn, b *record.Bucket) error {
		claimed := t.s.files.claimed(b.Id, key)
		_, was, err := t.deleteLive(b, key)
		if err != nil {
			return err
		}
		if was == nil && !claimed {
			return noSuchKey(bucket, key)
		}
		if err := t.dropName(b, key, was); err != nil {
			return err
		}
		if was == nil {
			if err := t.leftBehind(b, table.DirOf(key), keepEmpty); err != nil {
				return err
			}
		}
		t.changed(Change{Kind: ObjectDeleted, Bucket: bucket, Key: key, Ino: was.GetIno()})
		return nil
	})
	se.s.dropStuck()
	return err
}

// deleteLive is deleteCurrent for a key that is live; of one that is not it makes no
// marker. The own key of a directory that nothing else keeps loses its content only.
func (t *txn) deleteLive(b *record.Bucket, key string) (marker, was *record.Version, err error) {
	c, err := t.chain(b, key)
	if err != nil || c.live == nil {
		return nil, nil, err
	}
	if key == table.DirOf(key) {
		d, err := t.dirForWrite(b, key)
		if err != nil {
			return nil, nil, err
		}
		if d.GetChildren() == 0 {
			return nil, c.live, t.makeExplicit(b, key)
		}
	}
	return t.deleteCurrent(b, key, keepEmpty)
}

// dropName takes a name from the open files that have it: was is the object that was
// published under it, nil if there was none. What their drafts recorded goes.
func (t *txn) dropName(b *record.Bucket, key string, was *record.Version) error {
	for _, ino := range t.s.files.named(b.Id, key, was.GetIno()) {
		if err := t.dropDraft(ino); err != nil {
			return err
		}
	}
	var claimant *inode
	t.onNames(func() { claimant = t.s.files.unlink(b.Id, key, was.GetIno()) })
	t.tx.Defer(func(meta.Commit) { t.s.files.left(claimant) })
	return nil
}

// Symlink makes a symbolic link: an object whose content is the target and whose mode
// says what it is. Exists: the name is taken.
func (se *Session) Symlink(ctx context.Context, bucket, key, target string, attr Attr) (Object, error) {
	if err := se.authorize(actPutObject, bucket, key); err != nil {
		return Object{}, err
	}
	if err := versioning.CheckKey(key); err != nil {
		return Object{}, keyError(bucket, key, err)
	}
	var o Object
	_, err := se.update(ctx, visible, bucket, func(t *txn, b *record.Bucket) error {
		cur, err := t.head(b.Id, key)
		if err != nil {
			return err
		}
		if cur != nil || t.s.files.claimed(b.Id, key) {
			return fault.New(fault.Exists, "%s/%s exists", bucket, key).At(bucket, key)
		}
		if err := t.hasParent(b, table.DirOf(key)+"x/"); err != nil {
			return err
		}
		v := t.newVersion()
		v.Headers = &record.Headers{ContentType: symlinkType}
		if err := t.own(b, key, v, nil); err != nil {
			return err
		}
		v.Etag = etagOf([]byte(target))
		v.Attr = fromAttr(attr, t.now())
		v.Attr.Mode = v.Attr.Mode&^unix.S_IFMT | unix.S_IFLNK
		o, err = t.putReceived(b, key, v, &received{size: int64(len(target)), inline: []byte(target)})
		return err
	})
	return o, err
}

// symlinkType is the content type of symbolic links as S3 sees them.
const symlinkType = "inode/symlink"

// Readlink returns the target of a symbolic link. InvalidArgument: it is not one.
func (se *Session) Readlink(ctx context.Context, bucket, key string) (string, error) {
	r, err := se.Get(ctx, bucket, key, "")
	if err != nil {
		return "", err
	}
	defer r.Close()
	if r.o.Attr.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", fault.New(fault.InvalidArgument, "%s/%s is not a symbolic link", bucket, key).At(bucket, key)
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, r.o.Size))
	return string(b), err
}
