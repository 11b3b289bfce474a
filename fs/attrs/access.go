package attrs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// An AccessList is S3's ACL as the attribute acl has it: the JSON that aws s3api
// get-object-acl prints and put-object-acl takes.
type AccessList struct {
	Owner  AccessOwner
	Grants []AccessGrant
}

// An AccessOwner is an account, by its canonical id.
type AccessOwner struct{ ID string }

// An AccessGrant is one grant.
type AccessGrant struct {
	Grantee    AccessGrantee
	Permission string
}

// An AccessGrantee is an account or a group, as Type says: CanonicalUser or Group.
type AccessGrantee struct {
	Type string
	ID   string `json:",omitempty"`
	URI  string `json:",omitempty"`
}

// FormatAccessList writes an ACL.
func FormatAccessList(a AccessList) []byte {
	if a.Grants == nil {
		a.Grants = []AccessGrant{}
	}
	return marshal(a)
}

// ParseAccessList reads what FormatAccessList writes.
func ParseAccessList(b []byte) (a AccessList, err error) {
	if err := strict(b, &a); err != nil {
		return AccessList{}, err
	}
	for _, g := range a.Grants {
		want := AccessGrantee{Type: "CanonicalUser", ID: g.Grantee.ID}
		if g.Grantee.Type == "Group" {
			want = AccessGrantee{Type: "Group", URI: g.Grantee.URI}
		}
		if g.Grantee != want || want.ID == "" && want.URI == "" {
			return AccessList{}, errors.New(`a grantee is {"Type":"CanonicalUser","ID":"..."} or {"Type":"Group","URI":"..."}`)
		}
	}
	return a, nil
}

// A Block is Block Public Access as the attribute public-access-block has it.
type Block struct {
	BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
}

// FormatBlock writes the four settings.
func FormatBlock(b Block) []byte { return marshal(b) }

// ParseBlock reads what FormatBlock writes. What is left out is false.
func ParseBlock(b []byte) (out Block, err error) {
	if err := strict(b, &out); err != nil {
		return Block{}, err
	}
	return out, nil
}

// strict reads one JSON object that has no members but those of v.
func strict(b []byte, v any) error {
	if t := bytes.TrimLeft(b, " \t\r\n"); len(t) == 0 || t[0] != '{' {
		return errors.New("the value must be a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}
