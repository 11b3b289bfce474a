package control

import (
	"context"
	"strings"

	"pail/store"
	"pail/store/fault"
	"pail/store/iam"
)

func attachPolicy(ctx context.Context, c *call, req PolicyRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	kind, err := holderKind(req.Kind)
	if err != nil {
		return err
	}
	arn, err := policyARN(ctx, se, req.Policy)
	if err != nil {
		return err
	}
	fn := map[iam.HolderKind][2]func(context.Context, string, string) error{
		iam.OfUser:  {se.AttachUserPolicy, se.DetachUserPolicy},
		iam.OfGroup: {se.AttachGroupPolicy, se.DetachGroupPolicy},
		iam.OfRole:  {se.AttachRolePolicy, se.DetachRolePolicy},
	}[kind]
	if req.Detach {
		return fn[1](ctx, req.Name, arn)
	}
	return fn[0](ctx, req.Name, arn)
}

func putInline(ctx context.Context, c *call, req InlineRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	switch {
	case req.Kind == KindUser && req.Text != "":
		return se.PutUserPolicy(ctx, req.Name, req.Policy, req.Text)
	case req.Kind == KindUser:
		return se.DeleteUserPolicy(ctx, req.Name, req.Policy)
	case req.Kind == KindGroup && req.Text != "":
		return se.PutGroupPolicy(ctx, req.Name, req.Policy, req.Text)
	case req.Kind == KindGroup:
		return se.DeleteGroupPolicy(ctx, req.Name, req.Policy)
	case req.Kind == KindRole && req.Text != "":
		return se.PutRolePolicy(ctx, req.Name, req.Policy, req.Text)
	case req.Kind == KindRole:
		return se.DeleteRolePolicy(ctx, req.Name, req.Policy)
	}
	return noKind(req.Kind)
}

func setText(ctx context.Context, c *call, req TextRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	switch req.Kind {
	case KindRole:
		if err := se.UpdateAssumeRolePolicy(ctx, req.Name, req.Text); err != nil {
			return err
		}
	case KindPolicy:
		if err := setPolicy(ctx, se, req.Name, req.Text); err != nil {
			return err
		}
	default:
		return noKind(req.Kind)
	}
	return showIdentity(ctx, c, req.IdentityRequest)
}

// setPolicy gives a policy another text, as a new version that is in force. The oldest of
// five makes room for it.
func setPolicy(ctx context.Context, se *store.Session, name, text string) error {
	arn, err := policyARN(ctx, se, name)
	if err != nil {
		return err
	}
	_, err = se.CreatePolicyVersion(ctx, arn, text, true)
	if !fault.Is(err, fault.LimitExceeded) {
		return err
	}
	p, lerr := se.ListPolicyVersions(ctx, arn)
	if lerr != nil {
		return lerr
	}
	if _, lerr := iam.ParseManaged(text); lerr != nil {
		return lerr // the text is what is too long
	}
	for _, v := range p.Versions {
		if v.Number != p.Default {
			if err := se.DeletePolicyVersion(ctx, arn, iam.VersionID(v.Number)); err != nil {
				return err
			}
			break
		}
	}
	_, err = se.CreatePolicyVersion(ctx, arn, text, true)
	return err
}

func changeMember(ctx context.Context, c *call, req MemberRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	if req.Remove {
		return se.RemoveUserFromGroup(ctx, req.Group, req.User)
	}
	return se.AddUserToGroup(ctx, req.Group, req.User)
}

func setBoundary(ctx context.Context, c *call, req BoundaryRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	arn, err := policyARN(ctx, se, req.Policy)
	switch {
	case err != nil:
		return err
	case req.Kind == KindUser && arn == "":
		return se.DeleteUserPermissionsBoundary(ctx, req.Name)
	case req.Kind == KindUser:
		return se.PutUserPermissionsBoundary(ctx, req.Name, arn)
	case req.Kind == KindRole && arn == "":
		return se.DeleteRolePermissionsBoundary(ctx, req.Name)
	case req.Kind == KindRole:
		return se.PutRolePermissionsBoundary(ctx, req.Name, arn)
	}
	return noKind(req.Kind)
}

// deviceIssuer is what apps show a code for.
const deviceIssuer = "Pail"

func addDevice(ctx context.Context, c *call, req AddDeviceRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	if req.User != "" { // before a device is made that nobody gets
		if _, err := se.GetUser(ctx, req.User); err != nil {
			return err
		}
	}
	d, err := se.CreateVirtualMFADevice(ctx, req.Name, "", nil)
	if err != nil {
		return err
	}
	return c.out.item(Device{Serial: d.Serial, User: req.User, Seed: d.Base32(), URL: d.URL(deviceIssuer)})
}

func enableDevice(ctx context.Context, c *call, req EnableDeviceRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	return se.EnableMFADevice(ctx, req.User, req.Serial, req.Codes[0], req.Codes[1])
}

func devices(ctx context.Context, c *call, req InAccount) error {
	se, err := c.sessionIn(req)
	if err != nil {
		return err
	}
	return everyPage(func(p iam.Page) (iam.Listing[*iam.Device], error) { return se.ListVirtualMFADevices(ctx, "", p) },
		func(d *iam.Device) error {
			_, user, err := se.GetMFADevice(ctx, d.Serial)
			if err != nil {
				return err
			}
			out := Device{Serial: d.Serial, User: user}
			if d.Holder != "" {
				out.Enabled = &d.Enabled
			}
			return c.out.item(out)
		})
}

// removeDevice takes a device from who has it, and away.
func removeDevice(ctx context.Context, c *call, req DeviceRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	d, user, err := se.GetMFADevice(ctx, req.Serial)
	if err != nil {
		return err
	}
	if d.Holder != "" {
		if err := se.DeactivateMFADevice(ctx, user, req.Serial); err != nil {
			return err
		}
	}
	return se.DeleteVirtualMFADevice(ctx, req.Serial)
}

func explain(ctx context.Context, c *call, req ExplainRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	source := req.User
	if !strings.HasPrefix(source, "arn:") {
		u, err := se.GetUser(ctx, req.User)
		if err != nil {
			return err
		}
		source = u.ARN()
	}
	d, err := se.Explain(ctx, source, req.Action, req.Resource, req.Context)
	if err != nil {
		return err
	}
	out := Explained{Allowed: d.Allowed, Text: d.Text, Missing: d.Missing}
	if d.Policy != nil {
		out.Policy = d.Policy.String()
	}
	if d.Statement != nil {
		out.Statement = d.Statement.String()
	}
	return c.out.item(out)
}
