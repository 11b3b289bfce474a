package stsapi

import (
	"net/http"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/trail"
	"pail/store/web/query"
)

// New returns the handler of STS's API.
func New() *query.Handler {
	return query.New(query.Options{
		Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/", Source: trail.SourceSTS, Failure: "InternalFailure",
		Operations: []query.Operation{
			{Name: "GetCallerIdentity", Result: true, Run: getCallerIdentity},
			{Name: "GetAccessKeyInfo", Needs: []string{"AccessKeyId"}, Result: true, Run: getAccessKeyInfo},
			{Name: "AssumeRole", Needs: []string{"RoleArn", "RoleSessionName"}, Result: true, Run: assumeRole},
			{Name: "GetSessionToken", Result: true, Run: getSessionToken},
			{Name: "GetFederationToken", Needs: []string{"Name"}, Result: true, Run: getFederationToken},
			{Name: "DecodeAuthorizationMessage", Needs: []string{"EncodedMessage"}, Result: true, Run: decodeAuthorizationMessage},
		},
	})
}

func getCallerIdentity(c *query.Call) error {
	self, err := c.S.GetCallerIdentity(c.Ctx)
	if err == nil {
		c.Text("Arn", self.ARN)
		c.Text("UserId", self.UserID)
		c.Text("Account", self.Account)
	}
	return err
}

func getAccessKeyInfo(c *query.Call) error {
	account, err := c.S.GetAccessKeyInfo(c.Ctx, c.Get("AccessKeyId"))
	if err == nil {
		c.Text("Account", account)
	}
	return err
}

func assumeRole(c *query.Call) error {
	if _, ok := c.Lookup("ProvidedContexts.member.1.ProviderArn"); ok {
		return query.Invalid("ProvidedContexts is of identity providers, of which there are none here")
	}
	policies, err := sessionPolicies(c)
	if err != nil {
		return err
	}
	in := store.AssumeRole{Role: c.Get("RoleArn"), Session: c.Get("RoleSessionName"), SessionPolicies: policies}
	if in.Lasts, err = lasts(c); err != nil {
		return err
	}
	if in.Transitive, err = c.Texts("TransitiveTagKeys"); err != nil {
		return err
	}
	if in.Serial, in.Code, err = mfa(c); err != nil {
		return err
	}
	for name, at := range map[string]*string{"ExternalId": &in.ExternalID, "SourceIdentity": &in.SourceIdentity} {
		if *at, err = c.Optional(name); err != nil {
			return err
		}
	}
	cr, err := c.S.AssumeRole(c.Ctx, in)
	if err != nil {
		return wrongCode(err)
	}
	c.In("AssumedRoleUser", func() {
		c.Text("AssumedRoleId", cr.UserID)
		c.Text("Arn", cr.ARN)
	})
	credentials(c, cr)
	packed(c, cr, policies)
	c.Some("SourceIdentity", cr.SourceIdentity)
	return nil
}

func getSessionToken(c *query.Call) error {
	d, err := lasts(c)
	if err != nil {
		return err
	}
	serial, code, err := mfa(c)
	if err != nil {
		return err
	}
	cr, err := c.S.GetSessionToken(c.Ctx, d, serial, code)
	if err != nil {
		return wrongCode(err)
	}
	credentials(c, cr)
	return nil
}

func getFederationToken(c *query.Call) error {
	d, err := lasts(c)
	if err != nil {
		return err
	}
	policies, err := sessionPolicies(c)
	if err != nil {
		return err
	}
	cr, err := c.S.GetFederationToken(c.Ctx, c.Get("Name"), d, policies)
	if err != nil {
		return err
	}
	credentials(c, cr)
	c.In("FederatedUser", func() {
		c.Text("FederatedUserId", cr.UserID)
		c.Text("Arn", cr.ARN)
	})
	packed(c, cr, policies)
	return nil
}

// decodeAuthorizationMessage: refusals here say in words why, and none is encoded, so that no
// message is one of this service's.
func decodeAuthorizationMessage(*query.Call) error {
	return &query.Error{Status: http.StatusBadRequest, Code: "InvalidAuthorizationMessageException", Message: "Message is not valid"}
}

// lasts is for how long credentials are asked for; 0: the request does not say. The store
// knows the limits, and no request may ask for the default by a number that is none.
func lasts(c *query.Call) (time.Duration, error) { return c.Seconds("DurationSeconds", 900) }

// mfa are the serial of a device and a code, of which there are both or none.
func mfa(c *query.Call) (serial, code string, err error) {
	if serial, err = c.Optional("SerialNumber"); err != nil {
		return "", "", err
	}
	if code, err = c.Optional("TokenCode"); err != nil {
		return "", "", err
	}
	if (serial == "") != (code == "") {
		return "", "", query.Invalid("SerialNumber and TokenCode are given together or not at all")
	}
	return serial, code, nil
}

// wrongCode has the failure of a code as STS has it, which is not as IAM has it.
func wrongCode(err error) error {
	if fault.Is(err, fault.InvalidMFACode) {
		return &query.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "MultiFactorAuthentication failed with invalid MFA one time pass code."}
	}
	return err
}

func sessionPolicies(c *query.Call) (in iam.SessionPolicies, err error) {
	if in.Policy, err = c.Optional("Policy"); err != nil {
		return in, err
	}
	arns, err := c.Members("PolicyArns")
	if err != nil {
		return in, err
	}
	for _, m := range arns {
		arn := m.Get("arn")
		if arn == "" {
			return in, query.Invalid("each member of policyArns must have an arn")
		}
		in.PolicyARNs = append(in.PolicyARNs, arn)
	}
	in.Tags, err = query.Tags(c)
	return in, err
}

func credentials(c *query.Call, cr *store.Credentials) {
	c.In("Credentials", func() {
		c.Text("AccessKeyId", cr.ID)
		c.Text("SecretAccessKey", cr.Secret)
		c.Text("SessionToken", cr.Token)
		c.Time("Expiration", cr.Expires)
	})
}

// packed says how much of their room session policies and tags take up, if there are any.
func packed(c *query.Call, cr *store.Credentials, in iam.SessionPolicies) {
	if in.Policy != "" || len(in.PolicyARNs) > 0 || len(in.Tags) > 0 {
		c.Number("PackedPolicySize", int64(cr.Packed))
	}
}
