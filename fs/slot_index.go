package fs

// chunkLen is how many nodes are allocated together: what fits into the allocator's 32
// KiB. Chunks keep the garbage collector from seeing a pointer per node and growing from
// copying them.
const chunkLen = 564

// A slotArray holds nodes by numbers, slots, from 1 on; 0 means "none". Chunks that are
// empty give their memory back.
type slotArray struct {
	chunks []*slotChunk
	roomy  []uint32 // chunks with free slots, each once; the last is taken from
	count  int
}

type slotChunk struct {
	nodes [chunkLen]node
	next  [chunkLen]uint16 // chains free slots, by index + 1
	free  uint16           // the first of them; 0: none
	used  uint16
	full  bool // it is not among the roomy ones
}

func (a *slotArray) at(slot uint32) *node { return &a.chunks[slot/chunkLen].nodes[slot%chunkLen] }

// alloc returns a free slot.
func (a *slotArray) alloc() uint32 {
	if len(a.roomy) == 0 {
		a.roomy = append(a.roomy, uint32(len(a.chunks)))
		a.chunks = append(a.chunks, nil)
	}
	number := a.roomy[len(a.roomy)-1]
	c := a.chunks[number]
	if c == nil {
		c = newSlotChunk(number == 0)
		a.chunks[number] = c
	}
	i := c.free - 1
	c.free = c.next[i]
	c.used++
	if c.free == 0 {
		c.full = true
		a.roomy = a.roomy[:len(a.roomy)-1]
	}
	a.count++
	return number*chunkLen + uint32(i)
}

// newSlotChunk returns a chunk whose slots are free, but for slot 0 of the first one.
func newSlotChunk(first bool) *slotChunk {
	c := new(slotChunk)
	for i := range uint16(chunkLen - 1) {
		c.next[i] = i + 2
	}
	c.free = 1
	if first {
		c.free, c.used = 2, 1
	}
	return c
}

// release frees a slot.
func (a *slotArray) release(slot uint32) {
	number := slot / chunkLen
	c := a.chunks[number]
	i := uint16(slot % chunkLen)
	c.nodes[i] = node{}
	c.next[i] = c.free
	c.free = i + 1
	c.used--
	a.count--
	if c.full {
		c.full = false
		a.roomy = append(a.roomy, number)
	}
	if c.used == 0 {
		a.chunks[number] = nil // it is among the roomy ones, and made anew when its turn comes
	}
}

// each calls fn with every node.
func (a *slotArray) each(fn func(*node)) {
	for _, c := range a.chunks {
		for i := 0; c != nil && i < chunkLen; i++ {
			if n := &c.nodes[i]; n.id != 0 {
				fn(n)
			}
		}
	}
}

// A slotIndex finds slots by hashes of what is in them: a table of slots with linear
// probing, 4 bytes a cell. It keeps no hashes; hashOf says them again where slots move.
type slotIndex struct {
	cells []uint32 // a power of two of them; 0: free
	count int
}

const minCells = 64

// find returns the slot with that hash that fits, 0 if there is none.
func (x *slotIndex) find(hash uint32, fits func(slot uint32) bool) uint32 {
	if x.count == 0 {
		return 0
	}
	mask := uint32(len(x.cells) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if s := x.cells[i]; s == 0 || fits(s) {
			return s
		}
	}
}

// add files a slot that is not there.
func (x *slotIndex) add(slot, hash uint32, hashOf func(slot uint32) uint32) {
	if 4*(x.count+1) > 3*len(x.cells) {
		x.resize(max(minCells, 2*len(x.cells)), hashOf)
	}
	x.put(slot, hash)
	x.count++
}

func (x *slotIndex) put(slot, hash uint32) {
	mask := uint32(len(x.cells) - 1)
	i := hash & mask
	for x.cells[i] != 0 {
		i = (i + 1) & mask
	}
	x.cells[i] = slot
}

// remove takes out a slot that is there.
func (x *slotIndex) remove(slot, hash uint32, hashOf func(slot uint32) uint32) {
	mask := uint32(len(x.cells) - 1)
	i := hash & mask
	for x.cells[i] != slot {
		i = (i + 1) & mask
	}
	// What follows moves up if its own place is not behind the gap, so that probing
	// never meets a free cell too early.
	for j := (i + 1) & mask; x.cells[j] != 0; j = (j + 1) & mask {
		if home := hashOf(x.cells[j]) & mask; (j-home)&mask >= (j-i)&mask {
			x.cells[i] = x.cells[j]
			i = j
		}
	}
	x.cells[i] = 0
	x.count--
	if len(x.cells) > minCells && 8*x.count < len(x.cells) {
		x.resize(len(x.cells)/2, hashOf)
	}
}

func (x *slotIndex) resize(n int, hashOf func(slot uint32) uint32) {
	old := x.cells
	x.cells = make([]uint32, n)
	for _, s := range old {
		if s != 0 {
			x.put(s, hashOf(s))
		}
	}
}
