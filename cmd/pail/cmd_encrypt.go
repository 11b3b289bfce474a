package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pail/store"
	"pail/store/web/control"
)

type encryptOptions struct {
	mode, key string
	bucketKey bool
	versions  bool
	wait      bool
	status    bool
	cancel    bool
}

func newEncryptCommand(g *globals) *cobra.Command {
	opts := &encryptOptions{}
	cmd := &cobra.Command{
		Use:   "encrypt BUCKET[/PREFIX]",
		Short: "Encrypt what there is in a bucket",
		Long: `Encrypt the objects of a bucket, or those whose keys begin with PREFIX, as the bucket asks
for or as --mode and --kms-key say. No new versions are made: ids, ETags, times, metadata
and locks stay. What is encrypted so already is left alone; what may not be read or
encrypted, or takes the key of a customer, is counted and named, and stays as it is. Old
versions are encrypted with --versions.

The daemon does it in the background and goes on after a restart; --status shows how far it
is, --cancel ends it. Without a daemon the command does it itself; what a signal cuts short the
next command or daemon that opens the store goes on with.

Bytes that were plain are written anew, and the files that they were in are deleted. Their
remains may still be found on the disk itself, and the records' until the engine has
compacted its tables. Versions that shared bytes with another key or in the clear take space of
their own afterwards.`,
		Example: `  pail encrypt photos --mode AES256 --versions --wait
  pail encrypt photos/2026/ --mode aws:kms --kms-key alias/photos
  pail encrypt --status`,
		Args: func(cmd *cobra.Command, args []string) error {
			if opts.status {
				return takes(0, 0)(cmd, args)
			}
			return takes(1, 1)(cmd, args)
		},

		ValidArgsFunction: suggest(g, false, bucketNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := opts.request(cmd, args)
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runEncrypt(ctx, opts, req, c, cmd, g.json)
			})
		},
	}
	textVar(cmd.Flags(), &opts.mode, "mode", "the `mode`, AES256 or aws:kms (default what the bucket asks for)")
	textVar(cmd.Flags(), &opts.key, "kms-key", "the `key` of aws:kms: id, ARN or alias (default the bucket's)")
	cmd.Flags().BoolVar(&opts.bucketKey, "bucket-key", false, "use a key of the bucket, which the key of aws:kms opens")
	cmd.Flags().BoolVar(&opts.versions, "versions", false, "old versions as well")
	cmd.Flags().BoolVar(&opts.wait, "wait", false, "return when it has ended")
	cmd.Flags().BoolVar(&opts.status, "status", false, "show how far it is")
	cmd.Flags().BoolVar(&opts.cancel, "cancel", false, "end it; what it has encrypted stays so")
	flagSuggests(cmd, "mode", cobra.FixedCompletions([]string{store.ModeS3, store.ModeKMS}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *encryptOptions) request(cmd *cobra.Command, args []string) (req control.EncryptRequest, err error) {
	if o.status && (o.cancel || o.mode != "" || o.key != "") || o.cancel && (o.mode != "" || o.key != "" || o.versions) {
		return req, usagef("--status and --cancel go with nothing else")
	}
	if o.mode != "" && o.mode != store.ModeS3 && o.mode != store.ModeKMS {
		return req, usagef("--mode is AES256 or aws:kms, not %q", o.mode)
	}
	if len(args) > 0 {
		req.Bucket, req.Prefix, _ = strings.Cut(args[0], "/")
		if err := checkBucketName(req.Bucket); err != nil {
			return req, err
		}
	}
	req.Mode, req.KMSKey, req.Versions = o.mode, o.key, o.versions
	if cmd.Flags().Changed("bucket-key") {
		req.BucketKey = &o.bucketKey
	}
	return req, nil
}

// lookEvery is how often a command that waits asks how far the job is.
const lookEvery = 100 * time.Millisecond

func runEncrypt(ctx context.Context, opts *encryptOptions, req control.EncryptRequest, c *control.Client, cmd *cobra.Command, asJSON bool) error {
	switch {
	case opts.status:
	case opts.cancel:
		if err := c.CancelEncrypt(ctx, control.CancelEncryptRequest{Bucket: req.Bucket}); err != nil {
			return err
		}
	default:
		if err := c.Encrypt(ctx, req); err != nil {
			return err
		}
	}
	p := startProgress(cmd, "encrypting")
	defer p.stop()
	for {
		s, err := c.Status(ctx)
		if err != nil {
			return err
		}
		e := s.Encrypting
		waits := (opts.wait || s.PID == 0) && !opts.status && !opts.cancel // nobody else does it without a daemon
		if e == nil || e.Ended != nil || !waits {
			p.stop()
			return printEncrypting(e, s.PID != 0, asJSON, cmd)
		}
		p.set(control.Progress{What: "encrypting", Done: e.Changed + e.Already + e.Refused, Total: e.Total})
		if err := sleep(ctx, lookEvery); err != nil {
			return err
		}
	}
}

func printEncrypting(e *control.Encrypting, daemon, asJSON bool, cmd *cobra.Command) error {
	out := cmd.OutOrStdout()
	switch {
	case asJSON:
		if e == nil {
			e = &control.Encrypting{}
		}
		return printJSON(out, e)
	case e == nil:
		_, err := fmt.Fprintln(out, "nothing was ever encrypted so")
		return err
	}
	if _, err := fmt.Fprintln(out, encryptingLine(e, daemon)); err != nil {
		return err
	}
	return printRefusals(out, e)
}

func printRefusals(out io.Writer, e *control.Encrypting) error {
	for _, r := range e.Refusals {
		version := ""
		if r.Version != "" {
			version = " version " + r.Version
		}
		if _, err := fmt.Fprintf(out, "not encrypted: %s%s: %s\n", shown(e.Bucket+"/"+r.Key), version, r.Why); err != nil {
			return err
		}
	}
	if more := e.Refused - int64(len(e.Refusals)); more > 0 {
		_, err := fmt.Fprintf(out, "not encrypted: and %d more\n", more)
		return err
	}
	return nil
}

// encryptingLine is what the job is about and how far it is.
func encryptingLine(e *control.Encrypting, daemon bool) string {
	what := shown(e.Bucket + "/" + e.Prefix)
	done := fmt.Sprintf("%s encrypted (%s), %d so already, %d not", plural(e.Changed, "version"), shownSize(e.Bytes), e.Already, e.Refused)
	as := "with " + e.Mode
	if e.KMSKey != "" {
		as += " " + e.KMSKey
	}
	switch {
	case e.Cancelled:
		return fmt.Sprintf("%s %s: cancelled %s, %s", what, as, shownTime(*e.Ended), done)
	case e.Failed != "":
		return fmt.Sprintf("%s %s: ended %s, %s: %s", what, as, shownTime(*e.Ended), done, e.Failed)
	case e.Ended != nil:
		return fmt.Sprintf("%s %s: done %s, %s", what, as, shownTime(*e.Ended), done)
	case daemon:
		return fmt.Sprintf("%s %s: going on, %d of %d, %s", what, as, e.Changed+e.Already+e.Refused, e.Total, done)
	}
	return fmt.Sprintf("%s %s: cut short at %d of %d, %s", what, as, e.Changed+e.Already+e.Refused, e.Total, done)
}
