package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newKMSExternalCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "external",
		Short: "Add, list and remove key services outside",
		Long: `Add, list and remove key services outside: the transit engine of Vault or OpenBao, or whatever
answers the API of AWS KMS, another Pail included. A key that is kept there (pail kms create
--external NAME --external-key KEY) never is here: each use of it asks the service, so that what
the service refuses, or cannot answer, cannot be read at once.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newKMSExternalAddCommand(g), newKMSExternalLsCommand(g), newKMSExternalRmCommand(g))
	return cmd
}

func newKMSExternalAddCommand(g *globals) *cobra.Command {
	var req control.AddKMSServiceRequest
	var secret, ca string
	cmd := &cobra.Command{
		Use:   "add NAME URL",
		Short: "Add a key service and print its id",
		Long: `Add a key service and print its id. The secret with which it is asked, a token of Vault or a
secret key, is read from a file, - is standard input, and kept under the store's master key.`,
		Example: "  pail kms external add vault https://vault.example.com:8200 --secret-file token\n" +
			"  pail kms external add other https://pail.example.com:9000 --kind kms --region us-east-1 --access-key AKIA... --secret-file secret",
		Args: takes(2, 2),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			req.Name, req.URL = args[0], args[1]
			switch {
			case req.Kind != "transit" && req.Kind != "kms":
				return usagef("--kind is transit or kms")
			case secret == "":
				return usagef("a key service is asked with a secret: name a file with --secret-file")
			}
			if req.Secret, err = readText(secret, cmd.InOrStdin()); err != nil {
				return err
			}
			req.Secret = strings.TrimSpace(req.Secret)
			if ca != "" {
				b, err := os.ReadFile(ca)
				if err != nil {
					return usagef("cannot read the certificates %s: %w", shown(ca), cause(err))
				}
				req.CA = string(b)
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				s, err := c.AddKMSService(ctx, req)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), s)
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), s.ID)
				return err
			})
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	cmd.Flags().StringVar(&req.Kind, "kind", "transit", "`protocol`: transit of Vault and OpenBao, or kms")
	textVar(cmd.Flags(), &req.Mount, "mount", "`path` of the transit engine (default transit)")
	textVar(cmd.Flags(), &req.Region, "region", "`region` of a service of the API of KMS")
	textVar(cmd.Flags(), &req.AccessKey, "access-key", "access key `id` for a service of the API of KMS")
	textVar(cmd.Flags(), &secret, "secret-file", "`file` with the token or the secret key")
	textVar(cmd.Flags(), &ca, "ca", "`file` with the certificates of who signs the service's")
	flagSuggests(cmd, "kind", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"transit", "kms"}, cobra.ShellCompDirectiveNoFileComp
	})
	for _, name := range []string{"mount", "region", "access-key"} {
		flagSuggests(cmd, name, cobra.NoFileCompletions)
	}
	return cmd
}

func newKMSExternalLsCommand(g *globals) *cobra.Command {
	var in control.InAccount
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the key services",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				if g.json {
					return c.KMSServices(ctx, in, jsonLines[control.KMSService](cmd.OutOrStdout()))
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				err := c.KMSServices(ctx, in, func(s control.KMSService) error {
					_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.Kind, s.URL, s.ID)
					return err
				})
				return errors.Join(err, w.Flush())
			})
		},
	}
	accountFlag(cmd, g, &in)
	return cmd
}

func newKMSExternalRmCommand(g *globals) *cobra.Command {
	var req control.KMSServiceRequest
	cmd := &cobra.Command{
		Use:     "rm NAME",
		Aliases: []string{"remove"},
		Short:   "Remove a key service that keeps no key any more",
		Args:    takes(1, 1),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			return change(cmd, g, "removed key service", args[0], func(ctx context.Context, c *control.Client) error { return c.DeleteKMSService(ctx, req) })
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}
