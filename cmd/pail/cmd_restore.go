package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

type restoreOptions struct {
	version string
}

func newRestoreCommand(g *globals) *cobra.Command {
	opts := &restoreOptions{}
	cmd := &cobra.Command{
		Use:   "restore BUCKET/KEY --version ID|NUMBER",
		Short: "Make an old version of an object the current one again",
		Long: `Make an old version of an object the current one again. History only grows: the
restored content is a new version, and what was current stays in the list. Where
versioning is suspended and the current version is the null version, a restore would
replace it; that is refused, enable versioning first.`,
		Example: "  pail restore photos/cat.jpg --version 3",
		Args:    takes(1, 1),

		ValidArgsFunction: suggest(g, false, pastKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			bucket, key, err := objectArg(args[0])
			if err != nil {
				return err
			}
			if opts.version == "" {
				return usagef("name the version to restore with --version; pail versions %s lists them", args[0])
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				req := control.ObjectRequest{Bucket: bucket, Key: key, Version: opts.version}
				return runRestore(ctx, c, req, g.json, cmd.OutOrStdout())
			})
		},
	}
	addVersionFlag(cmd, g, &opts.version, "the `version` to restore: its number, its id, or null")
	return cmd
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
