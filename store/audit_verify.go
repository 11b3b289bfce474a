package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/trail"
)

// A TrailProblem is something that is not as the audit trail left it.
type TrailProblem struct {
	Where string // the object, as BUCKET/KEY, or the file
	What  string // one sentence
}

// A TrailReport counts what VerifyTrail has looked at.
type TrailReport struct {
	Digests, Logs, Records, Problems int64
}

// VerifyTrail compares what was delivered of the audit trail with its digests, from the
// newest, which the store knows, back to the first: every digest, log file and record that was
// changed or is missing, and every one that was added. It calls fn with each problem.
// Nothing is delivered meanwhile; what waits for delivery is no matter of it. NoSuchEntity:
// there is no trail.
func (se *Session) VerifyTrail(ctx context.Context, fn func(TrailProblem) error) (TrailReport, error) {
	if err := se.authorize(actGetTrail, "", ""); err != nil {
		return TrailReport{}, err
	}
	a := se.s.audit
	a.delivering.Lock()
	defer a.delivering.Unlock()
	rec, st, err := a.records()
	if err != nil {
		return TrailReport{}, err
	}
	signer, err := trail.ParseKey(rec.Key)
	if err != nil {
		return TrailReport{}, fault.Wrap(fault.Damaged, err, "the key of the audit trail")
	}
	v := &verifier{ctx: ctx, public: signer.Public(), fn: fn, owner: se.s.As(Owner(), RequestContext{Door: se.rc.Door})}
	if c := st.GetBucket(); c != nil {
		p := trail.Place{Prefix: rec.Prefix, Account: Account, Region: se.s.label.Region, Trail: rec.Name}
		err = v.bucket(c, p)
	}
	if c := st.GetFile(); c != nil && err == nil {
		err = v.file(c)
	}
	return v.report, err
}

// A verifier is one verification.
type verifier struct {
	ctx    context.Context
	public []byte
	owner  *Session
	fn     func(TrailProblem) error
	report TrailReport
}

func (v *verifier) problem(where, format string, args ...any) error {
	v.report.Problems++
	return v.fn(TrailProblem{Where: where, What: fmt.Sprintf(format, args...)})
}

// object reads an object whole; nil: there is none.
func (v *verifier) object(bucket, key string) ([]byte, Object, error) {
	r, err := v.owner.Get(v.ctx, bucket, key, "")
	if fault.Is(err, fault.NoSuchKey) || fault.Is(err, fault.NoSuchBucket) {
		return nil, Object{}, nil
	}
	if err != nil {
		return nil, Object{}, err
	}
	defer r.Close()
	o := r.Object()
	b := make([]byte, o.Size)
	if _, err := r.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, Object{}, err
	}
	return b, o, nil
}

// keys are all below a prefix.
func (v *verifier) keys(bucket, prefix string) (map[string]bool, []string, error) {
	set, in := map[string]bool{}, ListInput{Prefix: prefix}
	var order []string
	for {
		p, err := v.owner.List(v.ctx, bucket, in)
		if fault.Is(err, fault.NoSuchBucket) {
			return set, order, nil
		}
		if err != nil {
			return nil, nil, err
		}
		for i := range p.Objects {
			set[p.Objects[i].Key] = true
			order = append(order, p.Objects[i].Key)
		}
		if in.StartAfter = p.Next; !p.Truncated {
			return set, order, nil
		}
	}
}

// A link is what is known of a digest before it is read: what the one after it says.
type link struct{ object, hash, signature string }

// bucket verifies the chain in a bucket.
func (v *verifier) bucket(c *record.TrailChain, p trail.Place) error {
	digests, order, err := v.keys(c.Place, p.Digests())
	if err != nil {
		return err
	}
	logs, _, err := v.keys(c.Place, p.Logs())
	if err != nil {
		return err
	}
	for i := range c.Logs {
		if err := v.log(c.Place, logFile(c.Place, c.Logs[i]), logs); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	next := link{c.Object, c.Hash, c.Signature}
	for next.object != "" && !seen[next.object] {
		seen[next.object] = true
		d, err := v.digest(c.Place, next)
		if err != nil {
			return err
		}
		at := next.object
		next = link{}
		if d == nil { // what it told is lost: go on with the one before it by its name
			for i := len(order) - 1; i >= 0; i-- {
				if order[i] < at {
					next = link{object: order[i]}
					break
				}
			}
			continue
		}
		for _, l := range d.LogFiles {
			if err := v.log(c.Place, l, logs); err != nil {
				return err
			}
		}
		if d.PreviousObject != nil && d.PreviousHash != nil && d.PreviousSignature != nil {
			next = link{*d.PreviousObject, *d.PreviousHash, *d.PreviousSignature}
		}
	}
	for key := range logs {
		if err := v.problem(c.Place+"/"+key, "no digest tells of this log file: it was added, or the digest that does is missing"); err != nil {
			return err
		}
	}
	for key := range digests {
		if !seen[key] {
			if err := v.problem(c.Place+"/"+key, "this digest is in no chain: it was added"); err != nil {
				return err
			}
		}
	}
	return nil
}

func logFile(bucket string, l *record.TrailLog) trail.LogFile {
	return trail.LogFile{Bucket: bucket, Object: l.Object, Hash: l.Hash, Records: l.Records, Offset: l.Offset, Size: l.Size}
}

// digest reads and verifies a digest; nil: nothing that it says can be relied on.
func (v *verifier) digest(bucket string, want link) (*trail.Digest, error) {
	v.report.Digests++
	where := bucket + "/" + want.object
	packed, o, err := v.object(bucket, want.object)
	if err != nil {
		return nil, err
	}
	if packed == nil {
		return nil, v.problem(where, "this digest is missing")
	}
	text, err := trail.Unpack(packed)
	if err != nil {
		return nil, v.problem(where, "this digest was changed: it does not unpack")
	}
	signature := o.Metadata["signature"]
	d, err := trail.ParseDigest(text)
	switch {
	case err != nil:
		return nil, v.problem(where, "this digest was changed: it is none any more")
	case d.Bucket != bucket || d.Object != want.object:
		return nil, v.problem(where, "this digest stood elsewhere when it was made, as %s/%s", d.Bucket, d.Object)
	case want.hash != "" && (trail.Hash(text) != want.hash || signature != want.signature):
		return nil, v.problem(where, "this digest was changed: it is not the one that the next one tells of")
	}
	if err := d.Verify(v.public, text, signature); err != nil {
		return nil, v.problem(where, "this digest was changed: %v", err)
	}
	return d, nil
}

// log verifies a log file, and takes it out of those that nobody has told of.
func (v *verifier) log(bucket string, l trail.LogFile, left map[string]bool) error {
	v.report.Logs++
	delete(left, l.Object)
	where := bucket + "/" + l.Object
	packed, _, err := v.object(bucket, l.Object)
	if err != nil {
		return err
	}
	if packed == nil {
		return v.problem(where, "this log file is missing, and with it its records")
	}
	text, err := trail.Unpack(packed)
	if err != nil {
		return v.problem(where, "this log file was changed: it does not unpack")
	}
	records, err := trail.Split(text)
	v.report.Records += int64(len(records))
	if trail.Hash(text) == l.Hash {
		return nil
	}
	if err != nil {
		return v.problem(where, "this log file was changed: it is no list of records any more")
	}
	return v.changes(where, l.Records, records)
}

// changes tells what was done to the records of a file whose hash is another.
func (v *verifier) changes(where, shorts string, records [][]byte) error {
	for _, what := range trail.Compare(shorts, records) {
		if err := v.problem(where, "%s", what); err != nil {
			return err
		}
	}
	return nil
}

// file verifies the chain of a file on disk.
func (v *verifier) file(c *record.TrailChain) error {
	digests, err := v.fileDigests(c)
	if err != nil {
		return err
	}
	var logs []trail.LogFile // in their order
	for i := len(digests) - 1; i >= 0; i-- {
		logs = append(logs, digests[i].LogFiles...)
	}
	for _, l := range c.Logs {
		logs = append(logs, logFile("", l))
	}
	f, err := os.Open(c.Place)
	if os.IsNotExist(err) {
		return v.problem(c.Place, "this file is missing, and with it its records")
	}
	if err != nil {
		return trailFileError(c.Place, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return trailFileError(c.Place, err)
	}
	return v.stretches(c, f, info.Size(), logs)
}

// wholeFile is up to which size a file in which something was changed is compared as a whole,
// in bytes: what was changed may have moved everything behind it.
const wholeFile = 256 << 20

// stretches verifies the records of a file, as deliveries wrote them.
func (v *verifier) stretches(c *record.TrailChain, f *os.File, size int64, logs []trail.LogFile) error {
	var bad []trail.LogFile
	var shorts []string
	at := int64(-1)
	for _, l := range logs {
		if at >= 0 && l.Offset > at {
			if err := v.problem(c.Place, "the bytes from %d to %d are not of the trail: they were added", at, l.Offset); err != nil {
				return err
			}
		}
		at = l.Offset + l.Size
		shorts = append(shorts, l.Records)
		text, err := v.stretch(f, size, l.Offset, l.Size)
		if err != nil {
			return err
		}
		v.report.Logs++
		v.report.Records += int64(bytes.Count(text, []byte("\n")))
		if trail.Hash(text) != l.Hash {
			bad = append(bad, l)
		}
	}
	switch {
	case len(bad) > 0 && size-logs[0].Offset <= wholeFile:
		text, err := v.stretch(f, size, logs[0].Offset, size)
		if err != nil {
			return err
		}
		return v.changes(c.Place, trail.Join(shorts), lines(text))
	case len(bad) > 0:
		for _, l := range bad {
			text, err := v.stretch(f, size, l.Offset, l.Size)
			if err != nil {
				return err
			}
			if err := v.changes(fmt.Sprintf("%s, bytes %d to %d", l.Object, l.Offset, l.Offset+l.Size), l.Records, lines(text)); err != nil {
				return err
			}
		}
		return nil
	case at >= 0 && size > at && c.Writing == 0:
		return v.problem(c.Place, "the bytes from %d to %d are not of the trail: they were added", at, size)
	}
	return nil
}

func lines(text []byte) [][]byte {
	if len(text) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

// stretch reads some bytes of a file, fewer if there are no more.
func (v *verifier) stretch(f *os.File, size, at, n int64) ([]byte, error) {
	text := make([]byte, max(0, min(n, size-at)))
	if _, err := f.ReadAt(text, at); err != nil && err != io.EOF {
		return nil, trailFileError(f.Name(), err)
	}
	return text, nil
}

// fileDigests reads the chain beside a file, the newest first, as far as it holds.
func (v *verifier) fileDigests(c *record.TrailChain) (out []*trail.Digest, err error) {
	path := c.Place + digestSuffix
	if c.Object == "" {
		return nil, nil
	}
	all, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, v.problem(path, "the digests are missing")
	}
	if err != nil {
		return nil, trailFileError(path, err)
	}
	lines := bytes.Split(bytes.TrimSuffix(all, []byte("\n")), []byte("\n"))
	want := link{hash: c.Hash, signature: c.Signature}
	for i := len(lines) - 1; i >= 0; i-- {
		v.report.Digests++
		var l digestLine
		where := fmt.Sprintf("%s, line %d", path, i+1)
		var d *trail.Digest
		if err := json.Unmarshal(lines[i], &l); err == nil {
			d, err = trail.ParseDigest(l.Digest)
			if err != nil {
				d = nil
			}
		}
		switch {
		case d == nil:
			err = v.problem(where, "this digest was changed: it is none any more")
		case want.hash != "" && trail.Hash(l.Digest) != want.hash:
			err = v.problem(where, "this digest is not the one that the next one, or the store, tells of: one was changed, is missing or was added")
		case d.Verify(v.public, l.Digest, l.Signature) != nil:
			err, d = v.problem(where, "this digest was changed: its signature is wrong"), nil
		}
		if err != nil {
			return nil, err
		}
		if d == nil || d.Verify(v.public, l.Digest, l.Signature) != nil {
			want = link{}
			continue
		}
		out = append(out, d)
		want = link{}
		if d.PreviousHash == nil {
			return out, nil // the chain began here
		}
		want.hash = *d.PreviousHash
	}
	if want.hash != "" {
		return out, v.problem(path, "the digest before the first one is missing")
	}
	return out, nil
}
