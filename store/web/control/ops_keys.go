package control

import (
	"context"

	"pail/store"
	"pail/store/iam"
)

func accessKeys(ctx context.Context, c *call, req InAccount) error {
	se, err := c.sessionIn(req)
	if err != nil {
		return err
	}
	all, err := se.AccessKeys(ctx)
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
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	k, err := se.CreateAccessKey(ctx, req.User, iam.Given{ID: req.AccessKey, Secret: req.SecretKey})
	if err != nil {
		return err
	}
	return c.out.item(accessKeyOf(k))
}

// keyed opens the store as the root of the account of an access key, and says the user
// whose it is, "" of the root.
func (c *call) keyed(ctx context.Context, id string) (se *store.Session, user string, err error) {
	k, _ := c.store.AccessKey(id)
	se = c.sessionOf(k.Account)
	if k.Owner == "" {
		return se, "", nil
	}
	user, _, err = se.GetAccessKeyLastUsed(ctx, id)
	return se, user, err
}

func setAccessKey(ctx context.Context, c *call, req SetAccessKeyRequest) error {
	se, user, err := c.keyed(ctx, req.AccessKey)
	if err != nil {
		return err
	}
	return se.SetAccessKeyActive(ctx, user, req.AccessKey, req.Active)
}

func deleteAccessKey(ctx context.Context, c *call, req AccessKeyRequest) error {
	se, user, err := c.keyed(ctx, req.AccessKey)
	if err != nil {
		return err
	}
	return se.DeleteAccessKey(ctx, user, req.AccessKey)
}
