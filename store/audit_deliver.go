package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/trail"
)

// Delivery: the records that wait are put into log files, in a bucket, in a file on disk, or
// in both. The update that makes the log file in the bucket also forgets the records and says
// how far the spool is read, so each record is delivered once, whatever ends in between. A
// file on disk is written and synced before that update; what it has more than the update
// before says was written by a delivery that was cut short, and is not written again.
//
// Digests are made likewise: once an hour, when the trail is turned off, when the store is
// closed, and when there is much to tell.

const (
	// auditEvery is how long a record waits at most: CloudTrail delivers within some five
	// minutes.
	auditEvery = 5 * time.Minute
	// digestEvery is how long a digest waits for more to tell.
	digestEvery = time.Hour
	// batchRows and batchBytes bound what one log file has. It is kept beside the metadata.
	batchRows  = 2000
	batchBytes = 2 << 20
	// digestBytes bounds what digests are still to tell: it is written with each delivery.
	digestBytes = 64 << 10
	// auditPrincipal is who delivers, as histories tell it.
	auditPrincipal = "cloudtrail.amazonaws.com"
)

func settingTrail() []byte      { return table.Setting("trail") }
func settingTrailState() []byte { return table.Setting("trail-state") }

// load reads the trail, and what waits for it. One that cannot be read is reported and off.
func (a *auditor) load(sn *snap) error {
	rec, st := new(record.Trail), new(record.TrailState)
	ok, err := sn.get(settingTrail(), rec)
	if err == nil && ok {
		_, err = sn.get(settingTrailState(), st)
	}
	if err == nil && ok {
		err = a.use(rec)
	}
	switch {
	case unreadable(err):
		a.s.problem("the audit trail cannot be read and is off; turn it on again with pail trail enable: %v", err)
		return nil
	case err != nil:
		return err
	}
	waiting, err := a.spool.load(spoolPlace{st.Segment, st.Offset})
	if err != nil {
		return fault.Wrap(fault.IOFailed, err, "the queue of the audit trail")
	}
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Trails()})
	defer it.Close()
	for it.Next() {
		var e record.TrailEvent
		if unmarshal(it.Key(), it.Value(), &e) == nil { // else fsck says so
			waiting += int64(len(e.Json))
		}
	}
	if err := damaged(it.Err()); err != nil {
		return err
	}
	if waiting > 0 || pendingLogs(st) > 0 {
		a.backlog.waiting.Store(waiting)
		a.schedule(time.Second)
	}
	return nil
}

// use makes a trail the one that holds.
func (a *auditor) use(rec *record.Trail) error {
	signer, err := trail.ParseKey(rec.Key)
	if err != nil {
		return fault.Wrap(fault.Damaged, err, "the key of the audit trail")
	}
	if !rec.On {
		a.conf.Store(nil)
		return nil
	}
	a.conf.Store(&auditConfig{rec: rec, signer: signer, sel: selectorOf(rec)})
	return nil
}

func selectorOf(rec *record.Trail) trail.Selector {
	return trail.Selector{Management: trail.Which(rec.Management), Data: trail.Which(rec.Data), Prefixes: rec.Prefixes}
}

// schedule has what waits delivered after a while, or sooner if that was said before.
func (a *auditor) schedule(wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer == nil && !a.ended {
		a.timer = time.AfterFunc(wait, a.job.Wake)
	}
}

// end keeps the job from being woken any more, for the end of the store.
func (a *auditor) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	if a.timer != nil {
		a.timer.Stop()
	}
}

// last delivers what there is when the store is closed. What cannot be is there when it is
// opened again.
func (a *auditor) last(ctx context.Context) {
	if a == nil || !a.on() || a.s.failure() != nil {
		return
	}
	if err := a.deliver(ctx, true); err != nil {
		a.s.log.Warn("the audit trail was not delivered to its end; it will be when the store is opened again", "err", err)
	}
}

// deliver delivers all that waits, and makes a digest if it is time, or digest says so.
func (a *auditor) deliver(ctx context.Context, digest bool) error {
	a.delivering.Lock()
	defer a.delivering.Unlock()
	a.mu.Lock()
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	a.mu.Unlock()
	err := a.deliverAll(ctx, digest)
	a.mu.Lock()
	switch {
	case err == nil:
		a.failed = nil
	case a.failed == nil:
		a.failed, a.since = err, a.s.now()
	default:
		a.failed = err
	}
	a.mu.Unlock()
	a.backlog.emptied()
	return err
}

func (a *auditor) deliverAll(ctx context.Context, digest bool) error {
	var rec record.Trail
	var st record.TrailState
	err := a.s.view(func(sn *snap) error {
		ok, err := sn.get(settingTrail(), &rec)
		if err == nil && ok {
			_, err = sn.get(settingTrailState(), &st)
		}
		return err
	})
	if err != nil || rec.Name == "" {
		return err
	}
	signer, err := trail.ParseKey(rec.Key)
	if err != nil {
		return fault.Wrap(fault.Damaged, err, "the key of the audit trail")
	}
	d := &delivery{a: a, c: &auditConfig{rec: &rec, signer: signer}, st: &st}
	for more := true; more; {
		if more, err = d.round(ctx); err != nil {
			return err
		}
	}
	return d.digest(ctx, digest)
}

// A delivery is one run. The state is as the last update has it.
type delivery struct {
	a  *auditor
	c  *auditConfig
	st *record.TrailState
}

// A batch is what goes into one log file.
type batch struct {
	records        [][]byte
	rows           []uint64 // to be forgotten
	size           int64    // of the records
	spool          spoolPlace
	oldest, newest int64
}

// round delivers what there is by now; more says that it was more than one round takes.
func (d *delivery) round(ctx context.Context) (more bool, err error) {
	rows, more, err := d.endedRows()
	if err != nil {
		return false, err
	}
	end, err := d.a.spool.end()
	if err != nil {
		return false, fault.Wrap(fault.IOFailed, err, "the queue of the audit trail")
	}
	for at := (spoolPlace{d.st.Segment, d.st.Offset}); at != end; at = (spoolPlace{d.st.Segment, d.st.Offset}) {
		b := &batch{}
		frames, next, lost, err := d.a.spool.read(at, end, batchBytes)
		if err != nil {
			return false, fault.Wrap(fault.IOFailed, err, "the queue of the audit trail")
		}
		if lost {
			d.a.s.log.Warn("a queue of the audit trail ends in the middle of a record, as a kill or a power cut leaves it")
		}
		b.spool = next
		if next == end {
			b.spool = d.a.spool.seal(end)
			end = b.spool
		}
		for _, f := range frames {
			b.records = append(b.records, f.rec)
			b.size += f.size
			if f.row != 0 {
				b.rows = append(b.rows, f.row)
			}
		}
		if err := d.commit(ctx, b); err != nil {
			return false, err
		}
	}
	if err := d.a.spool.forget(spoolPlace{d.st.Segment, d.st.Offset}); err != nil {
		return false, fault.Wrap(fault.IOFailed, err, "the queue of the audit trail")
	}
	for len(rows) > 0 {
		b := &batch{spool: spoolPlace{d.st.Segment, d.st.Offset}}
		if rows, err = d.takeRows(b, rows); err != nil {
			return false, err
		}
		if err := d.commit(ctx, b); err != nil {
			return false, err
		}
	}
	return more, nil
}

// endedRows returns the numbers of rows whose acts have ended.
func (d *delivery) endedRows() (rows []uint64, more bool, err error) {
	var all []uint64
	err = d.a.s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.Trails(), KeysOnly: true})
		defer it.Close()
		for it.Next() {
			n, err := table.Number(it.Key())
			if err != nil {
				return fault.Wrap(fault.Damaged, err, "record of the audit trail; run pail fsck")
			}
			if all = append(all, n); len(all) == 4*batchRows {
				break
			}
		}
		return damaged(it.Err())
	})
	if err != nil {
		return nil, false, err
	}
	d.a.mu.Lock()
	defer d.a.mu.Unlock()
	for _, n := range all {
		if _, open := d.a.open[n]; !open {
			rows = append(rows, n)
		}
	}
	return rows, len(all) == 4*batchRows && len(rows) > 0, nil
}

// takeRows takes rows into a batch and returns those that it has no room for.
func (d *delivery) takeRows(b *batch, rows []uint64) (left []uint64, err error) {
	err = d.a.s.view(func(sn *snap) error {
		for len(rows) > 0 && len(b.rows) < batchRows && b.size < batchBytes {
			var e record.TrailEvent
			ok, err := sn.get(table.Trail(rows[0]), &e)
			if err != nil {
				return err
			}
			if ok { // else a frame of the spool has taken its place
				b.records = append(b.records, e.Json)
				b.size += int64(len(e.Json))
			}
			b.rows = append(b.rows, rows[0])
			rows = rows[1:]
		}
		return nil
	})
	return rows, err
}

// commit delivers a batch.
func (d *delivery) commit(ctx context.Context, b *batch) error {
	st := proto.CloneOf(d.st)
	st.Segment, st.Offset = b.spool.file, b.spool.off
	st.Records += int64(len(b.records))
	st.DeliveredNs = d.a.s.now().UnixNano()
	var put *logPut
	if len(b.records) > 0 {
		b.times()
		if err := d.toFile(b, st); err != nil {
			return err
		}
		var err error
		if put, err = d.toBucket(b, st); err != nil {
			return err
		}
	}
	err := d.update(ctx, put, func(t *txn) error {
		for _, n := range b.rows {
			t.tx.Delete(table.Trail(n))
		}
		return t.put(settingTrailState(), st)
	})
	if err != nil {
		return err
	}
	d.st = st
	d.a.backlog.took(b.size)
	if pendingBytes(st) > digestBytes {
		return d.digest(ctx, true)
	}
	return nil
}

// times reads when the first and the last record were.
func (b *batch) times() {
	for _, r := range b.records {
		var e struct{ EventTime time.Time }
		if json.Unmarshal(r, &e) != nil {
			continue
		}
		n := e.EventTime.UnixNano()
		if b.oldest == 0 || n < b.oldest {
			b.oldest = n
		}
		b.newest = max(b.newest, n)
	}
}

// A logPut is an object that a delivery makes.
type logPut struct {
	bucket, key string
	body        []byte
	meta        map[string]string
}

// toBucket composes a log file for the bucket, nil if there is none.
func (d *delivery) toBucket(b *batch, st *record.TrailState) (*logPut, error) {
	if d.c.rec.Bucket == "" {
		return nil, nil
	}
	text := trail.Compose(b.records)
	packed, err := trail.Pack(text)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "pack a log file")
	}
	p := &logPut{bucket: d.c.rec.Bucket, key: d.c.place(d.a.s).NewLog(d.a.s.now()), body: packed}
	st.Bucket, st.FormerBuckets = chainAt(st.Bucket, st.FormerBuckets, d.c.rec.Bucket, d.a.s.now())
	st.Bucket.Logs = append(st.Bucket.Logs, &record.TrailLog{
		Object: p.key, Hash: trail.Hash(text), OldestNs: b.oldest, NewestNs: b.newest, Records: trail.Shorts(b.records),
	})
	return p, nil
}

// chainAt is the chain at a place, which goes on where it ended if the trail went elsewhere
// meanwhile, and the chains at the others.
func chainAt(c *record.TrailChain, former []*record.TrailChain, place string, now time.Time) (*record.TrailChain, []*record.TrailChain) {
	if c != nil && c.Place == place {
		return c, former
	}
	var others []*record.TrailChain
	next := &record.TrailChain{Place: place, EndedNs: now.UnixNano()}
	for _, f := range append(former, c) {
		switch {
		case f == nil:
		case f.Place == place:
			next = f
		default:
			others = append(others, f)
		}
	}
	return next, others
}

// update makes an object, if there is one to be made, and what fn does, in one durable update.
func (d *delivery) update(ctx context.Context, p *logPut, fn func(*txn) error) error {
	s := d.a.s
	who := author{principal: auditPrincipal}
	mode := durableFreeing // it frees what it delivers
	if p == nil {
		_, err := s.update(ctx, who, mode, func(t *txn) error { return fn(t) })
		return err
	}
	c, err := s.receive(incoming{body: bytes.NewReader(p.body), size: int64(len(p.body)), inline: int64(len(p.body))})
	if err != nil {
		return err
	}
	_, err = s.update(ctx, who, mode, func(t *txn) error {
		b, err := t.bucket(p.bucket)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "the audit trail is to go to the bucket %q, which does not exist; make it, or choose another with pail trail enable --to-bucket", p.bucket)
		}
		v := t.newVersion()
		v.Headers, v.Metadata = fromHeaders(Headers{ContentType: "application/json", ContentEncoding: "gzip"}), p.meta
		v.Etag, v.Checksums = c.sums.etag(), c.sums.records()
		if _, err := t.putReceived(b, p.key, v, c); err != nil {
			return err
		}
		return fn(t)
	})
	c.done(err)
	return err
}

func pendingLogs(st *record.TrailState) int {
	return len(st.GetBucket().GetLogs()) + len(st.GetFile().GetLogs())
}

func pendingBytes(st *record.TrailState) (n int) {
	for _, c := range []*record.TrailChain{st.GetBucket(), st.GetFile()} {
		for _, l := range c.GetLogs() {
			n += len(l.Records) + len(l.Object) + len(l.Hash)
		}
	}
	return n
}

// digest makes the digests for which it is time; now says that it is.
func (d *delivery) digest(ctx context.Context, now bool) error {
	at := d.a.s.now()
	for _, c := range []*record.TrailChain{d.st.GetFile(), d.st.GetBucket()} {
		if len(c.GetLogs()) == 0 {
			continue
		}
		if wait := time.Unix(0, c.EndedNs).Add(digestEvery).Sub(at); !now && wait > 0 {
			d.a.schedule(wait)
			continue
		}
		if err := d.digestOf(ctx, c, at); err != nil {
			return err
		}
	}
	return nil
}

// digestOf makes the next digest of a chain.
func (d *delivery) digestOf(ctx context.Context, c *record.TrailChain, at time.Time) error {
	begun := time.Unix(0, c.EndedNs).UTC().Truncate(time.Second)
	end := at.UTC().Truncate(time.Second)
	if !end.After(begun) { // two in one second, or the clock was set back: the names must differ
		end = begun.Add(time.Second)
	}
	ofFile := c == d.st.File
	dg := &trail.Digest{
		Account: Account, Start: begun, End: end, Bucket: c.Place, Fingerprint: trail.Fingerprint(d.c.signer.Public()),
		Signature: trail.SignatureAlgorithm,
	}
	if ofFile {
		dg.Bucket, dg.Object = "", c.Place+digestSuffix
	} else {
		dg.Object = d.c.place(d.a.s).NewDigest(end)
	}
	if c.Object != "" {
		algorithm := trail.HashAlgorithm
		dg.PreviousBucket, dg.PreviousObject = &dg.Bucket, &c.Object
		dg.PreviousHash, dg.PreviousSignature, dg.PreviousAlgorithm = &c.Hash, &c.Signature, &algorithm
	}
	for _, l := range c.Logs {
		oldest, newest := time.Unix(0, l.OldestNs).UTC(), time.Unix(0, l.NewestNs).UTC()
		dg.LogFiles = append(dg.LogFiles, trail.LogFile{
			Bucket: dg.Bucket, Object: l.Object, Hash: l.Hash, Algorithm: trail.HashAlgorithm,
			Oldest: &oldest, Newest: &newest, Records: l.Records, Offset: l.Offset, Size: l.Size,
		})
		if dg.Oldest == nil || oldest.Before(*dg.Oldest) {
			dg.Oldest = &oldest
		}
		if dg.Newest == nil || newest.After(*dg.Newest) {
			dg.Newest = &newest
		}
	}
	text, err := dg.Marshal()
	var signature string
	if err == nil {
		signature, err = d.c.signer.Sign(dg, text)
	}
	if err != nil {
		return fault.Wrap(fault.Internal, err, "sign a digest")
	}
	st := proto.CloneOf(d.st)
	next := &record.TrailChain{Place: c.Place, Object: dg.Object, Hash: trail.Hash(text), Signature: signature, EndedNs: end.UnixNano(), Size: c.Size}
	var put *logPut
	if ofFile {
		st.File = next
		if err := appendDigest(c.Place, text, signature, c.Hash); err != nil {
			return err
		}
	} else {
		st.Bucket = next
		packed, err := trail.Pack(text)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "pack a digest")
		}
		put = &logPut{bucket: c.Place, key: dg.Object, body: packed, meta: map[string]string{
			"signature": signature, "signature-algorithm": trail.SignatureAlgorithm,
		}}
	}
	if err := d.update(ctx, put, func(t *txn) error { return t.put(settingTrailState(), st) }); err != nil {
		return err
	}
	d.st = st
	return nil
}

// checkTrail checks a trail.
func (f *fsck) checkTrail(k, v []byte) error {
	var rec record.Trail
	if err := unmarshal(k, v, &rec); err != nil {
		return err
	}
	_, bad := trail.ParseKey(rec.Key)
	if err := errors.Join(bad, trail.CheckName(rec.Name), selectorOf(&rec).Check()); err != nil {
		return f.wrong(k, f.without(k), "%s", fmt.Sprint(err))
	}
	return nil
}
