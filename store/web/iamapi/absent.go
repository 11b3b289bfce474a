package iamapi

import (
	"pail/store/fault"
	"pail/store/web/query"
)

// What no account of Pail has: passwords, certificates, SSH keys, credentials of other services,
// instance profiles, identity providers. Terraform and others ask for all of it before they
// delete a user or a role, or look at an account; they are answered as by AWS for an account
// that has none: with empty lists, and NoSuchEntity. What would make such a thing is
// InvalidAction.

// noneOfUser answers a list of what no user has.
func noneOfUser(operation, list string) func(*query.Call) error {
	return func(c *query.Call) error {
		user, err := c.Optional("UserName")
		if err == nil {
			_, err = page(c)
		}
		if err == nil {
			_, err = c.S.AbsentOfUser(c.Ctx, operation, user)
		}
		if err != nil {
			return err
		}
		c.Names(list, nil)
		c.Ends("")
		return nil
	}
}

func listInstanceProfilesForRole(c *query.Call) error {
	if _, err := page(c); err != nil {
		return err
	}
	if err := c.S.AbsentOfRole(c.Ctx, "ListInstanceProfilesForRole", c.Get("RoleName")); err != nil {
		return err
	}
	c.Names("InstanceProfiles", nil)
	c.Ends("")
	return nil
}

// noneInAccount answers a list of what no account has; paged says that it comes in parts.
func noneInAccount(operation, kind, list string, paged bool) func(*query.Call) error {
	return func(c *query.Call) error {
		if _, err := page(c); err != nil {
			return err
		}
		if _, err := c.S.Absent(c.Ctx, operation, kind, c.Get("PathPrefix")); err != nil {
			return err
		}
		c.Names(list, nil)
		if paged {
			c.Ends("")
		}
		return nil
	}
}

// noLoginProfile answers who asks for a user's password, or wants to change or delete it.
func noLoginProfile(operation string) func(*query.Call) error {
	return func(c *query.Call) error {
		user, err := c.Optional("UserName")
		if err != nil {
			return err
		}
		name, err := c.S.AbsentOfUser(c.Ctx, operation, user)
		if err != nil {
			return err
		}
		return fault.New(fault.NoSuchEntity, "Login Profile for User %s cannot be found.", name)
	}
}

// noPasswordPolicy answers who asks for the account's rules for passwords, or wants to delete
// them.
func noPasswordPolicy(operation string) func(*query.Call) error {
	return func(c *query.Call) error {
		account, err := c.S.Absent(c.Ctx, operation, "", "")
		if err != nil {
			return err
		}
		return fault.New(fault.NoSuchEntity, "The Password Policy with domain name %s cannot be found.", account)
	}
}

// noneNamed answers who asks for one of what no account has by the name in a parameter.
func noneNamed(operation, kind, parameter, sentence string) func(*query.Call) error {
	return func(c *query.Call) error {
		name := c.Get(parameter)
		var err error
		if kind == "" {
			err = c.S.AbsentByARN(c.Ctx, operation, name)
		} else {
			_, err = c.S.Absent(c.Ctx, operation, kind, name)
		}
		if err != nil {
			return err
		}
		return fault.New(fault.NoSuchEntity, sentence, name)
	}
}

// absent are the operations on what no account has.
func absent() []query.Operation {
	return []query.Operation{
		{Name: "ListSSHPublicKeys", Result: true, Run: noneOfUser("ListSSHPublicKeys", "SSHPublicKeys")},
		{Name: "ListServiceSpecificCredentials", Result: true, Run: noneOfUser("ListServiceSpecificCredentials", "ServiceSpecificCredentials")},
		{Name: "ListSigningCertificates", Result: true, Run: noneOfUser("ListSigningCertificates", "Certificates")},
		{Name: "ListInstanceProfilesForRole", Needs: needs("RoleName"), Result: true, Run: listInstanceProfilesForRole},
		{Name: "ListInstanceProfiles", Result: true, Run: noneInAccount("ListInstanceProfiles", "instance-profile", "InstanceProfiles", true)},
		{Name: "ListServerCertificates", Result: true, Run: noneInAccount("ListServerCertificates", "server-certificate", "ServerCertificateMetadataList", true)},
		{Name: "ListOpenIDConnectProviders", Result: true, Run: noneInAccount("ListOpenIDConnectProviders", "oidc-provider", "OpenIDConnectProviderList", false)},
		{Name: "ListSAMLProviders", Result: true, Run: noneInAccount("ListSAMLProviders", "saml-provider", "SAMLProviderList", false)},
		{Name: "GetLoginProfile", Result: true, Run: noLoginProfile("GetLoginProfile")},
		{Name: "UpdateLoginProfile", Needs: needs("UserName"), Run: noLoginProfile("UpdateLoginProfile")},
		{Name: "DeleteLoginProfile", Run: noLoginProfile("DeleteLoginProfile")},
		{Name: "GetAccountPasswordPolicy", Result: true, Run: noPasswordPolicy("GetAccountPasswordPolicy")},
		{Name: "DeleteAccountPasswordPolicy", Run: noPasswordPolicy("DeleteAccountPasswordPolicy")},
		{Name: "GetInstanceProfile", Needs: needs("InstanceProfileName"), Result: true,
			Run: noneNamed("GetInstanceProfile", "instance-profile", "InstanceProfileName", "Instance Profile %s cannot be found.")},
		{Name: "GetServerCertificate", Needs: needs("ServerCertificateName"), Result: true,
			Run: noneNamed("GetServerCertificate", "server-certificate", "ServerCertificateName", "The Server Certificate with name %s cannot be found.")},
		{Name: "GetOpenIDConnectProvider", Needs: needs("OpenIDConnectProviderArn"), Result: true,
			Run: noneNamed("GetOpenIDConnectProvider", "", "OpenIDConnectProviderArn", "OpenIDConnect Provider not found for arn %s")},
		{Name: "GetSAMLProvider", Needs: needs("SAMLProviderArn"), Result: true,
			Run: noneNamed("GetSAMLProvider", "", "SAMLProviderArn", "Could not find a SAML provider with arn %s")},
	}
}
