package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

// bucketLockOptions say what retention new versions are to have.
type bucketLockOptions struct {
	mode        string
	days, years int32
	none        bool
}

func newBucketLockCommand(g *globals) *cobra.Command {
	opts := &bucketLockOptions{}
	cmd := &cobra.Command{
		Use:   "lock NAME",
		Short: "Show or set a bucket's Object Lock",
		Long: `Show a bucket's Object Lock, or give it Object Lock, which it then has for good: its
versioning cannot be suspended, and versions can be locked, so that nobody removes them
before their time. --mode with --days or --years chooses the retention of new versions:
GOVERNANCE, which who may bypass it can end, or COMPLIANCE, which nobody can. --no-default
leaves new versions without. Versions that there are stay as they are. A single version is
locked over S3, or on a mount with the attributes user.s3.lock.until and
user.s3.legal-hold.`,
		Example: `  pail bucket lock records --mode governance --days 30
  pail bucket lock records --no-default
  pail bucket lock records`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, bucketNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := opts.request(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runBucketLock(ctx, c, req, g.json, cmd.OutOrStdout())
			})
		},
	}
	textVar(cmd.Flags(), &opts.mode, "mode", "the `mode` of new versions' retention: governance or compliance")
	cmd.Flags().Int32Var(&opts.days, "days", 0, "how many days it lasts")
	cmd.Flags().Int32Var(&opts.years, "years", 0, "how many years it lasts, each of 365 days")
	cmd.Flags().BoolVar(&opts.none, "no-default", false, "new versions have no retention of themselves")
	return cmd
}

func (o *bucketLockOptions) request(name string) (control.LockRequest, error) {
	given := o.mode != "" || o.days != 0 || o.years != 0
	req := control.LockRequest{Name: name, Set: given || o.none, Mode: strings.ToUpper(o.mode), Days: o.days, Years: o.years}
	switch {
	case given && o.none:
		return req, usagef("--no-default goes with no other choice")
	case given && (o.mode == "" || (o.days != 0) == (o.years != 0)):
		return req, usagef("a retention has a --mode, and --days or --years")
	}
	return req, nil
}

func runBucketLock(ctx context.Context, c *control.Client, req control.LockRequest, asJSON bool, out io.Writer) error {
	l, err := c.ObjectLock(ctx, req)
	if err != nil {
		return err
	}
	switch {
	case asJSON:
		return printJSON(out, l)
	case l.Mode == "":
		_, err = fmt.Fprintln(out, "Object Lock; new versions have no retention")
	case l.Days > 0:
		_, err = fmt.Fprintf(out, "Object Lock; new versions are retained for %s (%s)\n", plural(int64(l.Days), "day"), l.Mode)
	default:
		_, err = fmt.Fprintf(out, "Object Lock; new versions are retained for %s (%s)\n", plural(int64(l.Years), "year"), l.Mode)
	}
	return err
}
