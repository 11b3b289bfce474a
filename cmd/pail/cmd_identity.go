package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

// What pail user, group, role and policy have in common.

// identityGroup is a command whose subcommands are about identities of one kind.
func identityGroup(g *globals, kind control.IdentityKind, long string, more ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   string(kind),
		Short: "Make, list, show and remove " + plurals[kind],
		Long:  long,
		RunE:  runGroup,
		Args:  cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newIdentityLsCommand(g, kind), newIdentityShowCommand(g, kind), newIdentityRmCommand(g, kind))
	cmd.AddCommand(more...)
	if kind != control.KindPolicy {
		cmd.AddCommand(newAttachCommand(g, kind, false), newAttachCommand(g, kind, true), newInlineCommand(g, kind), newInlineRmCommand(g, kind))
	}
	return cmd
}

var plurals = map[control.IdentityKind]string{
	control.KindUser: "users", control.KindGroup: "groups", control.KindRole: "roles", control.KindPolicy: "policies",
}

func upper(kind control.IdentityKind) string { return strings.ToUpper(string(kind)) }

func newIdentityLsCommand(g *globals, kind control.IdentityKind) *cobra.Command {
	req := control.IdentitiesRequest{Kind: kind}
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the " + plurals[kind],
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				if g.json {
					return c.Identities(ctx, req, jsonLines[control.Identity](cmd.OutOrStdout()))
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				err := c.Identities(ctx, req, func(it control.Identity) error {
					_, err := fmt.Fprintf(w, "%s\t%s\n", it.Name, it.ARN)
					return err
				})
				return errors.Join(err, w.Flush())
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func newIdentityShowCommand(g *globals, kind control.IdentityKind) *cobra.Command {
	req := control.IdentityRequest{Kind: kind}
	cmd := &cobra.Command{
		Use:   "show " + upper(kind),
		Short: "Show a " + string(kind) + " and all that belongs to it",
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, identityNames(kind)),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				it, err := c.Identity(ctx, req)
				if err != nil {
					return err
				}
				return showIdentity(cmd.OutOrStdout(), it, g.json)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func showIdentity(out io.Writer, it control.Identity, asJSON bool) error {
	if asJSON {
		return printJSON(out, it)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				fmt.Fprintf(w, "%s\t%s\n", name, shown(v)) // Flush says what failed
				name = ""
			}
		}
	}
	line("name", it.Name)
	line("arn", it.ARN)
	line("id", it.ID)
	line("created", shownTime(it.Created))
	line("description", it.Description)
	for _, key := range slices.Sorted(maps.Keys(it.Tags)) {
		line("tag", key+"="+it.Tags[key])
	}
	line("groups", it.Groups...)
	line("users", it.Users...)
	line("attached", it.Attached...)
	line("boundary", it.Boundary)
	for _, name := range slices.Sorted(maps.Keys(it.Inline)) {
		line("policy "+name, oneLine(it.Inline[name]))
	}
	line("trust", oneLine(it.Trust))
	line("policy", oneLine(it.Policy))
	line("version", it.Version)
	line("versions", strings.Join(it.Versions, " "))
	line("access keys", it.Keys...)
	line("mfa", it.MFA...)
	return w.Flush()
}

// oneLine is a text of JSON without the white space at its ends and around its lines.
func oneLine(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.TrimSpace(strings.Join(lines, " "))
}

func newIdentityRmCommand(g *globals, kind control.IdentityKind) *cobra.Command {
	req := control.IdentityRequest{Kind: kind}
	cmd := &cobra.Command{
		Use:     "rm " + upper(kind),
		Aliases: []string{"remove"},
		Short:   "Remove a " + string(kind) + " to which nothing is attached any more",
		Args:    takes(1, 1),

		ValidArgsFunction: suggest(g, false, identityNames(kind)),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			return change(cmd, g, "removed "+string(kind), args[0], func(ctx context.Context, c *control.Client) error {
				return c.DeleteIdentity(ctx, req)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

// newCreateCommand makes an identity; text says that a file with a policy is its second
// argument.
func newCreateCommand(g *globals, kind control.IdentityKind, text, short, example string) *cobra.Command {
	req := control.CreateIdentityRequest{IdentityRequest: control.IdentityRequest{Kind: kind}}
	n := 1
	use := "create NAME"
	if text != "" {
		n, use = 2, use+" "+text
	}
	cmd := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: example,
		Args:    takes(n, n),

		ValidArgsFunction: fileAfter(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			if text != "" {
				var err error
				if req.Text, err = readText(args[1], cmd.InOrStdin()); err != nil {
					return err
				}
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				it, err := c.CreateIdentity(ctx, req)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), it)
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), it.ARN)
				return err
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	textVar(cmd.Flags(), &req.Path, "path", "`path` of the name, as /staff/ (default /)")
	flagSuggests(cmd, "path", cobra.NoFileCompletions)
	if kind == control.KindUser || kind == control.KindRole {
		textVar(cmd.Flags(), &req.Boundary, "boundary", "`policy` that is its permissions boundary")
		flagSuggests(cmd, "boundary", func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			return suggestions(cmd, g, identityNames(control.KindPolicy), args, word)
		})
	}
	if kind == control.KindRole || kind == control.KindPolicy {
		textVar(cmd.Flags(), &req.Description, "description", "`text` for people")
		flagSuggests(cmd, "description", cobra.NoFileCompletions)
	}
	return cmd
}

// fileAfter suggests files as the argument behind n others, and nothing else.
func fileAfter(n int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == n {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// maxText bounds what is read as a policy, in bytes: more than any may have.
const maxText = 256 << 10

// readText reads a policy from a file, or from standard input for "-".
func readText(name string, in io.Reader) (string, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", usagef("cannot read the policy %s: %w", shown(name), cause(err))
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxText+1))
	if err != nil {
		return "", fmt.Errorf("read the policy %s: %w", shown(name), cause(err))
	}
	if len(b) > maxText {
		return "", usagef("the policy %s is larger than any may be", shown(name))
	}
	return string(b), nil
}

func newAttachCommand(g *globals, kind control.IdentityKind, detach bool) *cobra.Command {
	req := control.PolicyRequest{IdentityRequest: control.IdentityRequest{Kind: kind}, Detach: detach}
	use, short, done := "attach", "Attach a managed policy to a "+string(kind), "attached"
	if detach {
		use, short, done = "detach", "Detach a managed policy from a "+string(kind), "detached"
	}
	cmd := &cobra.Command{
		Use:   use + " " + upper(kind) + " POLICY",
		Short: short,
		Long:  short + ": one of the account by its name or ARN, or one of AWS, as AmazonS3ReadOnlyAccess.",
		Args:  takes(2, 2),

		ValidArgsFunction: suggest(g, false, identityNames(kind), identityNames(control.KindPolicy)),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name, req.Policy = args[0], args[1]
			return change(cmd, g, done+" policy", args[1], func(ctx context.Context, c *control.Client) error {
				return c.AttachPolicy(ctx, req)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func newInlineCommand(g *globals, kind control.IdentityKind) *cobra.Command {
	req := control.InlineRequest{IdentityRequest: control.IdentityRequest{Kind: kind}}
	cmd := &cobra.Command{
		Use:   "put-policy " + upper(kind) + " NAME FILE",
		Short: "Embed a policy in a " + string(kind) + ", in place of one of the same name",
		Long:  "Embed a policy in a " + string(kind) + ", in place of one of the same name. FILE - is standard input.",
		Args:  takes(3, 3),

		ValidArgsFunction: fileAfter(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			req.Name, req.Policy = args[0], args[1]
			if req.Text, err = readText(args[2], cmd.InOrStdin()); err != nil {
				return err
			}
			if req.Text == "" {
				return usagef("the policy %s is empty", shown(args[2]))
			}
			return change(cmd, g, "embedded policy", args[1], func(ctx context.Context, c *control.Client) error {
				return c.PutInline(ctx, req)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func newInlineRmCommand(g *globals, kind control.IdentityKind) *cobra.Command {
	req := control.InlineRequest{IdentityRequest: control.IdentityRequest{Kind: kind}}
	cmd := &cobra.Command{
		Use:   "rm-policy " + upper(kind) + " NAME",
		Short: "Take an embedded policy from a " + string(kind),
		Args:  takes(2, 2),

		ValidArgsFunction: suggest(g, false, identityNames(kind)),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name, req.Policy = args[0], args[1]
			return change(cmd, g, "removed policy", args[1], func(ctx context.Context, c *control.Client) error {
				return c.PutInline(ctx, req)
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

func newBoundaryCommand(g *globals, kind control.IdentityKind) *cobra.Command {
	req := control.BoundaryRequest{IdentityRequest: control.IdentityRequest{Kind: kind}}
	none := false
	cmd := &cobra.Command{
		Use:   "put-boundary " + upper(kind) + " [POLICY]",
		Short: "Give a " + string(kind) + " a permissions boundary, or take it away",
		Long: "Give a " + string(kind) + ` a permissions boundary: it may do no more than that policy allows,
whatever others do. With --none it has none any more.`,
		Args: takes(1, 2),

		ValidArgsFunction: suggest(g, false, identityNames(kind), identityNames(control.KindPolicy)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if none == (len(args) == 2) {
				return usagef("put-boundary takes a policy, or --none and no policy")
			}
			req.Name = args[0]
			done, what := "removed the boundary of", args[0]
			if !none {
				if req.Policy = args[1]; req.Policy == "" {
					return usagef("an empty name names no policy")
				}
				done, what = "boundary of "+args[0]+" is", args[1]
			}
			return change(cmd, g, done, what, func(ctx context.Context, c *control.Client) error { return c.SetBoundary(ctx, req) })
		},
	}
	cmd.Flags().BoolVar(&none, "none", false, "take the boundary away")
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

// identityNames suggests identities of a kind in the first account.
func identityNames(kind control.IdentityKind) suggester {
	return func(ctx context.Context, c *control.Client, _ []string, word string) (found []string, err error) {
		err = c.Identities(ctx, control.IdentitiesRequest{Kind: kind}, func(it control.Identity) error {
			if strings.HasPrefix(it.Name, word) {
				found = append(found, it.Name+"\t"+it.ARN)
			}
			if len(found) >= suggestMost {
				return errEnough
			}
			return nil
		})
		return found, err
	}
}
