package control

import (
	"time"

	"pail/store/kms"
)

// A KMSKey is a key of the key management service.
type KMSKey struct {
	ID           string            `json:"id"`
	ARN          string            `json:"arn"`
	State        string            `json:"state"` // Enabled, Disabled or PendingDeletion
	Description  string            `json:"description,omitempty"`
	Created      time.Time         `json:"created"`
	Manager      string            `json:"manager"` // CUSTOMER, or AWS for the key of S3
	Origin       string            `json:"origin"`
	Service      string            `json:"service,omitempty"`      // id of the one outside that keeps it
	ExternalKey  string            `json:"external_key,omitempty"` // its name there
	Aliases      []string          `json:"aliases,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	Deletion     *time.Time        `json:"deletion,omitempty"`
	Materials    int               `json:"materials"` // how many it has had
	RotationDays int               `json:"rotation_days,omitempty"`
	NextRotation *time.Time        `json:"next_rotation,omitempty"`
	Policy       string            `json:"policy,omitempty"` // of a key that is shown by itself
	Grants       []KMSGrant        `json:"grants,omitempty"` // likewise
}

// A KMSGrant is a grant of a key.
type KMSGrant struct {
	ID         string            `json:"id"`
	Name       string            `json:"name,omitempty"`
	Grantee    string            `json:"grantee"`
	Retiring   string            `json:"retiring,omitempty"`
	Operations []string          `json:"operations"`
	Subset     map[string]string `json:"context_subset,omitempty"`
	Equals     map[string]string `json:"context_equals,omitempty"`
	Created    time.Time         `json:"created"`
	Token      string            `json:"token,omitempty"` // of one that was just made
}

// A KMSKeyRequest names a key by its id, its ARN or an alias, with "alias/" or without.
type KMSKeyRequest struct {
	InAccount
	Key string `json:"key_id"`
}

// A CreateKMSKeyRequest makes a key, and an alias of it if there is one.
type CreateKMSKeyRequest struct {
	InAccount
	Alias       string            `json:"alias,omitempty"`
	Description string            `json:"description,omitempty"`
	Policy      string            `json:"policy,omitempty"` // "": the default
	Tags        map[string]string `json:"tags,omitempty"`
	Service     string            `json:"service,omitempty"`      // outside, that keeps it
	ExternalKey string            `json:"external_key,omitempty"` // the key's name there
}

// A KMSService is a key service outside.
type KMSService struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind"` // transit or kms
	URL       string    `json:"url"`
	Mount     string    `json:"mount,omitempty"`
	Region    string    `json:"region,omitempty"`
	AccessKey string    `json:"access_key,omitempty"`
	Created   time.Time `json:"created"`
}

// An AddKMSServiceRequest has an account keep keys in a service outside.
type AddKMSServiceRequest struct {
	InAccount
	Name      string `json:"service"`
	Kind      string `json:"kind"`
	URL       string `json:"url"`
	Mount     string `json:"mount,omitempty"`
	Region    string `json:"region,omitempty"`
	AccessKey string `json:"access_key,omitempty"`
	CA        string `json:"ca,omitempty"` // PEM
	Secret    string `json:"secret"`       // the token, or the secret key
}

// A KMSServiceRequest names a service by its name or id.
type KMSServiceRequest struct {
	InAccount
	Name string `json:"service"`
}

// A KMSAliasRequest gives a key another name, or takes that away for Key "".
type KMSAliasRequest struct {
	KMSKeyRequest
	Alias string `json:"alias"`
}

// A KMSRotationRequest has a key get new material every so many days.
type KMSRotationRequest struct {
	KMSKeyRequest
	Days int `json:"days,omitempty"`
}

// A KMSDeletionRequest has a key be deleted when so many days are over, 30 for 0.
type KMSDeletionRequest struct {
	KMSKeyRequest
	Days int `json:"days,omitempty"`
}

// A KMSPolicyRequest gives a key another policy.
type KMSPolicyRequest struct {
	KMSKeyRequest
	Policy string `json:"policy"`
	Force  bool   `json:"force,omitempty"` // though nobody may change it again
}

// A CreateKMSGrantRequest makes a grant of a key.
type CreateKMSGrantRequest struct {
	KMSKeyRequest
	Name       string            `json:"name,omitempty"`
	Grantee    string            `json:"grantee"` // ARN
	Retiring   string            `json:"retiring,omitempty"`
	Operations []string          `json:"operations"`
	Subset     map[string]string `json:"context_subset,omitempty"`
	Equals     map[string]string `json:"context_equals,omitempty"`
}

// A RevokeKMSGrantRequest takes a grant away.
type RevokeKMSGrantRequest struct {
	KMSKeyRequest
	Grant string `json:"grant"`
}

func kmsKeyOf(k *kms.Key, aliases []string) KMSKey {
	out := KMSKey{
		ID: k.ID, ARN: k.ARN(), State: k.State.String(), Description: k.Description, Created: k.Created, Manager: "CUSTOMER",
		Origin: k.Origin(), Service: k.External.Service, ExternalKey: k.External.Key, Aliases: aliases, Materials: len(k.Materials),
	}
	if k.AWS {
		out.Manager = "AWS"
	}
	if !k.Deletion.IsZero() {
		out.Deletion = &k.Deletion
	}
	if k.Rotation.On {
		out.RotationDays, out.NextRotation = k.Rotation.Days, &k.Rotation.Next
	}
	for _, t := range k.Tags {
		if out.Tags == nil {
			out.Tags = map[string]string{}
		}
		out.Tags[t.Key] = t.Value
	}
	return out
}

func kmsGrantOf(g *kms.Grant) KMSGrant {
	return KMSGrant{
		ID: g.ID, Name: g.Name, Grantee: g.Grantee.Value, Retiring: g.Retiring.Value, Operations: g.Operations,
		Subset: g.Subset, Equals: g.Equals, Created: g.Created,
	}
}
