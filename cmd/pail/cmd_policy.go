package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newPolicyCommand(g *globals) *cobra.Command {
	return identityGroup(g, control.KindPolicy, `Make, list, show, explain and remove managed policies, which are attached to users, groups
and roles. Those of AWS that are about S3 and IAM are there, as AmazonS3FullAccess.`,
		newCreateCommand(g, control.KindPolicy, "FILE", "Make a managed policy and print its ARN", "  pail policy create readers readers.json\n  pail group attach staff readers"),
		newTextCommand(g, control.KindPolicy, "put POLICY FILE", "Give a policy another text, as a new version that is in force"),
		newExplainCommand(g))
}

func newExplainCommand(g *globals) *cobra.Command {
	var req control.ExplainRequest
	var pairs []string
	cmd := &cobra.Command{
		Use:   "explain USER ACTION RESOURCE",
		Short: "Say whether policies allow a user something, and which statement decides",
		Long: `Say whether the policies of a user allow an action on a resource, and which statement
decides. USER may be the ARN of a group or a role. The keys that conditions ask for are
given with --context; which were asked for and not given is told, too. Exit code 4: it
is denied.`,
		Example: "  pail policy explain alice s3:GetObject arn:aws:s3:::photos/cat.jpg --context aws:SourceIp=192.0.2.1",
		Args:    takes(3, 3),

		ValidArgsFunction: suggest(g, false, identityNames(control.KindUser)),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.User, req.Action, req.Resource = args[0], args[1], args[2]
			req.Context = map[string][]string{}
			for _, pair := range pairs {
				k, v, ok := strings.Cut(pair, "=")
				if !ok || k == "" {
					return usagef("--context takes KEY=VALUE, and not %q", pair)
				}
				req.Context[k] = append(req.Context[k], v)
			}
			var e control.Explained
			err := withStore(cmd, g, func(ctx context.Context, c *control.Client) (err error) {
				e, err = c.Explain(ctx, req)
				return err
			})
			if err != nil {
				return err
			}
			return sayExplained(cmd, g, e)
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	cmd.Flags().StringArrayVar(&pairs, "context", nil, "`KEY=VALUE` of a condition key; may be given more than once")
	flagSuggests(cmd, "context", cobra.NoFileCompletions)
	return cmd
}

func sayExplained(cmd *cobra.Command, g *globals, e control.Explained) error {
	out := cmd.OutOrStdout()
	var err error
	if g.json {
		err = printJSON(out, e)
	} else {
		text := e.Text + "\n"
		if len(e.Missing) > 0 {
			text += "asked for and not given: " + strings.Join(e.Missing, " ") + "\n"
		}
		_, err = fmt.Fprint(out, text)
	}
	if err == nil && !e.Allowed {
		return reportedError{exitDenied}
	}
	return err
}
