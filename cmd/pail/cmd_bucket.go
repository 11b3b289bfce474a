package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
	"pail/versioning"
)

func newBucketCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bucket",
		Short: "Make, list and remove buckets and set their versioning",
		RunE:  runGroup,
		Args:  cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newBucketCreateCommand(g), newBucketLsCommand(g), newBucketInfoCommand(g),
		newBucketRmCommand(g), newBucketVersioningCommand(g), newBucketLockCommand(g), newBucketLoggingCommand(g))
	return cmd
}

type bucketCreateOptions struct {
	region    string
	versioned bool
	locked    bool
}

func newBucketCreateCommand(g *globals) *cobra.Command {
	opts := &bucketCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a bucket",
		Long: `Make a bucket. A name has 3 to 63 lower-case letters, digits, dots and hyphens,
begins and ends with a letter or digit, and does not look like an IP address.`,
		Example: "  pail bucket create photos --versioning",
		Args:    takes(1, 1),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			// Before a store is opened for it.
			if err := checkBucketName(args[0]); err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runBucketCreate(ctx, opts, c, args[0], g.json, cmd.OutOrStdout())
			})
		},
	}
	textVar(cmd.Flags(), &opts.region, "region", "`region` (default the store's)")
	cmd.Flags().BoolVar(&opts.versioned, "versioning", false, "enable versioning at once")
	cmd.Flags().BoolVar(&opts.locked, "object-lock", false, "with Object Lock, and so versioned for good")
	return cmd
}

func runBucketCreate(ctx context.Context, opts *bucketCreateOptions, c *control.Client, name string, asJSON bool, out io.Writer) error {
	req := control.CreateBucketRequest{Name: name, Region: opts.region, ObjectLock: opts.locked}
	if opts.versioned {
		req.Versioning = versioning.Enabled
	}
	b, err := c.CreateBucket(ctx, req)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, b)
	}
	_, err = fmt.Fprintf(out, "made bucket %s\n", b.Name)
	return err
}

func newBucketLsCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the buckets",
		Args:    takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runBucketLs(ctx, c, g.json, cmd.OutOrStdout())
			})
		},
	}
}

func runBucketLs(ctx context.Context, c *control.Client, asJSON bool, out io.Writer) error {
	if asJSON {
		return c.Buckets(ctx, jsonLines[control.Bucket](out))
	}
	return c.Buckets(ctx, func(b control.Bucket) error {
		_, err := fmt.Fprintf(out, "%s  %-11s  %s\n", shownTime(b.Created), b.Versioning, b.Name)
		return err
	})
}

func newBucketInfoCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "info NAME",
		Short: "Describe a bucket and count what it holds",
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, bucketNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				p := startProgress(cmd, "counting")
				defer p.stop()
				info, err := c.Bucket(ctx, control.BucketRequest{Name: args[0]})
				p.stop()
				if err != nil {
					return err
				}
				return printBucketInfo(info, g.json, cmd.OutOrStdout())
			})
		},
	}
}

func printBucketInfo(b control.BucketInfo, asJSON bool, out io.Writer) error {
	if asJSON {
		return printJSON(out, b)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "name:\t%s\n", b.Name)
	fmt.Fprintf(w, "created:\t%s\n", shownTime(b.Created))
	fmt.Fprintf(w, "region:\t%s\n", b.Region)
	fmt.Fprintf(w, "owner:\t%s\n", b.Account)
	fmt.Fprintf(w, "versioning:\t%s\n", b.Versioning)
	fmt.Fprintf(w, "objects:\t%d (%s)\n", b.Objects, shownSize(b.Bytes))
	fmt.Fprintf(w, "old versions:\t%d (%s)\n", b.Versions, shownSize(b.NoncurrentBytes))
	fmt.Fprintf(w, "delete markers:\t%d\n", b.DeleteMarkers)
	printTags(w, b.Tags)
	return w.Flush()
}

func newBucketRmCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME",
		Short: "Remove an empty bucket",
		Long:  "Remove a bucket that holds no object, no old version, no delete marker and no directory.",
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, bucketNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				p := startProgress(cmd, "removing what the bucket leaves behind")
				defer p.stop()
				err := c.DeleteBucket(ctx, control.BucketRequest{Name: args[0]})
				p.stop()
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), map[string]string{"removed": args[0]})
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "removed bucket %s\n", args[0])
				return err
			})
		},
	}
}

func newBucketVersioningCommand(g *globals) *cobra.Command {
	opts := &bucketVersioningOptions{}
	cmd := &cobra.Command{
		Use:   "versioning NAME [enable|suspend]",
		Short: "Show or set whether a bucket keeps old versions",
		Long: `Show or set whether a bucket keeps old versions. A bucket whose versioning was
enabled can suspend it, and keeps what it has, but cannot forget it. --mfa-delete on has
every removal of a version for good, and every change of versioning, take the code of an
MFA device (--mfa; pail mfa add makes one).`,
		Example: "  pail bucket versioning photos enable",
		Args:    takes(1, 2),

		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return presented(begun([]string{"enable", "suspend"}, word))
			}
			return suggest(g, false, bucketNames)(cmd, args, word)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runBucketVersioning(ctx, c, opts, args, g.json, cmd.OutOrStdout())
			})
		},
	}
	textVar(cmd.Flags(), &opts.mfaDelete, "mfa-delete", "`on or off`: whether removing versions takes a code")
	textVar(cmd.Flags(), &opts.mfa, "mfa", "the `serial and code` of an MFA device, with a space between them")
	return cmd
}

// bucketVersioningOptions say how a change of versioning is protected.
type bucketVersioningOptions struct{ mfaDelete, mfa string }

func (o *bucketVersioningOptions) request(name, word string) (control.VersioningRequest, error) {
	req := control.VersioningRequest{Name: name, MFA: o.mfa}
	on := o.mfaDelete == "on"
	switch {
	case o.mfaDelete == "":
	case on, o.mfaDelete == "off":
		req.MFADelete = &on
	default:
		return req, usagef("--mfa-delete is on or off, not %q", o.mfaDelete)
	}
	var err error
	req.Versioning, err = parseVersioning(word)
	return req, err
}

func runBucketVersioning(ctx context.Context, c *control.Client, opts *bucketVersioningOptions, args []string, asJSON bool, out io.Writer) error {
	name := args[0]
	if len(args) == 1 && *opts != (bucketVersioningOptions{}) {
		return usagef("--mfa-delete and --mfa go with enable or suspend")
	}
	if len(args) == 2 {
		req, err := opts.request(name, args[1])
		if err != nil {
			return err
		}
		if err := c.SetVersioning(ctx, req); err != nil {
			return err
		}
	}
	var state versioning.State
	found := false
	err := c.Buckets(ctx, func(b control.Bucket) error {
		if b.Name == name {
			state, found = b.Versioning, true
		}
		return nil
	})
	if err == nil && !found {
		err = noBucket(name)
	}
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, map[string]any{"name": name, "versioning": state})
	}
	_, err = fmt.Fprintln(out, state)
	return err
}

func parseVersioning(word string) (versioning.State, error) {
	switch strings.ToLower(word) {
	case "enable", "enabled":
		return versioning.Enabled, nil
	case "suspend", "suspended":
		return versioning.Suspended, nil
	}
	return 0, usagef("versioning is set with enable or suspend, not %q", word)
}
