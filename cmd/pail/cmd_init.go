package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pail/store"
)

type initOptions struct {
	region    string
	versioned bool
	encrypt   bool
	yes       bool
}

func newInitCommand(g *globals) *cobra.Command {
	opts := &initOptions{}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make an empty store",
		Long: `Make an empty store in a directory that is empty or does not exist. pail mount
does it too when it finds none.

With --encrypt all that it keeps is encrypted, names and settings included, and it is opened with
a passphrase, which is asked for, or a key that is kept elsewhere, and with nothing else (see
pail master-key).`,
		Example: "  pail init --store /srv/pail --versioning\n  pail init --encrypt --passphrase-file secret --yes",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.storeDir()
			if err != nil {
				return err
			}
			so := storeOptions(cmd, g, dir)
			if opts.encrypt {
				if so.NewMasterKey, err = firstMaster(cmd, g, dir, opts.yes); err != nil {
					return err
				}
			}
			return runInit(cmd.Context(), opts, so, g.json, cmd.OutOrStdout())
		},
	}
	textVar(cmd.Flags(), &opts.region, "region", "`region` of buckets that name none (default "+store.DefaultRegion+")")
	cmd.Flags().BoolVar(&opts.versioned, "versioning", false, "buckets made by mkdir start versioned (later: pail config set mkdir-versioning)")
	cmd.Flags().BoolVar(&opts.encrypt, "encrypt", false, "have the store opened with a passphrase or a key that is kept elsewhere")
	yesFlag(cmd, &opts.yes)
	return cmd
}

func runInit(ctx context.Context, opts *initOptions, so store.Options, asJSON bool, out io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	so.Region, so.MkdirVersioning = opts.region, opts.versioned
	if err := store.Create(so); err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, map[string]any{"store": so.Dir})
	}
	_, err := fmt.Fprintf(out, "made a store at %s\n", so.Dir)
	return err
}
