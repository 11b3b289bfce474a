package main

import (
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

// mountOptions are the flags of pail mount.
type mountOptions struct {
	bucket     string
	readOnly   bool
	allowOther bool
	options    []string
	background bool
	log        string
	debug      bool
}

func (o *mountOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.bucket, "bucket", "", "mount only this: NAME or NAME/PREFIX")
	f.BoolVar(&o.readOnly, "read-only", false, "allow no changes through this mount")
	f.BoolVar(&o.allowOther, "allow-other", false, "let other users in, as far as permission bits allow")
	f.StringArrayVarP(&o.options, "options", "o", nil, "mount options as in fstab: ro, allow_other, noexec, noatime, bucket=, store=, uid=, gid=, umask=, log=, fsname=, debug")
	f.BoolVar(&o.background, "background", false, "return once the mount answers; the daemon goes on in the background")
	f.StringVar(&o.log, "log", "", "where a daemon in the background logs (default daemon.log in the store)")
	f.BoolVar(&o.debug, "debug", false, "log every request of the kernel")
}

// A mountPlan is what a command line to mount amounts to.
type mountPlan struct {
	store      string // absolute
	log        string // absolute, or empty
	anyFS      bool
	byDefault  bool // the mountpoint was not named and may be made
	mountpoint string
	req        control.MountRequest
}

// plan puts flags and -o options together; it looks at no file.
func (o *mountOptions) plan(g *globals, args []string) (*mountPlan, error) {
	p := &mountPlan{
		anyFS: g.allowAnyFS,
		req:   control.MountRequest{ReadOnly: o.readOnly, AllowOther: o.allowOther, Debug: o.debug},
	}
	storeArg, logArg, bucketArg := g.store, o.log, o.bucket
	for _, opt := range splitOptions(o.options) {
		name, value, _ := strings.Cut(opt, "=")
		var err error
		switch name {
		case "store":
			storeArg = value
		case "log":
			logArg = value
		case "bucket":
			bucketArg = value
		case "allow_any_fs":
			p.anyFS = true
		default:
			err = p.option(name, value, opt)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := p.setBucket(bucketArg); err != nil {
		return nil, err
	}
	return p, p.setPlaces(&globals{store: storeArg}, logArg, args)
}

// option takes in one -o option; what is not Pail's goes on to the mount.
func (p *mountPlan) option(name, value, whole string) (err error) {
	switch name {
	case "ro":
		p.req.ReadOnly = true
	case "rw":
		p.req.ReadOnly = false
	case "allow_other":
		p.req.AllowOther = true
	case "debug":
		p.req.Debug = true
	case "fsname":
		p.req.FsName = value
	case "uid":
		p.req.UID, err = parseID(value, lookupUser)
	case "gid":
		p.req.GID, err = parseID(value, lookupGroup)
	case "umask":
		n, e := strconv.ParseUint(value, 8, 32)
		if e != nil || n > 0o777 {
			return usagef("umask=%s is not an octal number up to 777", value)
		}
		umask := uint32(n)
		p.req.Umask = &umask
	default:
		p.req.Options = append(p.req.Options, whole)
	}
	return err
}

func (p *mountPlan) setBucket(arg string) error {
	if arg == "" {
		return nil
	}
	bucket, prefix, err := splitKey(arg)
	if err != nil {
		return err
	}
	if err := checkBucketName(bucket); err != nil {
		return err
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	p.req.Bucket, p.req.Prefix = bucket, prefix
	return nil
}

func (p *mountPlan) setPlaces(g *globals, log string, args []string) (err error) {
	if p.store, err = g.storeDir(); err != nil {
		return err
	}
	if log != "" {
		if p.log, err = absolute(log); err != nil {
			return err
		}
	}
	if len(args) > 0 {
		p.mountpoint, err = absolute(args[0])
	} else {
		p.byDefault = true
		p.mountpoint, err = defaultMountpoint()
	}
	p.mountpoint = filepath.Clean(p.mountpoint)
	p.req.Mountpoint = p.mountpoint
	if p.req.FsName == "" {
		p.req.FsName = p.store // so that pail umount finds the store
	}
	return err
}

// splitOptions takes lists apart at their commas; a comma that belongs to a value
// is written \, as for mount(8).
func splitOptions(lists []string) []string {
	var out []string
	for _, list := range lists {
		var b strings.Builder
		for i := 0; i < len(list); i++ {
			switch c := list[i]; {
			case c == '\\' && i+1 < len(list):
				i++
				b.WriteByte(list[i])
			case c == ',':
				out = append(out, b.String())
				b.Reset()
			default:
				b.WriteByte(c)
			}
		}
		out = append(out, b.String())
	}
	kept := out[:0]
	for _, o := range out {
		if o = strings.TrimSpace(o); o != "" {
			kept = append(kept, o)
		}
	}
	return kept
}

func parseID(value string, lookup func(string) (string, error)) (*uint32, error) {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		id, e := lookup(value)
		if e != nil {
			return nil, usageError{e}
		}
		if n, err = strconv.ParseUint(id, 10, 32); err != nil {
			return nil, usagef("%q has the number %s, which is none", value, id)
		}
	}
	id := uint32(n)
	return &id, nil
}

func lookupUser(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", fmt.Errorf("there is no user %q", name)
	}
	return u.Uid, nil
}

func lookupGroup(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", fmt.Errorf("there is no group %q", name)
	}
	return g.Gid, nil
}
