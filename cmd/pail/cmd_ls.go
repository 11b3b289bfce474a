package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

type lsOptions struct {
	recursive  bool
	versions   bool
	startAfter string
	limit      int
	at         time.Time
}

func newLsCommand(g *globals) *cobra.Command {
	opts := &lsOptions{}
	cmd := &cobra.Command{
		Use:     "ls [BUCKET[/PREFIX]]",
		Aliases: []string{"list"},
		Short:   "List buckets, or the objects of a bucket in the order of their keys",
		Long: `List the buckets, or the objects of one whose keys begin with a prefix, in the
byte order of their keys. Keys that go on to a "/" after the prefix are shown as one
line that ends in "/", so "docs/" shows what is in the directory docs. With --json
each line is an object, or a bucket, or {"prefix": ...}. With --at the objects are listed
that there were at a time, as far as they are kept.
` + timeHelp,
		Example: `  pail ls photos/2026/
  pail ls photos --recursive --versions
  pail ls photos/2026/ --at yesterday`,
		Args: takes(0, 1),

		ValidArgsFunction: suggest(g, false, liveKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.validate(args); err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				if len(args) == 0 {
					return runBucketLs(ctx, c, g.json, cmd.OutOrStdout())
				}
				return runLs(ctx, opts, c, cmd, args[0], g.json)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&opts.recursive, "recursive", "r", false, "list every key below the prefix")
	f.BoolVar(&opts.versions, "versions", false, "list old versions and delete markers too; implies --recursive")
	f.StringVar(&opts.startAfter, "start-after", "", "begin after this key")
	timeVar(cmd, &opts.at, "at", "list what there was at this `time`")
	f.IntVar(&opts.limit, "limit", 0, "end after this many lines (0: no end)")
	return cmd
}

func (o *lsOptions) validate(args []string) error {
	switch {
	case o.limit < 0:
		return usagef("--limit %d is below zero", o.limit)
	case len(args) == 0 && (o.recursive || o.versions || o.startAfter != "" || o.limit != 0 || !o.at.IsZero()):
		return usagef("name the bucket to list")
	case o.versions && o.startAfter != "":
		return usagef("--start-after does not go with --versions")
	}
	if o.versions && !o.at.IsZero() {
		return usagef("--at does not go with --versions; pail versions BUCKET/KEY --at lists those that an object had")
	}
	for _, arg := range args {
		if _, _, err := splitKey(arg); err != nil {
			return err
		}
	}
	return nil
}

func runLs(ctx context.Context, opts *lsOptions, c *control.Client, cmd *cobra.Command, arg string, asJSON bool) error {
	bucket, prefix, err := splitKey(arg)
	if err != nil {
		return err
	}
	out := newListing(cmd, "listing")
	if opts.versions {
		req := control.ListVersionsRequest{Bucket: bucket, Prefix: prefix, Limit: opts.limit}
		err = c.ListVersions(ctx, req, func(o control.Object) error {
			if asJSON {
				return out.print(func(w io.Writer) error { return printJSON(w, o) })
			}
			return out.print(func(w io.Writer) error { return printVersionOf(w, o) })
		})
		return out.end(err)
	}
	req := control.ListRequest{
		Bucket: bucket, Prefix: prefix, StartAfter: opts.startAfter, Recursive: opts.recursive, Limit: opts.limit,
		At: given(opts.at),
	}
	err = c.List(ctx, req, func(e control.ListEntry) error {
		return out.print(func(w io.Writer) error { return printEntry(w, e, asJSON) })
	})
	return out.end(err)
}

func printEntry(w io.Writer, e control.ListEntry, asJSON bool) error {
	switch {
	case asJSON && e.Object != nil:
		return printJSON(w, e.Object)
	case asJSON:
		return printJSON(w, e)
	case e.Object != nil:
		_, err := fmt.Fprintf(w, "%s  %12d  %s\n", shownTime(e.Object.Modified), e.Object.Size, shown(e.Object.Key))
		return err
	}
	_, err := fmt.Fprintf(w, "%19s  %12s  %s\n", "", "", shown(e.Prefix))
	return err
}

func printVersionOf(w io.Writer, o control.Object) error {
	size := fmt.Sprint(o.Size)
	if o.DeleteMarker {
		size = "deleted"
	}
	mark := " "
	if o.Latest {
		mark = "*"
	}
	_, err := fmt.Fprintf(w, "%s  %12s  %s%-5d  %s  %s\n", shownTime(o.Modified), size, mark, o.Number, o.Version, shown(o.Key))
	return err
}
