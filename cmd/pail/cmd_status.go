package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	pailfs "pail/fs"
	"pail/store/web/control"
)

func newStatusCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the store, its daemon, mounts and background jobs",
		Args:  takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			g.unlock.optional = true
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
	dead, err := deadMounts(s)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, struct {
			control.Status
			DeadMounts []string `json:"dead_mounts,omitempty"`
		}{s, dead})
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
	for _, l := range s.Listeners {
		fmt.Fprintf(w, "%s:\t%s\n", l.Protocol, listenerLine(l))
	}
	for _, at := range dead {
		fmt.Fprintf(w, "dead mount:\t%s, left by a killed daemon; take it away with: pail umount %s\n", shown(at), shown(at))
	}
	fmt.Fprintf(w, "buckets:\t%d\n", s.Buckets)
	fmt.Fprintf(w, "free:\t%s, of which %s are kept as a reserve\n", shownSize(s.Free), shownSize(s.Reserve))
	if s.MasterKey != "" {
		fmt.Fprintf(w, "master key:\t%s\n", masterKeyLine(s.MasterKey))
	}
	if s.Stopped != "" {
		fmt.Fprintf(w, "stopped:\t%s\n", s.Stopped)
	}
	fmt.Fprintf(w, "open:\t%s, %d with unpublished changes\n", plural(int64(s.OpenFiles), "file"), s.Drafts)
	fmt.Fprintf(w, "not yet on disk:\t%s\n", plural(int64(s.Pending), "version"))
	if s.Dead >= deadShown {
		fmt.Fprintf(w, "dead:\t%s of contents, to be moved together\n", shownSize(s.Dead))
	}
	if s.Moves > 0 {
		fmt.Fprintf(w, "on their way:\t%s\n", plural(int64(s.Moves), "directory rename"))
	}
	printScrub(w, s)
	printLifecycle(w, s)
	if s.Encrypting != nil {
		fmt.Fprintf(w, "encrypt:\t%s\n", encryptingLine(s.Encrypting, s.PID != 0))
	}
	for _, j := range s.Jobs {
		if (j.Name == "scrub" || j.Name == "lifecycle" || j.Name == "encrypt") && j.Failed == "" {
			continue // told of already
		}
		if line := jobLine(j); line != "" && (s.PID != 0 || j.Failed != "") {
			fmt.Fprintf(w, "job:\t%s\n", line)
		}
	}
	printRecovery(w, s.Recovery)
	return w.Flush()
}

// printScrub tells what the reading of all contents has found and how far it is.
func printScrub(w io.Writer, s control.Status) {
	b := s.Scrub
	if b.Ended != nil {
		fmt.Fprintf(w, "scrubbed:\t%s, %s read\n", shownTime(*b.Ended), shownSize(b.Read))
	}
	if b.Started != nil {
		state := "cut short at"
		if b.Running && s.PID != 0 {
			state = "at"
		}
		fmt.Fprintf(w, "scrub:\tbegun %s, %s %s of %s\n", shownTime(*b.Started), state, shownSize(b.Bytes), shownSize(b.Total))
	}
	for _, d := range b.Damage {
		fmt.Fprintf(w, "damaged:\t%s\n", damageLine(d))
	}
	if b.More > 0 {
		fmt.Fprintf(w, "damaged:\tand %d more\n", b.More)
	}
}

// printLifecycle tells what the lifecycles of buckets have ended.
func printLifecycle(w io.Writer, s control.Status) {
	l := s.Lifecycle
	if l.Ended != nil && (l.Deleted > 0 || l.Marked > 0) {
		fmt.Fprintf(w, "lifecycles:\t%s, %s\n", shownTime(*l.Ended), lifecycleLine(l))
	}
	if l.Started != nil {
		state := "cut short"
		if l.Running && s.PID != 0 {
			state = "going on"
		}
		fmt.Fprintf(w, "lifecycle:\tbegun %s, %s\n", shownTime(*l.Started), state)
	}
}

// deadMounts are those of the store that killed daemons have left, in order. Those that
// the daemon serves are not asked.
func deadMounts(s control.Status) ([]string, error) {
	dead, err := mountsOf(s.Store)
	dead = slices.DeleteFunc(dead, func(at string) bool {
		serves := func(m control.Mount) bool { return m.Mountpoint == at }
		return slices.ContainsFunc(s.Mounts, serves) || !pailfs.Dead(at)
	})
	slices.Sort(dead)
	return dead, err
}

// deadShown is how many dead bytes are worth a line.
const deadShown = 1 << 20

// printRecovery tells what an unclean end left to do, if there was one.
func printRecovery(w io.Writer, r control.Recovery) {
	if r.Unclean {
		fmt.Fprintf(w, "last end:\tnot clean; %s kept, %d undone, %s published, %s deleted\n",
			plural(int64(r.Kept), "unsettled version"), r.Undone, plural(int64(r.Drafts), "open file"), plural(int64(r.Orphans), "leftover"))
	}
	for _, key := range r.UndoneKey {
		fmt.Fprintf(w, "undone:\t%s\n", shown(key))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "problem:\t%s\n", p)
	}
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

func listenerLine(l control.Listener) string {
	until := ""
	if l.Mountpoint != "" {
		until = " (with the mount at " + l.Mountpoint + ")"
	}
	return fmt.Sprintf("%s%s, since %s", l.Address, until, shownTime(l.Since))
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
