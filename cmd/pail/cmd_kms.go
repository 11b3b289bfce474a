package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newKMSCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kms",
		Short: "Make, list, rotate and delete keys that encrypt",
		Long: `Make, list, rotate and delete the keys of the key management service, with which applications
encrypt through the API of KMS on the S3 address, and S3 and mounts objects (aws:kms).
Secrets of keys are kept under the store's master key and never leave the store, but for those
of keys that are at a service outside (pail kms external). A key is named by its id, its ARN or
an alias.

What was encrypted with a key that is disabled cannot be read until it is enabled again; what
was encrypted with a key that is gone cannot be read any more.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newKMSCreateCommand(g), newKMSLsCommand(g), newKMSDescribeCommand(g), newKMSAliasCommand(g),
		newKMSStateCommand(g, true), newKMSStateCommand(g, false), newKMSRotateCommand(g),
		newKMSScheduleCommand(g), newKMSCancelCommand(g), newKMSPolicyCommand(g), newKMSGrantCommand(g), newKMSRevokeCommand(g), newKMSExternalCommand(g))
	return cmd
}

func newKMSCreateCommand(g *globals) *cobra.Command {
	var req control.CreateKMSKeyRequest
	var policy string
	var tags []string
	cmd := &cobra.Command{
		Use:     "create",
		Short:   "Make a key and print its ARN",
		Example: "  pail kms create --alias photos\n  aws --endpoint-url http://127.0.0.1:9000 kms encrypt --key-id alias/photos --plaintext fileb://secret",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if (req.Service == "") != (req.ExternalKey == "") {
				return usagef("--external and --external-key are given together")
			}
			if policy != "" {
				if req.Policy, err = readText(policy, cmd.InOrStdin()); err != nil {
					return err
				}
			}
			if req.Tags, err = pairsOf("--tag", tags); err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				k, err := c.CreateKMSKey(ctx, req)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), k)
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), k.ARN)
				return err
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	textVar(cmd.Flags(), &req.Alias, "alias", "another `name` of the key")
	textVar(cmd.Flags(), &req.Description, "description", "`text` for people")
	textVar(cmd.Flags(), &policy, "policy", "`file` with the key's policy, - for standard input (default: the account decides)")
	textVar(cmd.Flags(), &req.Service, "external", "have a key `service` outside keep the key (pail kms external)")
	textVar(cmd.Flags(), &req.ExternalKey, "external-key", "`name` of the key there")
	flagSuggests(cmd, "external", cobra.NoFileCompletions)
	flagSuggests(cmd, "external-key", cobra.NoFileCompletions)
	cmd.Flags().StringArrayVar(&tags, "tag", nil, "`KEY=VALUE` of a tag; may be given more than once")
	for _, name := range []string{"alias", "description", "tag"} {
		flagSuggests(cmd, name, cobra.NoFileCompletions)
	}
	return cmd
}

// pairsOf reads KEY=VALUE as it was given with a flag; nil: it was not given.
func pairsOf(flag string, pairs []string) (map[string]string, error) {
	var out map[string]string
	for _, pair := range pairs {
		k, v, ok := strings.Cut(pair, "=")
		if !ok || k == "" {
			return nil, usagef("%s takes KEY=VALUE, and not %q", flag, pair)
		}
		if out == nil {
			out = map[string]string{}
		}
		out[k] = v
	}
	return out, nil
}

func newKMSLsCommand(g *globals) *cobra.Command {
	var in control.InAccount
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the keys",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				if g.json {
					return c.KMSKeys(ctx, in, jsonLines[control.KMSKey](cmd.OutOrStdout()))
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				err := c.KMSKeys(ctx, in, func(k control.KMSKey) error {
					_, err := fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.State, strings.Join(k.Aliases, " "))
					return err
				})
				return errors.Join(err, w.Flush())
			})
		},
	}
	accountFlag(cmd, g, &in)
	return cmd
}

func newKMSDescribeCommand(g *globals) *cobra.Command {
	var req control.KMSKeyRequest
	cmd := &cobra.Command{
		Use:   "describe KEY",
		Short: "Show a key with its policy and its grants",
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, kmsKeyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Key = args[0]
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				k, err := c.KMSKey(ctx, req)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), k)
				}
				return showKMSKey(cmd.OutOrStdout(), k)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func showKMSKey(out io.Writer, k control.KMSKey) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value) // Flush says what failed
		}
	}
	line("arn", k.ARN)
	line("state", k.State)
	line("description", k.Description)
	line("created", shownTime(k.Created))
	line("manager", k.Manager)
	for _, a := range k.Aliases {
		line("alias", a)
	}
	for _, key := range slices.Sorted(maps.Keys(k.Tags)) {
		line("tag", shown(key+"="+k.Tags[key]))
	}
	if k.Service != "" {
		line("kept by", k.Service+" as "+k.ExternalKey)
	}
	line("materials", fmt.Sprint(k.Materials))
	if k.NextRotation != nil {
		line("rotates", fmt.Sprintf("every %d days, next %s", k.RotationDays, shownTime(*k.NextRotation)))
	}
	if k.Deletion != nil {
		line("deleted", shownTime(*k.Deletion))
	}
	line("policy", oneLine(k.Policy))
	for _, grant := range k.Grants {
		line("grant", kmsGrantText(grant))
	}
	return w.Flush()
}

func kmsGrantText(grant control.KMSGrant) string {
	text := grant.ID + " " + grant.Grantee + " " + strings.Join(grant.Operations, ",")
	for what, pairs := range map[string]map[string]string{"context equals": grant.Equals, "context has": grant.Subset} {
		for _, key := range slices.Sorted(maps.Keys(pairs)) {
			text += " " + what + " " + shown(key+"="+pairs[key])
		}
	}
	return text
}

func newKMSAliasCommand(g *globals) *cobra.Command {
	var req control.KMSAliasRequest
	rm := false
	cmd := &cobra.Command{
		Use:     "alias ALIAS [KEY]",
		Short:   "Give a key another name, or take that away",
		Long:    "Give a key another name; one that another key had is this one's then. With --rm the name is\ntaken away, and the key stays.",
		Example: "  pail kms alias photos 1234abcd-12ab-34cd-56ef-1234567890ab\n  pail kms alias --rm photos",
		Args:    takes(1, 2),

		ValidArgsFunction: suggest(g, false, kmsKeyNames, kmsKeyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rm == (len(args) == 2) {
				return usagef("alias takes a name and a key, or --rm and a name")
			}
			req.Alias = args[0]
			if rm {
				return change(cmd, g, "removed alias", args[0], func(ctx context.Context, c *control.Client) error { return c.DeleteKMSAlias(ctx, req) })
			}
			req.Key = args[1]
			return change(cmd, g, "alias of "+args[1]+" is", args[0], func(ctx context.Context, c *control.Client) error { return c.SetKMSAlias(ctx, req) })
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	cmd.Flags().BoolVar(&rm, "rm", false, "take the name away")
	return cmd
}

// newKMSStateCommand enables a key or disables it.
func newKMSStateCommand(g *globals, enable bool) *cobra.Command {
	var req control.KMSKeyRequest
	use, short, done := "enable", "Let a key be used again", "enabled key"
	if !enable {
		use, short, done = "disable", "Keep a key, and what was encrypted with it, from being used", "disabled key"
	}
	cmd := &cobra.Command{
		Use:   use + " KEY",
		Short: short,
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, kmsKeyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Key = args[0]
			return change(cmd, g, done, args[0], func(ctx context.Context, c *control.Client) error {
				if enable {
					return c.EnableKMSKey(ctx, req)
				}
				return c.DisableKMSKey(ctx, req)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func newKMSRotateCommand(g *globals) *cobra.Command {
	var req control.KMSRotationRequest
	off := false
	cmd := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Give a key new material, now or every so many days",
		Long: `Give a key new material, at once or, with --every, by itself. What was encrypted before is
decrypted as before; nothing has to be written anew.`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, kmsKeyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Key = args[0]
			every := cmd.Flags().Changed("every")
			switch {
			case every && off:
				return usagef("rotate takes --every or --off, and not both")
			case every && req.Days <= 0:
				return usagef("--every takes a number of days from 90 to 2560")
			case every:
				return change(cmd, g, fmt.Sprintf("every %d days rotates key", req.Days), args[0], func(ctx context.Context, c *control.Client) error { return c.SetKMSRotation(ctx, req) })
			case off:
				return change(cmd, g, "no longer rotates key", args[0], func(ctx context.Context, c *control.Client) error { return c.EndKMSRotation(ctx, req.KMSKeyRequest) })
			}
			return change(cmd, g, "rotated key", args[0], func(ctx context.Context, c *control.Client) error { return c.RotateKMSKey(ctx, req.KMSKeyRequest) })
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	cmd.Flags().IntVar(&req.Days, "every", 0, "have it done every so many `days`, from 90 to 2560")
	cmd.Flags().BoolVar(&off, "off", false, "no longer have it done by itself")
	flagSuggests(cmd, "every", cobra.NoFileCompletions)
	return cmd
}

func newKMSScheduleCommand(g *globals) *cobra.Command {
	var req control.KMSDeletionRequest
	cmd := &cobra.Command{
		Use:   "schedule-deletion KEY",
		Short: "Delete a key after a waiting period, and keep it from being used until then",
		Long: `Delete a key after a waiting period, and keep it from being used until then. When it is over,
whatever was encrypted with the key can never be read again.`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, kmsKeyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Key = args[0]
			if req.Days < 7 || req.Days > 30 {
				return usagef("--days takes a number from 7 to 30")
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				k, err := c.ScheduleKMSDeletion(ctx, req)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), k)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "key %s will be deleted on %s; pail kms cancel-deletion keeps it\n", k.ID, shownTime(*k.Deletion))
				return err
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	cmd.Flags().IntVar(&req.Days, "days", 30, "how many `days` it waits, from 7 to 30")
	flagSuggests(cmd, "days", cobra.NoFileCompletions)
	return cmd
}

func newKMSCancelCommand(g *globals) *cobra.Command {
	var req control.KMSKeyRequest
	cmd := &cobra.Command{
		Use:   "cancel-deletion KEY",
		Short: "Keep a key that was to be deleted; it is disabled then",
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, kmsKeyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Key = args[0]
			return change(cmd, g, "kept key", args[0], func(ctx context.Context, c *control.Client) error { return c.CancelKMSDeletion(ctx, req) })
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func newKMSPolicyCommand(g *globals) *cobra.Command {
	var req control.KMSPolicyRequest
	cmd := &cobra.Command{
		Use:   "policy KEY [FILE]",
		Short: "Show the policy of a key, or give it another one",
		Long: `Show the policy of a key, or give it the one in FILE; - is standard input. A policy that would
keep the root of the account from changing it again is refused without --force.`,
		Args: takes(1, 2),

		ValidArgsFunction: suggest(g, false, kmsKeyNames),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			req.Key = args[0]
			if len(args) == 1 {
				return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
					k, err := c.KMSKey(ctx, req.KMSKeyRequest)
					if err == nil {
						_, err = fmt.Fprintln(cmd.OutOrStdout(), k.Policy)
					}
					return err
				})
			}
			if req.Policy, err = readText(args[1], cmd.InOrStdin()); err != nil {
				return err
			}
			return change(cmd, g, "policy put to key", args[0], func(ctx context.Context, c *control.Client) error { return c.PutKMSPolicy(ctx, req) })
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	cmd.Flags().BoolVar(&req.Force, "force", false, "put it though nobody could change it again")
	return cmd
}

func newKMSGrantCommand(g *globals) *cobra.Command {
	var req control.CreateKMSGrantRequest
	var equals, subset []string
	cmd := &cobra.Command{
		Use:   "grant KEY PRINCIPAL OPERATION...",
		Short: "Let somebody use a key, besides what its policy says, and print the grant's id",
		Long: `Let somebody use a key, besides what its policy says, and print the grant's id. PRINCIPAL is the
ARN of a user, a role or an account; operations are those of KMS, as Decrypt and
GenerateDataKey.`,
		Example: "  pail kms grant photos arn:aws:iam::000000000000:user/alice Decrypt --context-has team=ops",
		Args:    takes(3, -1),

		ValidArgsFunction: suggest(g, false, kmsKeyNames),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			req.Key, req.Grantee, req.Operations = args[0], args[1], args[2:]
			if req.Equals, err = pairsOf("--context-equals", equals); err != nil {
				return err
			}
			if req.Subset, err = pairsOf("--context-has", subset); err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				grant, err := c.CreateKMSGrant(ctx, req)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), grant)
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), grant.ID)
				return err
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	textVar(cmd.Flags(), &req.Name, "name", "`name` under which the same grant is not made twice")
	textVar(cmd.Flags(), &req.Retiring, "retiring", "`ARN` of who may retire it besides")
	cmd.Flags().StringArrayVar(&equals, "context-equals", nil, "`KEY=VALUE` that the encryption context must be; may be given more than once")
	cmd.Flags().StringArrayVar(&subset, "context-has", nil, "`KEY=VALUE` that the encryption context must have; may be given more than once")
	for _, name := range []string{"name", "retiring", "context-equals", "context-has"} {
		flagSuggests(cmd, name, cobra.NoFileCompletions)
	}
	return cmd
}

func newKMSRevokeCommand(g *globals) *cobra.Command {
	var req control.RevokeKMSGrantRequest
	cmd := &cobra.Command{
		Use:   "revoke KEY GRANT",
		Short: "Take a grant away",
		Args:  takes(2, 2),

		ValidArgsFunction: suggest(g, false, kmsKeyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Key, req.Grant = args[0], args[1]
			return change(cmd, g, "revoked grant", args[1], func(ctx context.Context, c *control.Client) error { return c.RevokeKMSGrant(ctx, req) })
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

// kmsKeyNames suggests keys of the first account: by their aliases, or else their ids.
func kmsKeyNames(ctx context.Context, c *control.Client, _ []string, word string) (found []string, err error) {
	err = c.KMSKeys(ctx, control.InAccount{}, func(k control.KMSKey) error {
		names := k.Aliases
		if len(names) == 0 || word != "" && strings.HasPrefix(k.ID, word) {
			names = append(names, k.ID)
		}
		for _, name := range names {
			if short := strings.TrimPrefix(name, "alias/"); strings.HasPrefix(short, word) {
				found = append(found, short+"\t"+k.State)
			}
		}
		if len(found) >= suggestMost {
			return errEnough
		}
		return nil
	})
	return found, err
}
