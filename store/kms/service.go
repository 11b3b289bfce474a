package kms

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

	"pail/store/fault"
)

// A ServiceKind is a protocol of key services outside.
type ServiceKind uint32

// The kinds. Their numbers are kept and never change.
const (
	Transit    ServiceKind = 1 // the transit engine of Vault and OpenBao
	Compatible ServiceKind = 2 // the API of AWS KMS
)

var kindNames = map[ServiceKind]string{Transit: "transit", Compatible: "kms"}

// String is how people write it.
func (k ServiceKind) String() string { return kindNames[k] }

// A Service is a key service outside, in which an account keeps keys: what AWS calls an
// external key store. Services never change.
type Service struct {
	ID      string // cks- and 17 hexadecimal digits
	Account string
	Name    string // unique in the account
	Kind    ServiceKind
	URL     string // without a slash at its end
	// Mount is of Transit the path of its engine; Region and AccessKey are of Compatible.
	Mount, Region, AccessKey string
	CA                       string // PEM of who signs its certificate; "": who the system trusts
	Sealed                   []byte // its token or secret key, by a Sealer
	Created                  time.Time
}

func (s *Service) home() string { return s.Account }

// A NewService is what a service is made of.
type NewService struct {
	Name                     string
	Kind                     ServiceKind
	URL                      string
	Mount, Region, AccessKey string
	CA                       string
	Secret                   string // the token, or the secret key of AccessKey
}

// maxServices is how many an account may have, maxServiceText how long their texts.
const (
	maxServices    = 100
	maxServiceText = 64 << 10
)

// check refuses what is no service. What a URL is the caller checks.
func (in *NewService) check() error {
	switch {
	case in.Name == "" || len(in.Name) > 64 || strings.ContainsFunc(in.Name, func(r rune) bool { return r > 127 || !isWord(byte(r)) && r != '-' }):
		return invalid("the name of a key service must have 1 to 64 letters, digits, _ and -: %q", in.Name)
	case in.Secret == "" || len(in.Secret) > maxServiceText || len(in.CA) > maxServiceText:
		return invalid("a key service is asked with a secret, which must not be empty or longer than %d bytes", maxServiceText)
	case in.Kind == Transit:
		if in.Mount == "" {
			in.Mount = "transit"
		}
		in.Mount = strings.Trim(in.Mount, "/")
		return checkPath("mount", in.Mount)
	case in.Kind == Compatible:
		if in.AccessKey == "" || in.Region == "" {
			return invalid("a service of the API of KMS is asked with an access key, in a Region")
		}
		return nil
	}
	return invalid("there is no such kind of key service")
}

// checkPath refuses what is no path in the URL of a service.
func checkPath(what, path string) error {
	for _, part := range strings.Split(path, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool { return r > 127 || !isWord(byte(r)) && !strings.ContainsRune("-.", r) }) {
			return invalid("the %s of a key service must be of letters, digits and _.-/: %q", what, path)
		}
	}
	return nil
}

// serviceContext is what the secret of a service is bound to.
func serviceContext(id string) []byte { return []byte("pail kms service\x00" + id) }

// CreateService makes a service. The kinds of failure: InvalidArgument,
// EntityAlreadyExists, LimitExceeded, those of the Sealer.
func (ks *Keys) CreateService(account string, in NewService, s Sealer, now time.Time) (*Service, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r := ks.ring(account)
	if ks.Service(account, in.Name) != nil {
		return nil, fault.New(fault.EntityAlreadyExists, "there is a key service %q already", in.Name)
	}
	if len(r.services) >= maxServices {
		return nil, exceeded("key services of an account", maxServices)
	}
	out := &Service{
		ID: "cks-" + newHexID()[:17], Account: account, Name: in.Name, Kind: in.Kind, URL: strings.TrimRight(in.URL, "/"),
		Mount: in.Mount, Region: in.Region, AccessKey: in.AccessKey, CA: in.CA, Created: now,
	}
	var err error
	out.Sealed, err = s.Seal([]byte(in.Secret), serviceContext(out.ID))
	return out, err
}

// Service returns a service of an account by its id or its name; nil: there is none.
func (ks *Keys) Service(account, name string) *Service {
	r := ks.ring(account)
	if s := r.services[name]; s != nil {
		return s
	}
	for _, s := range r.services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Services are those of an account in the order of their names.
func (ks *Keys) Services(account string) []*Service {
	return slices.SortedFunc(maps.Values(ks.ring(account).services), func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
}

// FindService is Service, or KMSNotFound.
func (ks *Keys) FindService(account, name string) (*Service, error) {
	if s := ks.Service(account, name); s != nil {
		return s, nil
	}
	return nil, fault.New(fault.KMSNotFound, "there is no key service %q", name)
}

// DeleteService takes a service away that keeps no key any more. The kinds of failure:
// KMSNotFound, DeleteConflict.
func (ks *Keys) DeleteService(account, name string) (*Service, error) {
	s, err := ks.FindService(account, name)
	if err != nil {
		return nil, err
	}
	for _, k := range ks.ring(account).keys {
		if k.External.Service == s.ID {
			return nil, fault.New(fault.DeleteConflict, "the key service %s keeps %s: delete its keys first", s.Name, k.ARN())
		}
	}
	return s, nil
}

// Secret opens the secret with which a service is asked.
func (s *Service) Secret(x Sealer) (string, error) {
	b, err := x.Open(s.Sealed, serviceContext(s.ID))
	if err != nil {
		if fault.KindOf(err) == fault.Internal {
			err = fault.Wrap(fault.Damaged, err, "the secret of the key service %s cannot be unsealed", s.Name)
		}
		return "", err
	}
	return string(b), nil
}

// An Outside reaches key services. Its methods may be called from many goroutines, and end when
// the context does. The kinds of failure: KMSUnavailable (it does not answer), AccessDenied
// (it refuses the secret, or the key to it), KMSNotFound (it has no such key),
// KMSInvalidCiphertext.
type Outside interface {
	Encrypt(ctx context.Context, s *Service, secret, key string, plaintext []byte, b Binding) ([]byte, error)
	Decrypt(ctx context.Context, s *Service, secret, key string, blob []byte, b Binding) ([]byte, error)
}

// A Binding is what a ciphertext outside is bound to: associated data where a service takes
// that, or the pairs of an encryption context, which say the same.
type Binding struct {
	Data  []byte
	Pairs map[string]string
}

// KeyPair is the pair of an encryption context by which a service that takes one is told which
// key of ours asks.
const KeyPair = "pail:key"

// Bind is the header of a ciphertext of a key that is kept outside, and what the rest is bound
// to.
func (k *Key) Bind(context map[string]string) (header []byte, b Binding, err error) {
	raw, ok := parseID(k.ID)
	if !ok {
		return nil, b, fault.New(fault.Damaged, "the key %q has no id", k.ID)
	}
	if _, taken := context[KeyPair]; taken {
		return nil, b, invalid("the encryption context of a key that is kept outside must not have the key %q", KeyPair)
	}
	header = binary.BigEndian.AppendUint32(append([]byte{version2}, raw[:]...), k.Current().Number)
	b.Data = appendContext(slices.Clone(header), context)
	b.Pairs = map[string]string{KeyPair: k.ID}
	maps.Copy(b.Pairs, context)
	return header, b, nil
}

// Body is the ciphertext of the service in one of ours.
func Body(blob []byte) []byte { return blob[headerSize:] }

// CheckExternalKey refuses what is no name of a key outside.
func CheckExternalKey(kind ServiceKind, key string) error {
	if key == "" || len(key) > 2048 {
		return invalid("a key that is kept outside is named there (XksKeyId)")
	}
	if kind == Transit {
		return checkPath("key", key)
	}
	return nil
}

// beginOutside gives a new key its id and says where it is kept.
func (k *Key) beginOutside(s *Service, key string, now time.Time) {
	k.ID, _ = newID()
	k.External = External{Service: s.ID, Key: key}
	k.Materials = []Material{{Number: 1, ID: newHexID(), Created: now}}
}
