package main

import (
	"io"

	"github.com/spf13/cobra"
)

// newCompletionCommand stands in for cobra's own, which succeeds for shells that do not
// exist.
func newCompletionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion",
		Short: "Print the completion script for a shell",
		Long: `Print what makes a shell complete commands, flags, bucket names, keys, versions and
mountpoints. make install puts it in place; by hand:

  bash  pail completion bash > /usr/share/bash-completion/completions/pail
        (or below ~/.local/share; it needs the package bash-completion)
  zsh   pail completion zsh > /usr/share/zsh/vendor-completions/_pail
        (or any directory of $fpath)
  fish  pail completion fish > ~/.config/fish/completions/pail.fish`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	for shell, write := range map[string]func(*cobra.Command, io.Writer) error{
		"bash": func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":  func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
		"fish": func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	} {
		cmd.AddCommand(&cobra.Command{
			Use:               shell,
			Short:             "Print the completion script for " + shell,
			Args:              takes(0, 0),
			ValidArgsFunction: cobra.NoFileCompletions,
			RunE:              func(c *cobra.Command, _ []string) error { return write(c.Root(), c.OutOrStdout()) },
		})
	}
	return cmd
}

// newHelpCommand stands in for cobra's own, which succeeds for commands that do not
// exist.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show what a command does",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			at, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return subcommandNames(at, word), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			at, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no command %q; see %s --help", joined(c.Root().Name(), args), c.Root().Name())
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}
