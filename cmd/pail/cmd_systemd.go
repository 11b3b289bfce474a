package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

type systemdOptions struct {
	mountOptions
	user    bool
	noMount bool
	program string
}

func newSystemdCommand(g *globals) *cobra.Command {
	opts := &systemdOptions{}
	cmd := &cobra.Command{
		Use:   "systemd [MOUNTPOINT]",
		Short: "Print a systemd unit that mounts a store and keeps it mounted",
		Long: `Print a systemd unit that mounts a store: it is up once the mount answers, a daemon
that was killed is started again and replaces its dead mount, and stopping it publishes
and settles everything. It takes what pail mount takes, --s3 among it; with --no-mount the
unit has no mount, and the S3 door alone (pail serve). Without --user it is a unit of
the system, for root's store; with it one of a user's own manager. A store and
MOUNTPOINT that are not named are the default ones.`,
		Example: `  pail systemd --allow-other > /etc/systemd/system/pail.service
  systemctl daemon-reload && systemctl enable --now pail.service

  pail systemd --no-mount --s3 :9000 --tls-self-signed > /etc/systemd/system/pail.service

  pail systemd --user > ~/.config/systemd/user/pail.service
  systemctl --user daemon-reload && systemctl --user enable --now pail.service`,
		Args: takes(0, 1),

		ValidArgsFunction: directories,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runSystemd(opts, g, args, cmd.OutOrStdout())
		},
	}
	opts.addFlags(cmd, g)
	_ = cmd.Flags().MarkHidden("background") // a manager watches over what is in the foreground
	_ = cmd.Flags().MarkHidden("log")        // the journal has it
	cmd.Flags().BoolVar(&opts.user, "user", false, "a unit of a user's own service manager")
	cmd.Flags().BoolVar(&opts.noMount, "no-mount", false, "answer S3 at the addresses of --s3 and mount nothing")
	textVar(cmd.Flags(), &opts.program, "program", "`path` of pail in the unit (default this program)")
	flagSuggests(cmd, "program", flagFiles)
	return cmd
}

func runSystemd(opts *systemdOptions, g *globals, args []string, out io.Writer) error {
	if opts.background || opts.log != "" {
		return usagef("--background and --log do not go into a unit: systemd watches over the daemon and keeps its log")
	}
	if g.store == "" {
		g.store = os.Getenv("PAIL_STORE")
	}
	u, err := opts.unit(g, args)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, u.text())
	return err
}

// A unit is what goes into a unit file.
type unit struct {
	user       bool
	noMount    bool
	net        bool // it listens in the network
	program    string
	store      string   // absolute; "": the default one
	mountpoint string   // absolute; "": the default one
	flags      []string // of pail mount
}

func (o *systemdOptions) unit(g *globals, args []string) (unit, error) {
	u := unit{user: o.user, noMount: o.noMount, program: o.program}
	// Whatever pail mount would refuse is refused here.
	p, err := o.plan(g, args)
	if err != nil {
		return u, err
	}
	if err := g.unlock.forUnit(); err != nil {
		return u, err
	}
	u.net = p.req.S3 != nil
	if o.noMount {
		if err := o.checkNoMount(g, p, args); err != nil {
			return u, err
		}
	}
	if g.store != "" {
		u.store = p.store
	}
	if len(args) > 0 {
		u.mountpoint = p.mountpoint
	}
	if u.program == "" {
		if u.program, err = os.Executable(); err != nil {
			return u, fmt.Errorf("where this program is cannot be told; say so with --program: %w", err)
		}
	}
	if u.program, err = absolute(u.program); err != nil {
		return u, err
	}
	u.flags = o.asFlags(g)
	if o.noMount {
		u.flags = o.asServeFlags(g)
	}
	for _, s := range append([]string{u.program, u.store, u.mountpoint}, u.flags...) {
		if err := checkUnitText(s); err != nil {
			return u, err
		}
	}
	return u, nil
}

// asFlags are the flags as they were given, but for places.
func (o *systemdOptions) asFlags(g *globals) (flags []string) {
	for _, f := range []struct{ name, value string }{{"bucket", o.bucket}, {"uid", o.uid}, {"gid", o.gid}, {"umask", o.umask}, {"scrub-every", o.scrubEvery}} {
		if f.value != "" {
			flags = append(flags, "--"+f.name+"="+f.value)
		}
	}
	for _, f := range []struct {
		name string
		on   bool
	}{{"read-only", o.readOnly}, {"allow-other", o.allowOther}, {"verify-reads", o.verify}, {"debug", o.debug}, {"allow-any-fs", g.allowAnyFS}} {
		if f.on {
			flags = append(flags, "--"+f.name)
		}
	}
	flags = append(append(flags, g.unlock.asFlags()...), o.serveOptions.asFlags()...)
	for _, list := range o.options {
		flags = append(flags, "-o", list)
	}
	return flags
}

// checkNoMount refuses what is about a mount where there is none.
func (o *systemdOptions) checkNoMount(g *globals, p *mountPlan, args []string) error {
	switch {
	case p.req.S3 == nil || len(p.req.S3.Addresses) == 0:
		return usagef("--no-mount needs an address at which S3 is answered: --s3 ADDRESS")
	case len(args) > 0 || len(o.options) > 0 || o.bucket != "" || o.uid != "" || o.gid != "" || o.umask != "" || o.readOnly || o.allowOther:
		return usagef("with --no-mount nothing is said about a mount")
	}
	return nil
}

// asServeFlags are the arguments of pail serve.
func (o *systemdOptions) asServeFlags(g *globals) (flags []string) {
	s := o.serveOptions
	s.s3 = nil
	flags = append(s.asFlags(), g.unlock.asFlags()...)
	if o.scrubEvery != "" {
		flags = append(flags, "--scrub-every="+o.scrubEvery)
	}
	for _, f := range []struct {
		name string
		on   bool
	}{{"verify-reads", o.verify}, {"debug", o.debug}, {"allow-any-fs", g.allowAnyFS}} {
		if f.on {
			flags = append(flags, "--"+f.name)
		}
	}
	return append(append(flags, "--"), o.s3...)
}

// text is the unit file. Nothing in it may put the daemon into a mount namespace of its
// own (ProtectSystem=, PrivateTmp= and their like), where its mount would be seen by
// nobody, nor restrict devices, for it needs /dev/fuse.
func (u unit) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Made by: pail systemd")
	line("[Unit]")
	line("Description=%s", unitText(u.description()))
	line("Documentation=man:pail(1)")
	if needs := u.needs(); needs != "" {
		line("RequiresMountsFor=%s", needs)
	}
	if u.net && !u.user {
		line("Wants=network-online.target")
		line("After=network-online.target")
	}
	line("")
	line("[Service]")
	line("Type=notify")
	start, stop := "mount", "umount"
	if u.noMount {
		start, stop = "serve", "stop"
	}
	line("ExecStart=%s", u.command(start, u.flags...))
	line("# It may have ended by itself, with nothing left to stop.")
	line("ExecStop=-%s", u.command(stop))
	line("# %sWhat cannot succeed is not tried again: wrong", map[bool]string{false: "A killed daemon leaves a dead mount, which the next one replaces. "}[u.noMount])
	line("# options, no permission, damage, a kernel that lacks something.")
	line("Restart=on-failure")
	line("RestartSec=1")
	line("RestartPreventExitStatus=%d %d %d %d", exitUsage, exitDenied, exitDamaged, exitUnsupported)
	line("# Recovery and publishing take as long as the disk needs.")
	line("TimeoutStartSec=15min")
	line("TimeoutStopSec=15min")
	line("LimitNOFILE=524288")
	line("UMask=0077")
	if !u.user {
		if !u.noMount {
			line("# What would give the daemon a mount namespace of its own is left out: nobody")
			line("# would see the mount. So is what would take /dev/fuse away.")
		}
		for _, s := range u.hardening() {
			line("%s", s)
		}
	}
	line("")
	line("[Install]")
	line("WantedBy=%s", map[bool]string{false: "multi-user.target", true: "default.target"}[u.user])
	return b.String()
}

// hardening is for the system's manager. A user's daemon mounts with fusermount3, which
// is set-user-id, and most of these would take that away.
func (u unit) hardening() []string {
	caps, families, calls := "CAP_SYS_ADMIN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_SYS_PTRACE", "AF_UNIX", "@system-service @mount"
	if u.noMount {
		caps, calls = "CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH", "@system-service"
	}
	if u.net {
		// Ports below 1024; which addresses the machine has, for a certificate.
		caps, families = caps+" CAP_NET_BIND_SERVICE", families+" AF_INET AF_INET6 AF_NETLINK"
	}
	return []string{
		"OOMScoreAdjust=-250",
		"NoNewPrivileges=yes",
		// To mount; to reach a mountpoint in somebody's home; to tell which process of
		// whom a request came from.
		"CapabilityBoundingSet=" + caps,
		"RestrictAddressFamilies=" + families,
		"RestrictNamespaces=yes",
		"RestrictRealtime=yes",
		"RestrictSUIDSGID=yes",
		"LockPersonality=yes",
		"MemoryDenyWriteExecute=yes",
		"SystemCallArchitectures=native",
		"SystemCallFilter=" + calls,
		"SystemCallErrorNumber=EPERM",
	}
}

// command is a command line of pail about this store and mountpoint.
func (u unit) command(name string, flags ...string) string {
	args := []string{u.program, name}
	if u.store != "" {
		args = append(args, "--store", u.store)
	}
	args = append(args, flags...)
	if u.mountpoint != "" {
		args = append(args, "--", u.mountpoint)
	}
	for i, a := range args {
		args[i] = unitArgument(a)
	}
	return strings.Join(args, " ")
}

// needs are the places that must be there before the daemon: the store, and where the
// mountpoint is. Not the mountpoint: that would be the mount to come.
func (u unit) needs() string {
	var places []string
	if u.store != "" {
		places = append(places, u.store)
	} else if !u.user {
		places = append(places, rootStore)
	}
	if u.mountpoint != "" {
		places = append(places, filepath.Dir(u.mountpoint))
	}
	for i, p := range places {
		places[i] = unitWord(p)
	}
	return strings.Join(places, " ")
}

func (u unit) description() string {
	switch {
	case u.noMount:
		return "Pail, the store " + u.storeName() + " over S3"
	case u.net:
		return "Pail, the store " + u.storeName() + " mounted at " + u.placeName() + " and over S3"
	}
	return "Pail, the store " + u.storeName() + " mounted at " + u.placeName()
}

func (u unit) storeName() string { return named(u.store, u.user, rootStore, "~/.local/share/pail") }
func (u unit) placeName() string { return named(u.mountpoint, u.user, rootMountpoint, "~/Pail") }

func named(chosen string, user bool, ofRoot, ofUser string) string {
	switch {
	case chosen != "":
		return chosen
	case user:
		return ofUser
	}
	return ofRoot
}
