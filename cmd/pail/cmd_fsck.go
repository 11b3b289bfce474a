package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

type fsckOptions struct {
	deep bool
}

func newFsckCommand(g *globals) *cobra.Command {
	opts := &fsckOptions{}
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check records against contents and directories; changes nothing",
		Long: `Check that every version has its content, that directories and records agree, and
that nothing is left over. Nothing is changed, and the store may be in use meanwhile.
The exit code is 7 if there are problems. With --json each line is a problem.`,
		Args: takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runFsck(ctx, opts, c, cmd, g.json)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.deep, "deep", false, "also read every content and compare its checksums")
	return cmd
}

func runFsck(ctx context.Context, opts *fsckOptions, c *control.Client, cmd *cobra.Command, asJSON bool) error {
	p := startProgress(cmd, "checking")
	defer p.stop()
	var found []control.Problem
	err := c.Fsck(ctx, control.FsckRequest{Deep: opts.deep}, func(pr control.Problem) error {
		found = append(found, pr)
		return nil
	}, p.set)
	p.stop()
	out := cmd.OutOrStdout()
	for _, pr := range found {
		if err := printProblem(out, pr, asJSON); err != nil {
			return err
		}
	}
	switch {
	case err != nil:
		return err
	case len(found) > 0:
		fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s found\n", plural(int64(len(found)), "problem"))
		return reportedError{exitDamaged}
	case asJSON:
		return nil
	}
	sound := "the store is sound, as far as can be told without reading contents; fsck --deep reads them"
	if opts.deep {
		sound = "the store is sound"
	}
	_, err = fmt.Fprintln(out, sound)
	return err
}

func printProblem(w io.Writer, p control.Problem, asJSON bool) error {
	if asJSON {
		return printJSON(w, p)
	}
	_, err := fmt.Fprintf(w, "%s: %s: %s", p.Kind, p.Where, p.What)
	if err == nil && p.Advice != "" {
		_, err = fmt.Fprintf(w, "; %s", p.Advice)
	}
	if err == nil {
		_, err = fmt.Fprintln(w)
	}
	return err
}
