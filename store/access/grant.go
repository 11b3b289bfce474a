package access

import "slices"

// A KeyGrant is a grant of a KMS key ("Grants in AWS KMS"): it allows some actions to one
// principal, and never denies. It must not be changed while it is in use.
type KeyGrant struct {
	ID      string
	Grantee Entity
	Actions []string // as "kms:Decrypt"
	// Subset is what the encryption context of the request must have, Equals what it must be;
	// nil: anything. They do not hold back actions that have none.
	Subset, Equals map[string]string
}

// contextActions are those that come with an encryption context.
var contextActions = []string{
	"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
}

// grantedByGrant returns the grant that names the caller more closely than least, and how
// closely.
func (e *eval) grantedByGrant(least who) (found *KeyGrant, best who) {
	best = least
	for _, g := range e.r.Resource.Grants {
		if w := g.Grantee.match(&e.r.Principal); w > best && g.allows(e.r.Action, e.r.EncryptionContext) {
			found, best = g, w
		}
	}
	return found, best
}

// allows tells whether the grant is about an action with an encryption context.
func (g *KeyGrant) allows(action string, context map[string]string) bool {
	if !slices.Contains(g.Actions, action) {
		return false
	}
	if !slices.Contains(contextActions, action) {
		return true
	}
	if g.Equals != nil && len(context) != len(g.Equals) {
		return false
	}
	for _, want := range []map[string]string{g.Subset, g.Equals} {
		for k, v := range want {
			if has, ok := context[k]; !ok || has != v {
				return false
			}
		}
	}
	return true
}

// ParseAWS reads the ARN, or the number of an account, of a principal, as the Principal
// element has them under AWS, but for "*". An error is always an *Error.
func ParseAWS(arn string) (Entity, error) { return parseEntity("AWS", arn, "") }

// Names tells whether an entity is the caller itself or the role or user behind it, and not
// only its account.
func (e *Entity) Names(p *Principal) bool { return e.match(p) >= behind }
