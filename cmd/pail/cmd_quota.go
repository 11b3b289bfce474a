package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store"
	"pail/store/web/control"
)

// quotaOptions are what a person wrote: "" leaves a limit as it is.
type quotaOptions struct {
	bytes, objects string
}

func newQuotaCommand(g *globals) *cobra.Command {
	opts := &quotaOptions{}
	cmd := &cobra.Command{
		Use:   "quota BUCKET",
		Short: "Show and set how much a bucket may hold",
		Long: `Show how much a bucket may hold and what it holds, or set it. All versions count, old
ones too, because they take space until they are removed for good (pail rm --version, or
a lifecycle); delete markers do not. What would be too much fails: on a mount with
"Disk quota exceeded", over S3 with QuotaExceeded. Setting a quota counts what the bucket
holds, once.`,
		Example: `  pail quota photos --bytes 10G --objects 100000
  pail quota photos
  pail quota photos --objects none`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, bucketNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := opts.request(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				p := startProgress(cmd, "counting")
				defer p.stop()
				q, err := c.Quota(ctx, req)
				p.stop()
				if err != nil {
					return err
				}
				return printQuota(q, g.json, cmd.OutOrStdout())
			})
		},
	}
	textVar(cmd.Flags(), &opts.bytes, "bytes", "the most `bytes` of all versions together, as 10G, or none")
	textVar(cmd.Flags(), &opts.objects, "objects", "the highest `number` of versions, or none")
	return cmd
}

func (o *quotaOptions) request(bucket string) (control.QuotaRequest, error) {
	req := control.QuotaRequest{Name: bucket}
	if o.bytes != "" {
		n, ok := store.ParseSize(o.bytes)
		if !ok && o.bytes != "none" {
			return req, usagef("--bytes is a number of bytes above 0, such as 10G, or none, not %q", o.bytes)
		}
		req.Bytes = &n
	}
	if o.objects != "" {
		n, err := strconv.ParseInt(o.objects, 10, 64)
		if o.objects == "none" {
			n, err = 0, nil
		} else if n < 1 && err == nil {
			err = strconv.ErrRange
		}
		if err != nil {
			return req, usagef("--objects is a number above 0, or none, not %q", o.objects)
		}
		req.Objects = &n
	}
	return req, nil
}

func printQuota(q control.Quota, asJSON bool, out io.Writer) error {
	if asJSON {
		return printJSON(out, q)
	}
	if q.Bytes == 0 && q.Objects == 0 {
		_, err := fmt.Fprintln(out, "no quota")
		return err
	}
	bytes, objects := "none", "none"
	if q.Bytes > 0 {
		bytes = wholeSize(q.Bytes)
	}
	if q.Objects > 0 {
		objects = strconv.FormatInt(q.Objects, 10)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\tused\tquota\n")
	fmt.Fprintf(w, "bytes\t%d\t%s\n", q.UsedBytes, bytes)
	fmt.Fprintf(w, "versions\t%d\t%s\n", q.UsedObjects, objects)
	if !q.Counted {
		fmt.Fprintf(w, "\tand what is still being counted\n")
	}
	return w.Flush()
}
