package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// A store's directory:
//
//	pail.json     the label: format number, id, region; changed by upgrades only
//	lock          held with flock by whoever owns the store
//	control.sock  the daemon's socket, mode 0600
//	keys          the store keys, sealed, once there are any (package keyring)
//	keys.copy     the same, written before it
//	master.key    what opens them, unless that is kept elsewhere
//	tls/          the certificate authority of listeners, if they have one (store/web/certs)
//	meta/         the engine's files
//	meta.new/     the same, encrypted, on the way there (records_key.go)
//	creating      says that a store with a master key is being made
//	blobs/        contents
const (
	labelName  = "pail.json"
	lockName   = "lock"
	metaDir    = "meta"
	blobDir    = "blobs"
	keysName   = "keys"
	keysCopy   = "keys.copy"
	masterName = "master.key"

	manifestName = "MANIFEST" // in metaDir
)

// Format is the number of the layout that this program writes and reads.
const Format = 1

// A label says what a directory is. It is the last file that Create writes.
type label struct {
	Format int    `json:"format"`
	ID     string `json:"id"`
	Region string `json:"region"`
	From   int    `json:"from,omitempty"` // the format from which the records are being upgraded
	Sum    string `json:"sum"`            // XXH64 of the fields before
}

func (l label) sum() string {
	text := fmt.Sprintf("%d\n%s\n%s\n", l.Format, l.ID, l.Region)
	if l.From != 0 {
		text += fmt.Sprintf("%d\n", l.From)
	}
	return fmt.Sprintf("%016x", xxhash.Sum64String(text))
}

// IsStore says whether dir holds a store.
func IsStore(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, labelName))
	return err == nil
}

// wasStore says whether dir holds contents, as only a finished store does: an interrupted
// Create leaves none.
func wasStore(dir string) bool {
	contents, _ := filepath.Glob(filepath.Join(dir, blobDir, "*", "*"))
	return len(contents) > 0
}

func labelLost(dir string) error {
	return fault.New(fault.Damaged, "%s is missing, though %s holds a store's records and contents; restore it from a backup", filepath.Join(dir, labelName), dir)
}

// readLabel reads the label of a store of a format up to newest.
func readLabel(dir string, newest int) (label, error) {
	var l label
	b, err := os.ReadFile(filepath.Join(dir, labelName))
	switch {
	case errors.Is(err, fs.ErrNotExist) && rebuildBegun(dir):
		return l, fault.New(fault.NoSuchStore, "a restore of a backup to %s was cut short; run it again, or remove the directory", dir)
	case errors.Is(err, fs.ErrNotExist) && wasStore(dir):
		return l, labelLost(dir)
	case errors.Is(err, unix.ENOTDIR):
		return l, fault.New(fault.NotDirectory, "the store %s is not a directory", dir)
	case errors.Is(err, fs.ErrNotExist):
		return l, fault.New(fault.NoSuchStore, "there is no store at %s; make one with: pail init --store %s", dir, dir)
	case errors.Is(err, fs.ErrPermission):
		return l, fault.New(fault.AccessDenied, "the store at %s belongs to someone else", dir)
	case err != nil:
		return l, fault.Wrap(fault.IOFailed, err, "read the store's label")
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return l, fault.Wrap(fault.Damaged, err, "%s is damaged; restore it from a backup", filepath.Join(dir, labelName))
	}
	if l.Format > newest {
		return l, fault.New(fault.NewerFormat, "the store at %s has format %d and this program knows %d; use a newer pail", dir, l.Format, newest)
	}
	if l.Format < 1 || l.From < 0 || l.From > l.Format || l.Sum != l.sum() {
		return l, fault.New(fault.Damaged, "%s is damaged; restore it from a backup", filepath.Join(dir, labelName))
	}
	return l, nil
}

// hasRecords refuses a store whose records have gone: opened as an empty one it would
// delete every content as nobody's.
func hasRecords(dir string) error {
	manifest := filepath.Join(dir, metaDir, manifestName)
	_, err := os.Stat(manifest)
	if errors.Is(err, fs.ErrNotExist) { // they may be on their way to their place
		if _, e := os.Stat(filepath.Join(dir, recordsNew, manifestName)); e == nil {
			return nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Damaged, "%s is missing, and with it the records of the store; nothing was changed; restore the directory %s from a backup", manifest, metaDir)
	}
	if err != nil {
		return fault.Wrap(fault.IOFailed, err, "look for the store's records")
	}
	return nil
}

// takeLock makes this process the owner of the store until the file is closed. A
// process that ends, however it ends, gives it back.
func takeLock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, fault.New(fault.AccessDenied, "the store at %s belongs to someone else", dir)
		}
		if errors.Is(err, unix.EROFS) {
			return nil, fault.New(fault.ReadOnly, "the store at %s is on a disk that takes no writes, which opening it needs; make that writable, or copy the store to another disk", dir)
		}
		return nil, fault.Wrap(fault.IOFailed, err, "lock the store")
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fault.New(fault.StoreLocked, "another process owns the store at %s", dir)
	}
	return nil, fault.Wrap(fault.IOFailed, err, "lock the store at %s", dir)
}

// checkDir refuses directories whose owner is somebody else and filesystems on which
// neither fsync nor locks can be relied on.
func checkDir(dir string, anyFS bool) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return fault.Wrap(fault.IOFailed, err, "store directory")
	}
	if !fi.IsDir() {
		return fault.New(fault.NotDirectory, "%s is not a directory", dir)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return fault.Wrap(fault.IOFailed, err, "store directory")
	}
	if uid := os.Geteuid(); int(st.Uid) != uid {
		return fault.New(fault.AccessDenied, "the store at %s belongs to user %d; run pail as that user", dir, st.Uid)
	}
	return checkFS(dir, anyFS)
}

func checkFS(dir string, anyFS bool) error {
	if anyFS {
		return nil
	}
	name, bad, err := unfitFS(dir)
	if err != nil {
		return fault.Wrap(fault.IOFailed, err, "store directory")
	}
	if bad {
		return fault.New(fault.NotSupported, "%s is on a %s filesystem, which a store cannot rely on; use a local disk or pass --allow-any-fs", dir, name)
	}
	return nil
}

// Magic numbers of filesystems that are not in x/sys/unix.
const (
	ceph   = 0x00c36400
	lustre = 0x0bd00bd0
	ninep  = 0x01021997
)

// unfitFS says whether dir is on a network or FUSE filesystem, and which.
func unfitFS(dir string) (name string, unfit bool, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", false, err
	}
	names := map[int64]string{
		unix.FUSE_SUPER_MAGIC: "FUSE", unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB",
		unix.CIFS_SUPER_MAGIC: "CIFS", unix.SMB2_SUPER_MAGIC: "SMB", unix.AFS_SUPER_MAGIC: "AFS",
		unix.CODA_SUPER_MAGIC: "Coda", ceph: "Ceph", lustre: "Lustre", ninep: "9p",
	}
	name, unfit = names[st.Type]
	return name, unfit, nil
}
