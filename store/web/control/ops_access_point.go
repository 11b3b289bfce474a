package control

import (
	"context"

	"pail/store"
)

func accessPoints(ctx context.Context, c *call, req AccessPointsRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	list, _, err := se.ListAccessPoints(ctx, store.AccessPointPage{Bucket: req.Bucket})
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := c.out.item(accessPointOf(p)); err != nil {
			return err
		}
	}
	return nil
}

func createAccessPoint(ctx context.Context, c *call, req CreateAccessPointRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	in := store.NewAccessPoint{Bucket: req.Bucket, VPC: req.VPC}
	if req.BucketAccount != "" {
		a, err := c.store.FindAccount(req.BucketAccount)
		if err != nil {
			return err
		}
		in.BucketAccount = a.ID
	}
	if req.Block != nil {
		p := req.Block.settings()
		in.Block = &p
	}
	p, err := se.CreateAccessPoint(ctx, req.Name, in)
	if err != nil {
		return err
	}
	return c.out.item(accessPointOf(p))
}

func getAccessPoint(ctx context.Context, c *call, req AccessPointRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	p, err := se.AccessPoint(ctx, req.Name)
	if err != nil {
		return err
	}
	return c.out.item(accessPointOf(p))
}

func deleteAccessPoint(ctx context.Context, c *call, req AccessPointRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	return se.DeleteAccessPoint(ctx, req.Name)
}

func accessPointPolicy(ctx context.Context, c *call, req AccessPointRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	var out AccessPointPolicy
	if out.Policy, err = se.AccessPointPolicy(ctx, req.Name); err != nil {
		return err
	}
	if out.Public, err = se.AccessPointPolicyPublic(ctx, req.Name); err != nil {
		return err
	}
	return c.out.item(out)
}

func putAccessPointPolicy(ctx context.Context, c *call, req PutAccessPointPolicyRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	return se.SetAccessPointPolicy(ctx, req.Name, req.Text)
}

func deleteAccessPointPolicy(ctx context.Context, c *call, req AccessPointRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	return se.DeleteAccessPointPolicy(ctx, req.Name)
}

func accountBlock(ctx context.Context, c *call, req InAccount) error {
	se, err := c.sessionIn(req)
	if err != nil {
		return err
	}
	p, err := se.AccountPublicAccess(ctx)
	if err != nil {
		return err
	}
	return c.out.item(blockOf(p))
}

func putAccountBlock(ctx context.Context, c *call, req PutAccountBlockRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	return se.SetAccountPublicAccess(ctx, req.Block.settings())
}

func deleteAccountBlock(ctx context.Context, c *call, req InAccount) error {
	se, err := c.sessionIn(req)
	if err != nil {
		return err
	}
	return se.DeleteAccountPublicAccess(ctx)
}
