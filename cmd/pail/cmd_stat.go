package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

type statOptions struct {
	version string
	at      time.Time
}

func newStatCommand(g *globals) *cobra.Command {
	opts := &statOptions{}
	cmd := &cobra.Command{
		Use:   "stat BUCKET/KEY",
		Short: "Describe an object or one of its versions",
		Long: `Describe an object: its current version, the one that --version names, or the one that
was current at a time.
` + timeHelp,
		Example: `  pail stat photos/cat.jpg --version 3
  pail stat photos/cat.jpg --at yesterday`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, liveKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			bucket, key, err := objectArg(args[0])
			if err != nil {
				return err
			}
			if opts.version != "" && !opts.at.IsZero() {
				return usagef("--version and --at do not go together")
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				req := control.ObjectRequest{Bucket: bucket, Key: key, Version: opts.version, At: given(opts.at)}
				return runStat(ctx, c, req, g.json, cmd.OutOrStdout())
			})
		},
	}
	addVersionFlag(cmd, g, &opts.version, versionFlagHelp)
	timeVar(cmd, &opts.at, "at", "describe what there was at this `time`")
	return cmd
}

const versionFlagHelp = "which `version`: its number, its id, or null (default the current one)"

func addVersionFlag(cmd *cobra.Command, g *globals, to *string, usage string) {
	textVar(cmd.Flags(), to, "version", usage)
	flagSuggests(cmd, "version", suggest(g, true, versionsOf))
}

func runStat(ctx context.Context, c *control.Client, req control.ObjectRequest, asJSON bool, out io.Writer) error {
	o, err := c.Stat(ctx, req)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, o)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	printObject(w, o)
	return w.Flush()
}

func printObject(w io.Writer, o control.Object) {
	fmt.Fprintf(w, "bucket:\t%s\n", o.Bucket)
	fmt.Fprintf(w, "key:\t%s\n", shown(o.Key))
	fmt.Fprintf(w, "version:\t%d (%s)%s\n", o.Number, o.Version, currentMark(o))
	if o.DeleteMarker {
		fmt.Fprintf(w, "deleted:\t%s\n", shownTime(o.Modified))
	} else {
		fmt.Fprintf(w, "size:\t%d\n", o.Size)
		fmt.Fprintf(w, "modified:\t%s\n", shownTime(o.Modified))
		fmt.Fprintf(w, "etag:\t%s\n", o.ETag)
	}
	fmt.Fprintf(w, "who:\t%s\n", whoNames{}.of(o.Who))
	for _, h := range []struct{ name, value string }{
		{"storage class", o.StorageClass}, {"encryption", o.Encryption}, {"content-type", o.ContentType},
		{"content-encoding", o.ContentEncoding}, {"content-language", o.ContentLanguage},
		{"content-disposition", o.ContentDisposition}, {"cache-control", o.CacheControl},
		{"expires", o.Expires}, {"website-redirect", o.WebsiteRedirect},
	} {
		if h.value != "" {
			fmt.Fprintf(w, "%s:\t%s\n", h.name, shown(h.value))
		}
	}
	if o.Attr != nil {
		fmt.Fprintf(w, "mode:\t%04o\n", o.Attr.Mode&0o7777)
		fmt.Fprintf(w, "owner:\t%d:%d\n", o.Attr.UID, o.Attr.GID)
	}
	if o.Parts > 0 {
		fmt.Fprintf(w, "parts:\t%d\n", o.Parts)
	}
	if o.Pieces > 1 {
		fmt.Fprintf(w, "pieces:\t%d\n", o.Pieces)
	}
	printMap(w, "meta", o.Metadata)
	printTags(w, o.Tags)
	printMap(w, "checksum", o.Checksums)
	for _, name := range slices.Sorted(maps.Keys(o.Xattrs)) {
		fmt.Fprintf(w, "attribute:\t%s (%s)\n", shown(name), plural(int64(o.Xattrs[name]), "byte"))
	}
}

func currentMark(o control.Object) string {
	if o.Latest {
		return ", current"
	}
	return ""
}

func printTags(w io.Writer, tags map[string]string) { printMap(w, "tag", tags) }

func printMap(w io.Writer, what string, m map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(w, "%s:\t%s=%s\n", what, shown(name), m[name])
	}
}
