package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

type logOptions struct {
	since, until time.Time
	limit        int
	follow       bool
}

func newLogCommand(g *globals) *cobra.Command {
	opts := &logOptions{}
	cmd := &cobra.Command{
		Use:   "log BUCKET[/PREFIX]",
		Short: "List who changed what when, newest first",
		Long: `List the changes of the objects whose keys begin with a prefix, newest first: when,
who through which door, what (create, overwrite, metadata, rename, delete), the size, and
the number and id of the version or delete marker that it made. A rename is one line,
"old -> new". What makes no version (modes, times, tags) is not in it, and neither is
what was deleted for good, nor that it was. With --follow the last ten changes (or as many
as --limit says) are listed oldest first, and then those that the daemon sees.
` + timeHelp,
		Example: `  pail log photos/2026/ --since yesterday
  pail log photos -n 20
  pail log photos --follow`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, pastKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.validate(cmd); err != nil {
				return err
			}
			bucket, prefix, err := splitKey(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				req := control.LogRequest{Bucket: bucket, Prefix: prefix, Since: given(opts.since), Until: given(opts.until), Limit: opts.limit}
				return runLog(ctx, opts, c, cmd, req, g.json)
			})
		},
	}
	timeVar(cmd, &opts.since, "since", "only what happened after this `time`")
	timeVar(cmd, &opts.until, "until", "only what had happened at this `time`")
	cmd.Flags().IntVarP(&opts.limit, "limit", "n", 0, "end after this many lines (0: no end)")
	cmd.Flags().BoolVarP(&opts.follow, "follow", "f", false, "go on with changes as they happen, until interrupted")
	return cmd
}

func (o *logOptions) validate(cmd *cobra.Command) error {
	switch {
	case o.limit < 0:
		return usagef("--limit %d is below zero", o.limit)
	case o.follow && !(o.since.IsZero() && o.until.IsZero()):
		return usagef("--since and --until do not go with --follow")
	case o.follow && !cmd.Flags().Changed("limit"):
		o.limit = 10
	}
	return nil
}

// given is a time as requests have it, nil if it was not given.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func runLog(ctx context.Context, opts *logOptions, c *control.Client, cmd *cobra.Command, req control.LogRequest, asJSON bool) error {
	who := whoNames{}
	write := func(w io.Writer, e control.LogEntry) error {
		if asJSON {
			return printJSON(w, e)
		}
		return printLogEntry(w, e, who)
	}
	if opts.follow {
		return c.FollowLog(ctx, req, func(e control.LogEntry) error { return write(cmd.OutOrStdout(), e) })
	}
	out := newReport(cmd, "looking")
	err := c.Log(ctx, req, func(e control.LogEntry) error {
		return out.print(func(w io.Writer) error { return write(w, e) })
	}, out.far)
	return out.end(err)
}

func printLogEntry(w io.Writer, e control.LogEntry, who whoNames) error {
	name := shown(e.Key)
	if e.What == control.LogRename {
		name = shown(e.From) + " -> " + shown(e.To)
	}
	size := fmt.Sprint(e.Size)
	if e.DeleteMarker {
		size = "deleted"
	}
	_, err := fmt.Fprintf(w, "%s  %-16s  %-9s  %12s  %-5d  %s  %s\n", shownTime(e.Modified), who.of(e.Who), e.What, size, e.Number, e.Version, name)
	return err
}
