package control

import (
	"context"
	"maps"
	"slices"
	"strings"

	"pail/store"
	"pail/store/kms"
	"pail/store/web/keyclient"
)

// The operations of the key management service: what is behind "kms-" is the name of that of KMS.
const (
	opKMSKeys             = "kms-list-keys"
	opKMSKey              = "kms-describe-key"
	opCreateKMSKey        = "kms-create-key"
	opSetKMSAlias         = "kms-update-alias"
	opDeleteKMSAlias      = "kms-delete-alias"
	opEnableKMSKey        = "kms-enable-key"
	opDisableKMSKey       = "kms-disable-key"
	opRotateKMSKey        = "kms-rotate-key-on-demand"
	opSetKMSRotation      = "kms-enable-key-rotation"
	opEndKMSRotation      = "kms-disable-key-rotation"
	opScheduleKMSDeletion = "kms-schedule-key-deletion"
	opCancelKMSDeletion   = "kms-cancel-key-deletion"
	opPutKMSPolicy        = "kms-put-key-policy"
	opCreateKMSGrant      = "kms-create-grant"
	opRevokeKMSGrant      = "kms-revoke-grant"
	opAddKMSService       = "kms-create-custom-key-store"
	opKMSServices         = "kms-describe-custom-key-stores"
	opDeleteKMSService    = "kms-delete-custom-key-store"
)

// everyKMSPage calls list with one page after another.
func everyKMSPage[T any](list func(kms.Page) (kms.Listing[T], error), fn func(T) error) error {
	var p kms.Page
	for {
		l, err := list(p)
		if err != nil {
			return err
		}
		for _, it := range l.Items {
			if err := fn(it); err != nil {
				return err
			}
		}
		if p.Marker = l.Marker; p.Marker == "" {
			return nil
		}
	}
}

// aliasName is the name of an alias, which people write with "alias/" or without.
func aliasName(name string) string {
	if strings.HasPrefix(name, "alias/") {
		return name
	}
	return "alias/" + name
}

// kmsKey finds the key that a request names, in the account that it names.
func (c *call) kmsKey(ctx context.Context, req KMSKeyRequest) (*store.Session, *kms.Key, error) {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return nil, nil, err
	}
	name := req.Key
	if !strings.HasPrefix(name, "arn:") && !kms.IsKeyID(name) {
		name = aliasName(name)
	}
	k, err := se.KMSDescribeKey(ctx, name, nil)
	return se, k, err
}

// onKey makes an operation of what is done to a key.
func onKey(fn func(ctx context.Context, se *store.Session, id string) error) operation {
	return asking(func(ctx context.Context, c *call, req KMSKeyRequest) error {
		se, k, err := c.kmsKey(ctx, req)
		if err != nil {
			return err
		}
		return fn(ctx, se, k.ID)
	})
}

// aliasesIn are the aliases of the keys of an account by the ids of the keys.
func aliasesIn(ctx context.Context, se *store.Session) (map[string][]string, error) {
	out := map[string][]string{}
	err := everyKMSPage(func(p kms.Page) (kms.Listing[*kms.Alias], error) { return se.KMSListAliases(ctx, "", p) },
		func(a *kms.Alias) error {
			out[a.Target] = append(out[a.Target], a.Name)
			return nil
		})
	return out, err
}

func kmsKeys(ctx context.Context, c *call, req InAccount) error {
	se, err := c.sessionIn(req)
	if err != nil {
		return err
	}
	aliases, err := aliasesIn(ctx, se)
	if err != nil {
		return err
	}
	return everyKMSPage(func(p kms.Page) (kms.Listing[*kms.Key], error) { return se.KMSListKeys(ctx, p) },
		func(k *kms.Key) error { return c.out.item(kmsKeyOf(k, aliases[k.ID])) })
}

// kmsKeyInfo describes a key. What its policy keeps even from the root of its account is left
// out.
func kmsKeyInfo(ctx context.Context, c *call, req KMSKeyRequest) error {
	se, k, err := c.kmsKey(ctx, req)
	if err != nil {
		return err
	}
	aliases, err := aliasesIn(ctx, se)
	if err != nil {
		return err
	}
	out := kmsKeyOf(k, aliases[k.ID])
	if out.Policy, err = se.KMSGetKeyPolicy(ctx, k.ID, ""); err != nil {
		out.Policy = ""
	}
	_ = everyKMSPage(func(p kms.Page) (kms.Listing[*kms.Grant], error) { return se.KMSListGrants(ctx, k.ID, "", "", p) },
		func(g *kms.Grant) error {
			out.Grants = append(out.Grants, kmsGrantOf(g))
			return nil
		})
	return c.out.item(out)
}

func createKMSKey(ctx context.Context, c *call, req CreateKMSKeyRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	in := kms.NewKey{Description: req.Description, Policy: req.Policy, CustomKeyStore: req.Service, ExternalKey: req.ExternalKey}
	if req.Service != "" {
		in.Origin = kms.OriginExternal
	}
	for _, key := range slices.Sorted(maps.Keys(req.Tags)) {
		in.Tags = append(in.Tags, kms.Tag{Key: key, Value: req.Tags[key]})
	}
	if req.Alias != "" {
		if err := kms.CheckAliasName(aliasName(req.Alias)); err != nil {
			return err // before there is a key without it
		}
	}
	k, err := se.KMSCreateKey(ctx, in)
	if err != nil {
		return err
	}
	var aliases []string
	if req.Alias != "" {
		aliases = []string{aliasName(req.Alias)}
		if err := se.KMSCreateAlias(ctx, aliases[0], k.ID); err != nil {
			return err
		}
	}
	return c.out.item(kmsKeyOf(k, aliases))
}

// setKMSAlias gives a key an alias, which may have been another key's.
func setKMSAlias(ctx context.Context, c *call, req KMSAliasRequest) error {
	se, k, err := c.kmsKey(ctx, req.KMSKeyRequest)
	if err != nil {
		return err
	}
	name := aliasName(req.Alias)
	aliases, err := aliasesIn(ctx, se)
	if err != nil {
		return err
	}
	for _, names := range aliases {
		if slices.Contains(names, name) {
			return se.KMSUpdateAlias(ctx, name, k.ID)
		}
	}
	return se.KMSCreateAlias(ctx, name, k.ID)
}

func deleteKMSAlias(ctx context.Context, c *call, req KMSAliasRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	return se.KMSDeleteAlias(ctx, aliasName(req.Alias))
}

func setKMSRotation(ctx context.Context, c *call, req KMSRotationRequest) error {
	se, k, err := c.kmsKey(ctx, req.KMSKeyRequest)
	if err != nil {
		return err
	}
	return se.KMSEnableKeyRotation(ctx, k.ID, req.Days)
}

func scheduleKMSDeletion(ctx context.Context, c *call, req KMSDeletionRequest) error {
	se, k, err := c.kmsKey(ctx, req.KMSKeyRequest)
	if err != nil {
		return err
	}
	if k, err = se.KMSScheduleKeyDeletion(ctx, k.ID, req.Days); err != nil {
		return err
	}
	return c.out.item(kmsKeyOf(k, nil))
}

func putKMSPolicy(ctx context.Context, c *call, req KMSPolicyRequest) error {
	se, k, err := c.kmsKey(ctx, req.KMSKeyRequest)
	if err != nil {
		return err
	}
	return se.KMSPutKeyPolicy(ctx, k.ID, "", req.Policy, req.Force)
}

func createKMSGrant(ctx context.Context, c *call, req CreateKMSGrantRequest) error {
	se, k, err := c.kmsKey(ctx, req.KMSKeyRequest)
	if err != nil {
		return err
	}
	g, err := se.KMSCreateGrant(ctx, k.ID, kms.NewGrant{
		Name: req.Name, Grantee: req.Grantee, Retiring: req.Retiring, Operations: req.Operations, Subset: req.Subset, Equals: req.Equals,
	}, nil, false)
	if err != nil {
		return err
	}
	out := kmsGrantOf(g)
	if out.Token, err = g.Token(); err != nil {
		return err
	}
	return c.out.item(out)
}

func revokeKMSGrant(ctx context.Context, c *call, req RevokeKMSGrantRequest) error {
	se, k, err := c.kmsKey(ctx, req.KMSKeyRequest)
	if err != nil {
		return err
	}
	return se.KMSRevokeGrant(ctx, k.ID, req.Grant, false)
}

func enableKMSKey(ctx context.Context, se *store.Session, id string) error {
	return se.KMSEnableKey(ctx, id)
}

func disableKMSKey(ctx context.Context, se *store.Session, id string) error {
	return se.KMSDisableKey(ctx, id)
}

func rotateKMSKey(ctx context.Context, se *store.Session, id string) error {
	_, err := se.KMSRotateKeyOnDemand(ctx, id)
	return err
}

func endKMSRotation(ctx context.Context, se *store.Session, id string) error {
	return se.KMSDisableKeyRotation(ctx, id)
}

func cancelKMSDeletion(ctx context.Context, se *store.Session, id string) error {
	_, err := se.KMSCancelKeyDeletion(ctx, id)
	return err
}

func addKMSService(ctx context.Context, c *call, req AddKMSServiceRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	if err := keyclient.CheckURL(req.URL); err != nil {
		return err
	}
	kind := kms.Transit
	if req.Kind == kms.Compatible.String() {
		kind = kms.Compatible
	}
	s, err := se.KMSCreateKeyService(ctx, kms.NewService{
		Name: req.Name, Kind: kind, URL: req.URL, Mount: req.Mount, Region: req.Region, AccessKey: req.AccessKey, CA: req.CA, Secret: req.Secret,
	})
	if err != nil {
		return err
	}
	return c.out.item(kmsServiceOf(s))
}

func kmsServices(ctx context.Context, c *call, req InAccount) error {
	se, err := c.sessionIn(req)
	if err != nil {
		return err
	}
	all, err := se.KMSKeyServices(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := c.out.item(kmsServiceOf(s)); err != nil {
			return err
		}
	}
	return nil
}

func deleteKMSService(ctx context.Context, c *call, req KMSServiceRequest) error {
	se, err := c.sessionIn(req.InAccount)
	if err != nil {
		return err
	}
	return se.KMSDeleteKeyService(ctx, req.Name)
}

func kmsServiceOf(s *kms.Service) KMSService {
	return KMSService{ID: s.ID, Name: s.Name, Kind: s.Kind.String(), URL: s.URL, Mount: s.Mount, Region: s.Region, AccessKey: s.AccessKey, Created: s.Created}
}
