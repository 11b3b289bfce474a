package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/fault"
	"pail/store/web/control"
)

// configOptions say whose settings are meant.
type configOptions struct {
	bucket string
}

func newConfigCommand(g *globals) *cobra.Command {
	opts := &configOptions{}
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show and change the settings of a store or a bucket",
		Long: `Show the settings of a store, or with --bucket those of a bucket, and who chose them:
"default" is the program, "store" what was set for all buckets, "bucket" what was set
for this one. A change is in force at once, also in a running daemon.

  max-object-size   size of the largest object, as 5T or 1048576 (default 5T); a file
                    that grows beyond it gets EFBIG
  mkdir-versioning  on: a bucket made by mkdir on a mount starts versioned (default off)
  no-history        patterns of file names, with *, ? and [a-z], that are not versioned
                    when written on a mount (default: editors' swap and temporary files)`,
		Example: `  pail config
  pail config set mkdir-versioning on
  pail config set no-history '*.o' '*~' --bucket builds
  pail config unset no-history --bucket builds`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return runGroup(cmd, args)
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runConfig(ctx, opts, c, g.json, cmd.OutOrStdout())
			})
		},
	}
	textVar(cmd.PersistentFlags(), &opts.bucket, "bucket", "the settings of this `bucket`, not of the store")
	flagSuggests(cmd, "bucket", suggest(g, true, bucketNames))
	cmd.AddCommand(newConfigGetCommand(g, opts), newConfigSetCommand(g, opts), newConfigUnsetCommand(g, opts))
	return cmd
}

func newConfigGetCommand(g *globals, opts *configOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME",
		Short: "Show the value of a setting, a list one entry a line",
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, settingNames(opts)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runConfigGet(ctx, opts, c, args[0], g.json, cmd.OutOrStdout())
			})
		},
	}
}

func newConfigSetCommand(g *globals, opts *configOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "set NAME VALUE...",
		Short: "Change a setting; a list takes any number of values, one empty value for none",
		Example: `  pail config set max-object-size 1T
  pail config set no-history ''`,
		Args: takes(2, -1),

		ValidArgsFunction: suggest(g, true, settingNames(opts), settingValues(opts)),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := control.SetSettingRequest{Bucket: opts.bucket, Name: args[0], Values: args[1:]}
			return runConfigChange(cmd, g, opts, req)
		},
	}
}

func newConfigUnsetCommand(g *globals, opts *configOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "unset NAME",
		Short: "Take back what was set, so that the store's setting or the default holds",
		Args:  takes(1, 1),

		ValidArgsFunction: suggest(g, false, settingNames(opts)),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := control.SetSettingRequest{Bucket: opts.bucket, Name: args[0], Reset: true}
			return runConfigChange(cmd, g, opts, req)
		},
	}
}

func runConfig(ctx context.Context, opts *configOptions, c *control.Client, asJSON bool, out io.Writer) error {
	req := control.SettingsRequest{Bucket: opts.bucket}
	if asJSON {
		return c.Settings(ctx, req, jsonLines[control.Setting](out))
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tVALUE\tFROM")
	err := c.Settings(ctx, req, func(s control.Setting) error {
		lines, err := settingLines(s)
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, orNone(strings.Join(lines, " ")), s.From)
		}
		return err
	})
	if err != nil {
		return err
	}
	return w.Flush()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func runConfigGet(ctx context.Context, opts *configOptions, c *control.Client, name string, asJSON bool, out io.Writer) error {
	s, err := findSetting(ctx, opts, c, name)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, s)
	}
	lines, err := settingLines(s)
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return err
}

func findSetting(ctx context.Context, opts *configOptions, c *control.Client, name string) (control.Setting, error) {
	var found *control.Setting
	var names []string
	err := c.Settings(ctx, control.SettingsRequest{Bucket: opts.bucket}, func(s control.Setting) error {
		names = append(names, s.Name)
		if s.Name == name {
			found = &s
		}
		return nil
	})
	switch {
	case err != nil:
		return control.Setting{}, err
	case found == nil && opts.bucket != "":
		return control.Setting{}, fault.New(fault.InvalidArgument, "a bucket has no setting %q; it has: %s", name, strings.Join(names, ", "))
	case found == nil:
		return control.Setting{}, fault.New(fault.InvalidArgument, "there is no setting %q; there are: %s", name, strings.Join(names, ", "))
	}
	return *found, nil
}

// runConfigChange changes a setting and shows what holds now.
func runConfigChange(cmd *cobra.Command, g *globals, opts *configOptions, req control.SetSettingRequest) error {
	return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
		if err := c.SetSetting(ctx, req); err != nil {
			return err
		}
		return runConfigGet(ctx, opts, c, req.Name, g.json, cmd.OutOrStdout())
	})
}

// settingLines is a setting's value as a person reads and may write it.
func settingLines(s control.Setting) ([]string, error) {
	var value any
	dec := json.NewDecoder(strings.NewReader(string(s.Value)))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the daemon's answer makes no sense")
	}
	switch v := value.(type) {
	case bool:
		if v {
			return []string{"on"}, nil
		}
		return []string{"off"}, nil
	case json.Number:
		n, err := v.Int64()
		return []string{wholeSize(n)}, err
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, shown(fmt.Sprint(e)))
		}
		return out, nil
	}
	return []string{fmt.Sprint(value)}, nil
}

// wholeSize is a number of bytes in the largest unit that tells it exactly.
func wholeSize(n int64) string {
	const units = "KMGTPE"
	u := -1
	for ; n != 0 && n%1024 == 0 && u < len(units)-1; u++ {
		n /= 1024
	}
	if u < 0 {
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10) + string(units[u])
}
