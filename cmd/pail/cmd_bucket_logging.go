package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

// bucketLoggingOptions say where the access log of a bucket is to go.
type bucketLoggingOptions struct {
	target, prefix, partition string
	off, deliver              bool
}

func newBucketLoggingCommand(g *globals) *cobra.Command {
	opts := &bucketLoggingOptions{}
	cmd := &cobra.Command{
		Use:   "logging NAME",
		Short: "Show or choose where a bucket's access log goes",
		Long: `Show where a bucket's access log goes and how it is doing, or choose it: each request for
the bucket, over S3 and on mounts, is a line in the format of S3's server access logs, in
objects of another bucket (--to-bucket). That bucket must let logging.s3.amazonaws.com put
objects, by its policy or its ACL; what it does not take is kept and tried again. Logs are
delivered every five minutes, and when the store is closed.`,
		Example: `  pail bucket logging photos --to-bucket logs --prefix photos/ --partition event
  pail bucket logging photos
  pail bucket logging photos --deliver`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, bucketNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := opts.request(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				l, err := c.Logging(ctx, req)
				if err != nil {
					return err
				}
				return printLogging(l, g.json, cmd.OutOrStdout())
			})
		},
	}
	textVar(cmd.Flags(), &opts.target, "to-bucket", "the `bucket` that the log goes to")
	textVar(cmd.Flags(), &opts.prefix, "prefix", "the `prefix` of its keys there")
	textVar(cmd.Flags(), &opts.partition, "partition", "put it below the day of the `event` or of its delivery: event or delivery")
	cmd.Flags().BoolVar(&opts.off, "off", false, "requests are not logged any more")
	cmd.Flags().BoolVar(&opts.deliver, "deliver", false, "deliver what the log has now")
	flagSuggests(cmd, "to-bucket", suggest(g, true, bucketNames))
	flagSuggests(cmd, "partition", cobra.FixedCompletions([]string{"event", "delivery"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *bucketLoggingOptions) request(name string) (control.LoggingRequest, error) {
	req := control.LoggingRequest{Name: name, Set: o.target != "" || o.off, Target: o.target, Prefix: o.prefix, Deliver: o.deliver}
	switch {
	case o.off && o.target != "":
		return req, usagef("--off goes with no --to-bucket")
	case o.target == "" && (o.prefix != "" || o.partition != ""):
		return req, usagef("--prefix and --partition go with --to-bucket")
	}
	switch o.partition {
	case "":
	case "event":
		req.Partition = "EventTime"
	case "delivery":
		req.Partition = "DeliveryTime"
	default:
		return req, usagef("--partition is event or delivery, not %q", o.partition)
	}
	return req, nil
}

func printLogging(l control.Logging, asJSON bool, out io.Writer) error {
	if asJSON {
		return printJSON(out, l)
	}
	if l.Target == "" {
		_, err := fmt.Fprintln(out, "requests are not logged")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "to:\t%s/%s\n", l.Target, l.Prefix)
	if l.Partition != "" {
		fmt.Fprintf(w, "partitioned by:\t%s\n", l.Partition)
	}
	fmt.Fprintf(w, "waiting:\t%s\n", shownSize(l.Waiting))
	delivered := "nothing yet"
	if l.Delivered != nil {
		delivered = fmt.Sprintf("%d records, last at %s", l.Records, shownTime(*l.Delivered))
	}
	fmt.Fprintf(w, "delivered:\t%s\n", delivered)
	if l.Failed != "" {
		fmt.Fprintf(w, "failing:\tsince %s: %s\n", shownTime(*l.Since), l.Failed)
	}
	return w.Flush()
}
