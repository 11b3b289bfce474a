package main

import (
	"fmt"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	pailfs "pail/fs"
	"pail/store/web/control"
	"pail/versioning"
)

// mountOptions are the flags of pail mount.
type mountOptions struct {
	serveOptions
	client clientOptions

	bucket     string
	readOnly   bool
	allowOther bool
	uid, gid   string
	umask      string
	as         string
	mapUID     []string
	sseKeys    []string
	options    []string
	background bool
	log        string
	verify     bool
	scrubEvery string
	debug      bool
	sloppy     bool
	fake       bool
}

func (o *mountOptions) addFlags(cmd *cobra.Command, g *globals) {
	f := cmd.Flags()
	textVar(f, &o.bucket, "bucket", "mount only this: `NAME` or NAME/PREFIX")
	f.BoolVar(&o.readOnly, "read-only", false, "allow no changes through this mount")
	f.BoolVar(&o.allowOther, "allow-other", false, "let other users in, as far as permission bits allow")
	textVar(f, &o.uid, "uid", "`user`, by name or number, to whom objects belong that came without an owner (default who mounts)")
	textVar(f, &o.gid, "gid", "`group` of such objects (default that of who mounts)")
	textVar(f, &o.umask, "umask", "permission `bits`, octal, that such objects lack (default 022)")
	textVar(f, &o.as, "as", "`user` of the store, USER or ACCOUNT/USER, for whom everyone on the mount acts (default its owner)")
	f.StringArrayVar(&o.mapUID, "map-uid", nil, "`UID=USER,...`: for whom processes of these users of the machine act; may be given again")
	f.StringArrayVar(&o.sseKeys, "sse-c-key", nil, "`BUCKET/PREFIX=FILE`: the key, 32 bytes, with which customers have encrypted objects there (SSE-C), and with which files are written there; may be given again")
	f.StringArrayVarP(&o.options, "options", "o", nil, "mount `options` as in fstab: ro, allow_other, bucket=, uid=, gid=, umask=, as=, map_uid=, sse_c_key=, client_key=, client_format=, client_plain, store=, log=, passphrase_file=, master_key_file=, fsname=, allow_any_fs, verify_reads, scrub_every=, s3=, metrics=, domain=, region=, no_sigv2, allow_plain_sse_c, public_by_default, tls_cert=, tls_key=, tls_self_signed, tls_acme, acme_email=, acme_directory=, acme_ca=, tls_client_ca=, listen=, http_redirect=, trusted_proxy=, rate_per_address=, rate_per_key=, debug, noexec, noatime, ...")
	f.BoolVar(&o.background, "background", false, "return once the mount answers; the daemon goes on in the background")
	textVar(f, &o.log, "log", "`file` to which a daemon in the background logs (default daemon.log in the store)")
	f.BoolVar(&o.verify, "verify-reads", false, "compare checksums whenever a content is read")
	textVar(f, &o.scrubEvery, "scrub-every", "read all contents and compare their checksums so long after the last `time`, such as 7d")
	f.BoolVar(&o.debug, "debug", false, "log every request of the kernel")
	f.BoolVar(&o.sloppy, "sloppy", false, "leave out mount options that are unknown")
	f.BoolVar(&o.fake, "fake", false, "check the command line and mount nothing")
	f.StringArrayVar(&o.s3, "s3", nil, "answer S3 at this `address`, such as 127.0.0.1:9000; may be given again")
	o.serveOptions.addFlags(cmd)
	o.client.addFlags(cmd)
	flagSuggests(cmd, "s3", cobra.NoFileCompletions)
	_ = f.MarkHidden("sloppy") // the two are for mount(8)
	_ = f.MarkHidden("fake")
	flagSuggests(cmd, "bucket", suggest(g, true, liveKeys))
	flagSuggests(cmd, "as", suggest(g, true, identityNames(control.KindUser)))
	flagSuggests(cmd, "map-uid", cobra.NoFileCompletions)
	flagSuggests(cmd, "sse-c-key", cobra.NoFileCompletions)
	flagSuggests(cmd, "options", optionsBegun(g))
	flagSuggests(cmd, "log", flagFiles)
	for _, name := range []string{"uid", "gid", "umask", "scrub-every"} {
		flagSuggests(cmd, name, cobra.NoFileCompletions)
	}
}

// asOptions are the flags that -o knows too, as it would have them. What stands in -o
// comes after them and so wins.
func (o *mountOptions) asOptions() (list []string) {
	for _, f := range []struct{ name, value string }{
		{"bucket", o.bucket}, {"log", o.log}, {"uid", o.uid}, {"gid", o.gid}, {"umask", o.umask}, {"scrub_every", o.scrubEvery},
		{"as", o.as},
	} {
		if f.value != "" {
			list = append(list, f.name+"="+f.value)
		}
	}
	for _, f := range []struct {
		name string
		on   bool
	}{{"ro", o.readOnly}, {"allow_other", o.allowOther}, {"verify_reads", o.verify}, {"debug", o.debug}} {
		if f.on {
			list = append(list, f.name)
		}
	}
	for _, given := range o.mapUID {
		for _, one := range splitPairs(given) {
			list = append(list, "map_uid="+one)
		}
	}
	for _, given := range o.sseKeys {
		list = append(list, "sse_c_key="+given)
	}
	return append(append(list, o.client.asOptions()...), o.serveOptions.asOptions()...)
}

// splitPairs takes a list UID=USER,UID=USER apart: a user's name may have commas, too.
func splitPairs(list string) (out []string) {
	for _, part := range strings.Split(list, ",") {
		if len(out) > 0 && !strings.Contains(part, "=") {
			out[len(out)-1] += "," + part
		} else {
			out = append(out, part)
		}
	}
	return out
}

// optionsBegun suggests the last of a list of -o options, and the value of bucket=.
func optionsBegun(g *globals) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		head, last := "", word
		if i := strings.LastIndexByte(word, ','); i >= 0 {
			head, last = word[:i+1], word[i+1:]
		}
		if value, ok := strings.CutPrefix(last, "bucket="); ok {
			found, directive := suggestions(cmd, g, liveKeys, args, value)
			return prefixed(head+"bucket=", found), directive
		}
		known := append(ownOptions(), pailfs.OptionNames()...)
		slices.Sort(known)
		known = slices.Compact(known)
		found, directive := presented(prefixed(head, begun(known, last)))
		return found, directive | cobra.ShellCompDirectiveNoSpace // a comma may follow
	}
}

func prefixed(head string, words []string) (out []string) {
	for _, w := range words {
		out = append(out, head+w)
	}
	return out
}

// ownOptions are the -o options that are Pail's own.
func ownOptions() []string {
	return append(append(serveOptionNames(), clientOptionNames()...),
		"ro", "rw", "allow_other", "bucket=", "store=", "uid=", "gid=", "umask=", "as=", "map_uid=", "sse_c_key=", "log=", "fsname=", "allow_any_fs", "verify_reads", "scrub_every=", "debug",
		"passphrase_file=", "master_key_file=",
	)
}

// A mountPlan is what a command line to mount amounts to.
type mountPlan struct {
	store      string // absolute
	log        string // absolute, or empty
	anyFS      bool
	unlock     unlock
	clients    []clientKey
	customers  []customerKeyFile
	byDefault  bool // the mountpoint was not named and may be made
	mountpoint string
	req        control.MountRequest
	discreet   atomic.Bool // the log is in a store whose names are encrypted
}

// plan puts flags and -o options together; it looks at no file.
func (o *mountOptions) plan(g *globals, args []string) (*mountPlan, error) {
	p := &mountPlan{anyFS: g.allowAnyFS}
	store := g.store
	err := p.options(append(o.asOptions(), splitOptions(o.options)...), func(opt string) bool {
		name, value, _ := strings.Cut(opt, "=")
		if name == "store" {
			store = value
			return false
		}
		return !o.sloppy || slices.Contains(ownOptions(), name) || slices.Contains(ownOptions(), name+"=") || pailfs.KnowsOption(opt)
	})
	if err != nil {
		return nil, err
	}
	if err := p.setPlaces(&globals{store: store}, args); err != nil {
		return nil, err
	}
	return p, p.checkServe()
}

// options takes in those options that wanted says are meant for the plan.
func (p *mountPlan) options(opts []string, wanted func(opt string) bool) error {
	for _, opt := range opts {
		name, value, given := strings.Cut(opt, "=")
		if slices.Contains(ownOptions(), name+"=") && value == "" {
			return usagef("the mount option %s= is empty; leave it out if the default is meant", name)
		}
		if given && slices.Contains(ownOptions(), name) {
			return usagef("the mount option %s takes no value", name)
		}
		if wanted(opt) {
			if err := p.option(name, value, opt); err != nil {
				return err
			}
		}
	}
	return nil
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
	case "allow_any_fs":
		p.anyFS = true
	case "verify_reads":
		p.req.VerifyReads = true
	case "scrub_every":
		var ok bool
		if p.req.ScrubEvery, ok = versioning.ParseSpan(value); !ok || p.req.ScrubEvery == 0 {
			return usagef("%q is no time between scrubs; it is such as 7d, 12h or 1w", value)
		}
	case "debug":
		p.req.Debug = true
	case "fsname":
		p.req.FsName = value
	case "bucket":
		err = p.setBucket(value)
	case "passphrase_file":
		p.unlock.passphraseFile, err = absolute(value)
	case "master_key_file":
		p.unlock.keyFile, err = absolute(value)
	case "log":
		p.log, err = absolute(value)
	case "uid":
		p.req.UID, err = parseID("uid", value, lookupUser)
	case "gid":
		p.req.GID, err = parseID("gid", value, lookupGroup)
	case "umask":
		n, e := strconv.ParseUint(value, 8, 32)
		if e != nil || n > 0o777 {
			return usagef("the umask %q is not an octal number up to 777", value)
		}
		umask := uint32(n)
		p.req.Umask = &umask
	case "as":
		p.req.As = value
	case "map_uid":
		err = p.mapUser(value)
	case "client_key", "client_format", "client_plain":
		err = p.clientOption(name, value)
	case "sse_c_key":
		err = p.customerKey(value)
	case "s3", "metrics", "website", "domain", "region", "no_sigv2", "allow_plain_sse_c", "public_by_default", "tls_cert", "tls_key", "tls_self_signed",
		"tls_acme", "acme_email", "acme_directory", "acme_ca", "tls_client_ca", "listen", "http_redirect", "trusted_proxy", "rate_per_address", "rate_per_key":
		err = p.serveOption(name, value)
	case "remount":
		return usagef("a mount cannot be changed while it lasts; unmount it and mount it anew")
	default:
		p.req.Options = append(p.req.Options, whole)
	}
	return err
}

// mapUser takes in for whom a user of the machine acts: UID=USER.
func (p *mountPlan) mapUser(pair string) error {
	who, user, ok := strings.Cut(pair, "=")
	if !ok || who == "" || user == "" {
		return usagef("%q is no UID=USER, such as 1000=alice", pair)
	}
	uid, err := parseID("uid", who, lookupUser)
	if err != nil {
		return err
	}
	if p.req.MapUID == nil {
		p.req.MapUID = map[uint32]string{}
	}
	if _, twice := p.req.MapUID[*uid]; twice {
		return usagef("the uid %d is mapped twice", *uid)
	}
	p.req.MapUID[*uid] = user
	return nil
}

func (p *mountPlan) setBucket(arg string) (err error) {
	p.req.Bucket, p.req.Prefix, err = partOfMount(arg)
	return err
}

// partOfMount takes BUCKET or BUCKET/PREFIX apart; the prefix is "" or ends in "/".
func partOfMount(arg string) (bucket, prefix string, err error) {
	if bucket, prefix, err = splitKey(arg); err != nil {
		return "", "", err
	}
	if err := checkBucketName(bucket); err != nil {
		return "", "", err
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return bucket, prefix, nil
}

func (p *mountPlan) setPlaces(g *globals, args []string) (err error) {
	if p.store, err = g.storeDir(); err != nil {
		return err
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

// parseID reads a user or group, by number or by name. The last number means nobody to
// the kernel (chown(2)).
func parseID(what, value string, lookup func(string) (string, error)) (*uint32, error) {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		number, e := lookup(value)
		if e != nil {
			return nil, usageError{e}
		}
		n, err = strconv.ParseUint(number, 10, 64)
	}
	if err != nil || n >= 1<<32-1 {
		return nil, usagef("the %s %q is not a number below 4294967295", what, value)
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
