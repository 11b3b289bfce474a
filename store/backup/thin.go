package backup

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pail/store/fault"
)

// A Keep says which snapshots Thin leaves: of each of the last so many days, weeks and so
// on in which there is one the newest, and the last so many of all. Days begin at
// midnight UTC, weeks on Mondays. The newest snapshot always stays.
type Keep struct {
	Last, Daily, Weekly, Monthly, Yearly int
}

// Validate refuses what keeps nothing.
func (k Keep) Validate() error {
	all := []int{k.Last, k.Daily, k.Weekly, k.Monthly, k.Yearly}
	if slices.Min(all) < 0 {
		return fault.New(fault.InvalidArgument, "a number of snapshots to keep is below zero")
	}
	if slices.Max(all) == 0 {
		return fault.New(fault.InvalidArgument, "say which snapshots to keep, for example the last 10")
	}
	return nil
}

// Split tells the snapshots that stay from those that go, all oldest first.
func (k Keep) Split(all []Snapshot) (stay, gone []Snapshot) {
	rules := []struct {
		left   int
		period func(time.Time) string
		last   string
	}{
		{k.Last, func(t time.Time) string { return t.Format(time.RFC3339Nano) }, ""},
		{k.Daily, func(t time.Time) string { return t.Format(time.DateOnly) }, ""},
		{k.Weekly, func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprint(y, w) }, ""},
		{k.Monthly, func(t time.Time) string { return t.Format("2006-01") }, ""},
		{k.Yearly, func(t time.Time) string { return t.Format("2006") }, ""},
	}
	for i, s := range slices.Backward(all) {
		keep := i == len(all)-1
		for j := range rules {
			rule := &rules[j]
			p := rule.period(s.Taken.UTC())
			if rule.left == 0 || p == rule.last && j > 0 {
				continue
			}
			rule.left--
			rule.last = p
			keep = true
		}
		if keep {
			stay = append(stay, s)
		} else {
			gone = append(gone, s)
		}
	}
	slices.Reverse(stay)
	slices.Reverse(gone)
	return stay, gone
}

// A Thinned is what Thin did.
type Thinned struct {
	Removed []Snapshot
	Files   int64 // chunks and contents that no snapshot needed any more
	Bytes   int64 // of those
}

// Thin takes snapshots away, and what no other needs. It may be cut short and is then
// done again. Nothing is removed while a snapshot that stays is damaged.
func (r *Repo) Thin(ctx context.Context, k Keep, far func(Far)) (Thinned, error) {
	stay, gone := k.Split(r.label.Snapshots)
	t := &thinner{r: r, ctx: ctx, stay: stay, far: far, chunks: map[[32]byte]bool{}}
	if err := t.learn(); err != nil {
		return Thinned{}, err
	}
	if len(gone) > 0 {
		was := r.label.Snapshots
		r.label.Snapshots = stay
		if err := r.writeLabel(); err != nil {
			r.label.Snapshots = was
			return Thinned{}, err
		}
	}
	t.done.Removed = gone
	if err := r.clean(); err != nil {
		return t.done, err
	}
	if err := t.dropChunks(); err != nil {
		return t.done, err
	}
	return t.done, t.dropContents()
}

type thinner struct {
	r      *Repo
	ctx    context.Context
	stay   []Snapshot
	far    func(Far)
	chunks map[[32]byte]bool // that are needed
	done   Thinned
}

// learn reads the manifests that stay.
func (t *thinner) learn() error {
	for _, s := range t.stay {
		err := t.r.manifest(t.ctx, s, nothing{}, func(c chunkRef, _ bool) error {
			t.chunks[c.sum] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *thinner) drop(dir string, f fs.DirEntry) error {
	if fi, err := f.Info(); err == nil {
		t.done.Bytes += fi.Size()
	}
	if err := os.Remove(filepath.Join(t.r.dir, dir, f.Name())); err != nil {
		return diskError(err, "remove what no snapshot needs")
	}
	t.done.Files++
	if t.far != nil {
		t.far(Far{Bytes: t.done.Bytes})
	}
	return t.ctx.Err()
}

func (t *thinner) dropChunks() error {
	return t.r.eachDir(chunksDir, func(dir string, files []fs.DirEntry) error {
		for _, f := range files {
			sum, ok := parseChunkName(f.Name())
			if ok && !t.chunks[sum] || isUnfinished(f.Name()) {
				if err := t.drop(dir, f); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// dropContents goes through the contents in the order of their ids, as manifests do.
func (t *thinner) dropContents() error {
	var needs []*contentCursor
	for _, s := range t.stay {
		c := t.cursor(s)
		defer c.stop()
		needs = append(needs, c)
	}
	return t.r.eachDir(contentsDir, func(dir string, files []fs.DirEntry) error {
		needed := map[string]bool{}
		for _, c := range needs {
			if err := c.below(dir, func(name string) { needed[name] = true }); err != nil {
				return err
			}
		}
		for _, f := range files {
			_, _, ok := parseContentName(f.Name())
			if ok && !needed[f.Name()] || isUnfinished(f.Name()) {
				if err := t.drop(dir, f); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// A contentCursor walks over the contents that a manifest names.
type contentCursor struct {
	next func() (Content, error, bool)
	stop func()
	c    Content
	some bool // c has not been passed yet
	err  error
}

func (t *thinner) cursor(s Snapshot) *contentCursor {
	var c contentCursor
	c.next, c.stop = iter.Pull2(func(yield func(Content, error) bool) {
		v := &contentVisitor{yield: yield}
		err := t.r.manifest(t.ctx, s, v, func(chunkRef, bool) error { return nil })
		if err != nil && !v.stopped {
			yield(Content{}, err)
		}
	})
	c.advance()
	return &c
}

func (c *contentCursor) advance() { c.c, c.err, c.some = c.next() }

// below calls fn with the names of the contents up to those in dir, dir's included.
func (c *contentCursor) below(dir string, fn func(name string)) error {
	for c.some && c.err == nil && contentDir(c.c.ID) <= dir {
		fn(contentName(c.c.ID, c.c.Sum))
		c.advance()
	}
	return c.err
}

type contentVisitor struct {
	nothing
	yield   func(Content, error) bool
	stopped bool
}

func (v *contentVisitor) Content(c Content) error {
	if !v.yield(c, nil) {
		v.stopped = true
		return context.Canceled
	}
	return nil
}
