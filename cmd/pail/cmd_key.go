package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/web/control"
)

func newKeyCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make, list, disable and remove access keys of the S3 door",
		Long: `Make, list, disable and remove access keys. A request to the S3 door is signed with the
secret of one, and acts as the root or the user to whom it belongs. The first start of a
listener makes one that acts as root.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newKeyCreateCommand(g), newKeyLsCommand(g), newKeySwitchCommand(g, true),
		newKeySwitchCommand(g, false), newKeyRmCommand(g))
	return cmd
}

type keyCreateOptions struct {
	given iam.Given
	in    control.InAccount
	user  string
}

func newKeyCreateCommand(g *globals) *cobra.Command {
	opts := &keyCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an access key and show its secret, this once",
		Long: `Make an access key that acts as root, or as the user whom --user names, and show its
secret, this once: no listing shows it again. Who comes from another store keeps the keys that clients are set up
with: give both --access-key and --secret-key. Other users of the machine see what
stands on command lines; with --secret-key - the secret is read from standard input.`,
		Example: "  pail key create\n  pail key create --access-key minioadmin --secret-key - < secret",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.read(cmd.InOrStdin()); err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runKeyCreate(ctx, opts, c, g.json, cmd.OutOrStdout())
			})
		},
	}
	textVar(cmd.Flags(), &opts.given.ID, "access-key", "`id` of the key (default one is made up)")
	textVar(cmd.Flags(), &opts.given.Secret, "secret-key", "`secret` of the key; - reads it from standard input")
	flagSuggests(cmd, "access-key", cobra.NoFileCompletions)
	flagSuggests(cmd, "secret-key", cobra.NoFileCompletions)
	accountFlag(cmd, g, &opts.in)
	textVar(cmd.Flags(), &opts.user, "user", "`user` whose key it is (default the root of the account)")
	flagSuggests(cmd, "user", func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		return suggestions(cmd, g, identityNames(control.KindUser), args, word)
	})
	return cmd
}

// read reads the secret if it is to be read, and refuses what cannot be a key before a
// store is reached for it.
func (o *keyCreateOptions) read(in io.Reader) error {
	if o.given == (iam.Given{}) {
		return nil
	}
	if o.given.Secret == "-" {
		line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the secret: %w", err)
		}
		o.given.Secret = strings.TrimRight(line, "\r\n")
	}
	if err := o.given.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

func runKeyCreate(ctx context.Context, opts *keyCreateOptions, c *control.Client, asJSON bool, out io.Writer) error {
	k, err := c.CreateAccessKey(ctx, control.CreateAccessKeyRequest{
		InAccount: opts.in, User: opts.user, AccessKey: opts.given.ID, SecretKey: opts.given.Secret,
	})
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, k)
	}
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, keyText(k, usesOf(s.Listeners, s.Region)))
	return err
}

func newKeyLsCommand(g *globals) *cobra.Command {
	var in control.InAccount
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the access keys of the root and of all users, without their secrets",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runKeyLs(ctx, c, in, g.json, cmd.OutOrStdout())
			})
		},
	}
	accountFlag(cmd, g, &in)
	return cmd
}

func runKeyLs(ctx context.Context, c *control.Client, in control.InAccount, asJSON bool, out io.Writer) error {
	if asJSON {
		return c.AccessKeys(ctx, in, jsonLines[control.AccessKey](out))
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	err := c.AccessKeys(ctx, in, func(k control.AccessKey) error {
		state := "active"
		if !k.Active {
			state = "disabled"
		}
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", shownTime(k.Created), state, k.ID, k.Principal)
		return err
	})
	return errors.Join(err, w.Flush())
}

func newKeySwitchCommand(g *globals, active bool) *cobra.Command {
	use, short, done := "disable ID", "Refuse requests signed with an access key from now on", "disabled"
	if active {
		use, short, done = "enable ID", "Accept requests signed with an access key again", "enabled"
	}
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, accessKeyIDs(!active)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeKey(cmd, g, args[0], done, func(ctx context.Context, c *control.Client) error {
				return c.SetAccessKey(ctx, control.SetAccessKeyRequest{AccessKeyRequest: control.AccessKeyRequest{AccessKey: args[0]}, Active: active})
			})
		},
	}
}

func newKeyRmCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "rm ID",
		Short: "Remove an access key for good",
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, accessKeyIDs(true), accessKeyIDs(false)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeKey(cmd, g, args[0], "removed", func(ctx context.Context, c *control.Client) error {
				return c.DeleteAccessKey(ctx, control.AccessKeyRequest{AccessKey: args[0]})
			})
		},
	}
}

func changeKey(cmd *cobra.Command, g *globals, id, done string, change func(context.Context, *control.Client) error) error {
	if id == "" {
		return usagef("an empty id names no access key")
	}
	err := withStore(cmd, g, change)
	switch {
	case fault.Is(err, fault.NoSuchEntity):
		return fault.New(fault.NoSuchEntity, "there is no access key %q; list them with: pail key ls", id)
	case err != nil:
		return err
	case g.json:
		return printJSON(cmd.OutOrStdout(), map[string]string{done: id})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s access key %s\n", done, shown(id))
	return err
}

// accessKeyIDs suggests access keys that are active, or those that are not.
func accessKeyIDs(active bool) suggester {
	return func(ctx context.Context, c *control.Client, _ []string, word string) (found []string, err error) {
		err = c.AccessKeys(ctx, control.InAccount{}, func(k control.AccessKey) error {
			if k.Active == active && strings.HasPrefix(k.ID, word) {
				found = append(found, k.ID+"\t"+k.Principal+", of "+shownTime(k.Created))
			}
			return nil
		})
		return found, err
	}
}
