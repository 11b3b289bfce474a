package control

import (
	"context"

	"pail/store/iam"
)

func accessKeys(ctx context.Context, c *call) error {
	all, err := c.session().AccessKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range all {
		if err := c.out.item(accessKeyOf(k)); err != nil {
			return err
		}
	}
	return nil
}

func createAccessKey(ctx context.Context, c *call, req CreateAccessKeyRequest) error {
	k, err := c.session().CreateAccessKey(ctx, iam.Given{ID: req.AccessKey, Secret: req.SecretKey})
	if err != nil {
		return err
	}
	return c.out.item(accessKeyOf(k))
}

func setAccessKey(ctx context.Context, c *call, req SetAccessKeyRequest) error {
	return c.session().SetAccessKeyActive(ctx, req.AccessKey, req.Active)
}

func deleteAccessKey(ctx context.Context, c *call, req AccessKeyRequest) error {
	return c.session().DeleteAccessKey(ctx, req.AccessKey)
}
