package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

type rmOptions struct {
	version string
	mfa     string
}

func newRmCommand(g *globals) *cobra.Command {
	opts := &rmOptions{}
	cmd := &cobra.Command{
		Use:   "rm BUCKET/KEY",
		Short: "Delete an object, or one version of it for good",
		Long: `Delete an object. In a versioned bucket that adds a delete marker, and the object
can be restored. With --version that one version, or delete marker, is gone for good; in a bucket with MFA
delete that takes --mfa, the serial of an MFA device and the code that it shows.`,
		Example: `  pail rm photos/cat.jpg
  pail rm photos/cat.jpg --version 3
  pail rm photos/cat.jpg --version 3 --mfa "arn:aws:iam::000000000000:mfa/phone 123456"`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, liveKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			bucket, key, err := objectArg(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				req := control.ObjectRequest{Bucket: bucket, Key: key, Version: opts.version, MFA: opts.mfa}
				return runRm(ctx, c, req, g.json, cmd.OutOrStdout())
			})
		},
	}
	textVar(cmd.Flags(), &opts.mfa, "mfa", "the `serial and code` of an MFA device, with a space between them")
	addVersionFlag(cmd, g, &opts.version, "the `version` to delete for good: its number, its id, or null")
	return cmd
}

func runRm(ctx context.Context, c *control.Client, req control.ObjectRequest, asJSON bool, out io.Writer) error {
	d, err := c.Delete(ctx, req)
	if err != nil {
		return err
	}
	name := req.Bucket + "/" + shown(req.Key)
	switch {
	case asJSON:
		err = printJSON(out, d)
	case req.Version != "":
		_, err = fmt.Fprintf(out, "deleted version %s of %s for good\n", req.Version, name)
	case d.DeleteMarker:
		_, err = fmt.Fprintf(out, "deleted %s (delete marker %s); pail versions %s lists what can be restored\n", name, d.Version, name)
	default:
		_, err = fmt.Fprintf(out, "deleted %s\n", name)
	}
	return err
}
