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
	"pail/store/checksum"
	"pail/versioning"
)

// A sight is what a store holds after a cut, as its readers see it.
type sight struct {
	buckets   map[string]*seenBucket
	account   account
	recovered store.Recovery
	se        *store.Session
	claims    map[string]bool // names of new files, which directories show and nothing else
}

type seenBucket struct {
	state   versioning.State
	tags    map[string]string
	configs map[string]string  // by kind, in brief
	passing []string           // patterns of names without history, nil: the usual ones
	keys    map[string][]*seen // newest first
	dirs    map[string]seenDir
	files   map[string]bool // what the first listing after opening showed as live
	uploads []seenUpload
}

// A seenDir is a directory that was found.
type seenDir struct {
	mode  uint32
	own   uint32 // of its own key
	xattr string
}

// A seen is a version or delete marker that was found.
type seen struct {
	store.Object
	sum   uint64 // of its bytes
	xattr string
}

func owner(s *store.Store) *store.Session {
	return s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})
}

// look reads everything in the store. Directory renames may be on their way when it
// begins; what listings show then and what is there in the end must be the same.
func look(ctx context.Context, s *store.Store) (*sight, error) {
	l := &sight{recovered: s.Status().Recovered, se: owner(s)}
	if err := l.lookAround(ctx, s); err != nil {
		return nil, fmt.Errorf("access keys and webhooks: %w", err)
	}
	return l, l.look(ctx)
}

func (l *sight) look(ctx context.Context) error {
	l.buckets = map[string]*seenBucket{}
	bs, err := l.se.Buckets(ctx)
	if err != nil {
		return fmt.Errorf("list buckets: %w", err)
	}
	for _, b := range bs {
		sb := &seenBucket{state: b.Versioning, keys: map[string][]*seen{}, dirs: map[string]seenDir{"": {}}, files: map[string]bool{}}
		l.buckets[b.Name] = sb
		if err := l.list(ctx, b.Name, sb); err != nil {
			return fmt.Errorf("list %s: %w", b.Name, err)
		}
	}
	for _, b := range bs {
		sb := l.buckets[b.Name]
		if err := l.walk(ctx, b.Name, "", sb); err != nil {
			return fmt.Errorf("walk %s: %w", b.Name, err)
		}
		if err := l.history(ctx, b.Name, sb); err != nil {
			return fmt.Errorf("versions of %s: %w", b.Name, err)
		}
		if err := l.settings(ctx, b.Name, sb); err != nil {
			return fmt.Errorf("settings of %s: %w", b.Name, err)
		}
		if err := l.configs(ctx, b.Name, sb); err != nil {
			return fmt.Errorf("configurations of %s: %w", b.Name, err)
		}
		if err := l.unfinished(ctx, b.Name, sb); err != nil {
			return fmt.Errorf("uploads of %s: %w", b.Name, err)
		}
		if err := sb.agree(); err != nil {
			return fmt.Errorf("bucket %s: %w", b.Name, err)
		}
	}
	return nil
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
			if e.Object != nil && !sb.files[e.Object.Key] && !l.claims[e.Object.Key] {
				return fmt.Errorf("%q is in its directory and not in a listing", e.Object.Key)
			}
			if e.Dir != nil {
				d := seenDir{mode: e.Dir.Attr.Mode}
				if d.xattr, err = l.xattr(ctx, store.Node{Bucket: bucket, Key: e.Dir.Key, Dir: true}); err != nil {
					return err
				}
				sb.dirs[e.Dir.Key] = d
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
				if v.xattr, err = l.xattr(ctx, store.Node{Bucket: bucket, Key: o.Key, Version: o.VersionID}); err != nil {
					return fmt.Errorf("attributes of %s version %s: %w", o.Key, o.VersionID, err)
				}
			}
			if d, ok := sb.dirs[o.Key]; ok && o.Latest {
				d.own = o.Attr.Mode
				sb.dirs[o.Key] = d
			}
			sb.keys[o.Key] = append(sb.keys[o.Key], v)
		}
		if !p.Truncated {
			return nil
		}
		in.KeyMarker, in.VersionMarker = p.NextKey, p.NextVersion
	}
}

// settings looks at what is kept with a bucket itself.
func (l *sight) settings(ctx context.Context, bucket string, sb *seenBucket) (err error) {
	if sb.tags, err = l.se.BucketTags(ctx, bucket); err != nil {
		return err
	}
	all, err := l.se.Settings(ctx, bucket)
	for _, s := range all {
		if s.Name == noHistory && s.From == store.SettingBucket {
			sb.passing, _ = s.Value.([]string)
		}
	}
	return err
}

// unfinished looks at the uploads that were begun.
func (l *sight) unfinished(ctx context.Context, bucket string, sb *seenBucket) error {
	us, err := l.se.ListUploads(ctx, bucket, store.ListUploadsInput{})
	if err != nil {
		return err
	}
	for _, u := range us.Uploads {
		ps, err := l.se.ListParts(ctx, bucket, u.Key, u.ID, 0, 0)
		if err != nil {
			return err
		}
		s := seenUpload{id: u.ID, key: u.Key, parts: map[int]string{}}
		for _, p := range ps.Parts {
			s.parts[p.Number] = partSeen(p.Size, p.ETag)
		}
		sb.uploads = append(sb.uploads, s)
	}
	return nil
}

// xattr reads the extended attribute that acts give.
func (l *sight) xattr(ctx context.Context, nd store.Node) (string, error) {
	all, err := l.se.XattrsOf(ctx, nd)
	return string(all[xattrName]), err
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
	if err == nil {
		err = l.checksums(ctx, r)
	}
	return h.Sum64(), err
}

// checksums demands that those kept with a version are those of its bytes, and of its parts.
func (l *sight) checksums(ctx context.Context, r *store.Reader) error {
	o := r.Object()
	for name, value := range o.Checksums {
		a, ok := checksum.Parse(name)
		if !ok {
			return fmt.Errorf("a checksum called %q", name)
		}
		of := func(off, n int64) []byte {
			h := a.New()
			_, _ = io.Copy(h, io.NewSectionReader(r, off, n)) // what cannot be read is another checksum
			return h.Sum(nil)
		}
		want := checksum.Encode(of(0, o.Size))
		if o.ChecksumType == checksum.Composite {
			page, err := l.se.ObjectParts(ctx, o.Bucket, o.Key, o.VersionID, 0, 0)
			if err != nil {
				return err
			}
			sum := checksum.NewParts(a, checksum.Composite)
			off := int64(0)
			for _, p := range page.Parts {
				part := of(off, p.Size)
				if got := p.Checksums[name]; got != checksum.Encode(part) {
					return fmt.Errorf("%v of part %d is %s and should be %s", a, p.Number, got, checksum.Encode(part))
				}
				sum.Add(part, p.Size)
				off += p.Size
			}
			want = checksum.EncodeType(sum.Sum(), checksum.Composite, o.Parts)
		}
		if value != want {
			return fmt.Errorf("%v is %s and should be %s", a, value, want)
		}
	}
	return nil
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
		if _, ok := sb.dirs[dirOf(key)]; !ok {
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
	out := &seenBucket{state: sb.state, tags: sb.tags, passing: sb.passing, configs: sb.configs, keys: map[string][]*seen{}, dirs: map[string]seenDir{"": {}}}
	for key, vs := range sb.keys {
		if strings.HasPrefix(key, prefix) && !strings.HasSuffix(key, "/") {
			out.keys[key] = vs
		}
	}
	for dir := range sb.dirs {
		if strings.HasPrefix(dir, prefix) {
			out.dirs[dir] = sb.dirs[dir]
		}
	}
	for _, u := range sb.uploads {
		if strings.HasPrefix(u.key, prefix) {
			out.uploads = append(out.uploads, u)
		}
	}
	return out
}
