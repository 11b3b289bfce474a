package control

import "context"

// AccessPoints lists access points of an account in the order of their names.
func (c *Client) AccessPoints(ctx context.Context, req AccessPointsRequest, fn func(AccessPoint) error) error {
	return each(ctx, c, opAccessPoints, req, fn)
}

// CreateAccessPoint makes an access point.
func (c *Client) CreateAccessPoint(ctx context.Context, req CreateAccessPointRequest) (AccessPoint, error) {
	return one[AccessPoint](ctx, c, opCreateAccessPoint, req)
}

// AccessPoint describes an access point.
func (c *Client) AccessPoint(ctx context.Context, req AccessPointRequest) (AccessPoint, error) {
	return one[AccessPoint](ctx, c, opAccessPoint, req)
}

// DeleteAccessPoint takes an access point away, with its policy.
func (c *Client) DeleteAccessPoint(ctx context.Context, req AccessPointRequest) error {
	return none(ctx, c, opDeleteAccessPoint, req)
}

// AccessPointPolicy returns the policy of an access point.
func (c *Client) AccessPointPolicy(ctx context.Context, req AccessPointRequest) (AccessPointPolicy, error) {
	return one[AccessPointPolicy](ctx, c, opPointPolicy, req)
}

// PutAccessPointPolicy replaces the policy of an access point.
func (c *Client) PutAccessPointPolicy(ctx context.Context, req PutAccessPointPolicyRequest) error {
	return none(ctx, c, opPutPointPolicy, req)
}

// DeleteAccessPointPolicy takes the policy of an access point away.
func (c *Client) DeleteAccessPointPolicy(ctx context.Context, req AccessPointRequest) error {
	return none(ctx, c, opDeletePointPolicy, req)
}

// AccountBlock returns Block Public Access of an account.
func (c *Client) AccountBlock(ctx context.Context, in InAccount) (PublicAccessBlock, error) {
	return one[PublicAccessBlock](ctx, c, opAccountBlock, in)
}

// PutAccountBlock configures Block Public Access of an account.
func (c *Client) PutAccountBlock(ctx context.Context, req PutAccountBlockRequest) error {
	return none(ctx, c, opPutAccountBlock, req)
}

// DeleteAccountBlock takes that configuration away.
func (c *Client) DeleteAccountBlock(ctx context.Context, in InAccount) error {
	return none(ctx, c, opDeleteAccountBlock, in)
}
