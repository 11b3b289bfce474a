package control

import (
	"context"
	"net/url"
	"time"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/web/sigv4"
)

func endService(ctx context.Context, c *call, req EndServiceRequest) error {
	if c.mounts == nil {
		return noMounts()
	}
	return c.mounts.EndService(context.WithoutCancel(ctx), req.ID)
}

func stop(ctx context.Context, c *call) error {
	if c.mounts == nil {
		return noMounts()
	}
	// Half an end helps nobody, not even a client that has lost patience.
	return c.mounts.Stop(context.WithoutCancel(ctx))
}

// presign signs here, so that no secret goes over the socket.
func presign(ctx context.Context, c *call, req PresignRequest) error {
	k, err := c.signingKey(ctx, req.AccessKey)
	if err != nil {
		return err
	}
	if req.Endpoint == "" {
		if req.Endpoint, err = c.endpoint(); err != nil {
			return err
		}
	}
	u := sigv4.URL{
		Endpoint: req.Endpoint, Region: c.store.Status().Region,
		Method: req.Method, Bucket: req.Bucket, Key: req.Key, Expires: req.Expires, Query: url.Values{},
	}
	if u.Method == "" {
		u.Method = "GET"
	}
	if req.Version != "" {
		u.Query.Set("versionId", req.Version)
	}
	now := time.Now()
	signed, err := u.Presign(sigv4.Credential{AccessKey: k.ID, Secret: k.Secret}, now)
	if err != nil {
		return fault.New(fault.InvalidArgument, "%v", err)
	}
	return c.out.item(Presigned{URL: signed, Method: u.Method, AccessKey: k.ID, Expires: now.Add(req.Expires).UTC().Truncate(time.Second)})
}

// signingKey is the active access key of that id, or the one that is used if nobody says.
func (c *call) signingKey(ctx context.Context, id string) (iam.AccessKey, error) {
	all, err := c.session().AccessKeys(ctx)
	if err != nil {
		return iam.AccessKey{}, err
	}
	chosen := ""
	for _, k := range all {
		switch {
		case id != "" && k.ID != id, id == "" && k.Inactive:
		case k.Inactive:
			return iam.AccessKey{}, fault.New(fault.InvalidArgument, "the access key %q is disabled; enable it with: pail key enable %s", id, id)
		case chosen == "" || k.Root:
			chosen = k.ID
		}
	}
	k, ok := c.store.AccessKey(chosen)
	switch {
	case ok:
		return k, nil
	case id != "":
		return k, fault.New(fault.NoSuchEntity, "there is no access key %q; list them with: pail key ls", id)
	}
	return k, fault.New(fault.NoSuchEntity, "there is no access key to sign with; make one with: pail key create")
}

// endpoint is where clients reach the first listener.
func (c *call) endpoint() (string, error) {
	if c.mounts != nil {
		for _, l := range c.mounts.Listeners() {
			if l.Protocol == "s3" && l.Endpoint != "" {
				return l.Endpoint, nil
			}
		}
	}
	return "", fault.New(fault.InvalidArgument, "no listener of this store is running; say with --endpoint where clients will reach it")
}
