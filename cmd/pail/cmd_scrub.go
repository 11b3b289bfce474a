package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

type scrubOptions struct {
	rate    int64
	restart bool
}

func newScrubCommand(g *globals) *cobra.Command {
	opts := &scrubOptions{}
	cmd := &cobra.Command{
		Use:   "scrub",
		Short: "Read every content and compare it with its checksums",
		Long: `Read every content from the disk and compare it with its checksums, and print which
bytes of which versions are not what was written. The store may be in use meanwhile. What
was cut short, by a signal, a kill or the end of the daemon, goes on where it was with the
next pail scrub; pail status shows how far it is, when the last one ended and what is
damaged. pail mount --scrub-every does it in the background.

The exit code is 7 if something is damaged. With --json each line is a damaged range.
Versions that share bytes are each listed. A damaged version cannot be read where it is
damaged; restore it from a backup, restore an older version, or delete it.`,
		Example: `  pail scrub --rate 50MiB`,
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			g.unlock.optional = true
			err := withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runScrub(ctx, opts, c, cmd, g.json)
			})
			return withoutRecords(cmd, g, err)
		},
	}
	sizeVar(cmd.Flags(), &opts.rate, "rate", "read at most so many `bytes` a second, such as 50MiB (default as fast as the disk)")
	cmd.Flags().BoolVar(&opts.restart, "restart", false, "begin anew, also if the last one was cut short")
	flagSuggests(cmd, "rate", cobra.FixedCompletions([]string{"10MiB", "50MiB", "200MiB"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runScrub(ctx context.Context, opts *scrubOptions, c *control.Client, cmd *cobra.Command, asJSON bool) error {
	p := startProgress(cmd, "scrubbing")
	defer p.stop()
	p.inBytes()
	var found []control.Damage
	err := c.Scrub(ctx, control.ScrubRequest{Rate: opts.rate, Restart: opts.restart}, func(d control.Damage) error {
		found = append(found, d)
		return nil
	}, p.set)
	p.stop()
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	for _, d := range found {
		if asJSON {
			err = printJSON(out, d)
		} else {
			_, err = fmt.Fprintln(out, damageLine(d))
		}
		if err != nil {
			return err
		}
	}
	if len(found) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s of versions are damaged\n", plural(int64(len(found)), "range"))
		return reportedError{exitDamaged}
	}
	if asJSON {
		return nil
	}
	s, err := c.Status(ctx)
	if err == nil {
		_, err = fmt.Fprintf(out, "all contents are as they were written; %s were read\n", shownSize(s.Scrub.Read))
	}
	return err
}

// damageLine is a damaged range in one line.
func damageLine(d control.Damage) string {
	of := fmt.Sprintf("version %d (%s)", d.Number, d.Version)
	if d.Version == "" {
		of = d.What
	}
	return fmt.Sprintf("%s/%s, %s, bytes %d to %d: %s", shown(d.Bucket), shown(d.Key), of, d.Offset, d.Offset+max(d.Length, 1)-1, d.Why)
}
