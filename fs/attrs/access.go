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
		if err := g.check(); err != nil {
			return AccessList{}, err
		}
	}
	return a, nil
}

// check says what is wrong with a grantee.
func (g *AccessGrant) check() error {
	want := AccessGrantee{Type: "CanonicalUser", ID: g.Grantee.ID}
	if g.Grantee.Type == "Group" {
		want = AccessGrantee{Type: "Group", URI: g.Grantee.URI}
	}
	if g.Grantee != want || want.ID == "" && want.URI == "" {
		return errors.New(`a grantee is {"Type":"CanonicalUser","ID":"..."} or {"Type":"Group","URI":"..."}`)
	}
	return nil
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

// A LoggingStatus is where the access log of a bucket goes as the attribute logging has it: the
// JSON that aws s3api get-bucket-logging prints and put-bucket-logging takes.
type LoggingStatus struct {
	LoggingEnabled *LoggingEnabled `json:",omitempty"`
}

// LoggingEnabled says where.
type LoggingEnabled struct {
	TargetBucket          string
	TargetGrants          []AccessGrant `json:",omitempty"`
	TargetPrefix          string
	TargetObjectKeyFormat *ObjectKeyFormat `json:",omitempty"`
}

// An ObjectKeyFormat has one of the two.
type ObjectKeyFormat struct {
	SimplePrefix      *struct{}          `json:",omitempty"`
	PartitionedPrefix *PartitionedPrefix `json:",omitempty"`
}

// A PartitionedPrefix says which day stands in keys: EventTime or DeliveryTime.
type PartitionedPrefix struct {
	PartitionDateSource string `json:",omitempty"`
}

// FormatLogging writes where a log goes.
func FormatLogging(l LoggingStatus) []byte { return marshal(l) }

// ParseLogging reads what FormatLogging writes.
func ParseLogging(b []byte) (l LoggingStatus, err error) {
	if err := strict(b, &l); err != nil {
		return LoggingStatus{}, err
	}
	on := l.LoggingEnabled
	if on == nil {
		return l, nil
	}
	if f := on.TargetObjectKeyFormat; f != nil && (f.SimplePrefix == nil) == (f.PartitionedPrefix == nil) {
		return LoggingStatus{}, errors.New("TargetObjectKeyFormat has a SimplePrefix or a PartitionedPrefix")
	}
	for _, g := range on.TargetGrants {
		if err := g.check(); err != nil {
			return LoggingStatus{}, err
		}
	}
	return l, nil
}
