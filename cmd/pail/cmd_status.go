package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newStatusCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the store, its daemon, mounts and background jobs",
		Args:  takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runStatus(ctx, c, g.json, cmd.OutOrStdout())
			})
		},
	}
}

func runStatus(ctx context.Context, c *control.Client, asJSON bool, out io.Writer) error {
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, s)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "store:\t%s\n", s.Store)
	if s.PID != 0 {
		fmt.Fprintf(w, "daemon:\tprocess %d, pail %s\n", s.PID, s.Release)
	} else {
		fmt.Fprintf(w, "daemon:\tnone\n")
	}
	for _, m := range s.Mounts {
		fmt.Fprintf(w, "mount:\t%s\n", mountLine(m))
	}
	fmt.Fprintf(w, "buckets:\t%d\n", s.Buckets)
	fmt.Fprintf(w, "free:\t%s, and a reserve of %s\n", shownSize(s.Free), shownSize(s.Reserve))
	if s.ReadOnly != "" {
		fmt.Fprintf(w, "read-only:\t%s\n", s.ReadOnly)
	}
	fmt.Fprintf(w, "being written:\t%s\n", plural(s.Drafts, "file"))
	fmt.Fprintf(w, "being settled:\t%s\n", plural(s.Pending, "version"))
	for _, j := range s.Jobs {
		if line := jobLine(j); line != "" {
			fmt.Fprintf(w, "job:\t%s\n", line)
		}
	}
	if s.Recovery != "" {
		fmt.Fprintf(w, "recovery:\t%s\n", s.Recovery)
	}
	return w.Flush()
}

func mountLine(m control.Mount) string {
	what := "all buckets"
	if m.Bucket != "" {
		what = strings.TrimSuffix(m.Bucket+"/"+m.Prefix, "/")
	}
	if m.ReadOnly {
		what += ", read-only"
	}
	return fmt.Sprintf("%s (%s), since %s", m.Mountpoint, shown(what), shownTime(m.Since))
}

// jobLine is empty for a job that has nothing to do.
func jobLine(j control.Job) string {
	switch {
	case j.Failed != "":
		return fmt.Sprintf("%s failed and will be tried again: %s", j.Name, j.Failed)
	case j.Running && j.Total > 0:
		return fmt.Sprintf("%s, %d of %d", j.Name, j.Done, j.Total)
	case j.Running:
		return j.Name
	case j.Waiting:
		return j.Name + ", waiting"
	}
	return ""
}
