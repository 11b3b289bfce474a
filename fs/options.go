package fs

import (
	"log/slog"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"pail/crypto/s3ec"
	"pail/store"
	"pail/store/fault"
)

// Options say what to mount, where and how.
type Options struct {
	// Store is the open store. It must outlive the mount.
	Store *store.Store
	// Principal is whom everyone on the mount acts for whose uid is not in UIDs.
	Principal store.Principal
	// UIDs are whom processes of some uids act for. If there are any, or Principal is not the
	// store's owner, what the kernel is told is good for one look: the next may be of
	// another uid, or after a policy has changed.
	UIDs map[uint32]store.Principal
	// CustomerKeys are keys with which files are read and written that begin as they say
	// (SSE-C). Of two the one with the longer prefix counts.
	CustomerKeys []CustomerKey
	// Mountpoint is an existing empty directory.
	Mountpoint string
	// Bucket, if not empty, is the bucket to show as the root instead of the list of
	// all buckets; Prefix, "" or a directory's key that ends in "/", a part of it.
	Bucket, Prefix string
	// ReadOnly refuses every change with EROFS.
	ReadOnly bool
	// AllowOther lets users other than the one who mounts in, as far as mode bits
	// allow. An ordinary user needs user_allow_other in /etc/fuse.conf for it.
	AllowOther bool
	// UID, GID and Umask are the owner of what came without one, and the permission
	// bits to leave out of its mode (0666 and 0777).
	UID, GID, Umask uint32
	// FsName is what df and mount show as the source; "": "pail".
	FsName string
	// ExtraOptions are mount options as fstab and mount -o name them.
	ExtraOptions []string
	// Debug logs every request and reply.
	Debug bool
	// Log receives what an operator should know; nil discards it.
	Log *slog.Logger
	// ClientKeys make the mount a client that encrypts, in the format of the S3 Encryption Client:
	// files below them are shown decrypted, and what is written is encrypted.
	ClientKeys []ClientKey
	// ClientFormat is the message format that is written: 3, which commits to its key, or 2, which
	// older clients read; 0: 3.
	ClientFormat int
	// ClientPlain has objects below ClientKeys that no client has encrypted be read as they are.
	// Otherwise they are EACCES, as they are an error to Amazon's client.
	ClientPlain bool
	// Peers are the mounts of this store in this process. Mounts that can exist
	// together must share one; nil: this one stands alone.
	Peers *Peers
}

// A CustomerKey is a customer's key for the keys of a bucket that begin with Prefix.
type CustomerKey struct {
	Bucket, Prefix string
	Key            *store.CustomerKey
}

// customerKeys is what sessions are asked for a customer's key; nil: there are none.
func (o *Options) customerKeys() func(bucket, key string) *store.CustomerKey {
	if len(o.CustomerKeys) == 0 {
		return nil
	}
	keys := slices.Clone(o.CustomerKeys)
	slices.SortStableFunc(keys, func(a, b CustomerKey) int { return len(b.Prefix) - len(a.Prefix) })
	return func(bucket, key string) *store.CustomerKey {
		for _, k := range keys {
			if k.Bucket == bucket && strings.HasPrefix(key, k.Prefix) {
				return k.Key
			}
		}
		return nil
	}
}

// Validate reports the first option that cannot be.
func (o *Options) Validate() error {
	switch {
	case o.Store == nil:
		return fault.New(fault.InvalidArgument, "no store to mount")
	case o.Mountpoint == "":
		return fault.New(fault.InvalidArgument, "no mountpoint was given")
	case o.Bucket == "" && o.Prefix != "":
		return fault.New(fault.InvalidArgument, "a prefix needs a bucket")
	case o.Prefix != "" && !strings.HasSuffix(o.Prefix, "/"):
		return fault.New(fault.InvalidArgument, "the prefix %q does not end in /", o.Prefix)
	case o.Umask&^0o777 != 0:
		return fault.New(fault.InvalidArgument, "the umask %#o is not one", o.Umask)
	}
	switch o.ClientFormat {
	case 0, 2, 3:
	default:
		return fault.New(fault.InvalidArgument, "a client writes message format 3 or 2, not %d", o.ClientFormat)
	}
	for i := range o.ClientKeys {
		if err := o.ClientKeys[i].validate(); err != nil {
			return err
		}
		for _, k := range o.ClientKeys[:i] {
			if k.Bucket == o.ClientKeys[i].Bucket && k.Prefix == o.ClientKeys[i].Prefix {
				return fault.New(fault.InvalidArgument, "there are two client keys for %s/%s", k.Bucket, k.Prefix)
			}
		}
	}
	_, err := parseMountOptions(o.ExtraOptions)
	return err
}

func (o *Options) clientSuite() s3ec.Suite {
	if o.ClientFormat == 2 {
		return s3ec.Plain
	}
	return s3ec.Committing
}

// mountOptions are ExtraOptions sorted by who deals with them.
type mountOptions struct {
	flags      uintptr  // MS_* flags of mount(2) to set
	names      []string // the same by name, for fusermount3
	kernel     []string // for the filesystem's own option string
	readOnly   bool
	allowOther bool
	fsName     string
	noXattr    bool // no extended attributes, which saves a request per new file
	checks     bool // have the kernel check permissions, whoever gets in
}

// Options of mount(8) that name a flag of mount(2). What clears nosuid or nodev is
// accepted and without effect, for those two always hold.
var mountFlags = map[string]uintptr{
	"noexec": unix.MS_NOEXEC, "noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME,
	"sync": unix.MS_SYNCHRONOUS, "dirsync": unix.MS_DIRSYNC, "nosymfollow": unix.MS_NOSYMFOLLOW,
}

// Options that are mount(8)'s or systemd's own business, or say what holds anyway.
var ignoredOptions = []string{
	"defaults", "rw", "auto", "noauto", "user", "nouser", "users", "nousers", "owner", "group", "nofail", "_netdev",
	"nosuid", "suid", "nodev", "dev", "exec", "atime", "diratime", "relatime", "norelatime", "async", "symfollow",
}

// OptionNames are the mount options that a mount knows, for people who look for one.
func OptionNames() []string {
	names := slices.Collect(maps.Keys(mountFlags))
	names = append(names, ignoredOptions...)
	slices.Sort(names)
	return slices.Compact(names)
}

// KnowsOption says whether a mount knows an option, value included.
func KnowsOption(o string) bool {
	_, err := parseMountOptions([]string{o})
	return err == nil
}

func parseMountOptions(list []string) (mountOptions, error) {
	var m mountOptions
	for _, o := range list {
		name, value, _ := strings.Cut(o, "=")
		switch {
		case o == "" || slices.Contains(ignoredOptions, o) || strings.HasPrefix(o, "x-") || name == "comment":
		case o == "noxattr":
			m.noXattr = true
		case o == "default_permissions":
			m.checks = true
		case o == "ro":
			m.readOnly = true
		case o == "allow_other":
			m.allowOther = true
		case name == "fsname":
			m.fsName = value
		case name == "context" || name == "fscontext" || name == "defcontext" || name == "rootcontext":
			m.kernel = append(m.kernel, o)
		case mountFlags[o] != 0:
			m.flags |= mountFlags[o]
			m.names = append(m.names, o)
		default:
			return mountOptions{}, fault.New(fault.InvalidArgument, "unknown mount option %q", o)
		}
	}
	return m, nil
}
