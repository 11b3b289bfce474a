package control

import "context"

func webhooks(ctx context.Context, c *call) error {
	all, err := c.session().Webhooks(ctx)
	if err != nil {
		return err
	}
	for _, h := range all {
		if err := c.out.item(webhookOf(h)); err != nil {
			return err
		}
	}
	return nil
}

func addWebhook(ctx context.Context, c *call, req AddWebhookRequest) error {
	h, err := c.session().AddWebhook(ctx, req.Name, req.URL)
	if err != nil {
		return err
	}
	return c.out.item(webhookOf(h))
}

func removeWebhook(ctx context.Context, c *call, req WebhookRequest) error {
	return c.session().RemoveWebhook(ctx, req.Name)
}

func runLifecycles(ctx context.Context, c *call) error {
	st, err := c.store.RunLifecycles(ctx)
	if err != nil {
		return err
	}
	return c.out.item(lifecycleOf(st))
}
