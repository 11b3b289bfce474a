package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newAccountCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Make, list and remove accounts",
		Long: `Make, list and remove accounts. An account owns buckets, users and roles; its root may do
everything in it, and nothing in others unless their policies let it. The account
000000000000 is there from the beginning. Commands that take --account act in another.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newAccountCreateCommand(g), newAccountLsCommand(g), newAccountRmCommand(g), newAccountBlockCommand(g))
	return cmd
}

func newAccountCreateCommand(g *globals) *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make an account and print its number",
		Example: "  pail account create partner\n  pail key create --account partner",
		Args:    takes(1, 1),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				a, err := c.CreateAccount(ctx, control.CreateAccountRequest{Name: args[0], ID: id})
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), a)
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), a.ID)
				return err
			})
		},
	}
	textVar(cmd.Flags(), &id, "id", "`number` of 12 digits (default some that are made up)")
	flagSuggests(cmd, "id", cobra.NoFileCompletions)
	return cmd
}

func newAccountLsCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the accounts",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				if g.json {
					return c.Accounts(ctx, jsonLines[control.Account](cmd.OutOrStdout()))
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				err := c.Accounts(ctx, func(a control.Account) error {
					_, err := fmt.Fprintf(w, "%s\t%s\t%s\n", a.ID, shown(a.Name), a.Alias)
					return err
				})
				return errors.Join(err, w.Flush())
			})
		},
	}
}

func newAccountRmCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "rm ACCOUNT",
		Aliases: []string{"remove"},
		Short:   "Remove an account that has no buckets and no identities any more",
		Args:    takes(1, 1),

		ValidArgsFunction: suggest(g, false, accountNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return change(cmd, g, "removed account", args[0], func(ctx context.Context, c *control.Client) error {
				return c.DeleteAccount(ctx, control.AccountRequest{Name: args[0]})
			})
		},
	}
}

// change does something and says so, "removed user alice", or {"removed user": "alice"}.
func change(cmd *cobra.Command, g *globals, done, what string, fn func(context.Context, *control.Client) error) error {
	err := withStore(cmd, g, fn)
	switch {
	case err != nil:
		return err
	case g.json:
		return printJSON(cmd.OutOrStdout(), map[string]string{strings.ReplaceAll(done, " ", "_"): what})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", done, shown(what))
	return err
}

// accountNames suggests accounts.
func accountNames(ctx context.Context, c *control.Client, _ []string, word string) (found []string, err error) {
	err = c.Accounts(ctx, func(a control.Account) error {
		if strings.HasPrefix(a.Name, word) {
			found = append(found, a.Name+"\t"+a.ID)
		} else if word != "" && strings.HasPrefix(a.ID, word) {
			found = append(found, a.ID+"\t"+a.Name)
		}
		return nil
	})
	return found, err
}

// accountFlag adds the option --account.
func accountFlag(cmd *cobra.Command, g *globals, in *control.InAccount) {
	textVar(cmd.Flags(), &in.Account, "account", "`account` by number, name or alias (default 000000000000)")
	flagSuggests(cmd, "account", func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		return suggestions(cmd, g, accountNames, args, word)
	})
}
