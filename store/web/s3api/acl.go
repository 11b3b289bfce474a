package s3api

import (
	"encoding/xml"
	"strings"

	"pail/store"
	"pail/store/access"
	"pail/store/web/apierror"
)

// aclGrants are the headers that grant something, and what.
var aclGrants = []struct {
	header     string
	permission access.Permission
}{
	{"x-amz-grant-full-control", access.FullControl},
	{"x-amz-grant-read", access.Read},
	{"x-amz-grant-read-acp", access.ReadACP},
	{"x-amz-grant-write", access.Write},
	{"x-amz-grant-write-acp", access.WriteACP},
}

// aclHeaders are the ACL that the headers of a request give
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html).
func (c *call) aclHeaders() (in store.ACLInput, err error) {
	in.Canned = c.r.Header.Get("x-amz-acl")
	for _, g := range aclGrants {
		v := c.r.Header.Get(g.header)
		if v == "" {
			continue
		}
		if in.Headers == nil {
			in.Headers = map[string]string{}
		}
		in.Headers[g.header] = v
		grantees, err := parseGrantees(g.header, v)
		if err != nil {
			return in, err
		}
		for _, who := range grantees {
			in.Grants = append(in.Grants, access.Grant{Grantee: who, Permission: g.permission})
		}
	}
	if in.Canned != "" && len(in.Grants) > 0 {
		return in, apierror.New(apierror.InvalidRequest, "Specifying both Canned ACLs and Header Grants is not allowed")
	}
	return in, nil
}

// parseGrantees reads the grantees of a header: id="...", uri="...", emailAddress="...", with
// commas between.
func parseGrantees(header, v string) ([]access.Grantee, error) {
	var out []access.Grantee
	for _, one := range strings.Split(v, ",") {
		kind, value, ok := strings.Cut(strings.TrimSpace(one), "=")
		value = strings.TrimSpace(value)
		if n := len(value); n >= 2 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') {
			value = value[1 : n-1]
		}
		var g access.Grantee
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "id":
			g.CanonicalUser = value
		case "uri":
			g.Group = value
		case "emailaddress":
			g.Email = value
		default:
			ok = false
		}
		if !ok || value == "" {
			return nil, invalidArgument(header, v, "Argument format not recognized")
		}
		out = append(out, g)
	}
	return out, nil
}

// An accessControlPolicy is an ACL as a document.
type accessControlPolicy struct {
	XMLName xml.Name `xml:"AccessControlPolicy"`
	Owner   *struct {
		ID          string
		DisplayName string
	}
	Grants []aclGrant `xml:"AccessControlList>Grant"`
}

// An aclGrant is a grant in a document.
type aclGrant struct {
	Grantee struct {
		Type         string `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr"`
		ID           string
		DisplayName  string
		URI          string
		EmailAddress string
	}
	Permission string
}

// aclInput is the ACL that a request is to set: in its headers or in its body.
func (c *call) aclInput() (store.ACLInput, error) {
	in, err := c.aclHeaders()
	if err != nil {
		return in, err
	}
	data, err := c.readBody(smallBody)
	if err != nil {
		return in, err
	}
	headers := in.Canned != "" || len(in.Grants) > 0
	switch {
	case headers && len(data) > 0:
		return in, apierror.New(apierror.UnexpectedContent, "")
	case headers:
		return in, nil
	case len(data) == 0:
		return in, apierror.New(apierror.MissingSecurityHeader, "").With("MissingHeaderName", "x-amz-acl")
	}
	var doc accessControlPolicy
	if err := parseXML(data, &doc); err != nil {
		return in, apierror.New(apierror.MalformedACL, "")
	}
	in.Whole, err = doc.acl()
	return in, err
}

// acl is the document as the store knows ACLs.
func (doc *accessControlPolicy) acl() (*access.ACL, error) {
	if doc.Owner == nil || doc.Owner.ID == "" {
		return nil, apierror.New(apierror.MalformedACL, "")
	}
	a := &access.ACL{Owner: doc.Owner.ID}
	for _, g := range doc.Grants {
		grant, ok := g.grant()
		if !ok {
			return nil, apierror.New(apierror.MalformedACL, "")
		}
		a.Grants = append(a.Grants, grant)
	}
	return a, nil
}

// grant is the grant as the store knows it; false: it is none.
func (g *aclGrant) grant() (access.Grant, bool) {
	who := access.Grantee{CanonicalUser: g.Grantee.ID, Group: g.Grantee.URI, Email: g.Grantee.EmailAddress}
	want := map[string]access.Grantee{
		"CanonicalUser":         {CanonicalUser: who.CanonicalUser},
		"Group":                 {Group: who.Group},
		"AmazonCustomerByEmail": {Email: who.Email},
	}
	if who != want[g.Grantee.Type] || who == (access.Grantee{}) {
		return access.Grant{}, false
	}
	switch p := access.Permission(g.Permission); p {
	case access.Read, access.Write, access.ReadACP, access.WriteACP, access.FullControl:
		return access.Grant{Grantee: who, Permission: p}, true
	}
	return access.Grant{}, false
}

// acl writes an ACL.
func (c *call) acl(a access.ACL) error {
	x := newXML("AccessControlPolicy")
	c.owner(x, "Owner", a.Owner)
	x.open("AccessControlList")
	for _, g := range a.Grants {
		c.grant(x, g)
	}
	x.close("AccessControlList")
	return c.xml(x, "AccessControlPolicy")
}

// grant writes a grant.
func (c *call) grant(x *xmlWriter, g access.Grant) {
	x.open("Grant")
	kind := "CanonicalUser"
	if g.Grantee.Group != "" {
		kind = "Group"
	}
	x.b = append(x.b, `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="`+kind+`">`...)
	if g.Grantee.Group != "" {
		x.text("URI", g.Grantee.Group)
	} else {
		x.text("ID", g.Grantee.CanonicalUser)
		x.optional("DisplayName", c.displayName(g.Grantee.CanonicalUser))
	}
	x.close("Grantee")
	x.text("Permission", string(g.Permission))
	x.close("Grant")
}
