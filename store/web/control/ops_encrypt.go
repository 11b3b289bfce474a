package control

import (
	"context"
	"time"

	"pail/store"
)

// An EncryptRequest asks for what there is in a bucket to be encrypted, in the background.
type EncryptRequest struct {
	Bucket    string `json:"bucket"`
	Prefix    string `json:"prefix,omitempty"`
	Mode      string `json:"mode,omitempty"`    // AES256 or aws:kms; "": as the bucket asks for
	KMSKey    string `json:"kms_key,omitempty"` // of aws:kms; "": the bucket's, or the one that S3 manages
	BucketKey *bool  `json:"bucket_key,omitempty"`
	Versions  bool   `json:"versions,omitempty"` // all, and not the current ones only
}

// A CancelEncryptRequest ends that.
type CancelEncryptRequest struct {
	Bucket string `json:"bucket"`
}

// An Encrypting is what the job that encrypts versions is about, and how far it is.
type Encrypting struct {
	Bucket    string     `json:"bucket"`
	Prefix    string     `json:"prefix,omitempty"`
	Mode      string     `json:"mode"`
	KMSKey    string     `json:"kms_key,omitempty"`
	Versions  bool       `json:"versions,omitempty"`
	Running   bool       `json:"running"`
	Started   time.Time  `json:"started"`
	Ended     *time.Time `json:"ended,omitempty"` // absent: it has not
	Cancelled bool       `json:"cancelled,omitempty"`
	Failed    string     `json:"failed,omitempty"` // why it ended before it was done
	Total     int64      `json:"total"`            // versions that there were when it began
	Changed   int64      `json:"changed"`
	Bytes     int64      `json:"bytes"`   // of those
	Already   int64      `json:"already"` // were encrypted as is asked
	Refused   int64      `json:"refused"` // could not be encrypted, or not be read
	Refusals  []Refusal  `json:"refusals,omitempty"`
}

// A Refusal is a version that could not be encrypted.
type Refusal struct {
	Key     string `json:"key"`
	Version string `json:"version,omitempty"`
	Why     string `json:"why"`
}

func encrypt(ctx context.Context, c *call, req EncryptRequest) error {
	return c.session().Encrypt(ctx, store.EncryptJob{
		Bucket: req.Bucket, Prefix: req.Prefix, Versions: req.Versions,
		Encryption: store.EncryptionInput{Mode: req.Mode, KMSKey: req.KMSKey, BucketKey: req.BucketKey},
	})
}

func cancelEncrypt(ctx context.Context, c *call, req CancelEncryptRequest) error {
	return c.session().CancelEncrypt(ctx, req.Bucket)
}

// encryptingOf is nil if there never was such a job.
func encryptingOf(s store.EncryptStatus) *Encrypting {
	if s.Started.IsZero() {
		return nil
	}
	w := &Encrypting{
		Bucket: s.Bucket, Prefix: s.Prefix, Mode: s.Mode, KMSKey: s.KMSKey, Versions: s.Versions, Running: s.Running, Started: s.Started,
		Cancelled: s.Cancelled, Failed: s.Failed, Total: s.Total, Changed: s.Changed, Bytes: s.Bytes, Already: s.Already, Refused: s.Refused,
	}
	if !s.Ended.IsZero() {
		w.Ended = &s.Ended
	}
	for _, r := range s.Refusals {
		w.Refusals = append(w.Refusals, Refusal{Key: r.Key, Version: r.VersionID, Why: r.Why})
	}
	return w
}
