package access

import (
	"fmt"
	"strings"
)

// A Permission is one of an ACL.
type Permission string

// The permissions.
const (
	Read        Permission = "READ"
	Write       Permission = "WRITE"
	ReadACP     Permission = "READ_ACP"
	WriteACP    Permission = "WRITE_ACP"
	FullControl Permission = "FULL_CONTROL"
)

// The predefined groups of S3.
const (
	AllUsers           = "http://acs.amazonaws.com/groups/global/AllUsers"
	AuthenticatedUsers = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
	LogDelivery        = "http://acs.amazonaws.com/groups/s3/LogDelivery"
)

// LogDeliveryService is the service that the group LogDelivery has for its member.
const LogDeliveryService = "logging.s3.amazonaws.com"

// maxGrants is how many grants an ACL may have ("Access control list (ACL) overview").
const maxGrants = 100

// A Grantee is an account or a group; one of the fields is set.
type Grantee struct {
	CanonicalUser string
	Group         string
	// Email is what S3 no longer resolves: a grantee named by it is refused.
	Email string
}

// A Grant lets a grantee do something.
type Grant struct {
	Grantee    Grantee
	Permission Permission
}

// String names permission and grantee.
func (g *Grant) String() string {
	who := g.Grantee.CanonicalUser
	if g.Grantee.Group != "" {
		who = g.Grantee.Group[strings.LastIndexByte(g.Grantee.Group, '/')+1:]
	}
	return fmt.Sprintf("%s of %s", g.Permission, who)
}

// An ACL is the access control list of a bucket or an object.
type ACL struct {
	Owner  string // canonical id
	Grants []Grant
}

// CannedACL makes one of S3's canned ACLs, of a bucket or of an object: owner owns what the
// ACL is for, bucketOwner the bucket.
func CannedACL(name, owner, bucketOwner string, bucket bool) (*ACL, error) {
	a := &ACL{Owner: owner, Grants: []Grant{{Grantee{CanonicalUser: owner}, FullControl}}}
	add := func(g Grantee, ps ...Permission) {
		for _, p := range ps {
			a.Grants = append(a.Grants, Grant{g, p})
		}
	}
	switch name {
	case "private":
	case "public-read":
		add(Grantee{Group: AllUsers}, Read)
	case "public-read-write":
		add(Grantee{Group: AllUsers}, Read, Write)
	case "authenticated-read":
		add(Grantee{Group: AuthenticatedUsers}, Read)
	case "bucket-owner-read", "bucket-owner-full-control":
		if bucket || owner == bucketOwner {
			break // S3 ignores it for buckets, and the owner has it already
		}
		if name == "bucket-owner-read" {
			add(Grantee{CanonicalUser: bucketOwner}, Read)
		} else {
			add(Grantee{CanonicalUser: bucketOwner}, FullControl)
		}
	case "log-delivery-write":
		if !bucket {
			return nil, &Error{Reason: BadACL, Text: "the canned ACL log-delivery-write is for buckets only"}
		}
		add(Grantee{Group: LogDelivery}, Write, ReadACP)
	case "aws-exec-read":
		return nil, &Error{Reason: BadACL, Text: "the canned ACL aws-exec-read grants access to Amazon EC2, which Pail has nothing of"}
	default:
		return nil, &Error{Reason: BadACL, Text: fmt.Sprintf("there is no canned ACL %q", name)}
	}
	return a, nil
}

// Check refuses an ACL that S3 would not accept: exists tells whether there is an account
// with a canonical id; nil: all exist.
func (a *ACL) Check(exists func(canonical string) bool) error {
	if len(a.Grants) > maxGrants {
		return &Error{Reason: BadACL, Text: fmt.Sprintf("an ACL may have %d grants, not %d", maxGrants, len(a.Grants))}
	}
	for i := range a.Grants {
		g := &a.Grants[i]
		at := fmt.Sprintf("Grant[%d]", i)
		switch g.Permission {
		case Read, Write, ReadACP, WriteACP, FullControl:
		default:
			return &Error{BadACL, at, fmt.Sprintf("there is no permission %q", g.Permission)}
		}
		switch who := g.Grantee; {
		case who.Email != "":
			return &Error{BadEmail, at, "a grantee cannot be named by an email address; use the canonical id of the account"}
		case who.Group != "" && who.CanonicalUser != "", who == (Grantee{}):
			return &Error{BadACL, at, "a grantee is one account or one group"}
		case who.Group != "":
			if who.Group != AllUsers && who.Group != AuthenticatedUsers && who.Group != LogDelivery {
				return &Error{BadACL, at, fmt.Sprintf("Invalid group uri: %q", who.Group)}
			}
		case exists != nil && !exists(who.CanonicalUser):
			return &Error{BadACL, at, fmt.Sprintf("Invalid id: there is no account %q", who.CanonicalUser)}
		}
	}
	return nil
}

// Public tells whether the ACL grants anything to the groups AllUsers or
// AuthenticatedUsers ("Blocking public access to your Amazon S3 storage").
func (a *ACL) Public() bool {
	for i := range a.Grants {
		if a.Grants[i].Grantee.public() {
			return true
		}
	}
	return false
}

func (g *Grantee) public() bool { return g.Group == AllUsers || g.Group == AuthenticatedUsers }

// An aclNeed is what an ACL must have for an action ("Mapping of ACL permissions and access
// policy permissions").
type aclNeed struct {
	object     bool // the object's ACL decides, otherwise the bucket's
	permission Permission
	// ownersOnly: the permission is enough for the bucket's owner only; overwrite: for
	// whoever owns the object that is there, too.
	ownersOnly, overwrite bool
}

var aclNeeds = map[string]aclNeed{
	"s3:ListBucket":                 {permission: Read},
	"s3:ListBucketVersions":         {permission: Read},
	"s3:ListBucketMultipartUploads": {permission: Read},
	"s3:PutObject":                  {permission: Write, overwrite: true},
	"s3:DeleteObject":               {permission: Write, ownersOnly: true, overwrite: true},
	"s3:DeleteObjectVersion":        {permission: Write, ownersOnly: true},
	"s3:GetBucketAcl":               {permission: ReadACP},
	"s3:PutBucketAcl":               {permission: WriteACP},
	"s3:GetObject":                  {object: true, permission: Read},
	"s3:GetObjectVersion":           {object: true, permission: Read},
	"s3:GetObjectAcl":               {object: true, permission: ReadACP},
	"s3:GetObjectVersionAcl":        {object: true, permission: ReadACP},
	"s3:PutObjectAcl":               {object: true, permission: WriteACP},
	"s3:PutObjectVersionAcl":        {object: true, permission: WriteACP},
}

// objectRules tells whether an action is one that the owner of an object rules over, not
// the owner of the bucket.
func objectRules(action string) bool {
	if aclNeeds[action].object {
		return true
	}
	switch action {
	case "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes", "s3:GetObjectTagging", "s3:GetObjectVersionTagging",
		"s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging",
		"s3:GetObjectTorrent", "s3:GetObjectVersionTorrent":
		return true
	}
	return false
}

// NeedsObjectACL tells whether the answer for an action, as AWS writes it, depends on the
// object's owner and ACL where ACLs are not disabled.
func NeedsObjectACL(action string) bool { return objectRules(action) || aclNeeds[action].overwrite }

// grantedByACL returns the grant that allows the request and how closely it names the
// caller. An account's grant is the account's to hand on; a group's is everyone's.
func (e *eval) grantedByACL() (best *Grant, w who) {
	r := e.r
	need, ok := aclNeeds[r.Action]
	if !ok {
		return nil, nobody
	}
	a := r.Resource.BucketACL
	if need.object {
		a = r.Resource.ObjectACL
	}
	if a == nil || !e.mayWrite(need) {
		return nil, nobody
	}
	ignore := r.Resource.Block.IgnorePublicAcls
	if ap := r.Resource.AccessPoint; ap != nil {
		ignore = ignore || ap.Block.IgnorePublicAcls
	}
	for i := range a.Grants {
		g := &a.Grants[i]
		if g.Permission != need.permission && (g.Permission != FullControl) || ignore && g.Grantee.public() {
			continue
		}
		if gw := g.Grantee.match(&r.Principal); gw > w {
			best, w = g, gw
		}
	}
	return best, w
}

// mayWrite tells whether WRITE is enough: it lets anyone make new objects, but overwrite
// and delete those that are there only their owner and the bucket's.
func (e *eval) mayWrite(need aclNeed) bool {
	if !need.ownersOnly && !need.overwrite {
		return true
	}
	res, caller := &e.r.Resource, e.r.Principal.Account
	if caller.ID != "" && caller.ID == res.Owner.ID {
		return true
	}
	if res.ObjectACL == nil || !need.overwrite {
		return !need.ownersOnly
	}
	return caller.CanonicalID != "" && res.ObjectACL.Owner == caller.CanonicalID
}

func (g *Grantee) match(p *Principal) who {
	switch g.Group {
	case AllUsers:
		return direct
	case AuthenticatedUsers:
		if p.Account.ID != "" {
			return direct
		}
		return nobody
	case LogDelivery:
		if p.Kind == Service && p.Service == LogDeliveryService {
			return direct
		}
		return nobody
	}
	if g.CanonicalUser == "" || g.CanonicalUser != p.Account.CanonicalID {
		return nobody
	}
	if p.Kind == Root {
		return direct
	}
	return account
}
