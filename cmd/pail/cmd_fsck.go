package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pail/store"
	"pail/store/fault"
	"pail/store/web/control"
)

type fsckOptions struct {
	deep   bool
	repair bool
}

func newFsckCommand(g *globals) *cobra.Command {
	opts := &fsckOptions{}
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check records against contents and directories, and repair them",
		Long: `Check that every version has its content, that directories and records agree, and
that nothing is left over. Without --repair nothing is changed, and the store may be in use
meanwhile. Each problem is a line: its kind, what it is about, what is wrong, and what
--repair would do. The exit code is 7 if there are problems. With --json each line is a
problem with the fields kind, where, what, and repair or, where a repair can do nothing,
advice.

With --repair they are dealt with: records and counts are put right, and what cannot stay
in its place is kept in the bucket ` + store.LostFound + `: versions of which bytes are lost, with all
that can still be read, and contents whose version is lost. Nothing that can be read is
deleted. Each such object says in its metadata (pail-found) what it is and which bytes are
lost. A key whose current version is lost reads as deleted, and its older versions stay in
its history. What is damaged inside of contents is found with --deep only. The store must
not be in use: pail umount ends its daemon. A repair that was cut short is run again. Lines
say what was done; the exit code is 0 if the store is sound afterwards.`,
		Args: takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			g.unlock.optional = !opts.repair // which would take what it cannot read for lost
			if opts.repair {
				return runRepair(cmd, g, opts)
			}
			err := withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runFsck(ctx, opts, c, cmd, g.json)
			})
			if fault.Is(err, fault.Damaged) {
				return examine(cmd, g, opts, err)
			}
			return withoutRecords(cmd, g, err)
		},
	}
	cmd.Flags().BoolVar(&opts.repair, "repair", false, "put right what is found; the store must not be in use")
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
	switch err := told(cmd, asJSON, found, err); {
	case err != nil:
		return err
	case asJSON:
		return nil
	}
	sound := "the store is sound, as far as can be told without reading contents; fsck --deep reads them"
	if opts.deep {
		sound = "the store is sound"
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), sound)
	return err
}

// told prints problems; if there are any the command has failed.
func told(cmd *cobra.Command, asJSON bool, found []control.Problem, err error) error {
	for _, pr := range found {
		if err := printProblem(cmd.OutOrStdout(), pr, asJSON); err != nil {
			return err
		}
	}
	if err != nil || len(found) == 0 {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s found\n", plural(int64(len(found)), "problem"))
	return reportedError{exitDamaged}
}

// examine checks a store that is too damaged to be opened for use, as far as it goes.
func examine(cmd *cobra.Command, g *globals, opts *fsckOptions, refused error) error {
	dir, err := g.storeDir()
	if err != nil {
		return err
	}
	found, err := store.Examine(cmd.Context(), storeOptions(cmd, g, dir), store.FsckOptions{Deep: opts.deep})
	if err != nil || len(found) == 0 {
		return refused
	}
	return told(cmd, g.json, control.Problems(found), nil)
}

// runRepair repairs a store that nobody else has open.
func runRepair(cmd *cobra.Command, g *globals, opts *fsckOptions) error {
	dir, err := g.storeDir()
	if err != nil {
		return err
	}
	p := startProgress(cmd, "repairing")
	defer p.stop()
	var done int64
	var printed error
	o := store.RepairOptions{Found: func(pr store.Problem) {
		done++
		printed = errors.Join(printed, p.aside(func() error {
			return printProblem(cmd.OutOrStdout(), control.Problems([]store.Problem{pr})[0], g.json)
		}))
	}}
	o.Deep = opts.deep
	o.Progress = func(done, total int64, what string) { p.set(control.Progress{Done: done, Total: total, What: what}) }
	left, err := store.Repair(cmd.Context(), storeOptions(cmd, g, dir), o)
	p.stop()
	switch {
	case fault.Is(err, fault.StoreLocked):
		return fault.New(fault.StoreLocked, "the store at %s is in use, and a repair needs it to itself; unmount it with pail umount, which ends the daemon, and repair then", dir)
	case err != nil:
		return err
	case printed != nil:
		return printed
	}
	if err := told(cmd, g.json, control.Problems(left), nil); err != nil || g.json {
		return err
	}
	sound := "nothing was wrong"
	if done > 0 {
		sound = fmt.Sprintf("%s dealt with; the store is sound", plural(done, "problem"))
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), sound)
	return err
}

func printProblem(w io.Writer, p control.Problem, asJSON bool) error {
	if asJSON {
		return printJSON(w, p)
	}
	_, err := fmt.Fprintf(w, "%s: %s: %s", p.Kind, p.Where, p.What)
	if err == nil && p.Repair != "" {
		_, err = fmt.Fprintf(w, "; --repair %s", p.Repair)
	}
	if err == nil && p.Advice != "" {
		_, err = fmt.Fprintf(w, "; %s", p.Advice)
	}
	if err == nil {
		_, err = fmt.Fprintln(w)
	}
	return err
}
