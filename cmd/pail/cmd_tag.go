package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newTagCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tag",
		Short: "Show, set and remove tags of objects and buckets",
		RunE:  runGroup,
		Args:  cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newTagShowCommand(g), newTagSetCommand(g), newTagRemoveCommand(g))
	return cmd
}

type tagOptions struct {
	version string
}

func (o *tagOptions) addFlags(cmd *cobra.Command, g *globals) {
	addVersionFlag(cmd, g, &o.version, versionFlagHelp)
}

// target is the version, or the bucket, that an argument names.
func (o *tagOptions) target(arg string) (control.ObjectRequest, error) {
	bucket, key, err := splitKey(arg)
	if err == nil && key == "" && o.version != "" {
		err = usagef("a bucket has no versions")
	}
	return control.ObjectRequest{Bucket: bucket, Key: key, Version: o.version}, err
}

func newTagShowCommand(g *globals) *cobra.Command {
	opts := &tagOptions{}
	cmd := &cobra.Command{
		Use:   "show BUCKET[/KEY]",
		Short: "Show the tags of an object or a bucket",
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, liveKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := opts.target(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				tags, err := c.Tags(ctx, req)
				if err != nil {
					return err
				}
				return printTagSet(cmd.OutOrStdout(), tags, g.json)
			})
		},
	}
	opts.addFlags(cmd, g)
	return cmd
}

func newTagSetCommand(g *globals) *cobra.Command {
	opts := &tagOptions{}
	cmd := &cobra.Command{
		Use:     "set BUCKET[/KEY] NAME=VALUE...",
		Short:   "Add or change tags and leave the others",
		Example: "  pail tag set photos/cat.jpg animal=cat year=2026",
		Args:    takes(2, -1),

		ValidArgsFunction: suggest(g, true, liveKeys, tagSettings),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := control.TagsRequest{Set: map[string]string{}}
			for _, arg := range args[1:] {
				name, value, ok := strings.Cut(arg, "=")
				if !ok || name == "" {
					return usagef("a tag is NAME=VALUE, not %q", arg)
				}
				req.Set[name] = value
			}
			return runChangeTags(cmd, g, opts, args[0], req)
		},
	}
	opts.addFlags(cmd, g)
	return cmd
}

func newTagRemoveCommand(g *globals) *cobra.Command {
	opts := &tagOptions{}
	cmd := &cobra.Command{
		Use:     "remove BUCKET[/KEY] NAME...",
		Aliases: []string{"rm"},
		Short:   "Remove tags",
		Args:    takes(2, -1),

		ValidArgsFunction: suggest(g, true, liveKeys, tagNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runChangeTags(cmd, g, opts, args[0], control.TagsRequest{Remove: args[1:]})
		},
	}
	opts.addFlags(cmd, g)
	return cmd
}

func runChangeTags(cmd *cobra.Command, g *globals, opts *tagOptions, arg string, req control.TagsRequest) error {
	target, err := opts.target(arg)
	if err != nil {
		return err
	}
	req.ObjectRequest = target
	return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
		tags, err := c.ChangeTags(ctx, req)
		if err != nil {
			return err
		}
		return printTagSet(cmd.OutOrStdout(), tags, g.json)
	})
}

func printTagSet(w io.Writer, tags map[string]string, asJSON bool) error {
	if asJSON {
		return printJSON(w, tags)
	}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		if _, err := fmt.Fprintf(w, "%s=%s\n", name, tags[name]); err != nil {
			return err
		}
	}
	return nil
}
