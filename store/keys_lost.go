package store

import (
	"errors"
	"path/filepath"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Keys that are lost. New ones would open nothing of what the former have sealed, and what is
// sealed with them would hide that those are missing. So before a store that has no keys makes
// any it looks through its records, once in its life, for something that was sealed.

// neverSealedAt is neverSealed for a store that nobody has open.
func neverSealedAt(o *Options) error {
	db, err := meta.Open(engineOptions(o, filepath.Join(o.Dir, metaDir), nil))
	var d *meta.DamageError
	switch {
	case errors.As(err, &d) && d.Cipher:
		return keysLost(o.Dir, "the store's records are encrypted with them")
	case err != nil:
		return openError(err)
	}
	return errors.Join(neverSealed(o.Dir, db), engineError(db.Close()))
}

// errSealed ends looking: something was found.
var errSealed = errors.New("something is sealed")

// keysLost says that keys are missing, and what for.
func keysLost(dir, why string) error {
	return fault.New(fault.AccessDenied, "the store's keys are missing, and %s: put %s back, from a backup; no others were made", why, filepath.Join(dir, keysName))
}

// neverSealed refuses new keys for the store at dir, which has none, if anything is sealed
// with keys that are gone. The kinds of failure: AccessDenied; Damaged.
func neverSealed(dir string, db *meta.DB) error {
	v := db.View()
	defer v.Close()
	for _, t := range []struct {
		prefix []byte
		sealed func(k, v []byte) bool
	}{
		{table.AllKms(), sealedKms},
		{table.Drafts(), func(k, v []byte) bool {
			var r record.Draft
			return unmarshal(k, v, &r) == nil && r.Encryption != nil
		}},
		{table.AllUploads(), func(k, v []byte) bool {
			var r record.Upload
			return unmarshal(k, v, &r) == nil && takesStoreKeys(r.Version.GetEncryption())
		}},
		{table.Head(0, "")[:1], sealedVersion},
		{table.NoncurrentBelow(0, "")[:1], sealedVersion},
	} {
		if err := eachUntil(v, t.prefix, t.sealed); errors.Is(err, errSealed) {
			return keysLost(dir, "there are contents or keys that were encrypted with them")
		} else if err != nil {
			return err
		}
	}
	return nil
}

func sealedVersion(k, v []byte) bool {
	var r record.Version
	return unmarshal(k, v, &r) == nil && takesStoreKeys(r.Encryption)
}

// takesStoreKeys says whether what is encrypted so is sealed with the store's keys, in the end. What a
// customer's key encrypts is not; only its drafts are (spare).
func takesStoreKeys(e *record.Encryption) bool { return e != nil && e.Mode != encryptedCustomer }

func sealedKms(k, v []byte) bool {
	var r record.Kms
	return unmarshal(k, v, &r) == nil && (len(r.GetKey().GetMaterials()) > 0 || len(r.GetService().GetSealed()) > 0)
}

// eachUntil is errSealed if a record of a table is.
func eachUntil(r meta.Reader, prefix []byte, sealed func(k, v []byte) bool) error {
	it := r.Scan(meta.ScanOptions{Prefix: prefix})
	defer it.Close()
	for it.Next() {
		if sealed(it.Key(), it.Value()) {
			return errSealed
		}
	}
	return damaged(it.Err())
}
