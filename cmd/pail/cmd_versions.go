package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

type versionsOptions struct {
	at time.Time
}

func newVersionsCommand(g *globals) *cobra.Command {
	opts := &versionsOptions{}
	cmd := &cobra.Command{
		Use:   "versions BUCKET/KEY",
		Short: "List the versions of an object, newest first",
		Long: `List the versions of an object, newest first: number, id, size, time, and who made
it through which door. The number or the id names one to stat, restore, rm and tag. With
--at those are listed that had been made at a time.
` + timeHelp,
		Example: "  pail versions photos/cat.jpg",
		Args:    takes(1, 1),

		ValidArgsFunction: suggest(g, false, pastKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			bucket, key, err := objectArg(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runVersions(ctx, c, cmd, control.ObjectRequest{Bucket: bucket, Key: key, At: given(opts.at)}, g.json)
			})
		},
	}
	timeVar(cmd, &opts.at, "at", "list those that there were at this `time`")
	return cmd
}

// versionLine is the format of a line: an id has 26 characters, so that nothing has to be
// known of the lines to come.
const versionLine = "%-6v  %-26s  %12v  %-19s  %s%s\n"

func runVersions(ctx context.Context, c *control.Client, cmd *cobra.Command, req control.ObjectRequest, asJSON bool) error {
	out := newListing(cmd, "listing")
	who := whoNames{}
	first := true
	err := c.Versions(ctx, req, func(o control.Object) error {
		return out.print(func(w io.Writer) error {
			if asJSON {
				return printJSON(w, o)
			}
			if first {
				fmt.Fprintf(w, versionLine, "NUMBER", "VERSION", "SIZE", "TIME", "WHO", "")
				first = false
			}
			return printVersion(w, o, who)
		})
	})
	return out.end(err)
}

func printVersion(w io.Writer, o control.Object, who whoNames) error {
	var size any = o.Size
	if o.DeleteMarker {
		size = "deleted"
	}
	note := ""
	if o.Latest {
		note = "  current"
	}
	_, err := fmt.Fprintf(w, versionLine, o.Number, o.Version, size, shownTime(o.Modified), who.of(o.Who), note)
	return err
}
