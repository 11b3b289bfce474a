package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
)

// Credentials are temporary ones, as they are told once.
type Credentials struct {
	*iam.Temporary
	Token  string // goes with each request, beside the signature
	ARN    string // of whom they act for
	UserID string // of the same, as aws:userid has it
	Packed int    // how much of what session policies and tags may take up they do, in percent
}

// A Self is who a caller is, as GetCallerIdentity says.
type Self struct{ Account, ARN, UserID string }

// GetCallerIdentity says who the caller is, whatever policies say. The kinds of failure:
// AccessDenied (it has proved nothing, or is nobody any more).
func (se *Session) GetCallerIdentity(context.Context) (Self, error) {
	c, err := se.s.caller(se.who)
	if err == nil && c.Kind == access.Anonymous {
		err = fault.New(fault.AccessDenied, "an anonymous caller has no identity: sign the request")
	}
	if err != nil {
		return Self{}, err
	}
	return Self{Account: c.Account.ID, ARN: c.ARN, UserID: c.ID}, nil
}

// GetAccessKeyInfo is the account of an access key. The kinds of failure: AccessDenied,
// InvalidArgument (there is none of that id).
func (se *Session) GetAccessKeyInfo(_ context.Context, id string) (account string, err error) {
	if _, err := se.mayIdentity(identityAsked{action: "sts:GetAccessKeyInfo", arn: "*"}); err != nil {
		return "", err
	}
	k, ok := se.s.AccessKey(id)
	if !ok {
		return "", fault.New(fault.InvalidArgument, "Invalid access key id: %s", id)
	}
	return k.Account, nil
}

// GetSessionToken gives a user, or a root, temporary credentials of its own, by an MFA code
// if serial is not "". lasts is 15 minutes to 36 hours, 12 hours for 0; of a root it is an
// hour at most. The kinds of failure: AccessDenied, InvalidArgument, InvalidMFACode.
func (se *Session) GetSessionToken(ctx context.Context, lasts time.Duration, serial, code string) (*Credentials, error) {
	c, err := se.longTerm("sts:GetSessionToken")
	if err != nil {
		return nil, err
	}
	q := identityAsked{se: se, caller: c, action: "sts:GetSessionToken", arn: "*"}
	r := q.request()
	if d := access.Decide(&r); d.Step == access.ExplicitDeny {
		return nil, fault.New(fault.AccessDenied, "%s", d.Denial(&r)) // it needs no Allow
	}
	t := se.temporary(c)
	if err := t.Last(lasts, iam.OwnSessions); err != nil {
		return nil, err
	}
	if serial != "" {
		if err := se.spendMFA(ctx, serial, code); err != nil {
			return nil, err
		}
		t.MFA = t.Issued
	}
	return se.issue(ctx, t)
}

// GetFederationToken gives temporary credentials to a name that the caller, a user or a
// root, vouches for, which may do what both its session policies and the caller's own allow.
// The kinds of failure: AccessDenied, InvalidArgument, MalformedPolicy, NoSuchEntity (a
// managed policy), PackedPolicyTooLarge.
func (se *Session) GetFederationToken(ctx context.Context, name string, lasts time.Duration, in iam.SessionPolicies) (*Credentials, error) {
	c, err := se.longTerm("sts:GetFederationToken")
	if err != nil {
		return nil, err
	}
	q := identityAsked{action: "sts:GetFederationToken", arn: "arn:aws:sts::" + c.Account.ID + ":federated-user/" + name, tags: in.Tags}
	if _, err := se.mayIdentity(q); err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		q.action = "sts:TagSession"
		if _, err := se.mayIdentity(q); err != nil {
			return nil, err
		}
	}
	if err := iam.CheckSessionName("name", name, iam.MaxFederatedName); err != nil {
		return nil, err
	}
	t := se.temporary(c)
	t.Kind, t.Name = access.FederatedUser, name
	if err := t.Last(lasts, iam.OwnSessions); err != nil {
		return nil, err
	}
	if err := t.Narrow(se.s.identities(), in); err != nil {
		return nil, err
	}
	return se.issue(ctx, t)
}

// longTerm is the caller, who must be a user or a root with long-term credentials.
func (se *Session) longTerm(action string) (*iam.Caller, error) {
	c, err := se.s.caller(se.who)
	switch {
	case err != nil:
		return nil, err
	case c.Kind == access.Anonymous:
		return nil, fault.New(fault.AccessDenied, "an anonymous caller is not allowed to %s: sign the request", action)
	case !c.Issued.IsZero() || c.Kind != access.User && c.Kind != access.Root:
		return nil, fault.New(fault.AccessDenied, "Cannot call %s with session credentials", strings.TrimPrefix(action, "sts:"))
	}
	return c, nil
}

// temporary are credentials of the caller before they say for how long.
func (se *Session) temporary(c *iam.Caller) *iam.Temporary {
	return &iam.Temporary{Kind: c.Kind, Account: c.Account.ID, Of: se.who.ID, Issued: se.s.now().UTC().Truncate(time.Second)}
}

// issue seals credentials.
func (se *Session) issue(ctx context.Context, t *iam.Temporary) (*Credentials, error) {
	secret, err := se.s.secret(ctx, se.author())
	if err != nil {
		return nil, err
	}
	token, err := t.Seal(secret)
	if err != nil {
		return nil, err
	}
	c, err := se.s.identities().Session(t)
	if err != nil {
		return nil, fault.New(fault.AccessDenied, "%v", err)
	}
	return &Credentials{Temporary: t, Token: token, ARN: c.ARN, UserID: c.ID, Packed: iam.PackedSize(token)}, nil
}

// An AssumeRole is what AssumeRole is given.
type AssumeRole struct {
	Role    string // ARN
	Session string // a name for the session
	Lasts   time.Duration
	iam.SessionPolicies
	Transitive     []string // keys of tags that a role that is assumed from there gets, too
	ExternalID     string
	SourceIdentity string
	Serial, Code   string // of an MFA device of the caller
}

// AssumeRole gives the caller temporary credentials of a role whose trust policy lets it
// in; across accounts its own policies have to, too. The kinds of failure: AccessDenied
// (there may be no such role), InvalidArgument, MalformedPolicy, NoSuchEntity (a managed
// policy), InvalidMFACode, PackedPolicyTooLarge.
func (se *Session) AssumeRole(ctx context.Context, in AssumeRole) (*Credentials, error) {
	c, err := se.s.caller(se.who)
	if err != nil {
		return nil, err
	}
	d := se.s.identities()
	role, err := se.mayAssume(c, d, &in)
	if err != nil {
		return nil, err
	}
	if err := in.check(c); err != nil {
		return nil, err
	}
	t := &iam.Temporary{
		Kind: access.RoleSession, Account: role.Account, Of: role.ID, Name: in.Session,
		Issued: se.s.now().UTC().Truncate(time.Second), SourceIdentity: or(in.SourceIdentity, c.SourceIdentity),
	}
	limit := iam.SessionLimit{Most: role.MaxSession, Default: time.Hour, Why: "the MaxSessionDuration set for this role"}
	if c.Kind == access.RoleSession {
		limit = iam.ChainedSessions(role.MaxSession)
	}
	if err := t.Last(in.Lasts, limit); err != nil {
		return nil, err
	}
	if err := t.Narrow(d, in.SessionPolicies); err != nil {
		return nil, err
	}
	if err := t.Inherit(se.who.Temporary, in.Transitive); err != nil {
		return nil, err
	}
	if in.Serial != "" {
		if err := se.spendMFA(ctx, in.Serial, in.Code); err != nil {
			return nil, err
		}
	}
	return se.issue(ctx, t)
}

func (in *AssumeRole) check(c *iam.Caller) error {
	if err := iam.CheckSessionName("roleSessionName", in.Session, iam.MaxSessionName); err != nil {
		return err
	}
	if in.SourceIdentity != "" {
		if err := iam.CheckSessionName("sourceIdentity", in.SourceIdentity, iam.MaxSessionName); err != nil {
			return err
		}
	}
	return iam.CheckExternalID(in.ExternalID)
}

// mayAssume finds the role and asks its trust policy and the caller's own policies.
func (se *Session) mayAssume(c *iam.Caller, d *iam.Directory, in *AssumeRole) (*iam.Role, error) {
	q := identityAsked{se: se, caller: c, action: "sts:AssumeRole", arn: in.Role, tags: in.Tags, values: map[string][]string{}}
	for key, v := range map[string]string{
		"sts:ExternalId": in.ExternalID, "sts:RoleSessionName": in.Session, "sts:SourceIdentity": in.SourceIdentity,
	} {
		if v != "" {
			q.values[key] = []string{v}
		}
	}
	if in.Lasts > 0 {
		q.values["sts:DurationSeconds"] = []string{strconv.FormatInt(int64(in.Lasts/time.Second), 10)}
	}
	if len(in.Transitive) > 0 {
		q.values["sts:TransitiveTagKeys"] = in.Transitive
	}
	if in.Serial != "" { // the code is looked at when the rest allows it
		q.values["aws:MultiFactorAuthPresent"], q.values["aws:MultiFactorAuthAge"] = []string{"true"}, []string{"0"}
	}
	r := q.request()
	role := d.RoleByARN(in.Role)
	denied := func(dec access.Decision) error { return fault.New(fault.AccessDenied, "%s", dec.Denial(&r)) }
	switch {
	case c.Kind == access.Root:
		return nil, fault.New(fault.AccessDenied, "Roles may not be assumed by root accounts.")
	case role == nil:
		return nil, denied(access.Decision{})
	case c.Restricted(q.action) != "":
		return nil, fault.New(fault.AccessDenied, "%s", c.Restricted(q.action))
	case role.TrustPolicy() == nil:
		return nil, fault.New(fault.AccessDenied, "the trust policy of the role %s cannot be enforced: put it again", in.Role)
	}
	q.tagged = role.Tags
	owner := d.Root(role.Account).Account
	r.Resource = access.Resource{ARN: in.Role, Owner: owner, Policy: role.TrustPolicy(), MustAllow: true}
	for _, action := range in.actions(c) {
		r.Action = action
		if dec := access.Decide(&r); !dec.Allowed {
			return nil, denied(dec)
		}
	}
	if c.SourceIdentity != "" && in.SourceIdentity != "" && c.SourceIdentity != in.SourceIdentity {
		return nil, fault.New(fault.AccessDenied, "the session has the source identity %q already, which cannot be changed", c.SourceIdentity)
	}
	return role, nil
}

// actions are what has to be allowed.
func (in *AssumeRole) actions(c *iam.Caller) []string {
	list := []string{"sts:AssumeRole"}
	if len(in.Tags) > 0 {
		list = append(list, "sts:TagSession")
	}
	if in.SourceIdentity != "" || c.SourceIdentity != "" {
		list = append(list, "sts:SetSourceIdentity")
	}
	return list
}
