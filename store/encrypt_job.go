package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/work"
)

// Encrypting what exists is a job in the background: it lists a bucket in the name of who has
// asked for it, and gives each version the encryption that is asked (UpdateEncryption), each with the
// rights that he has then. What is refused, or cannot be read, is counted and named, and the job
// goes on. How far it is stands in a record, written every few seconds and when it is cut short,
// also by the end of the store, and it goes on there, also after a kill. What it did since the record
// was written it finds done, and counts as that. There is one at a time; the record of the last one stays.

// settingEncrypting is where it stands what is asked, and how far it is.
func settingEncrypting() []byte { return table.Setting("encrypting") }

// An EncryptJob says which versions are to be encrypted, and how.
type EncryptJob struct {
	Bucket string
	Prefix string // only keys that begin so
	// Encryption is as of EncryptionUpdate, without a context.
	Encryption EncryptionInput
	Versions   bool // all versions, and not the current ones only
}

// An EncryptStatus says what the job that encrypts versions is about, and how far it is. It is
// zero if there never was one.
type EncryptStatus struct {
	Bucket, Prefix string
	Mode, KMSKey   string
	Versions       bool
	Running        bool
	Started        time.Time
	Ended          time.Time // zero: it has not
	Cancelled      bool
	Failed         string // why it has ended before it was done; "": it has not
	Total          int64  // versions that there were when it began; delete markers are none
	Changed        int64
	Bytes          int64            // of those
	Already        int64            // were encrypted as is asked
	Refused        int64            // could not be encrypted, or not be read
	Refusals       []EncryptRefusal // the first of those
}

// An EncryptRefusal is a version that could not be encrypted.
type EncryptRefusal struct{ Key, VersionID, Why string }

// mostRefusals is how many of those are named.
const mostRefusals = 100

// An encrypter is the job and what it needs.
type encrypter struct {
	s   *Store
	job *work.Job

	asking sync.Mutex // held while a job is begun or cancelled

	mu    sync.Mutex // guards what follows
	state *record.Encrypting
	run   *encryptRun // nil: none is on its way
}

func newEncrypter(s *Store) *encrypter {
	e := &encrypter{s: s, state: &record.Encrypting{Schema: record.Schema}}
	e.job = s.jobs.Add(work.Task{Name: "encrypt", Run: e.work})
	return e
}

// load reads what stands in the records. A record that cannot be read is as if it were not there.
func (e *encrypter) load(sn *snap) error {
	st := new(record.Encrypting)
	ok, err := sn.get(settingEncrypting(), st)
	if err != nil && !unreadable(err) {
		return err
	}
	if ok && err == nil {
		e.state = st
	}
	return nil
}

// Encrypt begins to encrypt what there is in a bucket, in the background and in the name of the
// session's caller. It is durable when it returns: the job goes on when the store is opened again.
// The caller needs s3:ListBucket, with Versions s3:ListBucketVersions, and for each version what UpdateEncryption
// asks for. The kinds of failure: Busy (another one is on its way), InvalidRequest (nothing says how to
// encrypt; with a customer's key; by temporary credentials, which end before it might), those of Put's
// encryption that no version is needed for.
func (se *Session) Encrypt(ctx context.Context, j EncryptJob) error {
	act := actListBucket
	if j.Versions {
		act = actListBucketVersions
	}
	if err := se.authorizeFor(act, j.Bucket, "", func(a *asked) { a.list = &listAsked{prefix: j.Prefix} }); err != nil {
		return err
	}
	if err := j.Encryption.check(); err != nil {
		return locate(err, j.Bucket, "")
	}
	b, _ := se.s.buckets.ruled(j.Bucket)
	want := j.Encryption.wanted(se.s, b)
	switch {
	case b == nil:
		return noSuchBucket(j.Bucket)
	case j.Encryption.Customer != nil || len(j.Encryption.Context) > 0:
		return fault.New(fault.InvalidRequest, "what exists is encrypted under a key of the store or of the key management service").At(j.Bucket, "")
	case want.mode == 0:
		return fault.New(fault.InvalidRequest, "the bucket has no default encryption; say which one is meant").At(j.Bucket, "")
	case se.who.Temporary != nil:
		return fault.New(fault.InvalidRequest, "temporary credentials end before the job might").At(j.Bucket, "")
	}
	e := se.s.encrypter
	e.asking.Lock()
	defer e.asking.Unlock()
	was := e.now()
	if was.StartedNs != 0 && was.EndedNs == 0 {
		return fault.New(fault.Busy, "%s is being encrypted already; pail encrypt --status shows how far that is", was.BucketName).At(j.Bucket, "")
	}
	e.change(func(st *record.Encrypting) {
		*st = record.Encrypting{
			Schema: record.Schema, Bucket: b.Id, BucketName: b.Name, Prefix: j.Prefix,
			Mode: want.name(), KmsKey: want.key, BucketKey: want.bucketKey, Versions: j.Versions,
			Account: se.who.Account, Principal: se.who.ARN, PrincipalId: se.who.ID,
			StartedNs: se.s.now().UnixNano(),
		}
	})
	if err := e.write(ctx); err != nil {
		e.change(func(st *record.Encrypting) { proto.Reset(st); proto.Merge(st, was) })
		return err
	}
	e.job.Wake()
	return nil
}

// CancelEncrypt ends the job that encrypts what there is in a bucket; what it has encrypted stays so.
// The caller has to be who began it, or needs s3:PutEncryptionConfiguration. It is durable when it returns.
// InvalidRequest: there is none.
func (se *Session) CancelEncrypt(ctx context.Context, bucket string) error {
	e := se.s.encrypter
	e.asking.Lock()
	defer e.asking.Unlock()
	st := e.now()
	going := st.StartedNs != 0 && st.EndedNs == 0 && st.BucketName == bucket
	if !going || st.Principal != se.who.ARN || st.PrincipalId != se.who.ID || st.Account != se.who.Account {
		if err := se.authorize(actPutEncryption, bucket, ""); err != nil {
			return err
		}
	}
	if !going {
		return fault.New(fault.InvalidRequest, "nothing is being encrypted in %s", bucket).At(bucket, "")
	}
	ended := false
	e.change(func(st *record.Encrypting) {
		if st.EndedNs == 0 {
			st.EndedNs, st.Cancelled, ended = e.s.now().UnixNano(), true, true
		}
	})
	e.mu.Lock()
	r := e.run
	e.mu.Unlock()
	if r != nil {
		r.cancel()
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if !ended {
		return nil
	}
	return e.write(ctx)
}

func (e *encrypter) now() *record.Encrypting {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// change changes the state, which others see whole.
func (e *encrypter) change(fn func(st *record.Encrypting)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := proto.CloneOf(e.state)
	fn(st)
	e.state = st
}

// write makes the state durable as it is.
func (e *encrypter) write(ctx context.Context) error {
	_, err := e.s.update(ctx, author{}, e.s.lastMode(durable), func(t *txn) error {
		return t.put(settingEncrypting(), e.now())
	})
	return err
}

func (e *encrypter) status() EncryptStatus {
	e.mu.Lock()
	st, running := e.state, e.run != nil
	e.mu.Unlock()
	out := EncryptStatus{
		Bucket: st.BucketName, Prefix: st.Prefix, Mode: st.Mode, KMSKey: st.KmsKey, Versions: st.Versions, Running: running,
		Cancelled: st.Cancelled, Failed: st.Failed, Total: st.Total, Changed: st.Changed, Bytes: st.Bytes, Already: st.Already, Refused: st.Refused,
	}
	if st.StartedNs != 0 {
		out.Started = time.Unix(0, st.StartedNs)
	}
	if st.EndedNs != 0 {
		out.Ended = time.Unix(0, st.EndedNs)
	}
	for _, r := range st.Refusals {
		out.Refusals = append(out.Refusals, EncryptRefusal{r.Key, r.Version, r.Why})
	}
	return out
}

// work is what the job does when it is woken.
func (e *encrypter) work(ctx context.Context, p *work.Progress) error {
	st := e.now()
	if st.StartedNs == 0 || st.EndedNs != 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	who := Principal{Account: st.Account, ARN: st.Principal, ID: st.PrincipalId}
	r := &encryptRun{
		e: e, se: e.s.As(who, RequestContext{Door: DoorControl}), cancel: cancel, done: make(chan struct{}),
		progress: p, gait: newGait(0, true), saved: time.Now(),
	}
	e.mu.Lock()
	e.run = r
	e.mu.Unlock()
	err := r.pass(ctx)
	save := r.save(context.WithoutCancel(ctx))
	e.mu.Lock()
	e.run = nil
	e.mu.Unlock()
	close(r.done)
	if e.now().Cancelled {
		return nil
	}
	return errors.Join(err, save)
}

// An encryptRun is one run of the job. It is for one goroutine.
type encryptRun struct {
	e        *encrypter
	se       *Session
	cancel   context.CancelFunc
	done     chan struct{}
	progress *work.Progress
	gait     gait
	saved    time.Time
}

// pass goes on where the job was cut short, to its end.
func (r *encryptRun) pass(ctx context.Context) error {
	if err := r.count(ctx); err != nil {
		return r.unlisted(err)
	}
	err := r.each(ctx, r.e.now().After, func(o Object, last bool) error {
		if err := r.version(ctx, o); err != nil {
			return err
		}
		if last {
			r.e.change(func(st *record.Encrypting) { st.After = o.Key })
		}
		if time.Since(r.saved) > saveEvery {
			if err := r.save(ctx); err != nil {
				return err
			}
		}
		return r.gait.worked(ctx, o.Size)
	})
	if err != nil {
		return r.unlisted(err)
	}
	// What was plain is gone from the disk when the job says that it has ended, but for what
	// somebody still reads.
	if err := r.e.s.settler.sweep(ctx); err != nil {
		return err
	}
	r.end("")
	return nil
}

// end ends the job, unless it was cancelled.
func (r *encryptRun) end(why string) {
	r.e.change(func(st *record.Encrypting) {
		if st.EndedNs == 0 {
			st.EndedNs, st.Failed = r.e.s.now().UnixNano(), why
		}
	})
}

// unlisted ends the job if a failure is one that stays: the bucket is gone, or who has asked may list it
// no more.
func (r *encryptRun) unlisted(err error) error {
	switch fault.KindOf(err) {
	case fault.NoSuchBucket, fault.AccessDenied:
		r.end(err.Error())
		return nil
	}
	return err
}

// count finds out how many versions there are, once.
func (r *encryptRun) count(ctx context.Context) error {
	if st := r.e.now(); st.Total != 0 || st.After != "" {
		return nil
	}
	n := int64(0)
	err := r.each(ctx, "", func(Object, bool) error { n++; return nil })
	if err == nil {
		r.e.change(func(st *record.Encrypting) { st.Total = n })
	}
	return err
}

// each calls fn with each version behind a key; last says that no other one of its key follows.
func (r *encryptRun) each(ctx context.Context, after string, fn func(o Object, last bool) error) error {
	st := r.e.now()
	version, more := "", true
	var held *Object // the one before: only its successor tells whether it is the last of its key
	tell := func(next *Object) error {
		if held == nil {
			return nil
		}
		return fn(*held, next == nil || next.Key != held.Key)
	}
	for more {
		if err := ctx.Err(); err != nil {
			return err
		}
		if b, _ := r.e.s.buckets.ruled(st.BucketName); b.GetId() != st.Bucket {
			return noSuchBucket(st.BucketName)
		}
		var page []Object
		if st.Versions {
			p, err := r.se.ListVersions(ctx, st.BucketName, ListVersionsInput{Prefix: st.Prefix, KeyMarker: after, VersionMarker: version})
			if err != nil {
				return err
			}
			page, after, version, more = p.Versions, p.NextKey, p.NextVersion, p.Truncated
		} else {
			p, err := r.se.List(ctx, st.BucketName, ListInput{Prefix: st.Prefix, StartAfter: after})
			if err != nil {
				return err
			}
			page, after, more = p.Objects, p.Next, p.Truncated
		}
		for i := range page {
			if page[i].DeleteMarker {
				continue
			}
			if err := tell(&page[i]); err != nil {
				return err
			}
			held = &page[i]
		}
	}
	return tell(nil)
}

// version encrypts one. A failure is one that ends the run, which is tried again.
func (r *encryptRun) version(ctx context.Context, o Object) error {
	st := r.e.now()
	ref := ""
	if st.Versions {
		ref = o.VersionID
	}
	in := EncryptionInput{Mode: st.Mode, KMSKey: st.KmsKey}
	if st.Mode == ModeKMS {
		in.BucketKey = &st.BucketKey
	}
	changed, err := r.se.UpdateEncryption(ctx, st.BucketName, o.Key, ref, EncryptionUpdate{Encryption: in})
	if ctx.Err() != nil && err != nil {
		return ctx.Err()
	}
	switch fault.KindOf(err) {
	case fault.NoSuchKey, fault.NoSuchVersion, fault.MethodNotAllowed:
		return nil // it went meanwhile
	case fault.NoSuchBucket, fault.NoSpace, fault.StoreFailed, fault.Unavailable, fault.Shutdown, fault.Exhausted, fault.KMSUnavailable:
		return err
	}
	r.e.change(func(st *record.Encrypting) {
		switch {
		case err != nil:
			if st.Refused++; len(st.Refusals) < mostRefusals {
				st.Refusals = append(st.Refusals, &record.Refusal{Key: o.Key, Version: o.VersionID, Why: err.Error()})
			}
		case changed:
			st.Changed, st.Bytes = st.Changed+1, st.Bytes+o.Size
		default:
			st.Already++
		}
	})
	now := r.e.now()
	r.progress.Set(now.Changed+now.Already+now.Refused, now.Total)
	return nil
}

// save records how far the job is. A store that writes no longer, or has no space, keeps it in memory.
func (r *encryptRun) save(ctx context.Context) error {
	r.saved = time.Now()
	err := r.e.write(ctx)
	switch fault.KindOf(err) {
	case fault.StoreFailed, fault.NoSpace, fault.Unavailable:
		return nil
	}
	return err
}
