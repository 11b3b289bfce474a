package store

import (
	"context"

	"pail/store/fault"
	"pail/store/work"
)

// A file whose publish fails at its last close (a full disk) is stuck: the store keeps
// its draft, readers of the mount see it, and a job publishes it as soon as that works.
// One that loses its name meanwhile is let go of, and so are its bytes.

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
			if err := n.publish(ctx, false); err != nil {
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
