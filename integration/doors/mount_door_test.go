package doors

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/integration/program"
	"pail/store/fault"
	"pail/store/storetest"
	"pail/versioning"
)

// A mountDoor is a mount of all buckets at a directory, used as programs use files.
type mountDoor struct{ root string }

func TestMount(t *testing.T) {
	base := t.TempDir()
	d := mountDoor{filepath.Join(base, "mnt")}
	if err := os.Mkdir(d.root, 0o755); err != nil {
		t.Fatal(err)
	}
	pail := func(args ...string) {
		t.Helper()
		if out, err := program.Command(append([]string{"--store", filepath.Join(base, "store")}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("pail %q: %v\n%s", args, err, out)
		}
	}
	pail("mount", d.root, "--background", "--log", filepath.Join(base, "log"))
	t.Cleanup(func() {
		pail("umount")
		pail("fsck")
	})
	storetest.Run(t, d)
}

func (d mountDoor) Lacks() map[string]string {
	return map[string]string{
		"only if it is unchanged": "POSIX has no write that depends on what is there; programs lock the file",
		"a key and keys below it": "a name in a directory is a file or a directory; what S3 made so the mount shows, see fs/names",
		"copies of old versions":  "cp out of .versions writes the bytes anew and is tested with the programs",
	}
}

// KeepsLabels: a file that is overwritten is the same file, and so keeps its attributes.
func (d mountDoor) KeepsLabels() bool { return true }

// RemoveEmpty removes directories that unlink has left.
func (d mountDoor) RemoveEmpty(bucket, dir string) error { return os.Remove(d.dir(bucket, dir)) }

func (d mountDoor) dir(bucket, key string) string {
	return filepath.Join(append([]string{d.root, bucket}, names.DirPath(key)...)...)
}

func (d mountDoor) file(bucket, key string) string {
	return filepath.Join(append([]string{d.root, bucket}, names.Path(key, false)...)...)
}

// history is the directory of a key's versions.
func (d mountDoor) history(bucket, key string) string {
	dir, segment := "", key
	if i := strings.LastIndexByte(key, '/'); i >= 0 {
		dir, segment = key[:i+1], key[i+1:]
	}
	return filepath.Join(append([]string{d.dir(bucket, dir), names.Versions}, names.Root(dir).Versions().Components(segment, names.Name, false)...)...)
}

var errnoKinds = map[syscall.Errno]fault.Kind{
	syscall.ENOENT: fault.NoSuchKey, syscall.ENOTDIR: fault.NoSuchKey, syscall.EEXIST: fault.Exists, syscall.EINVAL: fault.InvalidBucketName,
	syscall.ENOTEMPTY: fault.NotEmpty, syscall.ENAMETOOLONG: fault.KeyTooLong, syscall.EILSEQ: fault.InvalidKey, syscall.E2BIG: fault.TooManyTags,
}

// A noBucket is ENOENT of what is in no bucket: errnos are fewer than kinds.
type noBucket struct{ error }

func (d mountDoor) Kind(err error) fault.Kind {
	var errno syscall.Errno
	switch {
	case errors.As(err, new(noBucket)):
		return fault.NoSuchBucket
	case errors.As(err, new(invalidTag)):
		return fault.InvalidTag
	case errors.As(err, &errno):
		return errnoKinds[errno]
	}
	return fault.Internal
}

// in says of an error what it means that the bucket is not there.
func (d mountDoor) in(bucket string, err error) error {
	if _, e := os.Lstat(filepath.Join(d.root, bucket)); errors.Is(err, fs.ErrNotExist) && errors.Is(e, fs.ErrNotExist) {
		return noBucket{err}
	}
	return err
}

func (d mountDoor) CreateBucket(_ context.Context, name string) error {
	return os.Mkdir(filepath.Join(d.root, name), 0o755)
}

func (d mountDoor) DeleteBucket(_ context.Context, name string) error {
	return d.in(name, syscallError(unix.Rmdir(filepath.Join(d.root, name))))
}

func syscallError(err error) error {
	if err == nil {
		return nil
	}
	return &os.SyscallError{Syscall: "rmdir", Err: err}
}

func (d mountDoor) Buckets(context.Context) ([]string, error) {
	es, err := os.ReadDir(d.root)
	var out []string
	for _, e := range es {
		out = append(out, e.Name())
	}
	return out, err
}

func (d mountDoor) SetVersioning(_ context.Context, bucket string, to versioning.State) error {
	return unix.Setxattr(filepath.Join(d.root, bucket), "user.s3.versioning", []byte(to.String()), 0)
}

func (d mountDoor) Versioning(_ context.Context, bucket string) (s versioning.State, err error) {
	v, err := xattr(filepath.Join(d.root, bucket), "user.s3.versioning")
	if err != nil {
		return 0, err
	}
	return s, s.UnmarshalText([]byte(v))
}

func xattr(path, name string) (string, error) {
	b := make([]byte, 64<<10)
	n, err := unix.Getxattr(path, name, b)
	if errors.Is(err, unix.ENODATA) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return string(b[:n]), nil
}

// Put writes a file, with its attributes before its end, so that they come with the version.
func (d mountDoor) Put(_ context.Context, bucket, key, body string, o storetest.PutOptions) (err error) {
	defer func() { err = d.in(bucket, err) }()
	path := d.file(bucket, key)
	if dir := filepath.Dir(path); len(dir) > len(filepath.Join(d.root, bucket)) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if o.IfNoneMatch {
		flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.WriteString(f, body); err != nil {
		return err
	}
	attrs := map[string]string{}
	if o.ContentType != "" {
		attrs["content-type"] = o.ContentType
	}
	for k, v := range o.Metadata {
		attrs["meta."+k] = v
	}
	for k, v := range o.Tags {
		attrs["tag."+k] = v
	}
	for k, v := range attrs {
		if err := unix.Fsetxattr(int(f.Fd()), "user.s3."+k, []byte(v), 0); err != nil {
			return err
		}
	}
	return nil
}

func (d mountDoor) Get(ctx context.Context, bucket, key, version string) (o storetest.Object, err error) {
	path := d.file(bucket, key)
	if version != "" {
		if path, err = d.version(bucket, key, version); err != nil {
			return o, err
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return o, d.in(bucket, err)
	}
	o.Body = string(b)
	if o.ETag, err = xattr(path, "user.s3.etag"); err != nil {
		return o, err
	}
	if o.ContentType, err = xattr(path, "user.s3.content-type"); err != nil {
		return o, err
	}
	for name, to := range map[string]*map[string]string{"user.s3.meta": &o.Metadata, "user.s3.tags": &o.Tags} {
		text, err := xattr(path, name)
		if err != nil {
			return o, err
		}
		if text != "" {
			if err := json.Unmarshal([]byte(text), to); err != nil {
				return o, err
			}
		}
	}
	return o, nil
}

func (d mountDoor) ReadRange(_ context.Context, bucket, key string, off, n int64) (string, error) {
	f, err := os.Open(d.file(bucket, key))
	if err != nil {
		return "", err
	}
	defer f.Close()
	p := make([]byte, n)
	_, err = f.ReadAt(p, off)
	return string(p), err
}

func (d mountDoor) Delete(_ context.Context, bucket, key, version string) error {
	if version == "" {
		return os.Remove(d.file(bucket, key))
	}
	path, err := d.version(bucket, key, version)
	if err == nil {
		err = os.Remove(path)
	}
	return err
}

// version is the file of a version in the history of its key.
func (d mountDoor) version(bucket, key, id string) (string, error) {
	dir := d.history(bucket, key)
	es, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range es {
		if _, rest, _ := strings.Cut(e.Name(), "_"); strings.TrimSuffix(rest, ".deleted") == id {
			return filepath.Join(dir, e.Name()), nil
		}
	}
	return "", &fs.PathError{Op: "open", Path: dir + "/" + id, Err: syscall.ENOENT}
}

func (d mountDoor) List(_ context.Context, bucket, prefix string, deep bool) (keys, prefixes []string, err error) {
	top := d.dir(bucket, prefix)
	if err := d.walk(top, deep, &keys, &prefixes); err != nil {
		return nil, nil, d.in(bucket, err)
	}
	slices.Sort(keys)
	slices.Sort(prefixes)
	return keys, prefixes, nil
}

func (d mountDoor) walk(dir string, deep bool, keys, prefixes *[]string) error {
	es, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range es {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir() && (deep || strings.HasPrefix(e.Name(), names.Prefix+"part-")):
			if err := d.walk(path, deep, keys, prefixes); err != nil {
				return err
			}
		default:
			key, err := xattr(path, "user.s3.key")
			if err != nil {
				return err
			}
			if e.IsDir() {
				*prefixes = append(*prefixes, key)
			} else {
				*keys = append(*keys, key)
			}
		}
	}
	return nil
}

func (d mountDoor) Versions(_ context.Context, bucket, key string) ([]storetest.Version, error) {
	es, err := os.ReadDir(d.history(bucket, key))
	if err != nil {
		return nil, err
	}
	var vs []storetest.Version
	for _, e := range slices.Backward(es) {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		_, id, _ := strings.Cut(e.Name(), "_")
		v := storetest.Version{ID: strings.TrimSuffix(id, ".deleted"), Size: info.Size()}
		v.DeleteMarker = v.ID != id
		vs = append(vs, v)
	}
	return vs, nil
}

func (d mountDoor) Copy(_ context.Context, bucket, from, _, to string) error {
	dst := d.file(bucket, to)
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(d.file(bucket, from)); err != nil {
		return err
	}
	return exec.Command("cp", d.file(bucket, from), dst).Run()
}

func (d mountDoor) Rename(_ context.Context, bucket, from, to string) error {
	return os.Rename(d.file(bucket, from), d.file(bucket, to))
}

// An invalidTag is EINVAL of a tag: errnos are fewer than kinds.
type invalidTag struct{ error }

func (d mountDoor) SetTags(_ context.Context, bucket, key string, tags map[string]string) error {
	text, err := json.Marshal(tags)
	if err != nil {
		return err
	}
	err = unix.Setxattr(d.file(bucket, key), "user.s3.tags", text, 0)
	if errors.Is(err, unix.EINVAL) {
		return invalidTag{err}
	}
	return err
}
