package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pail/store"
	"pail/store/backup"
	"pail/store/fault"
	"pail/store/web/control"
)

func newBackupCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Back up the store, and restore it",
		Long: `Back up the store while it is in use, verify backups, and make a store of one again.

A directory of backups holds snapshots: each is the whole store as of one moment, with
all versions, and shares with the others what they have in common. So every backup after
the first adds what is new. A snapshot stays until thin takes it away.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newBackupCreateCommand(g), newBackupListCommand(g), newBackupVerifyCommand(g),
		newBackupRestoreCommand(g), newBackupThinCommand(g))
	return cmd
}

func newBackupCreateCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "create DIR|-",
		Short: "Add a snapshot of the store to a directory, or write one to standard output",
		Long: `Add a snapshot of the store to a directory of backups, which is made if there is none, or
write one to standard output. The store goes on meanwhile; the snapshot is of the moment
at which the command began, with what was fsynced in files that are still being written.

When it returns, the snapshot survives a power cut, and all it copied was compared with
its checksums. If it is interrupted the snapshots that are there stay as they are, and the
next run does not copy again what this one did.`,
		Example: `  pail backup create /media/disk/pail
  pail backup create - | ssh host 'cat > pail.backup'`,
		Args: takes(1, 1),

		ValidArgsFunction: directories,
		RunE: func(cmd *cobra.Command, args []string) error {
			dest, err := backupPlace(args[0])
			if err != nil {
				return err
			}
			if o, ok := cmd.OutOrStdout().(*output); dest == "-" && ok && o.terminal() {
				return usagef("a backup is not for a terminal; send standard output to a file or another program")
			}
			dir, err := g.storeDir()
			if err != nil {
				return err
			}
			if dest != "-" && within(resolved(dest), resolved(dir)) {
				return usagef("%s is in the store itself; name a directory elsewhere, best on another disk", dest)
			}
			if dest != "-" {
				if err := notOnMount(dest, dir); err != nil {
					return err
				}
			}
			g.unlock.optional = true
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runBackup(ctx, c, cmd, dest, g.json)
			})
		},
	}
}

// backupPlace is the absolute directory of an argument, or "-".
func backupPlace(arg string) (string, error) {
	if arg == "-" {
		return arg, nil
	}
	return absolute(arg)
}

// notOnMount refuses a directory for backups that is on a mount of the store itself: it
// would be lost with the store, and every backup would hold those before.
func notOnMount(dest, store string) error {
	mounts, err := mountsOf(store)
	if err != nil {
		return err
	}
	for _, at := range mounts {
		if within(resolved(dest), at) {
			return usagef("%s is on a mount of the store itself; name a directory elsewhere, best on another disk", dest)
		}
	}
	return nil
}

// within says whether path is dir or below it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// showBytes tells a progress how many bytes there are.
func showBytes(p *progress, what string) func(backup.Far) {
	return func(f backup.Far) {
		p.set(control.Progress{Done: f.Bytes >> 20, What: what + ", MiB"})
	}
}

func runBackup(ctx context.Context, c *control.Client, cmd *cobra.Command, dest string, asJSON bool) error {
	p := startProgress(cmd, "backing up")
	defer p.stop()
	if dest == "-" {
		src, err := c.Backup(ctx)
		if err != nil {
			return err
		}
		defer src.Close()
		_, _, err = backup.WriteStream(ctx, src, cmd.OutOrStdout(), showBytes(p, "backing up"))
		return err
	}
	id, err := storeID(ctx, c)
	if err != nil {
		return err
	}
	repo, err := backup.OpenToWrite(dest, id)
	if err != nil {
		return err
	}
	defer repo.Close()
	src, err := c.Backup(ctx) // after the lock: it is of the moment at which it can begin
	if err != nil {
		return err
	}
	defer src.Close()
	res, err := repo.Write(ctx, src, showBytes(p, "copying"))
	if err != nil {
		return err
	}
	p.stop()
	if asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]any{"snapshot": res.Snapshot, "copied": res.Copied, "bytes": res.Bytes})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "snapshot %s: %s of %s copied, %s\n", res.Snapshot.Name,
		shownSize(res.Bytes), shownSize(res.Snapshot.Totals.Bytes), plural(res.Copied, "new file"))
	return err
}

func storeID(ctx context.Context, c *control.Client) (string, error) {
	s, err := c.Status(ctx)
	return s.ID, err
}

func newBackupListCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "list DIR",
		Short: "List the snapshots in a directory, oldest first",
		Long:  "List the snapshots in a directory of backups, oldest first. With --json each line is one.",
		Args:  takes(1, 1),

		ValidArgsFunction: directories,
		RunE: func(cmd *cobra.Command, args []string) error {
			return withBackups(args[0], backup.Open, func(repo *backup.Repo) error {
				return printSnapshots(cmd.OutOrStdout(), repo.Snapshots(), g.json)
			})
		},
	}
}

// withBackups opens a directory of backups for as long as fn runs.
func withBackups(arg string, open func(string) (*backup.Repo, error), fn func(*backup.Repo) error) error {
	dir, err := absolute(arg)
	if err != nil {
		return err
	}
	repo, err := open(dir)
	if err != nil {
		return err
	}
	defer repo.Close()
	return fn(repo)
}

func printSnapshots(w io.Writer, all []backup.Snapshot, asJSON bool) error {
	for _, s := range all {
		var err error
		if asJSON {
			err = printJSON(w, s)
		} else {
			_, err = fmt.Fprintf(w, "%s  %8s  %s\n", shownTime(s.Taken), shownSize(s.Totals.Bytes), s.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func newBackupVerifyCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "verify DIR|-",
		Short: "Read backups and compare all checksums",
		Long: `Read everything in a directory of backups, or a backup on standard input, and compare all
checksums. Each changed, lost or shortened file is one line, with --json one object, and
the exit code is 7 if there are any. Records that are encrypted are compared, too, and not
opened. Remove a file of chunks/ or contents/ that is damaged,
and the next pail backup create copies it again if the store still has what was in it.`,
		Example: `  pail backup verify /media/disk/pail
  pail backup verify - < pail.backup`,
		Args: takes(1, 1),

		ValidArgsFunction: directories,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" {
				return runVerifyStream(cmd, g.json)
			}
			return runVerify(cmd, args[0], g.json)
		},
	}
}

func runVerifyStream(cmd *cobra.Command, asJSON bool) error {
	p := startProgress(cmd, "verifying")
	defer p.stop()
	s, err := backup.VerifyStream(cmd.Context(), cmd.InOrStdin(), "standard input", showBytes(p, "verifying"))
	p.stop()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), s)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "the backup of %s is whole, %s\n", shownTime(s.Taken), shownSize(s.Totals.Bytes))
	return err
}

func runVerify(cmd *cobra.Command, arg string, asJSON bool) error {
	dir, err := absolute(arg)
	if err != nil {
		return err
	}
	out := newReport(cmd, "verifying")
	found, snapshots := int64(0), 0
	report := func(pr backup.Problem) error {
		found++
		return out.print(func(w io.Writer) error {
			if asJSON {
				return printJSON(w, pr)
			}
			_, err := fmt.Fprintf(w, "%s: %s\n", pr.Where, pr.What)
			return err
		})
	}
	repo, err := backup.Open(dir)
	if err == nil {
		snapshots = len(repo.Snapshots())
		err = repo.Verify(cmd.Context(), func(f backup.Far) {
			out.far(control.Progress{Done: f.Bytes >> 20, What: "verifying, MiB"})
		}, report)
		_ = repo.Close()
	}
	if err = out.end(err); err != nil {
		return err
	}
	if found > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s found; remove what is damaged, and pail backup create copies again what the store still has\n", plural(found, "problem"))
		return reportedError{exitDamaged}
	}
	if snapshots == 0 {
		return fault.New(fault.NoSuchKey, "%s holds no finished backup", dir)
	}
	if asJSON {
		return nil
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "all is as it was written: %s\n", plural(int64(snapshots), "snapshot"))
	return err
}

func newBackupRestoreCommand(g *globals) *cobra.Command {
	var snapshot string
	cmd := &cobra.Command{
		Use:   "restore DIR|-",
		Short: "Make a store of a backup",
		Long: `Make a store of the newest snapshot in a directory of backups, or of a backup on standard
input, at the place that --store names, which must be empty or not exist: the same store,
with all versions, ids, times and attributes. Everything is compared with its checksums.
If it fails nothing is left there. Mounting the store publishes the files that were being
written and had been fsynced.`,
		Example: `  pail backup restore /media/disk/pail --store /srv/pail
  pail backup restore - --store /srv/pail < pail.backup`,
		Args: takes(1, 1),

		ValidArgsFunction: directories,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" && snapshot != "" {
				return usagef("--snapshot does not go with -: a backup on standard input holds one")
			}
			return runBackupRestore(cmd, g, args[0], snapshot)
		},
	}
	textVar(cmd.Flags(), &snapshot, "snapshot", "the `name` of the snapshot (pail backup list names them; default: the newest)")
	return cmd
}

func runBackupRestore(cmd *cobra.Command, g *globals, from, snapshot string) error {
	ctx := cmd.Context()
	dir, err := g.storeDir()
	if err != nil {
		return err
	}
	p := startProgress(cmd, "restoring")
	defer p.stop()
	feed := func(v backup.Visitor) error {
		return backup.Decode(ctx, cmd.InOrStdin(), "standard input", &counting{Visitor: v, far: showBytes(p, "restoring")})
	}
	if from != "-" {
		if from, err = absolute(from); err != nil {
			return err
		}
		repo, err := backup.Open(from)
		if err != nil {
			return err
		}
		defer repo.Close()
		s, err := repo.Find(snapshot)
		if err != nil {
			return err
		}
		feed = func(v backup.Visitor) error {
			return repo.Read(ctx, s, &counting{Visitor: v, far: showBytes(p, "restoring")})
		}
	}
	so := storeOptions(cmd, g, dir)
	so.MasterKey = g.unlock.asker(ctx, "the backup", p)
	made, err := store.Rebuild(ctx, so, feed)
	if err != nil {
		return err
	}
	p.stop()
	if g.json {
		return printJSON(cmd.OutOrStdout(), map[string]any{"store": dir, "taken": made.Head.Taken, "seq": made.Head.Seq, "totals": made.Totals})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "made a store at %s as of %s, %s\n", dir, shownTime(made.Head.Taken), shownSize(made.Totals.Bytes))
	return err
}

// counting tells how far a visit has come.
type counting struct {
	backup.Visitor
	at  backup.Far
	far func(backup.Far)
}

func (c *counting) Records(chunk []byte) error {
	c.add(len(chunk))
	return c.Visitor.Records(chunk)
}

func (c *counting) Part(off int64, p []byte) error {
	c.add(len(p))
	return c.Visitor.Part(off, p)
}

func (c *counting) add(n int) {
	c.at.Bytes += int64(n)
	c.far(c.at)
}

func newBackupThinCommand(g *globals) *cobra.Command {
	var keep backup.Keep
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "thin DIR",
		Short: "Take older snapshots away",
		Long: `Take snapshots away, and what no other needs. Those stay that any flag keeps: of each of
the last so many days (weeks, months, years) in which there is one, the newest. Days begin at
midnight UTC. The newest of all always stays.`,
		Example: "  pail backup thin /media/disk/pail --keep-last 3 --keep-daily 14 --keep-monthly 12",
		Args:    takes(1, 1),

		ValidArgsFunction: directories,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := keep.Validate(); err != nil {
				return usageError{err}
			}
			return withBackups(args[0], backup.OpenForThinning, func(repo *backup.Repo) error {
				return runThin(cmd, repo, keep, dryRun, g.json)
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&keep.Last, "keep-last", 0, "keep the last `n` snapshots")
	f.IntVar(&keep.Daily, "keep-daily", 0, "keep one of each of the last `n` days")
	f.IntVar(&keep.Weekly, "keep-weekly", 0, "keep one of each of the last `n` weeks")
	f.IntVar(&keep.Monthly, "keep-monthly", 0, "keep one of each of the last `n` months")
	f.IntVar(&keep.Yearly, "keep-yearly", 0, "keep one of each of the last `n` years")
	f.BoolVarP(&dryRun, "dry-run", "n", false, "print the snapshots that would go, and do nothing")
	return cmd
}

func runThin(cmd *cobra.Command, repo *backup.Repo, keep backup.Keep, dryRun, asJSON bool) error {
	if dryRun {
		_, gone := keep.Split(repo.Snapshots())
		return printSnapshots(cmd.OutOrStdout(), gone, asJSON)
	}
	p := startProgress(cmd, "thinning")
	defer p.stop()
	done, err := repo.Thin(cmd.Context(), keep, showBytes(p, "thinning"))
	p.stop()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]any{"removed": len(done.Removed), "files": done.Files, "bytes": done.Bytes})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "took %s away, and %s with them\n", plural(int64(len(done.Removed)), "snapshot"), shownSize(done.Bytes))
	return err
}
