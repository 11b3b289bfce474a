package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/store/fault"
	"pail/store/web/control"
)

// An exporter writes objects of one bucket as files below a directory, which it never
// leaves.
type exporter struct {
	ctx       context.Context
	c         *control.Client
	bucket    string
	root      *os.Root
	overwrite bool
	far       func()
	damaged   func(error) error // is told of an object that cannot be read
	made      string            // the directory that was last made
	tidy      []string          // the directories above it in which no drafts are left, and itself

	files, bytes int64
	seen         int64 // objects and versions that were listed
	lost         int64 // of those, could not be read
	closed       int64 // and may not be, or cannot for want of their key
}

func newExporter(ctx context.Context, c *control.Client, bucket, dir string, overwrite bool) (*exporter, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, exportError(err, dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, exportError(err, dir)
	}
	e := &exporter{ctx: ctx, c: c, bucket: bucket, root: root, overwrite: overwrite}
	if err := e.tidied(".", false); err != nil {
		e.close()
		return nil, exportError(err, dir)
	}
	return e, nil
}

func (e *exporter) close() { _ = e.root.Close() }

// sync makes what was written durable.
func (e *exporter) sync() error {
	d, err := e.root.Open(".")
	if err != nil {
		return exportError(err, e.root.Name())
	}
	defer d.Close()
	return exportError(unix.Syncfs(int(d.Fd())), e.root.Name())
}

// exportError gives a failure of the target its kind; those of the store pass.
func exportError(err error, name string) error {
	var fe *fault.Error
	switch {
	case err == nil, errors.As(err, &fe), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, fs.ErrExist):
		return fault.New(fault.Exists, "%s is there already; --overwrite replaces what is there", name)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.AccessDenied, cause(err), "write %s", name)
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fault.Wrap(fault.NoSpace, cause(err), "write %s", name)
	case errors.Is(err, unix.ENOTDIR):
		return fault.Wrap(fault.NotDirectory, cause(err), "write %s", name)
	case errors.Is(err, unix.EISDIR):
		return fault.Wrap(fault.IsDirectory, cause(err), "write %s", name)
	case errors.Is(err, unix.EROFS):
		return fault.Wrap(fault.ReadOnly, cause(err), "write %s", name)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EILSEQ), errors.Is(err, unix.ENAMETOOLONG):
		return fault.New(fault.InvalidArgument, "%s is a name that the filesystem there does not take; export to another one", name)
	}
	return fault.Wrap(fault.IOFailed, cause(err), "write %s", name)
}

// current writes the current version of a key.
func (e *exporter) current(o control.Object) error {
	e.seen++
	if strings.HasSuffix(o.Key, "/") && o.Size == 0 {
		return e.dir(path.Join(names.DirPath(o.Key)...))
	}
	shadowed, err := e.shadowed(o.Key)
	if err != nil {
		return err
	}
	return e.write(o, names.Path(o.Key, shadowed))
}

// shadowed says whether there is a directory of a key's name.
func (e *exporter) shadowed(key string) (bool, error) {
	found := false
	err := e.c.List(e.ctx, control.ListRequest{Bucket: e.bucket, Prefix: key + "/", Recursive: true, Limit: 1}, func(control.ListEntry) error {
		found = true
		return nil
	})
	return found, err
}

// versionTime is how the mount writes times in .versions.
const versionTime = "2006-01-02T15:04:05.000000000Z"

// version writes a version or a delete marker into .versions.
func (e *exporter) version(o control.Object) error {
	e.seen++
	i := strings.LastIndexByte(o.Key, '/') + 1
	place := append(names.DirPath(o.Key[:i]), names.Versions)
	place = append(place, names.Root(o.Key[:i]).Versions().Components(o.Key[i:], names.Name, false)...)
	name := o.Modified.UTC().Format(versionTime) + "_" + o.Version
	if o.DeleteMarker {
		name += ".deleted"
	}
	return e.write(o, append(place, name))
}

func (e *exporter) write(o control.Object, components []string) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	name := path.Join(components...)
	if err := e.dir(path.Dir(name)); err != nil {
		return err
	}
	switch fi, err := e.root.Lstat(name); {
	case err == nil && !e.overwrite:
		return exportError(fs.ErrExist, name)
	case err == nil && fi.IsDir():
		return fault.New(fault.IsDirectory, "%s is a directory there and an object in the bucket; move it out of the way", name)
	}
	if err := e.put(o, name); err != nil {
		var source *sourceError
		switch {
		case !errors.As(err, &source):
			return exportError(err, name)
		case fault.Is(err, fault.NoSuchKey), fault.Is(err, fault.NoSuchVersion):
			return nil // deleted or replaced since it was listed
		case fault.Is(err, fault.Damaged), fault.Is(err, fault.IOFailed):
			e.lost++
			return e.damaged(source.err)
		case fault.Is(err, fault.AccessDenied), fault.Is(err, fault.CustomerKeyNeeded), fault.Is(err, fault.KMSNotFound), fault.Is(err, fault.KMSDisabled), fault.Is(err, fault.KMSInvalidState), fault.Is(err, fault.KMSUnavailable):
			e.closed++
			return e.damaged(source.err)
		}
		return source.err
	}
	e.files++
	e.bytes += o.Size
	e.far()
	return nil
}

// put writes an object under another name first, so that nothing half written has its own.
func (e *exporter) put(o control.Object, name string) error {
	d, err := e.draft(path.Dir(name), isLink(o))
	if err != nil {
		return err
	}
	defer d.close()
	if err = e.fill(o, d); err == nil && e.overwrite {
		err = e.root.Rename(d.name, name)
	} else if err == nil {
		err = e.place(d.name, name)
	}
	if err != nil {
		_ = e.root.Remove(d.name)
	}
	return err
}

// place gives a file its name, unless something has it.
func (e *exporter) place(fresh, name string) error {
	dir, err := e.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	at := int(dir.Fd())
	err = unix.Renameat2(at, path.Base(fresh), at, path.Base(name), unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		// This filesystem cannot; that nothing had the name was seen before.
		return e.root.Rename(fresh, name)
	}
	return err
}

// isLink says whether an object is a symbolic link.
func isLink(o control.Object) bool {
	return o.Attr != nil && o.Attr.Mode&unix.S_IFMT == unix.S_IFLNK && !o.DeleteMarker
}

// fill writes an object to a draft.
func (e *exporter) fill(o control.Object, d *exportDraft) error {
	if isLink(o) {
		return e.symlink(o, d.name)
	}
	mode, mtime := fs.FileMode(0o644), o.Modified
	if o.Attr != nil {
		mode, mtime = fs.FileMode(o.Attr.Mode&0o777), o.Attr.Mtime
	}
	if !o.DeleteMarker {
		w := &sparseWriter{f: d.f}
		if err := e.read(o, w); err != nil {
			return err
		}
		if err := d.f.Truncate(w.at); err != nil { // a hole at the end
			return err
		}
	}
	if err := errors.Join(d.flush(), d.f.Chmod(mode)); err != nil {
		return err
	}
	return e.root.Chtimes(d.name, mtime, mtime)
}

// A sourceError is a failure to read an object, and not to write its file.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// read writes the bytes of an object to w. What has taken its place since it was listed is
// not read instead.
func (e *exporter) read(o control.Object, w io.Writer) error {
	var own error // of w
	to := writerFunc(func(p []byte) (n int, err error) {
		n, own = w.Write(p)
		return n, own
	})
	err := e.c.Read(e.ctx, control.ObjectRequest{Bucket: o.Bucket, Key: o.Key, Version: o.Version, Modified: &o.Modified}, to)
	switch {
	case own != nil:
		return own
	case err != nil:
		return &sourceError{err}
	}
	return nil
}

type writerFunc func([]byte) (int, error)

func (fn writerFunc) Write(p []byte) (int, error) { return fn(p) }

func (e *exporter) symlink(o control.Object, name string) error {
	var target strings.Builder
	if err := e.read(o, &target); err != nil {
		return err
	}
	return e.root.Symlink(target.String(), name)
}

// dir makes a directory and those above it. A link that leads to one is none: what is
// written below it would land among what is exported elsewhere.
func (e *exporter) dir(name string) error {
	if name == "." || name == "" || name == e.made {
		return nil
	}
	if err := e.dir(path.Dir(name)); err != nil {
		return err
	}
	err := e.root.Mkdir(name, 0o755)
	made := err == nil
	if made {
		err = e.root.Chmod(name, 0o755) // whatever the umask
	} else if errors.Is(err, fs.ErrExist) {
		var fi fs.FileInfo
		if fi, err = e.root.Lstat(name); err == nil && !fi.IsDir() {
			err = fault.New(fault.NotDirectory, "%s is no directory there (a file or a link) and one in the bucket; move it out of the way", name)
		}
	}
	if err == nil {
		err = e.tidied(name, made)
	}
	if err != nil {
		return exportError(err, name)
	}
	e.made = name
	return nil
}
