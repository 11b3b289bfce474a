package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

func newWebhookCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "Add, list and remove addresses that are sent the events of buckets",
		Long: `Add, list and remove webhooks: addresses that are sent what happens to objects, over
S3 and on mounts. Which events of which bucket is said by the notification configuration
of the bucket (aws s3api put-bucket-notification-configuration), which names a webhook by
its ARN: as a queue, as a topic or as a function.

Each event is one POST of JSON, as Amazon S3 writes it. It was received when the answer's
status is 2xx; else it is sent again, the events behind it wait, and nothing is lost when
the daemon ends. An event that was not received for four days is dropped. Events are sent
while a daemon runs, each at least once, in the order in which they happened.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newWebhookAddCommand(g), newWebhookLsCommand(g), newWebhookRmCommand(g))
	return cmd
}

func newWebhookAddCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "add NAME URL",
		Short:   "Add a webhook and print its ARN",
		Example: "  pail webhook add builds https://ci.example.com/hooks/pail",
		Args:    takes(2, 2),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				h, err := c.AddWebhook(ctx, control.AddWebhookRequest{Name: args[0], URL: args[1]})
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), h)
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), h.ARN)
				return err
			})
		},
	}
}

func newWebhookLsCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the webhooks, and what they are still to be told",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return runWebhookLs(ctx, c, g.json, cmd.OutOrStdout())
			})
		},
	}
}

func runWebhookLs(ctx context.Context, c *control.Client, asJSON bool, out io.Writer) error {
	if asJSON {
		return c.Webhooks(ctx, jsonLines[control.Webhook](out))
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	err := c.Webhooks(ctx, func(h control.Webhook) error {
		state := ""
		if h.Failed != "" {
			state = fmt.Sprintf("\tfailing since %s: %s", shownTime(*h.Since), shown(h.Failed))
		}
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%d waiting%s\n", h.Name, h.ARN, shown(h.URL), h.Waiting, state)
		return err
	})
	return errors.Join(err, w.Flush())
}

func newWebhookRmCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "rm NAME",
		Aliases: []string{"remove"},
		Short:   "Remove a webhook, and what it has not been told yet",
		Args:    takes(1, 1),

		ValidArgsFunction: suggest(g, false, webhookNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				return c.RemoveWebhook(ctx, control.WebhookRequest{Name: args[0]})
			})
			switch {
			case err != nil:
				return err
			case g.json:
				return printJSON(cmd.OutOrStdout(), map[string]string{"removed": args[0]})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "removed webhook %s\n", shown(args[0]))
			return err
		},
	}
}

// webhookNames suggests webhooks.
func webhookNames(ctx context.Context, c *control.Client, _ []string, word string) (found []string, err error) {
	err = c.Webhooks(ctx, func(h control.Webhook) error {
		if strings.HasPrefix(h.Name, word) {
			found = append(found, h.Name+"\t"+h.URL)
		}
		return nil
	})
	return found, err
}
