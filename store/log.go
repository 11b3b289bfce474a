package store

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// The log of a bucket is its versions and delete markers in the order of commits. They
// stand in the order of keys, and an index by commit would make every write dearer for
// what few ask seldom. So a pass over the keys collects the newest that fit in memory,
// and there are as many passes as that takes.

// logBudget is how many bytes of memory one pass collects.
const logBudget = 32 << 20

// A LogWhat is what a change did to a key.
type LogWhat uint8

// What changes do. Of versions that were deleted for good there is no record.
const (
	LogCreated     LogWhat = iota + 1 // the key was not live before
	LogOverwritten                    // it was, as far as is known
	LogDescribed                      // the same content under other headers or metadata
	LogRenamed                        // it came from the key Object.Renamed; of a delete marker: went there
	LogDeleted                        // the object is a delete marker
)

// A LogEntry is one change of a key.
type LogEntry struct {
	What   LogWhat
	Object Object // the version or the marker that the change made
}

// A LogInput says what Log lists.
type LogInput struct {
	Prefix string
	After  Moment // only what happened after this moment; the zero Moment: everything
	Until  Moment // only what had happened then; the zero Moment: until now
	Limit  int    // how many entries at most; 0: all
	// Scanned, if it is not nil, is told now and then how many keys were looked at.
	Scanned func(keys int64)

	budget int     // 0: logBudget
	scope  *string // prefix of the keys of which renames are told once; nil: Prefix
}

// Log calls fn with the changes of the keys that begin with a prefix, newest first and,
// within one commit, in the order of keys. A rename is one entry, at the new key, if that
// has the prefix and the version that it made is kept; else it is at the old key's delete
// marker. What is changed while Log runs may or may not be seen. Log holds no more than a
// few ten MiB and takes one pass over all keys for each 32 MiB of names.
func (se *Session) Log(ctx context.Context, bucket string, in LogInput, fn func(LogEntry) error) error {
	if err := se.authorizeFor(actListBucketVersions, bucket, "", func(a *asked) { a.list = &listAsked{prefix: in.Prefix} }); err != nil {
		return err
	}
	if in.Limit < 0 {
		return fault.New(fault.InvalidArgument, "a log cannot have %d entries", in.Limit)
	}
	l := &logger{se: se, bucket: bucket, in: in}
	err := se.view(bucket, func(sn *snap, _ *record.Bucket) error {
		l.behind = logPlace{seq: sn.lastSeq()}
		return nil
	})
	if err != nil {
		return err
	}
	if in.Until.Seq != 0 || !in.Until.Time.IsZero() {
		l.behind.seq = min(l.behind.seq, in.Until.Seq)
	}
	for {
		more, err := l.pass(ctx)
		if err == nil {
			err = l.tell(ctx, fn)
		}
		if err != nil || !more {
			return err
		}
	}
}

// A logPlace is where a change stands in the log.
type logPlace struct {
	seq uint64
	key string
}

// before says whether p comes first in the log.
func (p logPlace) before(q logPlace) bool {
	if p.seq != q.seq {
		return p.seq > q.seq
	}
	return p.key < q.key
}

func (p logPlace) size() int { return len(p.key) + 48 }

// A logHeap has the place that comes last in the log on top.
type logHeap []logPlace

func (h logHeap) Len() int           { return len(h) }
func (h logHeap) Less(i, j int) bool { return h[j].before(h[i]) }
func (h logHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *logHeap) Push(x any)        { *h = append(*h, x.(logPlace)) }
func (h *logHeap) Pop() any {
	n := len(*h) - 1
	x := (*h)[n]
	*h = (*h)[:n]
	return x
}

// A logger lists the log of a bucket.
type logger struct {
	se      *Session
	bucket  string
	in      LogInput
	behind  logPlace // what a pass collects comes after this
	told    int
	scanned int64

	kept logHeap   // what a pass has collected
	size int       // of those, in memory
	left *logPlace // the first place that a pass has left out, nil if it has left out none
}

// pass collects the next changes; more says that there are others behind.
func (l *logger) pass(ctx context.Context) (more bool, err error) {
	l.kept, l.size, l.left = nil, 0, nil
	for next, more := l.in.Prefix, true; more; {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		err := l.se.view(l.bucket, func(sn *snap, b *record.Bucket) (err error) {
			next, more, err = l.page(sn, b, next)
			return err
		})
		if err != nil {
			return false, err
		}
		if l.in.Scanned != nil {
			l.in.Scanned(l.scanned)
		}
	}
	full := l.in.Limit > 0 && l.told+len(l.kept) >= l.in.Limit
	return l.left != nil && !full, nil
}

// logPage is how many keys one snapshot looks at.
const logPage = 4096

func (l *logger) page(sn *snap, b *record.Bucket, start string) (next string, more bool, err error) {
	k := sn.keys(b, l.in.Prefix, start)
	defer k.Close()
	for n := 0; k.Next(); n++ {
		if n == logPage {
			return k.Key(), true, nil
		}
		line, err := k.Line()
		if err == nil {
			err = l.collect(sn, b, line)
		}
		if err != nil {
			return "", false, err
		}
		l.scanned++
	}
	return "", false, k.Err()
}

// collect adds the changes of one key.
func (l *logger) collect(sn *snap, b *record.Bucket, line *line) error {
	until := l.behind.seq
	if line.key <= l.behind.key {
		until-- // of that commit it was told already
	}
	return line.newest(until, func(v *record.Version) (bool, error) {
		p := logPlace{v.Seq, line.key}
		if v.Seq <= l.in.After.Seq || !l.behind.before(p) || !l.fits(p) {
			return false, nil
		}
		elsewhere, err := l.toldElsewhere(sn, b, v)
		if err == nil && !elsewhere {
			l.add(p)
		}
		return true, err
	})
}

// fits says whether a change is among those that this pass can hold.
func (l *logger) fits(p logPlace) bool { return l.left == nil || p.before(*l.left) }

// add collects a change, and leaves out what there is no room for any more.
func (l *logger) add(p logPlace) {
	heap.Push(&l.kept, p)
	l.size += p.size()
	budget := l.in.budget
	if budget == 0 {
		budget = logBudget
	}
	for len(l.kept) > 1 && l.size > budget || l.in.Limit > 0 && len(l.kept) > l.in.Limit-l.told {
		out := heap.Pop(&l.kept).(logPlace)
		l.size -= out.size()
		l.left = &out
	}
}

// toldElsewhere says whether a delete marker is the half of a rename whose other half is
// in the log.
func (l *logger) toldElsewhere(sn *snap, b *record.Bucket, v *record.Version) (bool, error) {
	scope := l.in.Prefix
	if l.in.scope != nil {
		scope = *l.in.scope
	}
	if !v.Marker || v.Renamed == "" || !strings.HasPrefix(v.Renamed, scope) {
		return false, nil
	}
	to, err := sn.line(b, v.Renamed)
	if err != nil {
		return false, err
	}
	made := false
	err = to.newest(v.Seq, func(old *record.Version) (bool, error) {
		made = old.Seq == v.Seq && !old.Marker
		return false, nil
	})
	return made, err
}

// change returns the version or marker of a commit and the one before it; nil: there is
// none.
func (l *line) change(seq uint64) (v, before *record.Version, err error) {
	err = l.newest(seq, func(old *record.Version) (bool, error) {
		switch {
		case v != nil:
			before = old
			return false, nil
		case old.Seq == seq:
			v = old
			return true, nil
		}
		return false, nil
	})
	return v, before, err
}

// logTold is how many changes one snapshot describes.
const logTold = 256

// tell calls fn with what a pass has collected.
func (l *logger) tell(ctx context.Context, fn func(LogEntry) error) error {
	slices.SortFunc(l.kept, func(p, q logPlace) int {
		if p.before(q) {
			return -1
		}
		return 1
	})
	for part := range slices.Chunk(l.kept, logTold) {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries := make([]LogEntry, 0, len(part))
		err := l.se.view(l.bucket, func(sn *snap, b *record.Bucket) error {
			for _, p := range part {
				line, err := sn.line(b, p.key)
				if err != nil {
					return err
				}
				v, before, err := line.change(p.seq)
				if err != nil {
					return err
				}
				if v != nil { // else it was deleted just now
					entries = append(entries, LogEntry{whatItDid(v, before), toObject(l.bucket, p.key, v, v == line.top)})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	if n := len(l.kept); n > 0 {
		l.behind = l.kept[n-1]
		l.told += n
	}
	return nil
}

// whatItDid says what a change did to a key whose version before it is old; nil: there is
// none, or it is kept no longer.
func whatItDid(v, old *record.Version) LogWhat {
	switch {
	case v.Renamed != "":
		return LogRenamed
	case v.Marker:
		return LogDeleted
	case old == nil && v.Number == 1 || old.GetMarker():
		return LogCreated
	case old != nil && old.Ino == v.Ino && proto.Equal(old.Content, v.Content) &&
		!(proto.Equal(old.Headers, v.Headers) && maps.Equal(old.Metadata, v.Metadata)):
		return LogDescribed
	}
	return LogOverwritten
}
