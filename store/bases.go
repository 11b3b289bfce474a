package store

import (
	"sync"
)

// Bases are the lists of extents on which drafts stand. Compaction leaves those alone: a
// draft refers to the bytes of its base where they were when it began, and so would its
// record. It may change all others under those who only read them, who keep the files of
// the edition that they have.
type bases struct {
	// gate is held for writing while a list is being changed, until everybody can see
	// it, and for reading while a draft begins: by then it either stands on the list or
	// sees what became of it. Who holds an inode's mu may take it; updates never do.
	gate sync.RWMutex

	mu       sync.Mutex        // guards what follows
	drafts   map[uint64]int    // how many stand on a list
	editions map[uint64]uint64 // of the lists changed since the store was opened
	passed   bool              // compaction has passed a list over since somebody was told
}

func (b *bases) stand(list uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drafts == nil {
		b.drafts = map[uint64]int{}
	}
	b.drafts[list]++
}

// leave counts a draft out, and says whether compaction should look again.
func (b *bases) leave(list uint64) (again bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drafts[list]--; b.drafts[list] > 0 {
		return false
	}
	delete(b.drafts, list)
	again, b.passed = b.passed, false
	return again
}

// stoodOn says whether a draft stands on a list. Who hears so passes it over, and is
// woken when a draft ends.
func (b *bases) stoodOn(list uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	yes := b.drafts[list] > 0
	b.passed = b.passed || yes
	return yes
}

// changed notes a new edition of a list.
func (b *bases) changed(list, edition uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.editions == nil {
		b.editions = map[uint64]uint64{}
	}
	b.editions[list] = edition
}

// outdated says whether a list has another edition by now.
func (b *bases) outdated(list, edition uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, ok := b.editions[list]
	return ok && now != edition
}

// forget drops a list that is gone.
func (b *bases) forget(list uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.editions, list)
}

// standOn makes a draft that begins stand on the content of n's base. What n has of it is
// brought up to date first. n.mu is held.
func (d *draft) standOn(n *inode) error {
	list := n.base.GetContent().GetList()
	if list == 0 {
		return nil
	}
	b := &n.s.bases
	b.gate.RLock()
	defer b.gate.RUnlock()
	b.stand(list)
	d.base = list
	if !b.outdated(list, n.body.edition) {
		return nil
	}
	fresh, err := n.s.reopenBody(n)
	if err != nil {
		d.standDown()
		return err
	}
	if fresh != nil {
		n.body.close()
		n.body = fresh
	}
	return nil
}

// standDown ends a draft's standing on its base.
func (d *draft) standDown() {
	if d.base == 0 {
		return
	}
	if d.s.bases.leave(d.base) {
		d.s.compactor.job.Wake()
	}
	d.base = 0
}

// reopenBody opens the bytes of n's base as they are recorded now; nil: they are no
// longer, and what n has of them will do.
func (s *Store) reopenBody(n *inode) (fresh *body, err error) {
	s.pins.gate.RLock()
	defer s.pins.gate.RUnlock()
	err = s.view(func(sn *snap) error {
		there, err := sn.hasList(n.base.Content.List)
		if !there || err != nil {
			return err
		}
		fresh, err = sn.openBody(n.base)
		return err
	})
	return fresh, err
}
