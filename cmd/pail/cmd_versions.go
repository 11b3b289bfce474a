package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newVersionsCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "versions BUCKET/KEY",
		Short: "List the versions of an object, newest first",
		Long: `List the versions of an object, newest first: number, id, size, time, and who made
it through which door. The number or the id names one to stat, restore, rm and tag.`,
		Example: "  pail versions photos/cat.jpg",
		Args:    takes(1, 1),

		ValidArgsFunction: suggest(g, false, pastKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			bucket, key, err := objectArg(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runVersions(ctx, c, control.ObjectRequest{Bucket: bucket, Key: key}, g.json, cmd.OutOrStdout())
			})
		},
	}
}

func runVersions(ctx context.Context, c *control.Client, req control.ObjectRequest, asJSON bool, out io.Writer) error {
	if asJSON {
		return c.Versions(ctx, req, jsonLines[control.Object](out))
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tVERSION\tSIZE\tTIME\tWHO\t")
	who := whoNames{}
	err := c.Versions(ctx, req, func(o control.Object) error {
		size := fmt.Sprint(o.Size)
		if o.DeleteMarker {
			size = "deleted"
		}
		note := ""
		if o.Latest {
			note = "current"
		}
		_, err := fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", o.Number, o.Version, size, shownTime(o.Modified), who.of(o.Who), note)
		return err
	})
	if err != nil {
		return err
	}
	return w.Flush()
}
