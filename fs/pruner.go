package fs

// A pruner asks the kernel to forget files when it knows too many. Without memory
// pressure of its own the kernel forgets nothing, and what it remembers the node table
// has to remember too. Directories are left alone: there are few of them, and a process
// may be in one. So are open files, and what the kernel was told of lately.
type pruner struct {
	wake  chan struct{} // buffered: there are too many nodes
	stop  chan struct{}
	ended chan struct{}
}

func newPruner() *pruner {
	return &pruner{wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
}

// crowded wakes the pruner. It never blocks.
func (p *pruner) crowded() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// close ends the pruner and waits for it. The kernel must not hold it up any more.
func (p *pruner) close() {
	close(p.stop)
	<-p.ended
}

func (p *pruner) run(f *filesystem, k kernel) {
	defer close(p.ended)
	for {
		select {
		case <-p.stop:
			return
		case <-p.wake:
			p.prune(f, k)
		}
	}
}

// prunedAtOnce is how many nodes are chosen under one lock.
const prunedAtOnce = 256

// prune asks the kernel to forget an eighth of what the table may hold. It does by and
// by, with FORGET; who looks for a file meanwhile finds it again.
func (p *pruner) prune(f *filesystem, k kernel) {
	for left := f.nodes.excess(); left > 0; {
		some := f.nodes.victims(min(left, prunedAtOnce))
		if len(some) == 0 {
			return
		}
		for _, n := range some {
			select {
			case <-p.stop:
				return
			default:
			}
			if f.handles.fileOf(n.id) == nil {
				k.EntryNotify(n.parent, n.name)
			}
		}
		left -= len(some)
	}
}

// excess is how many nodes should go.
func (t *nodeTable) excess() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slots.count <= t.most {
		return 0
	}
	return t.slots.count - t.most + t.most/8
}

// victims chooses up to n files to be forgotten: a hand goes round the table and takes
// those that the kernel was not told of since it last came by.
func (t *nodeTable) victims(n int) (out []node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() {
		t.bar = t.most
		if len(out) == 0 { // directories and such: looking again soon would find no others
			t.bar = max(t.most, t.slots.count+t.most/8)
		}
	}()
	all := uint32(len(t.slots.chunks)) * chunkLen
	for range 2 * all {
		if t.hand++; t.hand >= all {
			t.hand = 1
		}
		if t.slots.chunks[t.hand/chunkLen] == nil {
			continue
		}
		switch v := t.at(t.hand); {
		case v.id == 0 || v.kind.isDir() || v.gone || v.children > 0:
		case !v.cold:
			v.cold = true
		default:
			v.cold = false // not again before the kernel had time to forget it
			if out = append(out, *v); len(out) == n {
				return out
			}
		}
	}
	return out
}
