package fs

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"pail/crypto/s3ec"
	"pail/store"
	"pail/store/fault"
	"pail/store/trail"
)

// A ClientKey says with which key the mount is a client that encrypts, and where: the objects of a
// bucket whose keys begin with a prefix.
type ClientKey struct {
	Bucket, Prefix string
	// KMS is a key of the store's own key service: an id, an ARN, an alias or its ARN. It is used
	// in the name of whoever opens a file.
	KMS string
	// Raw is a key of 256 bits instead.
	Raw *[32]byte
}

// validate reports what cannot be.
func (k *ClientKey) validate() error {
	switch {
	case k.Bucket == "":
		return fault.New(fault.InvalidArgument, "a client key needs a bucket")
	case k.Prefix != "" && !strings.HasSuffix(k.Prefix, "/"):
		return fault.New(fault.InvalidArgument, "the prefix %q of a client key does not end in /", k.Prefix)
	case (k.KMS == "") == (k.Raw == nil):
		return fault.New(fault.InvalidArgument, "a client key is a key of the key service or a raw one")
	}
	return nil
}

// covers says whether an object is one of those that the key is for.
func (k *ClientKey) covers(bucket, key string) bool {
	return bucket == k.Bucket && strings.HasPrefix(key, k.Prefix)
}

// below says whether the key is for a part of a directory only.
func (k *ClientKey) below(bucket, dir string) bool {
	return bucket == k.Bucket && k.Prefix != dir && strings.HasPrefix(k.Prefix, dir)
}

// clientKey is the key for an object: that of the longest prefix; nil: it is not one of a client.
func (f *filesystem) clientKey(bucket, key string) (found *ClientKey) {
	for i := range f.clientKeys {
		k := &f.clientKeys[i]
		if k.covers(bucket, key) && (found == nil || len(k.Prefix) > len(found.Prefix)) {
			found = k
		}
	}
	return found
}

// crosses says whether a rename would give a file another client's key, or none, and so bytes that
// mean something else. mv copies then.
func (f *filesystem) crosses(from, to store.Path) bool {
	if len(f.clientKeys) == 0 {
		return false
	}
	if f.clientKey(from.Bucket, from.Key) != f.clientKey(to.Bucket, to.Key) {
		return true
	}
	for i := range f.clientKeys {
		k := &f.clientKeys[i]
		if isDirPath(from) && k.below(from.Bucket, from.Key) || isDirPath(to) && k.below(to.Bucket, to.Key) {
			return true
		}
	}
	return false
}

// A dataKey is the key of one object.
type dataKey struct {
	plain   *[32]byte
	wrapped []byte
	wrap    string
	context map[string]string
}

// clone is a copy that stays when the key is wiped.
func (d *dataKey) clone() *dataKey {
	c, plain := *d, *d.plain
	c.plain = &plain
	return &c
}

// newDataKey makes the key of an object that is to be encrypted.
func (f *filesystem) newDataKey(se *store.Session, k *ClientKey) (*dataKey, error) {
	if k.Raw != nil {
		d := &dataKey{plain: new([32]byte), wrap: s3ec.WrapAES}
		_, _ = rand.Read(d.plain[:]) // never fails
		d.wrapped = s3ec.WrapKey(k.Raw, d.plain, f.clientSuite)
		return d, nil
	}
	d := &dataKey{wrap: s3ec.WrapKMS, context: s3ec.Context(f.clientSuite)}
	err := f.kmsAct(se, "GenerateDataKey", k, d.context, func(ctx context.Context) error {
		plain, made, err := se.KMSGenerateDataKey(ctx, store.KMSDataKey{KMSUse: store.KMSUse{Key: k.KMS, Context: d.context}, Spec: "AES_256"})
		if err != nil {
			return err
		}
		defer clear(plain)
		d.plain, d.wrapped = (*[32]byte)(append([]byte(nil), plain...)), made.Blob
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// openDataKey has the key of an object unwrapped. The kinds of failure: Damaged (it was wrapped
// with another key, or changed), and those of KMSDecrypt.
func (f *filesystem) openDataKey(se *store.Session, k *ClientKey, e *s3ec.Envelope) (plain *[32]byte, err error) {
	switch {
	case k.Raw != nil && e.Wrap == s3ec.WrapAES:
		if plain, err = e.UnwrapKey(k.Raw); err != nil {
			return nil, fault.Wrap(fault.Damaged, err, "the data key")
		}
		return plain, nil
	case k.Raw != nil || e.Wrap != s3ec.WrapKMS:
		return nil, fault.New(fault.Damaged, "its data key is wrapped by %s, and the mount has a key for another way", e.Wrap)
	}
	err = f.kmsAct(se, "Decrypt", k, e.Context, func(ctx context.Context) error {
		d, err := se.KMSDecrypt(ctx, store.KMSCiphertext{KMSUse: store.KMSUse{Key: k.KMS, Context: e.Context}, Blob: e.Key})
		switch {
		case fault.Is(err, fault.KMSIncorrectKey), fault.Is(err, fault.KMSInvalidCiphertext):
			return fault.Wrap(fault.Damaged, err, "the data key is another key's, or was changed")
		case err != nil:
			return err
		}
		defer clear(d.Plaintext)
		if len(d.Plaintext) != len(plain) {
			return fault.New(fault.Damaged, "the data key has %d bytes", len(d.Plaintext))
		}
		plain = (*[32]byte)(append([]byte(nil), d.Plaintext...))
		return nil
	})
	return plain, err
}

// kmsAct does what the key service is asked for, as an act of the audit trail.
func (f *filesystem) kmsAct(se *store.Session, name string, k *ClientKey, pairs map[string]string, fn func(context.Context) error) (err error) {
	ctx, act := store.BeginAct(f.ctx, se, store.Operation{Name: name, Source: trail.SourceKMS})
	if act == nil {
		return fn(ctx)
	}
	told := []trail.Field{{Name: "keyId", Value: k.KMS}}
	if len(pairs) > 0 {
		var context []trail.Field
		for _, name := range sortedKeys(pairs) {
			context = append(context, trail.Field{Name: name, Value: pairs[name]})
		}
		told = append(told, trail.Field{Name: "encryptionContext", Value: context})
	}
	act.Event.Parameters = told
	ended := false
	defer func() {
		var o store.Outcome
		switch {
		case !ended: // by a panic
			o.Code = "KMSInternalException"
		case err != nil:
			o.Code, o.Message = strings.TrimPrefix(fault.KindOf(err).Row().S3Code, "KMS."), err.Error()
		}
		act.End(o)
	}()
	err = fn(ctx)
	ended = true
	return err
}

// asClient is a failure to decrypt or encrypt a file, with its name and, for those that no
// other log would tell of, a line in the log.
func (f *filesystem) asClient(what, bucket, key string, err error) error {
	if err == nil {
		return nil
	}
	kind := fault.KindOf(err)
	err = fault.Wrap(kind, err, "%s %s/%s with the mount's client key", what, bucket, key).At(bucket, key)
	if fault.Errno(err) == fault.Errno(fault.AccessDenied) {
		f.log.Warn("mount: a key is not to be had", "err", err)
	}
	return err
}

// clientSummary tells what a person wants to know of how a client has encrypted an object.
func clientSummary(metadata map[string]string) (string, bool) {
	e, err := s3ec.Parse(metadata)
	switch {
	case err == nil:
		return e.String(), true
	case isOf(err, s3ec.ErrNone):
		return "", false
	}
	return fmt.Sprintf("not readable: %v", err), true
}
