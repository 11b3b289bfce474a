package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

// blockSettings are the four settings of Block Public Access, by the names that they have here.
func blockSettings(b *control.PublicAccessBlock) []namedFlag {
	return []namedFlag{
		{"block-public-acls", &b.BlockPublicACLs}, {"ignore-public-acls", &b.IgnorePublicACLs},
		{"block-public-policy", &b.BlockPublicPolicy}, {"restrict-public-buckets", &b.RestrictPublicBuckets},
	}
}

type namedFlag struct {
	name string
	on   *bool
}

// parseBlock reads settings of Block Public Access: names of those that are on, all or none.
func parseBlock(words []string) (b control.PublicAccessBlock, err error) {
	all := len(words) == 1 && words[0] == "all"
	if len(words) == 1 && words[0] == "none" {
		return b, nil
	}
	settings := blockSettings(&b)
	for _, w := range words {
		known := all
		for _, s := range settings {
			if all || s.name == w {
				*s.on, known = true, true
			}
		}
		if !known {
			return b, usagef("there is no setting %q of Block Public Access: there are %s, or all, or none", w, strings.Join(blockNames(), ", "))
		}
	}
	return b, nil
}

func blockNames() (names []string) {
	for _, s := range blockSettings(new(control.PublicAccessBlock)) {
		names = append(names, s.name)
	}
	return names
}

// shownBlock is a Block Public Access in a line.
func shownBlock(b control.PublicAccessBlock) string {
	var on []string
	settings := blockSettings(&b)
	for _, s := range settings {
		if *s.on {
			on = append(on, s.name)
		}
	}
	switch len(on) {
	case 0:
		return "none"
	case len(settings):
		return "all"
	}
	return strings.Join(on, " ")
}

func newAccountBlockCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "public-access-block",
		Short: "Show and change Block Public Access of an account",
		Long: `Show and change Block Public Access of an account. It holds for all its buckets and access
points, together with what each of them has of it: what any of them blocks is blocked.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newAccountBlockGetCommand(g), newAccountBlockSetCommand(g), newAccountBlockClearCommand(g))
	return cmd
}

func newAccountBlockGetCommand(g *globals) *cobra.Command {
	var in control.InAccount
	cmd := &cobra.Command{
		Use:   "get",
		Short: "Show which settings of Block Public Access of an account are on",
		Args:  takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				b, err := c.AccountBlock(ctx, in)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), b)
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), shownBlock(b))
				return err
			})
		},
	}
	accountFlag(cmd, g, &in)
	return cmd
}

func newAccountBlockSetCommand(g *globals) *cobra.Command {
	var req control.PutAccountBlockRequest
	cmd := &cobra.Command{
		Use:   "set SETTING...",
		Short: "Turn on settings of Block Public Access of an account, and the others off",
		Long: `Turn on the settings of Block Public Access that are named, and the others off: all, none, or
some of block-public-acls, ignore-public-acls, block-public-policy and
restrict-public-buckets.`,
		Example: "  pail account public-access-block set all\n  pail account public-access-block set block-public-policy restrict-public-buckets",
		Args:    takes(1, 4),

		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return append(blockNames(), "all", "none"), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if req.Block, err = parseBlock(args); err != nil {
				return err
			}
			return change(cmd, g, "blocks public access", shownBlock(req.Block), func(ctx context.Context, c *control.Client) error {
				return c.PutAccountBlock(ctx, req)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func newAccountBlockClearCommand(g *globals) *cobra.Command {
	var in control.InAccount
	cmd := &cobra.Command{
		Use:   "clear",
		Short: "Leave an account without Block Public Access of its own",
		Args:  takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return change(cmd, g, "blocks public access", "none", func(ctx context.Context, c *control.Client) error {
				return c.DeleteAccountBlock(ctx, in)
			})
		},
	}
	accountFlag(cmd, g, &in)
	return cmd
}
