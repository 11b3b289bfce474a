package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newTrailCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trail",
		Short: "Keep an audit trail of who did what, and verify it",
		Long: `Keep an audit trail: a record of each act, over S3, on mounts and by commands, in the
format of AWS CloudTrail. The records of the mount tell uid, gid, pid and program. It goes
to a bucket, as compressed JSON under the names that CloudTrail gives (PREFIX/AWSLogs/...),
to a file, a record a line, or to both, at the latest five minutes after the act. A record
is written down before the act is answered, and a change and its record survive together:
neither a kill nor a power cut parts them.

Once an hour, when the trail is turned off and when the daemon ends, a digest of the files
since the last one is signed (SHA-256 with RSA) and put beside them (CloudTrail-Digest, or
FILE.digest). Each digest names the one before, so that pail trail verify finds every
record, file and digest that was changed, taken away or added.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newTrailEnableCommand(g), newTrailSelectCommand(g), newTrailStatusCommand(g), newTrailDeliverCommand(g), newTrailVerifyCommand(g), newTrailDisableCommand(g))
	return cmd
}

// A trailSelection is the flags that say which events a trail has.
type trailSelection struct {
	management, data string
	objects          []string
}

func (s *trailSelection) addFlags(cmd *cobra.Command, g *globals) {
	f := cmd.Flags()
	f.StringVar(&s.management, "management", "all", "which management events, as of buckets: all, read, write or none")
	f.StringVar(&s.data, "data", "all", "which data events, as of objects: all, read, write or none")
	f.StringArrayVar(&s.objects, "objects", nil, "have data events only of BUCKET/PREFIX; may be given again")
	which := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"all", "read", "write", "none"}, cobra.ShellCompDirectiveNoFileComp
	}
	flagSuggests(cmd, "management", which)
	flagSuggests(cmd, "data", which)
	flagSuggests(cmd, "objects", suggest(g, true, bucketNames))
}

func (s *trailSelection) request() control.SelectTrailRequest {
	r := control.SelectTrailRequest{Management: s.management, Data: s.data}
	for _, o := range s.objects {
		if !strings.HasPrefix(o, "arn:") {
			if !strings.Contains(o, "/") {
				o += "/"
			}
			o = "arn:aws:s3:::" + o
		}
		r.Prefixes = append(r.Prefixes, o)
	}
	return r
}

func newTrailEnableCommand(g *globals) *cobra.Command {
	var (
		sel trailSelection
		req control.EnableTrailRequest
	)
	cmd := &cobra.Command{
		Use:   "enable",
		Short: "Make the audit trail, or change it, and turn it on",
		Example: `  pail trail enable --to-bucket logs
  pail trail enable --to-bucket logs --prefix audit --file /var/log/pail.jsonl --data write`,
		Args: takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.SelectTrailRequest = sel.request()
			if req.File != "" {
				abs, err := filepath.Abs(req.File)
				if err != nil {
					return err
				}
				req.File = abs
			}
			return showTrail(cmd, g, func(ctx context.Context, c *control.Client) (control.Trail, error) { return c.EnableTrail(ctx, req) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Bucket, "to-bucket", "", "put log files and digests into this bucket")
	f.StringVar(&req.Prefix, "prefix", "", "of their keys, before AWSLogs/")
	f.StringVar(&req.File, "file", "", "append records to this file, and digests to FILE.digest")
	f.StringVar(&req.Name, "name", "", "of the trail, a part of the names of digests (default pail)")
	flagSuggests(cmd, "to-bucket", suggest(g, true, bucketNames))
	sel.addFlags(cmd, g)
	return cmd
}

func newTrailSelectCommand(g *globals) *cobra.Command {
	var sel trailSelection
	cmd := &cobra.Command{
		Use:     "select",
		Short:   "Choose which events the audit trail has",
		Example: "  pail trail select --management write --data write --objects photos/2026/",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showTrail(cmd, g, func(ctx context.Context, c *control.Client) (control.Trail, error) {
				return c.SelectTrail(ctx, sel.request())
			})
		},
	}
	sel.addFlags(cmd, g)
	return cmd
}

func newTrailStatusCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the audit trail, its public key, and what waits to be delivered",
		Args:  takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showTrail(cmd, g, func(ctx context.Context, c *control.Client) (control.Trail, error) { return c.Trail(ctx) })
		},
	}
}

func newTrailDeliverCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "deliver",
		Short: "Deliver what the audit trail has now, with a digest of it",
		Args:  takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showTrail(cmd, g, func(ctx context.Context, c *control.Client) (control.Trail, error) { return c.DeliverTrail(ctx) })
		},
	}
}

func newTrailDisableCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "disable",
		Short: "Turn the audit trail off, and deliver what it has",
		Args:  takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showTrail(cmd, g, func(ctx context.Context, c *control.Client) (control.Trail, error) { return c.DisableTrail(ctx) })
		},
	}
}

// showTrail prints what a call has answered.
func showTrail(cmd *cobra.Command, g *globals, call func(context.Context, *control.Client) (control.Trail, error)) error {
	return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
		t, err := call(ctx, c)
		switch {
		case err != nil:
			return err
		case g.json:
			return printJSON(cmd.OutOrStdout(), t)
		}
		return printTrail(cmd.OutOrStdout(), t)
	})
}

func printTrail(out io.Writer, t control.Trail) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	state := "off"
	if t.On {
		state = "on"
	}
	line("trail", "%s, %s", shown(t.Name), state)
	if t.Bucket != "" {
		line("bucket", "%s", shown(t.Bucket+"/"+t.Prefix))
	}
	if t.File != "" {
		line("file", "%s", shown(t.File))
	}
	events := "management " + t.Management + ", data " + t.Data
	if len(t.Prefixes) > 0 {
		events += " of " + shown(strings.Join(t.Prefixes, " "))
	}
	line("events", "%s", events)
	line("records", "%d delivered, %d bytes waiting", t.Records, t.Waiting)
	if t.Delivered != nil {
		line("delivered", "%s", shownTime(*t.Delivered))
	}
	if t.Failed != "" {
		line("failing", "since %s: %s", shownTime(*t.Since), shown(t.Failed))
	}
	line("key", "%s (fingerprint %s)", t.PublicKey, t.Fingerprint)
	return w.Flush()
}

func newTrailVerifyCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Find what of the audit trail was changed, is missing or was added",
		Long: `Compare what was delivered of the audit trail with its digests, from the newest, which
the store knows, back to the first. Each problem is a line: where it is and what is wrong.
The exit code is 7 if there are problems.`,
		Args: takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runTrailVerify(ctx, c, g.json, cmd.OutOrStdout())
			})
		},
	}
}

func runTrailVerify(ctx context.Context, c *control.Client, asJSON bool, out io.Writer) error {
	bad := false
	lines := jsonLines[control.TrailFinding](out)
	err := c.VerifyTrail(ctx, func(f control.TrailFinding) error {
		bad = bad || f.Report == nil || f.Report.Problems > 0
		switch r := f.Report; {
		case asJSON:
			return lines(f)
		case r == nil:
			_, err := fmt.Fprintf(out, "%s: %s\n", shown(f.Where), shown(f.What))
			return err
		default:
			_, err := fmt.Fprintf(out, "%s, %s and %s were looked at: %s\n", plural(r.Digests, "digest"), plural(r.Logs, "log file"), plural(r.Records, "record"), plural(r.Problems, "problem"))
			return err
		}
	})
	if err == nil && bad {
		err = reportedError{exitDamaged}
	}
	return err
}
