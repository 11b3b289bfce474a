package store

import (
	"context"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/work"
)

// A file whose publish fails at its last close (a full disk, a quota) is stuck: the store keeps
// its draft, readers of the mount see it, and a job publishes it as soon as that works. A clean
// end records it as an fsync would; what was recorded and still does not fit is stuck again when
// the store is opened, and not published over a quota.
// One that loses its name meanwhile is let go of, and so are its bytes; one that nobody may
// publish any more is given up.

// newPublisher is the job that publishes stuck files.
func newPublisher(s *Store) *work.Job {
	return s.jobs.Add(work.Task{Name: "publish", Run: func(ctx context.Context, p *work.Progress) error {
		var left []string
		var first error
		stuck := s.files.stuckFiles()
		for i, n := range stuck {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			p.Set(int64(i), int64(len(stuck)))
			err := n.publish(ctx, false, nil)
			if isRefused(err) {
				err = n.forsake(ctx, err)
			}
			if err != nil {
				if first == nil {
					first = err
				}
				left = append(left, n.bname+"/"+n.key)
				continue
			}
			n.letGo()
		}
		if first == nil {
			return nil
		}
		return fault.Wrap(fault.KindOf(first), first, "closed and not published yet: %s", some(left))
	}})
}

// publishStuck has the job try again.
func (s *Store) publishStuck() {
	s.files.mu.Lock()
	any := len(s.files.stuck) > 0
	s.files.mu.Unlock()
	if any {
		s.publisher.Wake()
	}
}

// isStuck says whether a file is closed and not published yet.
func (f *fileTable) isStuck(n *inode) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stuck[n]
}

// keepStuck enters the file of a draft that recovery has found and that cannot be published yet.
// It has its name as far as nothing else was published under it.
func (s *Store) keepStuck(n *inode, why error) error {
	var cur *record.Version
	err := s.view(func(sn *snap) (err error) {
		cur, err = sn.head(n.bucket, n.key)
		return err
	})
	if err != nil {
		return err
	}
	n.draft.sync.mark(0, max(n.draft.size, 1)) // what is recorded of it next is all of it
	n.draft.sync.again = true
	f := &s.files
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[n.ino], f.stuck[n] = n, true
	if cur == nil {
		f.setClaim(n)
	}
	s.log.Warn("what was written to a file cannot be published yet", "file", n.bname+"/"+n.key, "err", why)
	return nil
}

func (f *fileTable) stuckFiles() []*inode {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*inode
	for n := range f.stuck {
		out = append(out, n)
	}
	return out
}

// letGo ends an inode that nobody has open and that has nothing left to publish.
func (n *inode) letGo() {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := &n.s.files
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.handles > 0 {
		return
	}
	if d := n.draft; d != nil && n.linked && (d.dirty || d.fresh) {
		t.stuck[n] = true
		n.s.publisher.Wake()
		return
	}
	delete(t.stuck, n)
	if t.open[n.ino] == n {
		delete(t.open, n.ino)
	}
	n.release()
}

// dropStuck lets go of stuck files that have lost their names. Whoever takes names away
// calls it after the update.
func (s *Store) dropStuck() {
	for _, n := range s.files.stuckFiles() {
		if _, _, _, linked := s.files.name(n); !linked {
			n.letGo()
		}
	}
}
