package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/blob"
)

// Names in a directory of backups.
const (
	labelName    = "pail-backup.json"
	labelCopy    = "pail-backup.copy.json"
	lockName     = "lock"
	snapshotsDir = "snapshots"
	chunksDir    = "chunks"
	contentsDir  = "contents"
	unfinished   = ".new"
)

// A Snapshot is an entry of the label.
type Snapshot struct {
	Name   string    `json:"name"`
	Taken  time.Time `json:"taken"`
	Seq    uint64    `json:"seq"`
	Sum    string    `json:"sum"` // SHA-256 of the manifest
	Totals Totals    `json:"totals"`
}

// A label says whose backups a directory holds, and which.
type label struct {
	Format    int        `json:"format"`
	Store     string     `json:"store"`
	Snapshots []Snapshot `json:"snapshots"` // oldest first
	Sum       string     `json:"sum"`       // SHA-256 of the fields before
}

func (l label) sum() string {
	l.Sum = ""
	b, _ := json.Marshal(l) // cannot fail: strings, numbers and times
	return sumOf(b)
}

// marshal is the one way in which a label is written.
func (l label) marshal() []byte {
	b, _ := json.MarshalIndent(l, "", "  ")
	return append(b, '\n')
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// A Repo is a directory of backups that is open. Close must be called.
type Repo struct {
	dir   string
	lock  *os.File
	label label
	worn  error // why the label cannot be read, if its copy stands in for it
}

// Open opens the backups in dir for reading: nobody writes there until Close. NoSuchKey if
// there are none, NewerFormat, Damaged, and StoreLocked while somebody writes.
func Open(dir string) (*Repo, error) { return open(dir, unix.LOCK_SH) }

// OpenForThinning is Open for Thin.
func OpenForThinning(dir string) (*Repo, error) { return open(dir, unix.LOCK_EX) }

func open(dir string, how int) (*Repo, error) {
	r := &Repo{dir: dir}
	if err := r.readLabel(); err != nil {
		return nil, err
	}
	if err := r.take(how); err != nil {
		return nil, err
	}
	if err := r.readLabel(); err != nil { // as it is now that nobody changes it
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// OpenToWrite opens the directory of backups of a store, and makes it if dir is empty or
// does not exist. Exists if it is that of another store, NotEmpty if it is something else.
func OpenToWrite(dir, store string) (*Repo, error) {
	r := &Repo{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, diskError(err, "make %s", dir)
	}
	err := r.readLabel()
	if fault.Is(err, fault.NoSuchKey) {
		err = r.onlyOurs()
	}
	if err == nil {
		err = r.take(unix.LOCK_EX)
	}
	if err != nil {
		return nil, err
	}
	if err := r.begin(store); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Repo) begin(store string) error {
	err := r.readLabel()
	if fault.Is(err, fault.NoSuchKey) {
		r.label = label{Format: Format, Store: store, Snapshots: []Snapshot{}}
		err = r.makeDirs()
		if err == nil {
			err = r.writeLabel()
		}
	}
	if err != nil {
		return err
	}
	if r.label.Store != store {
		return fault.New(fault.Exists, "%s holds backups of another store (%s); name another directory", r.dir, r.label.Store)
	}
	return nil
}

func (r *Repo) makeDirs() error {
	for _, name := range []string{snapshotsDir, chunksDir, contentsDir} {
		if err := mkdir(filepath.Join(r.dir, name)); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(r.dir))
}

// onlyOurs refuses a directory that is neither empty nor what an interrupted first backup
// has left.
func (r *Repo) onlyOurs() error {
	names, err := os.ReadDir(r.dir)
	if err != nil {
		return diskError(err, "read %s", r.dir)
	}
	ours := []string{lockName, snapshotsDir, chunksDir, contentsDir, labelName + unfinished, labelCopy + unfinished, "lost+found"}
	for _, n := range names {
		if !slices.Contains(ours, n.Name()) {
			return fault.New(fault.NotEmpty, "%s is not empty (it holds %s) and holds no backups; name an empty or new directory", r.dir, n.Name())
		}
	}
	return nil
}

func (r *Repo) take(how int) error {
	f, err := os.OpenFile(filepath.Join(r.dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil && how == unix.LOCK_SH {
		f, err = os.Open(filepath.Join(r.dir, lockName)) // a medium that is read-only
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if err != nil {
		return diskError(err, "lock %s", r.dir)
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return fault.New(fault.StoreLocked, "another process works on the backups in %s; try again later", r.dir)
		}
		return diskError(err, "lock %s", r.dir)
	}
	r.lock = f
	return nil
}

// Close gives the directory back.
func (r *Repo) Close() error {
	if r.lock == nil {
		return nil
	}
	return r.lock.Close()
}

// Snapshots are those that are there, oldest first.
func (r *Repo) Snapshots() []Snapshot { return slices.Clone(r.label.Snapshots) }

// Store is the id of the store whose backups these are.
func (r *Repo) Store() string { return r.label.Store }

// Find answers the snapshot with that name; "" is the newest one.
func (r *Repo) Find(name string) (Snapshot, error) {
	all := r.label.Snapshots
	if name == "" && len(all) > 0 {
		return all[len(all)-1], nil
	}
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
	}
	if name == "" {
		return Snapshot{}, fault.New(fault.NoSuchKey, "%s holds no finished backup", r.dir)
	}
	return Snapshot{}, fault.New(fault.NoSuchKey, "%s holds no snapshot %q; pail backup list %s names them", r.dir, name, r.dir)
}

// readLabel reads the label, or else its copy, so that a flipped bit does not take all
// snapshots away.
func (r *Repo) readLabel() (err error) {
	r.worn = nil
	if r.label, err = r.labelAt(labelName); err == nil {
		return nil
	}
	if l, e := r.labelAt(labelCopy); e == nil {
		r.label, r.worn = l, err
		return nil
	}
	if left, _ := os.ReadDir(filepath.Join(r.dir, snapshotsDir)); fault.Is(err, fault.NoSuchKey) && len(left) > 0 {
		return fault.New(fault.Damaged, "%s is missing, though %s holds snapshots; bring it back, or name another directory", labelName, r.dir)
	}
	return err
}

func (r *Repo) labelAt(name string) (label, error) {
	path := filepath.Join(r.dir, name)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return label{}, fault.New(fault.NoSuchKey, "there are no backups in %s", r.dir)
	case errors.Is(err, unix.ENOTDIR):
		return label{}, fault.New(fault.NotDirectory, "%s is not a directory", r.dir)
	case err != nil:
		return label{}, diskError(err, "read %s", path)
	}
	return parseLabel(b, path)
}

// parseLabel reads the bytes of the label at path.
func parseLabel(b []byte, path string) (label, error) {
	var l label
	if err := json.Unmarshal(b, &l); err != nil {
		return label{}, fault.New(fault.Damaged, "%s is damaged", path)
	}
	if err := checkFormat(int64(l.Format), path); err != nil {
		return label{}, err
	}
	if l.Sum != l.sum() || !bytes.Equal(b, l.marshal()) {
		return label{}, fault.New(fault.Damaged, "%s is damaged: its checksum is wrong", path)
	}
	for _, s := range l.Snapshots {
		if s.Name != filepath.Base(s.Name) || strings.HasPrefix(s.Name, ".") {
			return label{}, fault.New(fault.Damaged, "%s is damaged: it names a snapshot %q", path, s.Name)
		}
	}
	return l, nil
}

// writeLabel writes the copy first: what it says more than the label is on disk already, or
// not needed any more.
func (r *Repo) writeLabel() error {
	r.label.Sum = r.label.sum()
	for _, name := range []string{labelCopy, labelName} {
		f, err := newFile(filepath.Join(r.dir, name))
		if err != nil {
			return err
		}
		if _, err := f.Write(r.label.marshal()); err != nil {
			return f.fail(err)
		}
		if err := f.finish(); err != nil {
			return err
		}
		if err := syncDir(r.dir); err != nil {
			return err
		}
	}
	r.worn = nil
	return nil
}

// snapshotName is the name of a snapshot, in the order of time.
func snapshotName(h Head) string {
	return h.Taken.UTC().Format("2006-01-02T150405.000Z") + fmt.Sprintf("-%d", h.Seq)
}

// A file is one on its way: it has its name when finish returns, and is whole on disk.
type file struct {
	*os.File
	path string
}

func newFile(path string) (*file, error) {
	f, err := os.OpenFile(path+unfinished, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, diskError(err, "write %s", path)
	}
	return &file{f, path}, nil
}

// fail takes the file away again, and answers err with its kind.
func (f *file) fail(err error) error {
	_ = f.Close()
	_ = os.Remove(f.Name())
	return diskError(err, "write %s", f.path)
}

func (f *file) finish() error {
	if err := f.Sync(); err != nil {
		return f.fail(err)
	}
	if err := f.Close(); err != nil {
		return f.fail(err)
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return f.fail(err)
	}
	return nil
}

func mkdir(path string) error {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return diskError(err, "make %s", path)
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	return diskError(err, "sync %s", path)
}

// diskError gives a failure of the backup's disk its kind; ours pass unchanged.
func diskError(err error, format string, args ...any) error {
	var fe *fault.Error
	switch {
	case err == nil, errors.As(err, &fe):
		return err
	case errors.Is(err, blob.ErrDamaged):
		return fault.Wrap(fault.Damaged, err, format, args...)
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fault.Wrap(fault.NoSpace, err, format, args...)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.AccessDenied, err, format, args...)
	case errors.Is(err, unix.ENOTDIR):
		return fault.Wrap(fault.NotDirectory, err, format, args...)
	case errors.Is(err, unix.EROFS):
		return fault.Wrap(fault.ReadOnly, err, format, args...)
	}
	return fault.Wrap(fault.IOFailed, err, format, args...)
}
