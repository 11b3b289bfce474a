package store

import (
	"context"
	"errors"
	"slices"
	"sync"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// The configurations of buckets (CORS, website, lifecycle, notifications) stand in a table
// of their own, by kind and bucket, not in the record of the bucket: that is in memory for
// every bucket and is written with each of its changes, and a lifecycle may have a thousand
// rules. A configuration is cut into pieces, because the engine's values are bounded and a
// configuration's rules are not. What was read last stays in memory, decoded: CORS,
// websites and lifecycles are asked for with every request.
//
// What has no state stands here too, below: who pays, who owns, acceleration.

// configPiece bounds a piece of a configuration, in bytes.
const configPiece = 64 << 10

// readConfig reads a bucket's configuration; ok is false if it has none of that kind.
func (sn *snap) readConfig(kind table.ConfigKind, bucket uint64, m record.Record) (ok bool, err error) {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.ConfigOf(kind, bucket)})
	defer it.Close()
	var whole []byte
	n, pieces := uint32(0), uint32(0)
	for it.Next() {
		var p record.ConfigPiece
		if err := unmarshal(it.Key(), it.Value(), &p); err != nil {
			return false, err
		}
		if _, _, at, err := table.SplitConfig(it.Key()); err != nil || at != n || n > 0 && p.Pieces != pieces {
			n = 0 // for the count below not to be right
			pieces = max(p.Pieces, 1)
			break
		}
		n, pieces = n+1, p.Pieces
		whole = append(whole, p.Data...)
	}
	if err := damaged(it.Err()); err != nil || n == 0 && pieces == 0 {
		return false, err
	}
	if n != pieces {
		return false, fault.New(fault.Damaged, "a piece of a configuration of bucket %d is missing; run pail fsck", bucket)
	}
	return true, unmarshal(table.ConfigOf(kind, bucket), whole, m)
}

// writeConfig replaces a bucket's configuration; a nil m removes it.
func (t *txn) writeConfig(kind table.ConfigKind, bucket uint64, m record.Record) error {
	n := uint32(0)
	if m != nil {
		whole, err := record.Marshal(m)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "configuration of bucket %d", bucket)
		}
		pieces := slices.Collect(slices.Chunk(whole, configPiece))
		for _, data := range pieces {
			p := &record.ConfigPiece{Schema: record.Schema, Pieces: uint32(len(pieces)), Data: data}
			if err := t.put(table.Config(kind, bucket, n), p); err != nil {
				return err
			}
			n++
		}
	}
	it := t.r.Scan(meta.ScanOptions{Prefix: table.ConfigOf(kind, bucket), Start: table.Config(kind, bucket, n), KeysOnly: true})
	defer it.Close()
	for it.Next() {
		t.tx.Delete(slices.Clone(it.Key()))
	}
	t.tx.Defer(func(meta.Commit) { t.s.configs.forget(kind, bucket) })
	return damaged(it.Err())
}

// dropConfigs removes the configurations of a bucket that is deleted.
func (t *txn) dropConfigs(bucket uint64) error {
	for _, kind := range table.ConfigKinds() {
		if err := t.writeConfig(kind, bucket, nil); err != nil {
			return err
		}
	}
	return nil
}

type configID struct {
	kind   table.ConfigKind
	bucket uint64
}

// mostConfigs bounds how many configurations stay in memory; that a bucket has none of a
// kind counts as one.
const mostConfigs = 4096

// A configCache holds decoded configurations. What it returns is shared.
type configCache struct {
	mu    sync.RWMutex // guards what follows
	gen   uint64       // rises when one changes
	known map[configID]any
}

func (c *configCache) get(id configID) (v any, ok bool, gen uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok = c.known[id]
	return v, ok, c.gen
}

// put keeps what was read, unless one has changed since the generation gen.
func (c *configCache) put(id configID, v any, gen uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != gen {
		return
	}
	if c.known == nil || len(c.known) >= mostConfigs {
		c.known = map[configID]any{}
	}
	c.known[id] = v
}

func (c *configCache) forget(kind table.ConfigKind, bucket uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	delete(c.known, configID{kind, bucket})
}

// configOf returns the configuration of a bucket, decoded; nil if there is none. It is as
// of now, whatever snapshot the bucket is from, and must not be changed.
func configOf[T any, R record.Record](s *Store, kind table.ConfigKind, bucket uint64, blank R, decode func(R) *T) (*T, error) {
	id := configID{kind, bucket}
	v, ok, gen := s.configs.get(id)
	if ok {
		return v.(*T), nil
	}
	var out *T
	// A view that is younger than the generation: else what it shows could be kept after a
	// change that it does not.
	err := s.view(func(sn *snap) error {
		ok, err := sn.readConfig(kind, bucket, blank)
		if ok && err == nil {
			out = decode(blank)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.configs.put(id, out, gen)
	return out, nil
}

// bucketConfig is configOf for a bucket by its name; missing is the kind of failure if it
// has none.
func bucketConfig[T any, R record.Record](s *Store, kind table.ConfigKind, bucket string, missing fault.Kind, blank R, decode func(R) *T) (*T, error) {
	var id uint64
	err := s.view(func(sn *snap) error {
		b, err := sn.bucket(bucket)
		id = b.GetId()
		return err
	})
	if err != nil {
		return nil, err
	}
	c, err := configOf(s, kind, id, blank, decode)
	if err == nil && c == nil {
		err = fault.New(missing, "").At(bucket, "")
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// putConfig replaces a configuration in the name of the session, which is authorized.
func (se *Session) putConfig(ctx context.Context, kind table.ConfigKind, bucket string, m record.Record) error {
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if kind == table.ConfigLifecycle {
			if err := takesLifecycle(b); err != nil {
				return err
			}
		}
		t.changed(bucketChange(bucket, configOperation(kind, false)))
		return t.writeConfig(kind, b.Id, m)
	})
	return err
}

// dropConfig removes a configuration in the name of the session, which is authorized. That
// there is none is no failure, as with S3.
func (se *Session) dropConfig(ctx context.Context, kind table.ConfigKind, bucket string) error {
	_, err := se.update(ctx, durableFreeing, bucket, func(t *txn, b *record.Bucket) error {
		had, err := t.anyBelow(table.ConfigOf(kind, b.Id), nil)
		if err != nil || !had {
			return err
		}
		t.changed(bucketChange(bucket, configOperation(kind, true)))
		return t.writeConfig(kind, b.Id, nil)
	})
	return err
}

// configError puts the bucket to the reason why a configuration is refused.
func configError(bucket string, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.At(bucket, "")
	}
	return err
}

// lifecycleError gives the violation of a rule of lifecycles its kind.
func lifecycleError(bucket string, err error) error {
	kind := fault.InvalidArgument
	switch {
	case err == nil:
		return nil
	case errors.Is(err, versioning.RuleLifecycleForm):
		kind = fault.MalformedConfig
	case errors.Is(err, versioning.RuleLifecycleRequest):
		kind = fault.InvalidRequest
	case errors.Is(err, versioning.RuleLifecycleTransition):
		kind = fault.NotSupported
	case errors.Is(err, versioning.RuleTag), errors.Is(err, versioning.RuleTagLength):
		kind = fault.InvalidTag
	}
	return withFacts(fault.New(kind, "%v", err), err).At(bucket, "")
}
