package crypto

// A Layout is where the slots of a blob lie in its file. A segment has two places, called
// sides; a blob whose segments are each written once needs one of them only.
type Layout uint8

const (
	// Dense has side 0 only: slot after slot.
	Dense Layout = 1
	// Double has both: GroupSegments slots of side 0, then as many of side 1, and so on. Of a
	// side that was not written the file is a hole.
	Double Layout = 2
)

// GroupSegments is how many segments share a group of the Double layout (4 MiB of bytes).
const GroupSegments = 1024

// Offset is where in the file the slot of a segment lies, on side 0 or 1.
func (l Layout) Offset(segment int64, side int) int64 {
	if l == Dense {
		return segment * SlotSize
	}
	group, in := segment/GroupSegments, segment%GroupSegments
	return ((2*group+int64(side))*GroupSegments + in) * SlotSize
}

// Run is how many slots from a segment's on lie one behind the other, on the same side.
func (l Layout) Run(segment int64) int64 {
	if l == Dense {
		return 1 << 40
	}
	return GroupSegments - segment%GroupSegments
}

// SegmentCount is how many segments some bytes have; the last may be partly unused.
func SegmentCount(bytes int64) int64 { return (bytes + SegmentSize - 1) / SegmentSize }

// Segments says which segments have slots in n bytes at an offset of the file, wholly or in
// part: runs, each from its first segment up to and without its second, in the order of the
// file. Both sides of one segment may be in them.
func (l Layout) Segments(off, n int64) (runs [][2]int64) {
	if n <= 0 {
		return nil
	}
	from, to := off/SlotSize, (off+n+SlotSize-1)/SlotSize
	if l == Dense {
		return [][2]int64{{from, to}}
	}
	for from < to {
		group, in := from/(2*GroupSegments), from%GroupSegments
		run := min(to-from, GroupSegments-in)
		runs = append(runs, [2]int64{group*GroupSegments + in, group*GroupSegments + in + run})
		from += run
	}
	return runs
}
