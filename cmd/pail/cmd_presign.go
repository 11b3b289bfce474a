package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pail/store/web/control"
	"pail/versioning"
)

type presignOptions struct {
	method    string
	expires   string
	version   string
	endpoint  string
	accessKey string
}

func newPresignCommand(g *globals) *cobra.Command {
	opts := &presignOptions{}
	cmd := &cobra.Command{
		Use:   "presign BUCKET[/KEY]",
		Short: "Make a URL by which others can read or write one object for a while",
		Long: `Make a URL by which whoever has it can do one thing: read an object (GET, HEAD), write it
(PUT) or delete it (DELETE), or list a bucket. It is signed with the root access key, or
with --access-key, and is good until it expires or that key is disabled. s3://BUCKET/KEY
is understood, too.`,
		Example: `  pail presign photos/cat.jpg
  pail presign s3://photos/in/new.jpg --method PUT --expires 15m
  curl -T new.jpg "$(pail presign photos/in/new.jpg --method PUT)"`,
		Args: takes(1, 1),

		ValidArgsFunction: suggest(g, false, liveKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := opts.request(args[0])
			if err != nil {
				return err
			}
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runPresign(ctx, c, req, g.json, cmd.OutOrStdout())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.method, "method", "GET", "what the URL is for: GET, HEAD, PUT or DELETE")
	textVar(f, &opts.expires, "expires", "`time` for which it is good, at most 7d (default 1h)")
	addVersionFlag(cmd, g, &opts.version, "`version` of the object, by its id")
	textVar(f, &opts.endpoint, "endpoint", "`URL` of the S3 door as others reach it (default that of the first listener)")
	textVar(f, &opts.accessKey, "access-key", "`id` of the key that signs")
	flagSuggests(cmd, "method", cobra.FixedCompletions([]string{"GET", "HEAD", "PUT", "DELETE"}, cobra.ShellCompDirectiveNoFileComp))
	flagSuggests(cmd, "expires", cobra.FixedCompletions([]string{"15m", "1h", "12h", "7d"}, cobra.ShellCompDirectiveNoFileComp))
	flagSuggests(cmd, "endpoint", cobra.NoFileCompletions)
	flagSuggests(cmd, "access-key", suggest(g, true, accessKeyIDs(true)))
	return cmd
}

// maxPresign is how long AWS lets presigned URLs live: "Sharing objects with presigned
// URLs", Amazon S3 User Guide.
const maxPresign = 7 * 24 * time.Hour

func (o *presignOptions) request(arg string) (req control.PresignRequest, err error) {
	arg = strings.TrimPrefix(arg, "s3://")
	if req.Bucket, req.Key, err = splitKey(arg); err != nil {
		return req, err
	}
	if err := checkBucketName(req.Bucket); err != nil {
		return req, err
	}
	req.Method, req.Version, req.Endpoint, req.AccessKey = strings.ToUpper(o.method), o.version, o.endpoint, o.accessKey
	switch req.Method {
	case "GET", "HEAD", "PUT", "DELETE":
	default:
		return req, usagef("a URL is for GET, HEAD, PUT or DELETE, not for %q", o.method)
	}
	if req.Version != "" && req.Key == "" {
		return req, usagef("a bucket has no versions")
	}
	req.Expires = time.Hour
	if o.expires != "" {
		// As aws has it, a number alone is seconds.
		seconds, err := strconv.ParseUint(o.expires, 10, 32)
		ok := err == nil
		if req.Expires = time.Duration(seconds) * time.Second; !ok {
			req.Expires, ok = versioning.ParseSpan(o.expires)
		}
		if !ok || req.Expires < time.Second || req.Expires > maxPresign {
			return req, usagef("%q is no time for which a URL can be good; it is such as 15m, 12h or 7d, and 7d at most", o.expires)
		}
	}
	return req, nil
}

func runPresign(ctx context.Context, c *control.Client, req control.PresignRequest, asJSON bool, out io.Writer) error {
	u, err := c.Presign(ctx, req)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, u)
	}
	_, err = fmt.Fprintln(out, u.URL)
	return err
}
