package store

import (
	"bytes"
	"context"
	"time"

	"pail/store/fault"
	"pail/store/kms"
	"pail/store/trail"
)

// Keys that are kept outside: each use of one asks the service that keeps it, so that its
// outages and refusals are ours at once.

// outsidePatience is how long a service outside may take.
const outsidePatience = 5 * time.Second

// SetKeyServices gives the store what reaches key services outside; nil takes it away, and keys
// that are kept outside are unavailable.
func (s *Store) SetKeyServices(x kms.Outside) {
	if x == nil {
		s.kms.outside.Store(nil)
		return
	}
	s.kms.outside.Store(&x)
}

// outside finds out how the service that keeps a key is asked.
func (s *Store) keptBy(k *kms.Key) (x kms.Outside, svc *kms.Service, secret string, err error) {
	svc = s.kmsKeys().Service(k.Account, k.External.Service)
	if svc == nil {
		return nil, nil, "", fault.New(fault.KMSUnavailable, "%s is kept by a key service that there is not any more", k.ARN())
	}
	return s.reach(svc)
}

func (s *Store) reach(svc *kms.Service) (kms.Outside, *kms.Service, string, error) {
	p := s.kms.outside.Load()
	if p == nil {
		return nil, nil, "", fault.New(fault.KMSUnavailable, "the key service %s is not reached from here", svc.Name)
	}
	sealer, err := s.kmsSealer()
	if err != nil {
		return nil, nil, "", err
	}
	secret, err := svc.Secret(sealer)
	return *p, svc, secret, err
}

// outsideError gives the failure of a service a kind, if it has none.
func outsideError(svc *kms.Service, err error) error {
	switch fault.KindOf(err) {
	case fault.None:
		return nil
	case fault.Internal, fault.TimedOut, fault.Canceled, fault.IOFailed:
		return fault.Wrap(fault.KMSUnavailable, err, "the key service %s (%s) does not answer", svc.Name, svc.URL)
	}
	return err
}

func (s *Store) encryptOutside(ctx context.Context, k *kms.Key, plaintext []byte, pairs map[string]string) ([]byte, error) {
	x, svc, secret, err := s.keptBy(k)
	if err != nil {
		return nil, err
	}
	header, b, err := k.Bind(pairs)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, outsidePatience)
	defer cancel()
	body, err := x.Encrypt(ctx, svc, secret, k.External.Key, plaintext, b)
	if err != nil {
		return nil, outsideError(svc, err)
	}
	return append(header, body...), nil
}

func (s *Store) decryptOutside(ctx context.Context, k *kms.Key, blob []byte, pairs map[string]string) ([]byte, error) {
	x, svc, secret, err := s.keptBy(k)
	if err != nil {
		return nil, err
	}
	header, b, err := k.Bind(pairs)
	if err != nil {
		return nil, err
	}
	if h, err := kms.ParseHeader(blob); err != nil || h.Key != k.ID || !bytes.HasPrefix(blob, header) {
		return nil, fault.New(fault.KMSInvalidCiphertext, "")
	}
	ctx, cancel := context.WithTimeout(ctx, outsidePatience)
	defer cancel()
	plain, err := x.Decrypt(ctx, svc, secret, k.External.Key, kms.Body(blob), b)
	return plain, outsideError(svc, err)
}

// tryOutside finds out whether a service has a key that encrypts, decrypts, and binds what it
// encrypts: one that passes over associated data would give it to whoever has the ciphertext.
func (s *Store) tryOutside(ctx context.Context, svc *kms.Service, key string) error {
	x, _, secret, err := s.reach(svc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*outsidePatience)
	defer cancel()
	b := kms.Binding{Data: []byte("pail tries a key"), Pairs: map[string]string{kms.KeyPair: "tried"}}
	other := kms.Binding{Data: []byte("pail tries a key otherwise"), Pairs: map[string]string{kms.KeyPair: "tried otherwise"}}
	probe := []byte("pail tries a key")
	blob, err := x.Encrypt(ctx, svc, secret, key, probe, b)
	if err != nil {
		return outsideError(svc, err)
	}
	back, err := x.Decrypt(ctx, svc, secret, key, blob, b)
	if err != nil {
		return outsideError(svc, err)
	}
	if !bytes.Equal(back, probe) {
		return fault.New(fault.InvalidArgument, "the key %s of the key service %s does not decrypt what it has encrypted", key, svc.Name)
	}
	switch _, err := x.Decrypt(ctx, svc, secret, key, blob, other); {
	case err == nil:
		return fault.New(fault.InvalidArgument, "the key %s of the key service %s does not bind what it encrypts to associated data: it takes an AEAD key, and a service that knows associated_data", key, svc.Name)
	case !fault.Is(err, fault.KMSInvalidCiphertext):
		return outsideError(svc, err)
	}
	return nil
}

// KMSCreateKeyService has the caller's account keep keys in a service outside. The kinds of
// failure: AccessDenied, InvalidArgument, EntityAlreadyExists, LimitExceeded.
func (se *Session) KMSCreateKeyService(ctx context.Context, in kms.NewService) (*kms.Service, error) {
	c, err := se.mayKMS(kmsAsked{action: "kms:CreateCustomKeyStore", arn: "*"})
	if err != nil {
		return nil, err
	}
	sealer, err := se.s.kmsSealer()
	if err != nil {
		return nil, err
	}
	var made *kms.Service
	err = se.changeKMS(ctx, func(ks *kms.Keys, now time.Time) (change kms.Change, err error) {
		if made, err = ks.CreateService(c.Account.ID, in, sealer, now); err != nil {
			return change, err
		}
		ActOf(ctx).Responds(trail.Field{Name: "customKeyStoreId", Value: made.ID})
		return kms.Put(made), nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// KMSKeyServices returns the services outside in which the caller's account keeps keys, in the
// order of their names. The kinds of failure: AccessDenied.
func (se *Session) KMSKeyServices(context.Context) ([]*kms.Service, error) {
	c, err := se.mayKMS(kmsAsked{action: "kms:DescribeCustomKeyStores", arn: "*"})
	if err != nil {
		return nil, err
	}
	return se.s.kmsKeys().Services(c.Account.ID), nil
}

// KMSDeleteKeyService takes a service away, by its name or id, that keeps no key any more. The
// kinds of failure: AccessDenied, KMSNotFound, DeleteConflict.
func (se *Session) KMSDeleteKeyService(ctx context.Context, name string) error {
	c, err := se.mayKMS(kmsAsked{action: "kms:DeleteCustomKeyStore", arn: "*"})
	if err != nil {
		return err
	}
	return se.changeKMS(ctx, func(ks *kms.Keys, _ time.Time) (change kms.Change, err error) {
		svc, err := ks.DeleteService(c.Account.ID, name)
		if err != nil {
			return change, err
		}
		return kms.Drop(svc), nil
	})
}
