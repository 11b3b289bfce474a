package store

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/trail"
	"pail/versioning"
)

// A TrailInput says what the audit trail is to have and where it goes.
type TrailInput struct {
	Name   string // "": as it is, "pail" if there is none
	Bucket string // "": to no bucket
	Prefix string // of the keys there
	File   string // an absolute path, "": to no file
	Select trail.Selector
}

// A Trail is the audit trail and how it is doing.
type Trail struct {
	TrailInput
	On          bool
	Created     time.Time
	PublicKey   []byte // that verifies digests: PKCS #1, DER
	Fingerprint string // by which digests name it
	Waiting     int64  // bytes of records that are not delivered yet
	Delivered   time.Time
	Records     int64 // that were delivered since the trail was made
	Failed      error // why the last delivery failed; nil: it did not
	Since       time.Time
}

// defaultTrail is the name of a trail that was given none.
const defaultTrail = "pail"

// GetTrail returns the audit trail; NoSuchEntity: there is none.
func (se *Session) GetTrail(ctx context.Context) (Trail, error) {
	if err := se.authorize(actGetTrail, "", ""); err != nil {
		return Trail{}, err
	}
	rec, st, err := se.s.audit.records()
	if err != nil {
		return Trail{}, err
	}
	return se.s.audit.status(rec, st), nil
}

// records reads the trail and its state.
func (a *auditor) records() (*record.Trail, *record.TrailState, error) {
	rec, st := new(record.Trail), new(record.TrailState)
	err := a.s.view(func(sn *snap) error {
		ok, err := sn.get(settingTrail(), rec)
		if err == nil && !ok {
			err = fault.New(fault.NoSuchEntity, "there is no audit trail; pail trail enable makes one")
		}
		if err == nil {
			_, err = sn.get(settingTrailState(), st)
		}
		return err
	})
	return rec, st, err
}

func (a *auditor) status(rec *record.Trail, st *record.TrailState) Trail {
	w := Trail{
		TrailInput: TrailInput{Name: rec.Name, Bucket: rec.Bucket, Prefix: rec.Prefix, File: rec.File, Select: selectorOf(rec)},
		On:         rec.On, Created: time.Unix(0, rec.CreatedNs).UTC(), Waiting: a.backlog.waiting.Load(), Records: st.Records,
	}
	if signer, err := trail.ParseKey(rec.Key); err == nil {
		w.PublicKey = signer.Public()
		w.Fingerprint = trail.Fingerprint(w.PublicKey)
	}
	if st.DeliveredNs != 0 {
		w.Delivered = time.Unix(0, st.DeliveredNs).UTC()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed != nil {
		w.Failed, w.Since = a.failed, a.since
	}
	return w
}

// EnableTrail makes the audit trail, or changes it, and turns it on: from when it returns
// every act that it selects is in it. What an earlier one has not delivered yet is delivered
// first, where that was to go. Whoever enables a trail to a bucket must be allowed to write
// there; the trail itself writes as a service. The kinds of failure: InvalidArgument,
// NoSuchBucket, and those of writing to the file.
func (se *Session) EnableTrail(ctx context.Context, in TrailInput) (Trail, error) {
	if err := se.authorize(actPutTrail, "", ""); err != nil {
		return Trail{}, err
	}
	if err := in.check(se.s); err != nil {
		return Trail{}, err
	}
	if in.Bucket != "" {
		if _, err := se.Bucket(ctx, in.Bucket); err != nil {
			return Trail{}, err
		}
		if err := se.authorize(actPutObject, in.Bucket, in.Prefix); err != nil {
			return Trail{}, err
		}
	}
	if in.File != "" {
		f, err := openTrailFile(in.File)
		if err != nil {
			return Trail{}, err
		}
		_ = f.Close()
	}
	return se.changeTrail(ctx, true, func(rec *record.Trail) error {
		if in.Name != "" {
			rec.Name = in.Name
		}
		rec.On = true
		rec.Bucket, rec.Prefix, rec.File = in.Bucket, strings.TrimSuffix(in.Prefix, "/"), in.File
		rec.Management, rec.Data, rec.Prefixes = uint32(in.Select.Management), uint32(in.Select.Data), in.Select.Prefixes
		return nil
	})
}

func (in *TrailInput) check(s *Store) error {
	err := in.Select.Check()
	if err == nil && in.Name != "" {
		err = trail.CheckName(in.Name)
	}
	switch {
	case err != nil:
	case in.Bucket == "" && in.File == "":
		return fault.New(fault.InvalidArgument, "the audit trail needs a bucket or a file to go to")
	case in.File != "" && !filepath.IsAbs(in.File):
		return fault.New(fault.InvalidArgument, "the file of the audit trail must be an absolute path, and %q is none", in.File)
	case in.File != "" && strings.HasPrefix(filepath.Clean(in.File)+"/", s.opts.Dir+"/"):
		return fault.New(fault.InvalidArgument, "the file of the audit trail must not stand in the directory of the store")
	case in.Prefix != "" && (in.Bucket == "" || len(in.Prefix) > 200):
		return fault.New(fault.InvalidArgument, "a prefix is of the keys in a bucket, and has at most 200 bytes")
	case in.Prefix != "":
		err = versioning.CheckKey(in.Prefix)
	}
	if err != nil {
		return fault.New(fault.InvalidArgument, "%v", err)
	}
	return nil
}

// SelectTrail changes what the audit trail has. NoSuchEntity: there is none.
func (se *Session) SelectTrail(ctx context.Context, sel trail.Selector) (Trail, error) {
	if err := se.authorize(actPutTrail, "", ""); err != nil {
		return Trail{}, err
	}
	if err := sel.Check(); err != nil {
		return Trail{}, fault.New(fault.InvalidArgument, "%v", err)
	}
	return se.changeTrail(ctx, false, func(rec *record.Trail) error {
		rec.Management, rec.Data, rec.Prefixes = uint32(sel.Management), uint32(sel.Data), sel.Prefixes
		return nil
	})
}

// DisableTrail turns the audit trail off, and delivers what it has. NoSuchEntity: there is
// none.
func (se *Session) DisableTrail(ctx context.Context) (Trail, error) {
	if err := se.authorize(actPutTrail, "", ""); err != nil {
		return Trail{}, err
	}
	w, err := se.changeTrail(ctx, false, func(rec *record.Trail) error {
		rec.On = false
		return nil
	})
	if err != nil {
		return w, err
	}
	return se.delivered(ctx)
}

// DeliverTrail delivers what the audit trail has now, and makes the digests of it.
// NoSuchEntity: there is no trail.
func (se *Session) DeliverTrail(ctx context.Context) (Trail, error) {
	if err := se.authorize(actPutTrail, "", ""); err != nil {
		return Trail{}, err
	}
	if _, _, err := se.s.audit.records(); err != nil {
		return Trail{}, err
	}
	return se.delivered(ctx)
}

func (se *Session) delivered(ctx context.Context) (Trail, error) {
	if err := se.s.audit.deliver(ctx, true); err != nil {
		return Trail{}, err
	}
	rec, st, err := se.s.audit.records()
	if err != nil {
		return Trail{}, err
	}
	return se.s.audit.status(rec, st), nil
}

// changeTrail changes the trail in one update, after what it has was delivered as it was.
func (se *Session) changeTrail(ctx context.Context, make bool, change func(*record.Trail) error) (Trail, error) {
	a := se.s.audit
	had, _, err := a.records()
	switch {
	case err == nil && had.On:
		if err := a.deliver(ctx, true); err != nil {
			a.s.log.Warn("what the audit trail had goes where it goes from now on", "err", err)
		}
	case err != nil && !fault.Is(err, fault.NoSuchEntity) && !(make && unreadable(err)):
		return Trail{}, err
	case err != nil && !make:
		return Trail{}, err
	}
	a.delivering.Lock()
	defer a.delivering.Unlock()
	fresh, err := trail.NewKey() // no update may take so long
	if err != nil {
		return Trail{}, fault.Wrap(fault.Internal, err, "make a key for digests")
	}
	var rec *record.Trail
	_, err = se.s.update(ctx, se.author(), durable, func(t *txn) error {
		rec = new(record.Trail)
		ok, err := t.get(settingTrail(), rec)
		if err != nil && !unreadable(err) {
			return err
		}
		if !ok || err != nil {
			rec = &record.Trail{Schema: record.Schema, Name: defaultTrail, Key: fresh, CreatedNs: t.now().UnixNano()}
			if err := t.put(settingTrailState(), &record.TrailState{Schema: record.Schema}); err != nil {
				return err
			}
		}
		if err := change(rec); err != nil {
			return err
		}
		holds := proto.CloneOf(rec)
		t.onMerged(func() { _ = t.s.audit.use(holds) }) // its key was read before
		return t.put(settingTrail(), rec)
	})
	if err != nil {
		return Trail{}, err
	}
	_, st, err := a.records()
	if err != nil {
		return Trail{}, err
	}
	return a.status(rec, st), nil
}
