package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

type restoreOptions struct {
	version string
	at      time.Time
	keepNew bool
	dryRun  bool
}

func newRestoreCommand(g *globals) *cobra.Command {
	opts := &restoreOptions{}
	cmd := &cobra.Command{
		Use:   "restore BUCKET/KEY --version ID|NUMBER | BUCKET[/KEY|/DIR/] --at TIME",
		Short: "Bring back an old version of an object, or a whole tree as it was",
		Long: `With --version, make an old version of an object the current one again.

With --at, make an object, or everything in a bucket or in a directory (DIR/), what it
was at a time: what was changed or deleted since gets its old content, attributes and
tags, what was renamed is at its old place, and what was made since is deleted, unless
--keep-new says that it stays. --dry-run prints what would be done. Modes, tags and times
that were changed without a new version stay as they are. What an object held then may be
kept no longer; it is named and left alone, and the exit code is 3. An interrupted
restore is completed by the same command.
` + timeHelp + `

History only grows: what comes back is a new version that shares its bytes with the old
one, what goes gets a delete marker, and what was current stays in the list. Therefore
versioning must be enabled; with --version it is enough that nothing current would be
replaced.`,
		Example: `  pail restore photos/cat.jpg --version 3
  pail restore photos/2026/ --at yesterday --dry-run`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, pastKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.validate(args[0]); err != nil {
				return err
			}
			bucket, key, err := splitKey(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				if opts.version == "" {
					return runRestoreAt(ctx, opts, c, cmd, bucket, key, g.json)
				}
				req := control.ObjectRequest{Bucket: bucket, Key: key, Version: opts.version}
				return runRestore(ctx, c, req, g.json, cmd.OutOrStdout())
			})
		},
	}
	addVersionFlag(cmd, g, &opts.version, "the `version` to restore: its number, its id, or null")
	timeVar(cmd, &opts.at, "at", "restore what there was at this `time`")
	cmd.Flags().BoolVar(&opts.keepNew, "keep-new", false, "with --at: leave what was made since")
	cmd.Flags().BoolVarP(&opts.dryRun, "dry-run", "n", false, "with --at: print what would be done, one line for each key, and do nothing")
	return cmd
}

func (o *restoreOptions) validate(arg string) error {
	switch {
	case o.version != "" && !o.at.IsZero():
		return usagef("--version and --at do not go together")
	case o.version == "" && o.at.IsZero():
		return usagef("name the version to restore with --version (pail versions %s lists them), or the time with --at", arg)
	case o.version != "" && (o.keepNew || o.dryRun):
		return usagef("--keep-new and --dry-run go with --at")
	case o.version != "":
		_, _, err := objectArg(arg)
		return err
	}
	return nil
}

func runRestore(ctx context.Context, c *control.Client, req control.ObjectRequest, asJSON bool, out io.Writer) error {
	o, err := c.Restore(ctx, req)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, o)
	}
	_, err = fmt.Fprintf(out, "restored version %s of %s/%s as version %d\n", req.Version, o.Bucket, shown(o.Key), o.Number)
	return err
}

func runRestoreAt(ctx context.Context, opts *restoreOptions, c *control.Client, cmd *cobra.Command, bucket, key string, asJSON bool) error {
	out := newReport(cmd, "restoring")
	if opts.dryRun || asJSON {
		out = newListing(cmd, "looking")
	}
	req := control.RestoreAtRequest{Bucket: bucket, Key: key, At: opts.at, KeepNew: opts.keepNew, DryRun: opts.dryRun}
	sum := restoreSum{}
	err := c.RestoreAt(ctx, req, func(r control.Restored) error {
		sum[r.Action]++
		switch {
		case asJSON:
			return out.print(func(w io.Writer) error { return printJSON(w, r) })
		case opts.dryRun || r.Action == control.RestoredUnknown:
			return out.print(func(w io.Writer) error { return printRestored(w, r) })
		}
		return nil
	}, out.far)
	if err = out.end(err); err != nil {
		return err
	}
	if !asJSON {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), sum.line(shown(bucket+"/"+key), opts.at, opts.dryRun)); err != nil {
			return err
		}
	}
	if n := sum[control.RestoredUnknown]; n > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "pail: what %s held then is kept no longer, and they are left alone\n", plural(n, "key"))
		return reportedError{exitNotFound}
	}
	return nil
}

func printRestored(w io.Writer, r control.Restored) error {
	var when, size string
	if r.Then != nil {
		when, size = shownTime(r.Then.Modified), fmt.Sprint(r.Then.Size)
	}
	_, err := fmt.Fprintf(w, "%-10s  %19s  %12s  %s\n", r.Action, when, size, shown(r.Key))
	return err
}

// A restoreSum counts the steps of a restore by what they do.
type restoreSum map[string]int64

func (s restoreSum) line(name string, at time.Time, dryRun bool) string {
	var parts []string
	for _, p := range []struct{ action, does, did, what string }{
		{control.RestoredVersion, "restore", "restored", "key"},
		{control.RestoredDelete, "delete", "deleted", "newer key"},
		{control.RestoredAttrs, "change", "changed", "directory mode"},
	} {
		if n := s[p.action]; n > 0 {
			did := p.did
			if dryRun {
				did = p.does
			}
			parts = append(parts, did+" "+plural(n, p.what))
		}
	}
	as := fmt.Sprintf("%s as of %s", name, shownTime(at))
	switch {
	case len(parts) == 0:
		return "nothing to do for " + as
	case dryRun:
		return "would " + strings.Join(parts, ", ") + ": " + as
	}
	return strings.Join(parts, ", ") + ": " + as
}
