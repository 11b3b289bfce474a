package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newAccessPointCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "access-point",
		Short: "Make, list, show and remove access points of buckets",
		Long: `Make, list, show and remove access points: further names of buckets, each with a policy,
Block Public Access and, if it is to be, a network of its own. Over S3 the alias or the ARN
of one stands where the name of a bucket may. What comes through it needs the access point's
leave and the bucket's.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newAccessPointCreateCommand(g), newAccessPointLsCommand(g), newAccessPointGetCommand(g), newAccessPointPolicyCommand(g), newAccessPointRmCommand(g))
	return cmd
}

func newAccessPointCreateCommand(g *globals) *cobra.Command {
	var req control.CreateAccessPointRequest
	block := ""
	cmd := &cobra.Command{
		Use:   "create NAME BUCKET",
		Short: "Make an access point into a bucket and print its ARN and its alias",
		Example: `  pail access-point create reports photos
  pail access-point create backup photos --vpc vpc-lab
  pail access-point create shared photos --account partner --bucket-account 000000000000`,
		Args: takes(2, 2),

		ValidArgsFunction: suggest(g, false, nothingKnown, bucketNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name, req.Bucket = args[0], args[1]
			if block != "" {
				b, err := parseBlock(strings.Split(block, ","))
				if err != nil {
					return err
				}
				req.Block = &b
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				p, err := c.CreateAccessPoint(ctx, req)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), p)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", p.ARN, p.Alias)
				return err
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	textVar(cmd.Flags(), &req.VPC, "vpc", "the only `network` from which it may be used, as --listen names them (default any)")
	textVar(cmd.Flags(), &req.BucketAccount, "bucket-account", "`account` that owns the bucket (default that of the access point)")
	textVar(cmd.Flags(), &block, "public-access-block", "`settings` of Block Public Access, with commas between, all or none (default all)")
	flagSuggests(cmd, "vpc", cobra.NoFileCompletions)
	flagSuggests(cmd, "bucket-account", func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		return suggestions(cmd, g, accountNames, args, word)
	})
	flagSuggests(cmd, "public-access-block", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return append(blockNames(), "all", "none"), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func newAccessPointLsCommand(g *globals) *cobra.Command {
	var req control.AccessPointsRequest
	cmd := &cobra.Command{
		Use:     "ls [BUCKET]",
		Aliases: []string{"list"},
		Short:   "List the access points of an account, or those into a bucket",
		Args:    takes(0, 1),

		ValidArgsFunction: suggest(g, false, bucketNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				req.Bucket = args[0]
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				if g.json {
					return c.AccessPoints(ctx, req, jsonLines[control.AccessPoint](cmd.OutOrStdout()))
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				err := c.AccessPoints(ctx, req, func(p control.AccessPoint) error {
					_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, p.Bucket, origin(p), p.Alias)
					return err
				})
				return errors.Join(err, w.Flush())
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

// origin is from where an access point may be used.
func origin(p control.AccessPoint) string {
	if p.VPC == "" {
		return "internet"
	}
	return p.VPC
}

func newAccessPointGetCommand(g *globals) *cobra.Command {
	var req control.AccessPointRequest
	cmd := &cobra.Command{
		Use:     "get NAME",
		Aliases: []string{"show"},
		Short:   "Show an access point",
		Args:    takes(1, 1),

		ValidArgsFunction: suggest(g, false, accessPointNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				p, err := c.AccessPoint(ctx, req)
				if err != nil {
					return err
				}
				return printAccessPoint(cmd.OutOrStdout(), p, g.json)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func printAccessPoint(out io.Writer, p control.AccessPoint, asJSON bool) error {
	if asJSON {
		return printJSON(out, p)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"name", p.Name}, {"arn", p.ARN}, {"alias", p.Alias}, {"bucket", p.Bucket}, {"bucket account", p.BucketAccount},
		{"network", origin(p)}, {"public access block", shownBlock(p.Block)}, {"created", shownTime(p.Created)},
	} {
		fmt.Fprintf(w, "%s\t%s\n", line[0], shown(line[1])) // Flush says what failed
	}
	return w.Flush()
}

func newAccessPointPolicyCommand(g *globals) *cobra.Command {
	var req control.PutAccessPointPolicyRequest
	remove := false
	cmd := &cobra.Command{
		Use:   "policy NAME [FILE]",
		Short: "Show, set or remove the policy of an access point",
		Long: `Show the policy of an access point, or put the one in FILE in its place; - is standard
input. --remove takes it away. The resources of such a policy are the access point's ARN,
and that with /object/KEY behind it.`,
		Example: `  pail access-point policy reports reports.json
  pail access-point policy reports
  pail access-point policy reports --remove`,
		Args: takes(1, 2),

		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return suggestions(cmd, g, accessPointNames, args, word)
			}
			return fileAfter(1)(cmd, args, word)
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			req.Name = args[0]
			switch {
			case remove && len(args) == 2:
				return usagef("policy takes a file, or --remove and no file")
			case remove:
				return change(cmd, g, "removed policy", req.Name, func(ctx context.Context, c *control.Client) error {
					return c.DeleteAccessPointPolicy(ctx, req.AccessPointRequest)
				})
			case len(args) == 1:
				return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
					return showAccessPointPolicy(ctx, c, req.AccessPointRequest, g.json, cmd.OutOrStdout())
				})
			}
			if req.Text, err = readText(args[1], cmd.InOrStdin()); err != nil {
				return err
			}
			return change(cmd, g, "put policy", req.Name, func(ctx context.Context, c *control.Client) error {
				return c.PutAccessPointPolicy(ctx, req)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	cmd.Flags().BoolVar(&remove, "remove", false, "leave the access point without a policy")
	return cmd
}

func showAccessPointPolicy(ctx context.Context, c *control.Client, req control.AccessPointRequest, asJSON bool, out io.Writer) error {
	p, err := c.AccessPointPolicy(ctx, req)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, p)
	}
	_, err = fmt.Fprintln(out, oneLine(p.Policy))
	return err
}

func newAccessPointRmCommand(g *globals) *cobra.Command {
	var req control.AccessPointRequest
	cmd := &cobra.Command{
		Use:     "rm NAME",
		Aliases: []string{"remove"},
		Short:   "Remove an access point and its policy",
		Args:    takes(1, 1),

		ValidArgsFunction: suggest(g, false, accessPointNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			return change(cmd, g, "removed access point", args[0], func(ctx context.Context, c *control.Client) error {
				return c.DeleteAccessPoint(ctx, req)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

// nothingKnown is a suggester for what is new.
func nothingKnown(context.Context, *control.Client, []string, string) ([]string, error) {
	return nil, nil
}

// accessPointNames suggests access points of the first account.
func accessPointNames(ctx context.Context, c *control.Client, _ []string, word string) (found []string, err error) {
	err = c.AccessPoints(ctx, control.AccessPointsRequest{}, func(p control.AccessPoint) error {
		if strings.HasPrefix(p.Name, word) {
			found = append(found, p.Name+"\t"+p.Bucket)
		}
		return nil
	})
	return found, err
}
