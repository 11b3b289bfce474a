package kms

import (
	"slices"
	"time"

	"pail/store/access"
	"pail/store/fault"
)

// A Change is what a rule makes of Keys.
type Change struct{ Put, Drop []Item }

// Put is a change that puts items.
func Put(items ...Item) Change { return Change{Put: items} }

// Drop is a change that takes items away.
func Drop(items ...Item) Change { return Change{Drop: items} }

// Find is Key, or KMSNotFound.
func (ks *Keys) Find(id string) (*Key, error) {
	if k := ks.Key(id); k != nil {
		return k, nil
	}
	return nil, fault.New(fault.KMSNotFound, "Key '%s' does not exist", id)
}

// clone is a copy of a key to be changed.
func (k *Key) clone() *Key {
	next := *k
	next.Materials = slices.Clone(k.Materials)
	return &next
}

// Usable says why a key may not be used now. The kinds of failure: KMSDisabled,
// KMSInvalidState.
func (k *Key) Usable() error {
	switch k.State {
	case Enabled:
		return nil
	case Disabled:
		return fault.New(fault.KMSDisabled, "%s is disabled.", k.ARN())
	}
	return k.pending()
}

func (k *Key) pending() error {
	return fault.New(fault.KMSInvalidState, "%s is pending deletion.", k.ARN())
}

// changeable says why a key may not be changed now: one that is pending deletion may not.
func (k *Key) changeable() error {
	if k.State == PendingDeletion {
		return k.pending()
	}
	return nil
}

// A NewKey is what CreateKey is given. What is "" is as AWS has it.
type NewKey struct {
	Policy                  string // JSON
	Description             string
	Spec, Usage, Origin     string
	MultiRegion             bool
	CustomKeyStore          string // name or id of a service outside
	ExternalKey             string // the name of the key there
	Tags                    []Tag
	BypassPolicyLockoutSafe bool
}

// checkKind refuses what keys of AWS may be and keys here are not.
func (in *NewKey) checkKind() error {
	switch in.Spec {
	case "", SymmetricDefault:
	case "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519",
		"HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87":
		return fault.New(fault.NotSupported, "KeySpec %s is not supported: keys here are symmetric encryption keys, %s", in.Spec, SymmetricDefault)
	default:
		return invalid("Value '%s' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set", in.Spec)
	}
	switch in.Usage {
	case "", EncryptDecrypt:
	case "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT":
		return invalid("The %s key usage is not compatible with the key spec %s", in.Usage, SymmetricDefault)
	default:
		return invalid("Value '%s' at 'keyUsage' failed to satisfy constraint: Member must satisfy enum value set", in.Usage)
	}
	switch in.Origin {
	case "", OriginKMS:
	case OriginExternal:
		if in.CustomKeyStore == "" {
			return invalid("a key of Origin %s is kept by a key service: name it (CustomKeyStoreId)", OriginExternal)
		}
	case "EXTERNAL", "AWS_CLOUDHSM":
		return fault.New(fault.NotSupported, "Origin %s is not supported: material is made here, or kept by a key service (%s)", in.Origin, OriginExternal)
	default:
		return invalid("Value '%s' at 'origin' failed to satisfy constraint: Member must satisfy enum value set", in.Origin)
	}
	switch {
	case in.MultiRegion:
		return fault.New(fault.NotSupported, "MultiRegion is not supported: keys are of one Region")
	case (in.CustomKeyStore != "" || in.ExternalKey != "") && in.Origin != OriginExternal:
		return invalid("CustomKeyStoreId and XksKeyId are of keys of Origin %s", OriginExternal)
	}
	return nil
}

// A Maker is what making a key takes besides what is asked for.
type Maker struct {
	Account, Region string
	Now             time.Time
	Sealer          Sealer
	// Lookup finds whom policies name (access.Options.Lookup).
	Lookup func(access.Entity) (string, bool)
}

// CreateKey makes a key with its first material. The kinds of failure: InvalidArgument,
// NotSupported, MalformedPolicy, LimitExceeded, InvalidTag, and those of the Sealer.
func (ks *Keys) CreateKey(mk Maker, in NewKey) (*Key, error) {
	if err := in.checkKind(); err != nil {
		return nil, err
	}
	if err := checkDescription(in.Description); err != nil {
		return nil, err
	}
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, k := range ks.ring(mk.Account).keys {
		if !k.AWS {
			n++
		}
	}
	if n >= maxKeys {
		return nil, exceeded("keys of an account", maxKeys)
	}
	if in.Policy == "" {
		in.Policy = DefaultPolicy(mk.Account)
	}
	k := &Key{Account: mk.Account, Region: mk.Region, Created: mk.Now, Description: in.Description, State: Enabled, Tags: tags}
	if err := k.setPolicy(in.Policy, mk.Lookup); err != nil {
		return nil, err
	}
	if in.Origin == OriginExternal {
		s, err := ks.FindService(mk.Account, in.CustomKeyStore)
		if err != nil {
			return nil, err
		}
		if err := CheckExternalKey(s.Kind, in.ExternalKey); err != nil {
			return nil, err
		}
		k.beginOutside(s, in.ExternalKey, mk.Now)
		return k, nil
	}
	return k, k.begin(mk)
}

// begin gives a new key its id and its first material.
func (k *Key) begin(mk Maker) error {
	id, raw := newID()
	k.ID = id
	m, err := newMaterial(mk.Sealer, raw, 1, Made, mk.Now)
	k.Materials = []Material{m}
	return err
}

// ManagedKey is the key that S3 uses in an account where nobody names one, with its alias; put
// is empty if both are there.
func (ks *Keys) ManagedKey(mk Maker) (k *Key, put []Item, err error) {
	if a := ks.Alias(mk.Account, S3Alias); a != nil {
		k, err := ks.Find(a.Target)
		return k, nil, err
	}
	k = &Key{
		Account: mk.Account, Region: mk.Region, Created: mk.Now, AWS: true, State: Enabled,
		Description: "Default key that protects my S3 objects when no other key is defined",
		Rotation:    Rotation{On: true, Days: defaultRotation, Next: mk.Now.Add(days(defaultRotation))},
	}
	if err := k.setPolicy(managedPolicy(mk.Account, mk.Region), mk.Lookup); err != nil {
		return nil, nil, err
	}
	if err := k.begin(mk); err != nil {
		return nil, nil, err
	}
	a := &Alias{Account: mk.Account, Region: mk.Region, Name: S3Alias, Target: k.ID, Created: mk.Now, Updated: mk.Now}
	return k, []Item{k, a}, nil
}

// UpdateDescription changes the description of a key. The kinds of failure: KMSNotFound,
// KMSInvalidState, InvalidArgument.
func (ks *Keys) UpdateDescription(id, text string) (*Key, error) {
	k, err := ks.toChange(id)
	if err != nil {
		return nil, err
	}
	if err := checkDescription(text); err != nil {
		return nil, err
	}
	k.Description = text
	return k, nil
}

// toChange is a copy of a key that may be changed.
func (ks *Keys) toChange(id string) (*Key, error) {
	k, err := ks.Find(id)
	if err != nil {
		return nil, err
	}
	return k.clone(), k.changeable()
}

// SetEnabled lets a key be used, or not. The kinds of failure: KMSNotFound, KMSInvalidState.
func (ks *Keys) SetEnabled(id string, on bool) (*Key, error) {
	k, err := ks.toChange(id)
	if err != nil {
		return nil, err
	}
	if k.State = Disabled; on {
		k.State = Enabled
	}
	return k, nil
}

// ScheduleDeletion has a key be deleted when so many days are over, 30 for 0; until then it
// is not used. The kinds of failure: KMSNotFound, KMSInvalidState, InvalidArgument.
func (ks *Keys) ScheduleDeletion(id string, window int, now time.Time) (*Key, error) {
	if window == 0 {
		window = maxWindow
	}
	if window < minWindow || window > maxWindow {
		return nil, invalid("PendingWindowInDays must be between %d and %d, inclusive", minWindow, maxWindow)
	}
	k, err := ks.toChange(id)
	if err != nil {
		return nil, err
	}
	k.State, k.Window, k.Deletion = PendingDeletion, window, now.Add(days(window))
	return k, nil
}

// CancelDeletion keeps a key from being deleted. It is disabled then. The kinds of failure:
// KMSNotFound, KMSInvalidState.
func (ks *Keys) CancelDeletion(id string) (*Key, error) {
	k, err := ks.Find(id)
	if err != nil {
		return nil, err
	}
	if k.State != PendingDeletion {
		return nil, fault.New(fault.KMSInvalidState, "%s is not pending deletion.", k.ARN())
	}
	k = k.clone()
	k.State, k.Window, k.Deletion = Disabled, 0, time.Time{}
	return k, nil
}

// Deleted is what goes with a key whose time has come: itself and its aliases, and in most
// grants at once. more says that there are further grants, which go before it.
func (ks *Keys) Deleted(k *Key, most int) (drop []Item, more bool) {
	if s := ks.grants[k.ID]; s != nil {
		for _, g := range s.byID {
			if len(drop) == most {
				return drop, true
			}
			drop = append(drop, g)
		}
	}
	r := ks.ring(k.Account)
	for _, name := range r.named[k.ID] {
		drop = append(drop, r.aliases[name])
	}
	return append(drop, k), false
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
