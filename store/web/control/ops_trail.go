package control

import (
	"context"

	"pail/store"
	"pail/store/fault"
)

func getTrail(ctx context.Context, c *call) error {
	return c.trail(c.session().GetTrail(ctx))
}

func (c *call) trail(t store.Trail, err error) error {
	if err != nil {
		return err
	}
	return c.out.item(trailOf(t))
}

func enableTrail(ctx context.Context, c *call, req EnableTrailRequest) error {
	sel, err := req.selector()
	if err != nil {
		return fault.New(fault.InvalidArgument, "%v", err)
	}
	return c.trail(c.session().EnableTrail(ctx, store.TrailInput{Name: req.Name, Bucket: req.Bucket, Prefix: req.Prefix, File: req.File, Select: sel}))
}

func selectTrail(ctx context.Context, c *call, req SelectTrailRequest) error {
	sel, err := req.selector()
	if err != nil {
		return fault.New(fault.InvalidArgument, "%v", err)
	}
	return c.trail(c.session().SelectTrail(ctx, sel))
}

func disableTrail(ctx context.Context, c *call) error {
	return c.trail(c.session().DisableTrail(ctx))
}

func deliverTrail(ctx context.Context, c *call) error {
	return c.trail(c.session().DeliverTrail(ctx))
}

func verifyTrail(ctx context.Context, c *call) error {
	rep, err := c.session().VerifyTrail(ctx, func(p store.TrailProblem) error {
		return c.out.item(TrailFinding{Where: p.Where, What: p.What})
	})
	if err != nil {
		return err
	}
	return c.out.item(TrailFinding{Report: &TrailReport{Digests: rep.Digests, Logs: rep.Logs, Records: rep.Records, Problems: rep.Problems}})
}
