package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"pail/store/fault"
	"pail/store/web/control"
)

type exportOptions struct {
	allVersions bool
	overwrite   bool
}

func newExportCommand(g *globals) *cobra.Command {
	opts := &exportOptions{}
	cmd := &cobra.Command{
		Use:   "export BUCKET[/PREFIX] DIR",
		Short: "Write objects as plain files that need no Pail",
		Long: `Write the objects of a bucket whose keys begin with a prefix as plain files below a
directory, which is made if there is none: under the names that the mount shows, with their
permission bits and modification times. Directories get mode 0755, and holes stay holes.
With --all-versions every version and delete marker is also written as the mount shows
them: in .versions beside the file.

What is there already ends the export, unless --overwrite says that it is replaced.
A symbolic link below the directory is not followed, and ends it where a directory
belongs.
Objects that change meanwhile are written as they were when they were listed, or not at
all. One that cannot be read is named and left out, all others are written, and the exit
code is 7. What a client has encrypted (pail mount --client-key) is written as ciphertext,
without its envelope: copy it from such a mount instead.`,
		Example: `  pail export photos/2026/ /media/disk/photos
  pail export docs /tmp/docs --all-versions`,
		Args: takes(2, 2),

		ValidArgsFunction: suggest(g, false, liveKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			bucket, prefix, err := splitKey(args[0])
			if err != nil {
				return err
			}
			dir, err := absolute(args[1])
			if err != nil {
				return err
			}
			if store, err := g.storeDir(); err != nil {
				return err
			} else if within(resolved(dir), resolved(store)) {
				return usagef("%s is in the store itself; name a directory elsewhere", dir)
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runExport(ctx, opts, c, cmd, bucket, prefix, dir, g.json)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.allVersions, "all-versions", false, "also write old versions and delete markers, into .versions")
	cmd.Flags().BoolVar(&opts.overwrite, "overwrite", false, "replace files that are there")
	return cmd
}

func runExport(ctx context.Context, opts *exportOptions, c *control.Client, cmd *cobra.Command, bucket, prefix, dir string, asJSON bool) error {
	if _, err := c.Bucket(ctx, control.BucketRequest{Name: bucket}); err != nil {
		return err
	}
	e, err := newExporter(ctx, c, bucket, dir, opts.overwrite)
	if err != nil {
		return err
	}
	defer e.close()
	p := startProgress(cmd, "exporting")
	defer p.stop()
	e.far = func() { p.set(control.Progress{Done: e.files, What: "exporting, files"}) }
	e.damaged = func(err error) error {
		return p.aside(func() error {
			_, err := fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s\n", sentence(err))
			return err
		})
	}
	err = c.List(ctx, control.ListRequest{Bucket: bucket, Prefix: prefix, Recursive: true}, func(l control.ListEntry) error {
		return e.current(*l.Object)
	})
	if err == nil && opts.allVersions {
		err = c.ListVersions(ctx, control.ListVersionsRequest{Bucket: bucket, Prefix: prefix}, e.version)
	}
	if err == nil {
		err = e.sync()
	}
	p.stop()
	if err != nil {
		return err
	}
	if prefix != "" && e.seen == 0 {
		return fault.New(fault.NoSuchKey, "no key in %s begins with %q", bucket, prefix)
	}
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), map[string]any{"files": e.files, "bytes": e.bytes, "lost": e.lost, "closed": e.closed})
	} else {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote %s, %s\n", plural(e.files, "file"), shownSize(e.bytes))
	}
	if err == nil && e.closed > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s left out, which may not be read now, or not without a key\n", plural(e.closed, "version"))
		err = reportedError{exitDenied}
	}
	if e.lost == 0 {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s could not be read and left out; pail fsck --deep says more\n", plural(e.lost, "version"))
	return reportedError{exitDamaged}
}
