package control

import "context"

// Accounts lists the accounts in the order of their numbers.
func (c *Client) Accounts(ctx context.Context, fn func(Account) error) error {
	return each(ctx, c, opAccounts, nil, fn)
}

// CreateAccount makes an account.
func (c *Client) CreateAccount(ctx context.Context, req CreateAccountRequest) (Account, error) {
	return one[Account](ctx, c, opCreateAccount, req)
}

// DeleteAccount takes an account away that has nothing any more.
func (c *Client) DeleteAccount(ctx context.Context, req AccountRequest) error {
	return none(ctx, c, opDeleteAccount, req)
}

// Identities lists identities of one kind in the order of their names.
func (c *Client) Identities(ctx context.Context, req IdentitiesRequest, fn func(Identity) error) error {
	return each(ctx, c, opIdentities, req, fn)
}

// Identity describes an identity with all that belongs to it.
func (c *Client) Identity(ctx context.Context, req IdentityRequest) (Identity, error) {
	return one[Identity](ctx, c, opIdentity, req)
}

// CreateIdentity makes an identity.
func (c *Client) CreateIdentity(ctx context.Context, req CreateIdentityRequest) (Identity, error) {
	return one[Identity](ctx, c, opCreateIdentity, req)
}

// DeleteIdentity takes an identity away that has nothing any more; of a policy all versions.
func (c *Client) DeleteIdentity(ctx context.Context, req IdentityRequest) error {
	return none(ctx, c, opDeleteIdentity, req)
}

// AttachPolicy attaches a managed policy to an identity, or detaches it.
func (c *Client) AttachPolicy(ctx context.Context, req PolicyRequest) error {
	return none(ctx, c, opAttachPolicy, req)
}

// PutInline embeds a policy in an identity, or takes it away.
func (c *Client) PutInline(ctx context.Context, req InlineRequest) error {
	return none(ctx, c, opPutInline, req)
}

// SetText gives a policy, or the trust of a role, another text, and returns what it is then.
func (c *Client) SetText(ctx context.Context, req TextRequest) (Identity, error) {
	return one[Identity](ctx, c, opSetText, req)
}

// ChangeMember adds a user to a group or removes it.
func (c *Client) ChangeMember(ctx context.Context, req MemberRequest) error {
	return none(ctx, c, opChangeMember, req)
}

// SetBoundary gives a user or role a permissions boundary, or takes it away.
func (c *Client) SetBoundary(ctx context.Context, req BoundaryRequest) error {
	return none(ctx, c, opSetBoundary, req)
}

// AddDevice makes an MFA device, and tells its seed. It is nobody's until EnableDevice.
func (c *Client) AddDevice(ctx context.Context, req AddDeviceRequest) (Device, error) {
	return one[Device](ctx, c, opAddDevice, req)
}

// EnableDevice gives an MFA device to its user.
func (c *Client) EnableDevice(ctx context.Context, req EnableDeviceRequest) error {
	return none(ctx, c, opEnableDevice, req)
}

// Devices lists the MFA devices of an account.
func (c *Client) Devices(ctx context.Context, in InAccount, fn func(Device) error) error {
	return each(ctx, c, opDevices, in, fn)
}

// RemoveDevice takes an MFA device away, also from who has it.
func (c *Client) RemoveDevice(ctx context.Context, req DeviceRequest) error {
	return none(ctx, c, opRemoveDevice, req)
}

// Explain says what would be decided over an action of a user, a group or a role.
func (c *Client) Explain(ctx context.Context, req ExplainRequest) (Explained, error) {
	return one[Explained](ctx, c, opExplain, req)
}
