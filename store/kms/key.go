package kms

import (
	"slices"
	"time"

	"pail/store/access"
)

// A State is what may be done with a key ("Key states of AWS KMS keys").
type State uint32

// The states. Their numbers are kept and never change.
const (
	Enabled         State = 1
	Disabled        State = 2
	PendingDeletion State = 3
)

var stateNames = map[State]string{Enabled: "Enabled", Disabled: "Disabled", PendingDeletion: "PendingDeletion"}

// String is the state as AWS writes it.
func (s State) String() string { return stateNames[s] }

// What every key here is: the one spec, use, algorithm and origin there are.
const (
	SymmetricDefault = "SYMMETRIC_DEFAULT" // KeySpec and EncryptionAlgorithm
	EncryptDecrypt   = "ENCRYPT_DECRYPT"   // KeyUsage
	OriginKMS        = "AWS_KMS"           // Origin of material that is made here
	OriginExternal   = "EXTERNAL_KEY_STORE"
)

// S3Alias is the alias of the key that S3 uses where nobody names one.
const S3Alias = "alias/aws/s3"

// A Tag is a word of its owner's about a key.
type Tag struct{ Key, Value string }

// A Cause says why there is a material.
type Cause uint32

// The causes. Their numbers are kept and never change.
const (
	Made      Cause = 0 // with the key
	Automatic Cause = 1
	OnDemand  Cause = 2
)

// A Material is the secret of a key, or one that it had before: what was encrypted under it
// is decrypted under it.
type Material struct {
	Number  uint32 // of the key's, from 1; ciphertexts name it
	ID      string // 64 hexadecimal digits
	Sealed  []byte // by a Sealer; nil of a key that is kept outside
	Created time.Time
	Cause   Cause
}

// A Rotation says when a key gets new material by itself.
type Rotation struct {
	On   bool
	Days int       // between two
	Next time.Time // when it is due
}

// A Key is a symmetric encryption key. Keys never change; a change is another Key of the
// same id.
type Key struct {
	ID          string // a UUID in lower case
	Account     string
	Region      string
	Created     time.Time
	Description string
	AWS         bool // managed by S3, and not by its account
	State       State
	Deletion    time.Time // when it will be gone; zero: it is not pending deletion
	Window      int       // days that it was given until then
	Policy      string    // JSON, as it was put
	Named       []access.Entity
	Tags        []Tag // by their keys
	Materials   []Material
	Rotation    Rotation
	// External names the service outside that keeps the key, and the key there; zero: it is
	// kept here.
	External External

	policy *access.Policy // nil: the text cannot be enforced, and nobody may use the key
}

// An External is where a key is kept that is not kept here: the id of a service, and the name
// of the key there.
type External struct{ Service, Key string }

// An Alias is another name of a key.
type Alias struct {
	Account, Region  string
	Name             string // alias/...
	Target           string // id of the key
	Created, Updated time.Time
}

// A Grant lets somebody use a key, besides what policies say ("Grants in AWS KMS").
type Grant struct {
	ID       string // 64 hexadecimal digits
	Key      string // id
	Account  string // of the key
	Region   string // likewise
	Name     string // by whom it was made, so as not to make it twice; "": none
	Grantee  access.Entity
	Retiring access.Entity // who may retire it besides; zero: nobody
	Issuer   string        // account of who made it
	// Operations are those that it allows, as "Decrypt", in the order in which they were given.
	Operations []string
	// Subset and Equals are what the encryption context must have and be; nil: anything.
	Subset, Equals map[string]string
	Created        time.Time

	compiled access.KeyGrant
}

// An Item is what is kept: *Key, *Alias, *Grant or *Service.
type Item interface{ home() string }

func (k *Key) home() string   { return k.Account }
func (a *Alias) home() string { return a.Account }
func (g *Grant) home() string { return g.Account }

// AccountOf is the account of an item.
func AccountOf(it Item) string { return it.home() }

// KeyARN names a key.
func KeyARN(region, account, id string) string {
	return "arn:aws:kms:" + region + ":" + account + ":key/" + id
}

// AliasARN names an alias by its name, which begins with "alias/".
func AliasARN(region, account, name string) string {
	return "arn:aws:kms:" + region + ":" + account + ":" + name
}

// ARN names the key.
func (k *Key) ARN() string { return KeyARN(k.Region, k.Account, k.ID) }

// ARN names the alias.
func (a *Alias) ARN() string { return AliasARN(a.Region, a.Account, a.Name) }

// KeyARN names the key of the grant.
func (g *Grant) KeyARN() string { return KeyARN(g.Region, g.Account, g.Key) }

// Origin is where the key's material comes from.
func (k *Key) Origin() string {
	if k.External != (External{}) {
		return OriginExternal
	}
	return OriginKMS
}

// Compiled is the key's policy; nil: it cannot be enforced.
func (k *Key) Compiled() *access.Policy { return k.policy }

// Current is the material that encrypts.
func (k *Key) Current() *Material { return &k.Materials[len(k.Materials)-1] }

// Material returns a material by its number; nil: the key has no such.
func (k *Key) Material(number uint32) *Material {
	i, ok := slices.BinarySearchFunc(k.Materials, number, func(m Material, n uint32) int { return int(int64(m.Number) - int64(n)) })
	if !ok {
		return nil
	}
	return &k.Materials[i]
}

// compile makes ready what decides, of a key that was put and of one that is loaded alike. It
// is called before anybody else sees the key.
func (k *Key) compile() {
	kept := map[string]string{}
	for _, e := range k.Named {
		kept[e.Type+" "+e.Value] = e.ID
	}
	lookup := func(e access.Entity) (string, bool) { return kept[e.Type+" "+e.Value], true }
	p, err := access.Parse(access.KeyPolicy, []byte(k.Policy), access.Options{Lookup: lookup})
	if k.policy = nil; err == nil {
		p.Name = k.ARN()
		k.policy = p
	}
}

func (g *Grant) compile() {
	g.compiled = access.KeyGrant{ID: g.ID, Grantee: g.Grantee, Subset: g.Subset, Equals: g.Equals}
	for _, op := range g.Operations {
		g.compiled.Actions = append(g.compiled.Actions, "kms:"+op)
	}
}
