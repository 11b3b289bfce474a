package kmsapi

import "pail/store/kms"

type constraints struct {
	EncryptionContextSubset map[string]string `json:",omitempty"`
	EncryptionContextEquals map[string]string `json:",omitempty"`
}

type createGrantIn struct {
	KeyId                               string
	GranteePrincipal, RetiringPrincipal string
	Operations                          []string
	Constraints                         constraints
	GrantTokens                         []string
	Name                                string
	DryRun                              bool
}

func createGrant(c *call, in createGrantIn) (any, error) {
	g, err := c.s.KMSCreateGrant(c.ctx, in.KeyId, kms.NewGrant{
		Name: in.Name, Grantee: in.GranteePrincipal, Retiring: in.RetiringPrincipal, Operations: in.Operations,
		Subset: in.Constraints.EncryptionContextSubset, Equals: in.Constraints.EncryptionContextEquals,
	}, in.GrantTokens, in.DryRun)
	if err != nil {
		return nil, err
	}
	token, err := g.Token()
	if err != nil {
		return nil, err
	}
	return map[string]any{"GrantId": g.ID, "GrantToken": token}, nil
}

type grantEntry struct {
	KeyId             string
	GrantId           string
	Name              string
	CreationDate      epoch
	GranteePrincipal  string
	RetiringPrincipal string `json:",omitempty"`
	IssuingAccount    string
	Operations        []string
	Constraints       *constraints `json:",omitempty"`
}

func grants(l kms.Listing[*kms.Grant]) any {
	out := struct {
		Grants []grantEntry
		ending
	}{[]grantEntry{}, ends(l.Marker)}
	for _, g := range l.Items {
		e := grantEntry{
			KeyId: g.KeyARN(), GrantId: g.ID, Name: g.Name, CreationDate: epoch(g.Created), GranteePrincipal: g.Grantee.Value,
			RetiringPrincipal: g.Retiring.Value, IssuingAccount: "arn:aws:iam::" + g.Issuer + ":root", Operations: g.Operations,
		}
		if g.Subset != nil || g.Equals != nil {
			e.Constraints = &constraints{g.Subset, g.Equals}
		}
		out.Grants = append(out.Grants, e)
	}
	return out
}

func listGrants(c *call, in struct {
	KeyId, GrantId, GranteePrincipal string
	page
}) (any, error) {
	l, err := c.s.KMSListGrants(c.ctx, in.KeyId, in.GrantId, in.GranteePrincipal, in.of())
	if err != nil {
		return nil, err
	}
	return grants(l), nil
}

func listRetirableGrants(c *call, in struct {
	RetiringPrincipal string
	page
}) (any, error) {
	l, err := c.s.KMSListRetirableGrants(c.ctx, in.RetiringPrincipal, in.of())
	if err != nil {
		return nil, err
	}
	return grants(l), nil
}

func retireGrant(c *call, in struct {
	GrantToken, KeyId, GrantId string
	DryRun                     bool
}) (any, error) {
	return nil, c.s.KMSRetireGrant(c.ctx, in.GrantToken, in.KeyId, in.GrantId, in.DryRun)
}

func revokeGrant(c *call, in struct {
	KeyId, GrantId string
	DryRun         bool
}) (any, error) {
	return nil, c.s.KMSRevokeGrant(c.ctx, in.KeyId, in.GrantId, in.DryRun)
}
