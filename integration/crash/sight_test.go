package crash

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"pail/store"
	"pail/versioning"
)

// A sight is what a store holds after a cut, as its readers see it.
type sight struct {
	buckets   map[string]*seenBucket
	recovered store.Recovery
	se        *store.Session
}

type seenBucket struct {
	state versioning.State
	keys  map[string][]*seen // newest first
	dirs  map[string]bool
	files map[string]bool // what the first listing after opening showed as live
}

// A seen is a version or delete marker that was found.
type seen struct {
	store.Object
	sum uint64 // of its bytes
}

func owner(s *store.Store) *store.Session {
	return s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
}

// look reads everything in the store. Directory renames may be on their way when it
// begins; what listings show then and what is there in the end must be the same.
func look(ctx context.Context, s *store.Store) (*sight, error) {
	l := &sight{buckets: map[string]*seenBucket{}, recovered: s.Status().Recovered, se: owner(s)}
	bs, err := l.se.Buckets(ctx)
	if err != nil {
		return nil, fmt.Errorf("list buckets: %w", err)
	}
	for _, b := range bs {
		sb := &seenBucket{state: b.Versioning, keys: map[string][]*seen{}, dirs: map[string]bool{"": true}, files: map[string]bool{}}
		l.buckets[b.Name] = sb
		if err := l.list(ctx, b.Name, sb); err != nil {
			return nil, fmt.Errorf("list %s: %w", b.Name, err)
		}
	}
	for _, b := range bs {
		sb := l.buckets[b.Name]
		if err := l.walk(ctx, b.Name, "", sb); err != nil {
			return nil, fmt.Errorf("walk %s: %w", b.Name, err)
		}
		if err := l.history(ctx, b.Name, sb); err != nil {
			return nil, fmt.Errorf("versions of %s: %w", b.Name, err)
		}
		if err := sb.agree(); err != nil {
			return nil, fmt.Errorf("bucket %s: %w", b.Name, err)
		}
	}
	return l, nil
}

func (l *sight) list(ctx context.Context, bucket string, sb *seenBucket) error {
	for in := (store.ListInput{}); ; {
		p, err := l.se.List(ctx, bucket, in)
		if err != nil {
			return err
		}
		for _, o := range p.Objects {
			sb.files[o.Key] = true
		}
		if !p.Truncated {
			return nil
		}
		in.StartAfter = p.Next
	}
}

// walk visits directories as the mount does.
func (l *sight) walk(ctx context.Context, bucket, dir string, sb *seenBucket) error {
	for in := (store.ReadDirInput{Begin: true, Limit: 500}); ; in.Begin = false {
		es, more, err := l.se.ReadDir(ctx, bucket, dir, in)
		if err != nil {
			return err
		}
		for _, e := range es {
			if e.Object != nil && !sb.files[e.Object.Key] {
				return fmt.Errorf("%q is in its directory and not in a listing", e.Object.Key)
			}
			if e.Dir != nil {
				sb.dirs[e.Dir.Key] = true
				if err := l.walk(ctx, bucket, e.Dir.Key, sb); err != nil {
					return err
				}
			}
		}
		if !more {
			return nil
		}
		in.After = es[len(es)-1].Name
	}
}

func (l *sight) history(ctx context.Context, bucket string, sb *seenBucket) error {
	for in := (store.ListVersionsInput{}); ; {
		p, err := l.se.ListVersions(ctx, bucket, in)
		if err != nil {
			return err
		}
		for _, o := range p.Versions {
			v := &seen{Object: o}
			if !o.DeleteMarker {
				if v.sum, err = l.hash(ctx, o); err != nil {
					return fmt.Errorf("read %s version %s: %w", o.Key, o.VersionID, err)
				}
			}
			sb.keys[o.Key] = append(sb.keys[o.Key], v)
		}
		if !p.Truncated {
			return nil
		}
		in.KeyMarker, in.VersionMarker = p.NextKey, p.NextVersion
	}
}

// hash reads a version to its end.
func (l *sight) hash(ctx context.Context, o store.Object) (uint64, error) {
	r, err := l.se.Get(ctx, o.Bucket, o.Key, o.VersionID)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	h := xxhash.New()
	n, err := r.WriteTo(h)
	if err == nil && n != o.Size {
		err = fmt.Errorf("%d bytes instead of %d", n, o.Size)
	}
	return h.Sum64(), err
}

// bytes reads a version into memory.
func (l *sight) bytes(o store.Object) ([]byte, error) {
	r, err := l.se.Get(context.Background(), o.Bucket, o.Key, o.VersionID)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.NewSectionReader(r, 0, o.Size))
}

// agree demands that the first listing, the directories and the histories show the same
// live keys.
func (sb *seenBucket) agree() error {
	live := map[string]bool{}
	for key, vs := range sb.keys {
		if !vs[0].DeleteMarker {
			live[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(live)) {
		if !sb.files[key] {
			return fmt.Errorf("%q is live and was not in the first listing", key)
		}
		if dir := dirOf(key); !sb.dirs[dir] {
			return fmt.Errorf("%q is live and its directory is not there", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(sb.files)) {
		if !live[key] {
			return fmt.Errorf("%q was in the first listing and is not live", key)
		}
	}
	return nil
}

// below returns the part of a bucket below a prefix, without the own keys of
// directories, which the store makes by itself.
func (sb *seenBucket) below(prefix string) *seenBucket {
	out := &seenBucket{state: sb.state, keys: map[string][]*seen{}, dirs: map[string]bool{"": true}}
	for key, vs := range sb.keys {
		if strings.HasPrefix(key, prefix) && !strings.HasSuffix(key, "/") {
			out.keys[key] = vs
		}
	}
	for dir := range sb.dirs {
		if strings.HasPrefix(dir, prefix) {
			out.dirs[dir] = true
		}
	}
	return out
}
