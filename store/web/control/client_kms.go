package control

import "context"

// KMSKeys lists the keys of an account in the order of their ids.
func (c *Client) KMSKeys(ctx context.Context, in InAccount, fn func(KMSKey) error) error {
	return each(ctx, c, opKMSKeys, in, fn)
}

// KMSKey describes a key with its policy and its grants.
func (c *Client) KMSKey(ctx context.Context, req KMSKeyRequest) (KMSKey, error) {
	return one[KMSKey](ctx, c, opKMSKey, req)
}

// CreateKMSKey makes a key.
func (c *Client) CreateKMSKey(ctx context.Context, req CreateKMSKeyRequest) (KMSKey, error) {
	return one[KMSKey](ctx, c, opCreateKMSKey, req)
}

// SetKMSAlias gives a key another name, which may have been another key's.
func (c *Client) SetKMSAlias(ctx context.Context, req KMSAliasRequest) error {
	return none(ctx, c, opSetKMSAlias, req)
}

// DeleteKMSAlias takes an alias away.
func (c *Client) DeleteKMSAlias(ctx context.Context, req KMSAliasRequest) error {
	return none(ctx, c, opDeleteKMSAlias, req)
}

// EnableKMSKey lets a key be used again.
func (c *Client) EnableKMSKey(ctx context.Context, req KMSKeyRequest) error {
	return none(ctx, c, opEnableKMSKey, req)
}

// DisableKMSKey keeps a key from being used.
func (c *Client) DisableKMSKey(ctx context.Context, req KMSKeyRequest) error {
	return none(ctx, c, opDisableKMSKey, req)
}

// RotateKMSKey gives a key new material at once.
func (c *Client) RotateKMSKey(ctx context.Context, req KMSKeyRequest) error {
	return none(ctx, c, opRotateKMSKey, req)
}

// SetKMSRotation has a key get new material by itself.
func (c *Client) SetKMSRotation(ctx context.Context, req KMSRotationRequest) error {
	return none(ctx, c, opSetKMSRotation, req)
}

// EndKMSRotation has a key keep its material.
func (c *Client) EndKMSRotation(ctx context.Context, req KMSKeyRequest) error {
	return none(ctx, c, opEndKMSRotation, req)
}

// ScheduleKMSDeletion has a key be deleted later, and tells when.
func (c *Client) ScheduleKMSDeletion(ctx context.Context, req KMSDeletionRequest) (KMSKey, error) {
	return one[KMSKey](ctx, c, opScheduleKMSDeletion, req)
}

// CancelKMSDeletion keeps a key that was to be deleted.
func (c *Client) CancelKMSDeletion(ctx context.Context, req KMSKeyRequest) error {
	return none(ctx, c, opCancelKMSDeletion, req)
}

// PutKMSPolicy gives a key another policy.
func (c *Client) PutKMSPolicy(ctx context.Context, req KMSPolicyRequest) error {
	return none(ctx, c, opPutKMSPolicy, req)
}

// CreateKMSGrant makes a grant of a key.
func (c *Client) CreateKMSGrant(ctx context.Context, req CreateKMSGrantRequest) (KMSGrant, error) {
	return one[KMSGrant](ctx, c, opCreateKMSGrant, req)
}

// RevokeKMSGrant takes a grant away.
func (c *Client) RevokeKMSGrant(ctx context.Context, req RevokeKMSGrantRequest) error {
	return none(ctx, c, opRevokeKMSGrant, req)
}

// AddKMSService has an account keep keys in a service outside.
func (c *Client) AddKMSService(ctx context.Context, req AddKMSServiceRequest) (KMSService, error) {
	return one[KMSService](ctx, c, opAddKMSService, req)
}

// KMSServices lists the services outside in which an account keeps keys.
func (c *Client) KMSServices(ctx context.Context, in InAccount, fn func(KMSService) error) error {
	return each(ctx, c, opKMSServices, in, fn)
}

// DeleteKMSService takes a service away that keeps no key any more.
func (c *Client) DeleteKMSService(ctx context.Context, req KMSServiceRequest) error {
	return none(ctx, c, opDeleteKMSService, req)
}
