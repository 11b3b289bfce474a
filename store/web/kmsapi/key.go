package kmsapi

import (
	"strconv"
	"time"

	"pail/store/kms"
)

// An epoch is a time as the protocol writes it: seconds since 1970, to the millisecond.
type epoch time.Time

// MarshalJSON writes it.
func (t epoch) MarshalJSON() ([]byte, error) {
	ms := time.Time(t).UnixMilli()
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', -1, 64), nil
}

// some is a time that there may not be.
func some(t time.Time) *epoch {
	if t.IsZero() {
		return nil
	}
	e := epoch(t)
	return &e
}

// A page is the part of a list that a request asks for.
type page struct {
	Limit  *int
	Marker string
}

func (p page) of() kms.Page {
	out := kms.Page{Marker: p.Marker}
	if p.Limit != nil {
		if out.Limit = *p.Limit; out.Limit == 0 {
			out.Limit = -1 // it asks for none, and not for the default
		}
	}
	return out
}

// An ending says how a list ends.
type ending struct {
	NextMarker string `json:",omitempty"`
	Truncated  bool
}

func ends(marker string) ending { return ending{marker, marker != ""} }

type tag struct{ TagKey, TagValue string }

func tagsOf(list []tag) (out []kms.Tag) {
	for _, t := range list {
		out = append(out, kms.Tag{Key: t.TagKey, Value: t.TagValue})
	}
	return out
}

type keyMetadata struct {
	AWSAccountId                string
	KeyId, Arn                  string
	CreationDate                epoch
	Enabled                     bool
	Description                 string
	KeyUsage, KeyState          string
	DeletionDate                *epoch `json:",omitempty"`
	Origin, KeyManager          string
	CustomKeyStoreId            string  `json:",omitempty"`
	XksKeyConfiguration         *xksKey `json:",omitempty"`
	CustomerMasterKeySpec       string
	KeySpec                     string
	EncryptionAlgorithms        []string
	MultiRegion                 bool
	PendingDeletionWindowInDays int    `json:",omitempty"`
	CurrentKeyMaterialId        string `json:",omitempty"`
}

type xksKey struct{ Id string }

func metadata(k *kms.Key) any {
	m := keyMetadata{
		AWSAccountId: k.Account, KeyId: k.ID, Arn: k.ARN(), CreationDate: epoch(k.Created), Enabled: k.State == kms.Enabled,
		Description: k.Description, KeyUsage: kms.EncryptDecrypt, KeyState: k.State.String(), DeletionDate: some(k.Deletion),
		Origin: k.Origin(), KeyManager: "CUSTOMER", CustomerMasterKeySpec: kms.SymmetricDefault, KeySpec: kms.SymmetricDefault,
		EncryptionAlgorithms: []string{kms.SymmetricDefault}, CurrentKeyMaterialId: k.Current().ID,
	}
	if k.AWS {
		m.KeyManager = "AWS"
	}
	if k.External != (kms.External{}) {
		m.CustomKeyStoreId, m.XksKeyConfiguration = k.External.Service, &xksKey{k.External.Key}
	}
	return map[string]any{"KeyMetadata": m}
}

type createKeyIn struct {
	Policy, Description            string
	KeyUsage, KeySpec, Origin      string
	CustomerMasterKeySpec          string
	CustomKeyStoreId, XksKeyId     string
	BypassPolicyLockoutSafetyCheck bool
	MultiRegion                    bool
	Tags                           []tag
}

func createKey(c *call, in createKeyIn) (any, error) {
	if in.KeySpec == "" {
		in.KeySpec = in.CustomerMasterKeySpec
	}
	k, err := c.s.KMSCreateKey(c.ctx, kms.NewKey{
		Policy: in.Policy, Description: in.Description, Spec: in.KeySpec, Usage: in.KeyUsage, Origin: in.Origin,
		MultiRegion: in.MultiRegion, CustomKeyStore: in.CustomKeyStoreId, ExternalKey: in.XksKeyId, Tags: tagsOf(in.Tags),
		BypassPolicyLockoutSafe: in.BypassPolicyLockoutSafetyCheck,
	})
	if err != nil {
		return nil, err
	}
	return metadata(k), nil
}

type keyIn struct {
	KeyId       string
	GrantTokens []string
}

func describeKey(c *call, in keyIn) (any, error) {
	k, err := c.s.KMSDescribeKey(c.ctx, in.KeyId, in.GrantTokens)
	if err != nil {
		return nil, err
	}
	return metadata(k), nil
}

func listKeys(c *call, in page) (any, error) {
	l, err := c.s.KMSListKeys(c.ctx, in.of())
	if err != nil {
		return nil, err
	}
	type entry struct{ KeyId, KeyArn string }
	out := struct {
		Keys []entry
		ending
	}{[]entry{}, ends(l.Marker)}
	for _, k := range l.Items {
		out.Keys = append(out.Keys, entry{k.ID, k.ARN()})
	}
	return out, nil
}

func updateKeyDescription(c *call, in struct{ KeyId, Description string }) (any, error) {
	return nil, c.s.KMSUpdateKeyDescription(c.ctx, in.KeyId, in.Description)
}

func enableKey(c *call, in keyIn) (any, error) { return nil, c.s.KMSEnableKey(c.ctx, in.KeyId) }

func disableKey(c *call, in keyIn) (any, error) { return nil, c.s.KMSDisableKey(c.ctx, in.KeyId) }

func scheduleKeyDeletion(c *call, in struct {
	KeyId               string
	PendingWindowInDays *int
}) (any, error) {
	window := 0
	if in.PendingWindowInDays != nil {
		if window = *in.PendingWindowInDays; window == 0 {
			window = -1 // it asks for none, and not for the default
		}
	}
	k, err := c.s.KMSScheduleKeyDeletion(c.ctx, in.KeyId, window)
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyId": k.ARN(), "DeletionDate": epoch(k.Deletion), "KeyState": k.State.String(), "PendingWindowInDays": k.Window}, nil
}

func cancelKeyDeletion(c *call, in keyIn) (any, error) {
	k, err := c.s.KMSCancelKeyDeletion(c.ctx, in.KeyId)
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyId": k.ARN()}, nil
}

func updatePrimaryRegion(c *call, in struct{ KeyId, PrimaryRegion string }) (any, error) {
	return nil, c.s.KMSUpdatePrimaryRegion(c.ctx, in.KeyId, in.PrimaryRegion)
}

func tagResource(c *call, in struct {
	KeyId string
	Tags  []tag
}) (any, error) {
	return nil, c.s.KMSTagResource(c.ctx, in.KeyId, tagsOf(in.Tags))
}

func untagResource(c *call, in struct {
	KeyId   string
	TagKeys []string
}) (any, error) {
	return nil, c.s.KMSUntagResource(c.ctx, in.KeyId, in.TagKeys)
}

func listResourceTags(c *call, in struct {
	KeyId string
	page
}) (any, error) {
	l, err := c.s.KMSListResourceTags(c.ctx, in.KeyId, in.of())
	if err != nil {
		return nil, err
	}
	out := struct {
		Tags []tag
		ending
	}{[]tag{}, ends(l.Marker)}
	for _, t := range l.Items {
		out.Tags = append(out.Tags, tag{t.Key, t.Value})
	}
	return out, nil
}
