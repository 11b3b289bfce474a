package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// globals are the options that every command takes.
type globals struct {
	store      string
	json       bool
	allowAnyFS bool
	unlock     unlock
}

func (g *globals) addFlags(f *pflag.FlagSet) {
	textVar(f, &g.store, "store", "`directory` of the store (default $PAIL_STORE, else "+defaultStoreHelp+")")
	f.BoolVar(&g.json, "json", false, "print JSON: one object a line for listings")
	f.BoolVar(&g.allowAnyFS, "allow-any-fs", false, "accept a store on a network or FUSE filesystem, whose fsync and locks may lie")
	g.unlock.addFlags(f)
}

func newRootCommand() *cobra.Command {
	g := &globals{}
	cmd := &cobra.Command{
		Use:   "pail",
		Short: "Buckets of objects that are also directories of files",
		Long: `Pail keeps buckets of objects in one directory, the store, and mounts them:
buckets and prefixes are directories, objects are files, and what you overwrite
or delete in a versioned bucket can be brought back.

` + exitHelp,
		Example: `  pail mount --background
  pail bucket create photos && pail bucket versioning photos enable
  cp -a ~/Pictures/. ~/Pail/photos/
  pail versions photos/cat.jpg`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          runGroup,
		Args:          cobra.ArbitraryArgs,
	}
	g.addFlags(cmd.PersistentFlags())
	flagSuggests(cmd, "store", flagDirectories)
	g.unlock.suggest(cmd)
	cmd.SetFlagErrorFunc(flagError)
	cmd.SetHelpCommand(newHelpCommand())
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.AddCommand(
		newInitCommand(g), newMasterKeyCommand(g), newMountCommand(g), newServeCommand(g), newUmountCommand(g), newStopCommand(g),
		newBucketCommand(g), newLsCommand(g), newStatCommand(g), newVersionsCommand(g), newLogCommand(g),
		newRestoreCommand(g), newRmCommand(g), newTagCommand(g), newConfigCommand(g), newQuotaCommand(g), newKeyCommand(g), newAccountCommand(g), newAccessPointCommand(g), newUserCommand(g), newGroupCommand(g), newRoleCommand(g), newPolicyCommand(g), newMFACommand(g), newKMSCommand(g), newPresignCommand(g),
		newWebhookCommand(g), newTrailCommand(g), newLifecycleCommand(g),
		newStatusCommand(g), newFsckCommand(g), newScrubCommand(g), newEncryptCommand(g), newBackupCommand(g), newExportCommand(g), newSystemdCommand(g), newVersionCommand(g), newCompletionCommand(), newManCommand(),
	)
	return cmd
}

// runGroup is what a command does that only has commands below it.
func runGroup(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return usagef("there is no command %q; see %s --help", joined(cmd.CommandPath(), args[:1]), cmd.CommandPath())
}

// takes demands between least and most arguments; most below 0 is without end.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		return usagef("%s takes %s; usage: %s", strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" "), howMany(least, most), strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
}

func howMany(least, most int) string {
	switch {
	case most == 0:
		return "no arguments"
	case most < 0:
		return "at least " + plural(int64(least), "argument")
	case least == most:
		return plural(int64(most), "argument")
	case least == 0:
		return "at most " + plural(int64(most), "argument")
	}
	return fmt.Sprintf("%d to %s", least, plural(int64(most), "argument"))
}

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}
