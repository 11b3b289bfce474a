package main

import (
	"context"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newUserCommand(g *globals) *cobra.Command {
	return identityGroup(g, control.KindUser, `Make, list, show and remove users. A user may do what policies allow that are attached to
it, embedded in it or given to its groups, and nothing else.`,
		newCreateCommand(g, control.KindUser, "", "Make a user and print its ARN", "  pail user create alice\n  pail user attach alice AmazonS3ReadOnlyAccess\n  pail key create --user alice"),
		newBoundaryCommand(g, control.KindUser))
}

func newGroupCommand(g *globals) *cobra.Command {
	return identityGroup(g, control.KindGroup, `Make, list, show and remove groups. The users of a group may do what its policies allow.`,
		newCreateCommand(g, control.KindGroup, "", "Make a group and print its ARN", "  pail group create staff\n  pail group add-user staff alice"),
		newMemberCommand(g, false), newMemberCommand(g, true))
}

func newRoleCommand(g *globals) *cobra.Command {
	return identityGroup(g, control.KindRole, `Make, list, show and remove roles. Whoever the trust policy of a role names may assume it,
and then do what its policies allow, for some time.`,
		newCreateCommand(g, control.KindRole, "TRUST", "Make a role and print its ARN", "  pail role create backup trust.json"),
		newTextCommand(g, control.KindRole, "put-trust ROLE FILE", "Change who may assume a role"),
		newBoundaryCommand(g, control.KindRole))
}

func newMemberCommand(g *globals, remove bool) *cobra.Command {
	req := control.MemberRequest{Remove: remove}
	use, short, done := "add-user GROUP USER", "Add a user to a group", "added user"
	if remove {
		use, short, done = "remove-user GROUP USER", "Take a user out of a group", "took out user"
	}
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  takes(2, 2),

		ValidArgsFunction: suggest(g, false, identityNames(control.KindGroup), identityNames(control.KindUser)),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Group, req.User = args[0], args[1]
			return change(cmd, g, done, args[1], func(ctx context.Context, c *control.Client) error { return c.ChangeMember(ctx, req) })
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

// newTextCommand gives a policy or the trust of a role another text.
func newTextCommand(g *globals, kind control.IdentityKind, use, short string) *cobra.Command {
	req := control.TextRequest{IdentityRequest: control.IdentityRequest{Kind: kind}}
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  takes(2, 2),

		ValidArgsFunction: fileAfter(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			req.Name = args[0]
			if req.Text, err = readText(args[1], cmd.InOrStdin()); err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				it, err := c.SetText(ctx, req)
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
