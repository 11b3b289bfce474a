package disk

import "slices"

// slot is the place of one name.
type slot struct {
	dir  Ino
	name string
}

// change says what a slot led to and leads to now; zero is nothing.
type change struct {
	slot     slot
	was, now Ino
}

// event is one atomic change of names.
type event struct {
	seq     uint64
	changes []change
	home    Ino // the directory whose sync makes it durable

	// first lists events that are durable whenever this one is.
	first []*event
	// await lists events without which this one would lose a file: it is never kept without
	// them, and a sync of its home leaves it pending until they are durable.
	await []*event

	synced  bool // its home was synced since
	durable bool
}

// journal holds the pending events of a disk in order, indexed.
type journal struct {
	pending []*event
	bySlot  map[slot]*event  // the latest that touches a slot
	placed  map[Ino][]*event // those that gave an inode a name
	moved   *event           // the latest that moved a directory to another parent
}

func newJournal() journal {
	return journal{bySlot: map[slot]*event{}, placed: map[Ino][]*event{}}
}

// manner is what an event does beyond changing names.
type manner int

const (
	creates  manner = iota // or removes
	places                 // an inode that had a name gets another
	movesDir               // and it is a directory that changes its parent
)

// record applies changes to the live names and remembers them as one pending event.
func (d *Disk) record(home Ino, how manner, changes ...change) {
	j := &d.names
	e := &event{seq: d.next(), changes: changes, home: home}
	kept := map[Ino]bool{} // inodes that keep a name through this event
	for _, c := range changes {
		kept[c.now] = true
	}
	for _, c := range changes {
		if last := j.bySlot[c.slot]; last != nil {
			e.first = append(e.first, last)
		}
		if c.was == 0 || kept[c.was] {
			continue
		}
		switch {
		case d.nodes[c.was].isDir():
			e.first = append(e.first, j.within(c.was)...)
		case c.now == 0:
			e.await = append(e.await, j.placed[c.was]...)
		default:
			// Syncing its directory makes a replacement durable whatever else happened.
			e.first = append(e.first, j.placed[c.was]...)
		}
	}
	if how == movesDir {
		if j.moved != nil {
			e.first = append(e.first, j.moved)
		}
		j.moved = e
	}
	if how != creates {
		for _, c := range changes {
			if c.now != 0 {
				e.await = append(e.await, d.reaching(c.slot.dir)...)
			}
		}
	}
	j.pending = append(j.pending, e)
	for _, c := range changes {
		j.bySlot[c.slot] = e
		d.apply(c)
		if c.now != 0 {
			j.placed[c.now] = append(j.placed[c.now], e)
			d.nodes[c.now].mentions++
		}
		if c.was != 0 {
			d.nodes[c.was].mentions++
		}
	}
}

// within returns the pending events that touch names in a directory.
func (j *journal) within(dir Ino) []*event {
	var list []*event
	for _, e := range j.pending {
		if slices.ContainsFunc(e.changes, func(c change) bool { return c.slot.dir == dir }) {
			list = append(list, e)
		}
	}
	return list
}

// reaching returns the pending events without which a cut might show a directory nowhere.
func (d *Disk) reaching(dir Ino) []*event {
	if d.durablyReached(dir) {
		return nil // some place it has in every cut, though perhaps not this one
	}
	var list []*event
	for dir != Root {
		if placed := d.names.placed[dir]; len(placed) > 0 {
			list = append(list, placed[len(placed)-1])
		}
		dir = d.nodes[dir].parent
	}
	return list
}

func (d *Disk) durablyReached(dir Ino) bool {
	for dir != Root {
		n := d.nodes[dir]
		if n == nil || n.durableLinks == 0 {
			return false
		}
		dir = n.durableParent
	}
	return true
}

// apply performs a change on the live names.
func (d *Disk) apply(c change) {
	entries := d.nodes[c.slot.dir].entries
	delete(entries, c.slot.name)
	if c.now != 0 {
		n := d.nodes[c.now]
		entries[c.slot.name] = c.now
		n.links++
		n.parent, n.name = c.slot.dir, c.slot.name
	}
	if c.was != 0 {
		d.nodes[c.was].links--
	}
}

// syncNames promotes what the sync of a file promises about its names.
func (d *Disk) syncNames(ino Ino) {
	some := false
	mark := func(e *event) { e.synced, some = true, true }
	for _, e := range d.names.placed[ino] {
		switch d.policy(e.home) {
		case Strict:
			continue
		case Journal:
			for _, other := range d.names.pending {
				if other.home == e.home {
					mark(other)
				}
			}
		}
		mark(e)
		// The directories above that fall under a policy themselves come along.
		for dir := e.home; dir != Root; dir = d.nodes[dir].parent {
			if d.policy(d.nodes[dir].parent) == Strict {
				break
			}
			for _, up := range d.names.placed[dir] {
				mark(up)
			}
		}
	}
	if some {
		d.promote()
	}
}

// promote makes durable every synced event that waits for nothing, in order.
func (d *Disk) promote() {
	var gone []Ino
	for _, e := range d.names.pending {
		ready := e.synced && !e.durable
		for _, a := range e.await {
			ready = ready && a.durable
		}
		if ready {
			gone = d.settle(e, gone)
		}
	}
	j := &d.names
	j.pending = slices.DeleteFunc(slices.Clone(j.pending), func(e *event) bool { return e.durable })
	for _, ino := range gone {
		d.collect(ino)
	}
}

// settle makes an event and everything it rests on durable, and adds the inodes that it
// mentions to a list.
func (d *Disk) settle(e *event, mentioned []Ino) []Ino {
	if e.durable {
		return mentioned
	}
	e.durable = true
	for _, before := range slices.Concat(e.first, e.await) {
		mentioned = d.settle(before, mentioned)
	}
	e.first, e.await = nil, nil
	j := &d.names
	for _, c := range e.changes {
		if j.bySlot[c.slot] == e {
			delete(j.bySlot, c.slot)
		}
		if dir, ok := d.nodes[c.slot.dir]; ok {
			setName(dir.durable, c)
		}
		if c.now != 0 {
			d.nodes[c.now].durableLinks++
			d.nodes[c.now].durableParent = c.slot.dir
			d.nodes[c.now].mentions--
			j.placed[c.now] = slices.DeleteFunc(slices.Clone(j.placed[c.now]), func(o *event) bool { return o == e })
			if len(j.placed[c.now]) == 0 {
				delete(j.placed, c.now)
			}
			mentioned = append(mentioned, c.now)
		}
		if c.was != 0 {
			d.nodes[c.was].durableLinks--
			d.nodes[c.was].mentions--
			mentioned = append(mentioned, c.was)
		}
	}
	if j.moved == e {
		j.moved = nil
	}
	return mentioned
}

func setName(names map[string]Ino, c change) {
	if c.now == 0 {
		delete(names, c.slot.name)
	} else {
		names[c.slot.name] = c.now
	}
}
