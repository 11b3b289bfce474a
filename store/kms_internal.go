package store

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/kms"
	"pail/store/trail"
)

// What encryption of objects asks of the key management service. It names S3 as the service
// through which a key is used (via: kms.S3Service), and each use is told to the audit trail as
// that of the caller.

// kmsDataKey makes up a data key as the session's caller, and wraps it with a key: an id, an
// ARN, an alias or its ARN; "" is the one that S3 manages in the caller's account, which is
// made if there is none. arn is that of the key. The kinds of failure: AccessDenied,
// KMSNotFound, KMSInvalidARN, KMSDisabled, KMSInvalidState, InvalidArgument.
func (se *Session) kmsDataKey(keyID string, pairs map[string]string, via string) (k crypto.Key, wrapped []byte, arn string, err error) {
	ctx := context.Background()
	told := kmsTold{name: "GenerateDataKey", session: se, context: pairs, key: or(keyID, kms.S3Alias), via: via}
	told.more = []trail.Field{{Name: "keySpec", Value: "AES_256"}}
	defer func() { se.s.tellKMS(told.failed(err)) }()
	if keyID == "" || keyID == kms.S3Alias {
		if err := se.makeManagedKey(ctx); err != nil {
			return k, nil, "", err
		}
		keyID = kms.S3Alias
	}
	used, err := se.mayUseVia(ctx, "kms:GenerateDataKey", keyID, pairs, via)
	if used != nil {
		told.keys = []*kms.Key{used}
	}
	if err != nil {
		return k, nil, "", err
	}
	k = *crypto.NewKey()
	made, err := se.s.kmsEncrypt(ctx, used, k[:], pairs)
	if err != nil {
		k.Wipe()
		return k, nil, "", err
	}
	told.material = made.Material
	return k, made.Blob, made.Key, nil
}

// kmsUnwrap unwraps a data key as the session's caller, with the key of an ARN. The kinds of
// failure: those of kmsDataKey, KMSInvalidCiphertext, KMSIncorrectKey.
func (se *Session) kmsUnwrap(arn string, wrapped []byte, pairs map[string]string, via string) (k crypto.Key, err error) {
	ctx := context.Background()
	told := kmsTold{name: "Decrypt", session: se, context: pairs, key: arn, via: via}
	defer func() { se.s.tellKMS(told.failed(err)) }()
	used, err := se.mayUseVia(ctx, "kms:Decrypt", arn, pairs, via)
	if used != nil {
		told.keys = []*kms.Key{used}
	}
	if err != nil {
		return k, err
	}
	k, told.material, err = se.s.unwrap(ctx, used, wrapped, pairs)
	return k, err
}

// kmsMayUnwrap is kmsUnwrap of what is unwrapped already: it is decided, and told, as if it were
// done.
func (se *Session) kmsMayUnwrap(arn string, pairs map[string]string, via string) (err error) {
	told := kmsTold{name: "Decrypt", session: se, context: pairs, key: arn, via: via}
	defer func() { se.s.tellKMS(told.failed(err)) }()
	used, err := se.mayUseVia(context.Background(), "kms:Decrypt", arn, pairs, via)
	if used != nil {
		told.keys = []*kms.Key{used}
	}
	return err
}

// kmsNamed is the ARN of the key that a request of the session's caller names, "" if there is none.
func (se *Session) kmsNamed(name string) string {
	ref, err := kms.ParseRef(or(name, kms.S3Alias))
	if err != nil {
		return ""
	}
	ks := se.s.kmsKeys()
	id := ref.ID
	if a := ks.Alias(or(ref.Account, se.who.Account), ref.Alias); ref.Alias != "" && a != nil {
		id = a.Target
	}
	if k := ks.Key(id); k != nil {
		return k.ARN()
	}
	return ""
}

// kmsUnwrapInternal unwraps a data key for the store's own upkeep, whatever policies say; the
// key has to be enabled all the same. It is told as done by the service. The kinds of
// failure are those of kmsUnwrap but AccessDenied.
func (s *Store) kmsUnwrapInternal(arn string, wrapped []byte, pairs map[string]string) (k crypto.Key, err error) {
	told := kmsTold{name: "Decrypt", service: "s3.amazonaws.com", context: pairs, key: arn}
	defer func() { s.tellKMS(told.failed(err)) }()
	ref, err := kms.ParseRef(arn)
	if err != nil {
		return k, err
	}
	used, err := s.kmsKeys().Find(ref.ID)
	if err != nil {
		return k, err
	}
	told.keys = []*kms.Key{used}
	if err := used.Usable(); err != nil {
		return k, err
	}
	k, told.material, err = s.unwrap(context.Background(), used, wrapped, pairs)
	return k, err
}

func (s *Store) unwrap(ctx context.Context, used *kms.Key, wrapped []byte, pairs map[string]string) (k crypto.Key, material string, err error) {
	h, err := kms.ParseHeader(wrapped)
	if err != nil {
		return k, "", err
	}
	if h.Key != used.ID {
		return k, "", fault.New(fault.KMSIncorrectKey, "it was wrapped with the key %s, and not with %s", h.Key, used.ID)
	}
	d, err := s.kmsDecrypt(ctx, used, wrapped, pairs)
	if err != nil {
		return k, "", err
	}
	defer clear(d.Plaintext)
	p, err := crypto.ParseKey(d.Plaintext)
	if err != nil {
		return k, "", fault.Wrap(fault.KMSInvalidCiphertext, err, "what was wrapped is no data key")
	}
	k = *p
	p.Wipe()
	return k, d.Material, nil
}

// mayUseVia finds a key and decides whether the caller may use it through a service now.
func (se *Session) mayUseVia(ctx context.Context, action, id string, pairs map[string]string, via string) (*kms.Key, error) {
	u := KMSUse{Key: id, Context: pairs}
	q := u.asked(action)
	q.via = via
	k, _, err := se.mayKey(ctx, q, id, byAlias|anywhere)
	if err == nil {
		err = u.check()
	}
	if err == nil {
		err = k.Usable()
	}
	return k, err
}

// makeManagedKey makes the key that S3 manages in the caller's account, if there is none.
func (se *Session) makeManagedKey(ctx context.Context) error {
	c, err := se.kmsCaller("kms:GenerateDataKey")
	if err != nil {
		return err
	}
	if se.s.kmsKeys().Alias(c.Account.ID, kms.S3Alias) != nil {
		return nil
	}
	sealer, err := se.s.kmsSealer()
	if err != nil {
		return err
	}
	var made *kms.Key
	err = se.s.changeKMS(ctx, author{principal: "s3.amazonaws.com"}, func(ks *kms.Keys, now time.Time) (kms.Change, error) {
		k, put, err := ks.ManagedKey(kms.Maker{
			Account: c.Account.ID, Region: se.s.label.Region, Now: now, Sealer: sealer, Lookup: se.s.identities().Principal,
		})
		if made = nil; len(put) > 0 {
			made = k
		}
		return kms.Put(put...), err
	})
	if err == nil && made != nil {
		se.s.tellKMS(kmsTold{name: "CreateKey", service: "s3.amazonaws.com", keys: []*kms.Key{made}})
	}
	return err
}

// A kmsTold is what the audit trail is told of a use that no door has begun an act for.
type kmsTold struct {
	name     string
	session  *Session // whose it is; nil: of a service
	service  string
	via      string
	key      string // as it was named
	keys     []*kms.Key
	context  map[string]string
	material string
	more     []trail.Field
	err      error
}

func (k kmsTold) failed(err error) kmsTold {
	k.err = err
	return k
}

// tellKMS writes a record, if the trail asks for it.
func (s *Store) tellKMS(k kmsTold) {
	c := s.audit.conf.Load()
	kind := trail.KindOf(k.name)
	if c == nil || !c.sel.Has(kind, "") {
		return
	}
	s.audit.awaitRoom()
	e := trail.Event{
		ID: trail.NewID(), Time: s.now(), Source: trail.SourceKMS, Name: kind.Name, ReadOnly: kind.ReadOnly, Region: s.label.Region,
		Parameters: k.more,
	}
	if k.key != "" {
		e.Parameters = append(e.Parameters, trail.Field{Name: "keyId", Value: k.key})
	}
	if len(k.context) > 0 {
		e.Parameters = append(e.Parameters, trail.Field{Name: "encryptionContext", Value: toldPairs(k.context)})
	}
	owner := ""
	for _, key := range k.keys {
		e.Resources = append(e.Resources, kmsResource(key))
		owner = key.Account
	}
	if k.material != "" {
		e.Additional = []trail.Field{{Name: "keyMaterialId", Value: k.material}}
	}
	if se := k.session; se != nil {
		e.Who, e.RequestID = s.identity(se.who, ""), se.rc.RequestID
		e.Who.Via = "s3.amazonaws.com"
		e.Account = recipient(se.who.Account, owner)
		// As AWS does for what a service asks on behalf of who calls it.
		e.SourceIP, e.UserAgent = "s3.amazonaws.com", "s3.amazonaws.com"
	} else {
		e.Who = trail.Identity{Type: "AWSService", InvokedBy: k.service}
		e.SourceIP, e.UserAgent, e.Service = k.service, k.service, true
		e.Account = recipient(owner, "")
	}
	if k.err != nil {
		row := fault.KindOf(k.err).Row()
		e.ErrorCode, e.ErrorMessage = strings.TrimPrefix(row.S3Code, "KMS."), k.err.Error()
	}
	s.audit.append(0, e.AppendJSON(nil))
}

// toldPairs are pairs as records of the audit trail have them.
func toldPairs(m map[string]string) []trail.Field {
	var out []trail.Field
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, trail.Field{Name: key, Value: m[key]})
	}
	return out
}
