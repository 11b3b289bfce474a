package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newLifecycleCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lifecycle",
		Short: "Carry out the lifecycles of buckets now",
		Long: `The lifecycle of a bucket says when its objects, their old versions and unfinished
uploads end (aws s3api put-bucket-lifecycle-configuration). A daemon carries lifecycles
out once a day, soon after midnight UTC; pail status shows what that has ended.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newLifecycleRunCommand(g))
	return cmd
}

func newLifecycleRunCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "End everything that is due by now",
		Args:  takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runLifecycle(ctx, c, g.json, cmd.OutOrStdout())
			})
		},
	}
}

func runLifecycle(ctx context.Context, c *control.Client, asJSON bool, out io.Writer) error {
	l, err := c.RunLifecycles(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, l)
	}
	_, err = fmt.Fprintln(out, lifecycleLine(l))
	return err
}

// lifecycleLine is what a pass has ended.
func lifecycleLine(l control.Lifecycle) string {
	return fmt.Sprintf("%d deleted for good, %s given a delete marker", l.Deleted, plural(l.Marked, "object"))
}
