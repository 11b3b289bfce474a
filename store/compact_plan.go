package store

import (
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
)

// What compaction does is decided here, by a model of costs. All of it is pure.
//
// A content in many pieces costs a system call, a place in the list and, where the page
// cache has nothing, a seek for each of them; and a content file for each publish. To put
// pieces together costs reading and writing their bytes, and where other contents go on
// owning the same bytes it costs their space again. So:
//
//   - Only small pieces are moved, those below smallPiece; larger ones are read at the
//     disk's speed where they are. A stretch of neighbouring small pieces is moved together,
//     in order, into a file of at most stretchMax bytes.
//   - It must save CompactPieces pieces and files at least.
//   - It must be worth the writing: pieces are tiny (writePerPiece), or so much of the stretch
//     was written since its bytes were last together that moving costs no more than writePerByte
//     times as much again. So a file that is rewritten here and there all day is moved
//     a bounded number of times.
//   - The space must be in proportion: of bytes that others own as well, no more than
//     spacePerByte times those that were written since, and spacePerPiece for each piece
//     saved, are doubled. So the history of a file takes at most about three times what
//     its versions have changed, whatever is compacted, and a version that differs little
//     from the one before stays a few pieces beside it.
//
// What was written since is reckoned as all but the largest share that one file has in a
// stretch: that is what the pieces were together in before.
const (
	smallPiece     = 256 << 10            // bytes
	stretchMax     = 128 << 20            // bytes
	stretchFiles   = 1000                 // content files that a stretch may be in: each is a record to write
	stretchExtents = 32 * extentsPerChunk // and its extents: one update writes them, or less if it must
	writePerPiece  = 16 << 10             // bytes
	writePerByte   = 4
	spacePerByte   = 2
	spacePerPiece  = 4 << 10 // bytes: what a piece costs at least, as a file and records
)

// A compactModel is what of the model may be chosen.
type compactModel struct {
	pieces  int   // what must be saved at least
	most    int64 // bytes of a stretch
	extents int   // and its extents
}

func (o *Options) compactModel() compactModel {
	return compactModel{pieces: o.CompactPieces, most: o.tuning.stretchMax, extents: stretchExtents}
}

// A stretch is neighbouring extents of a list, from index i up to j, without j.
type stretch struct {
	i, j  int
	bytes int64 // that are not holes
}

// A stretchSum is what counts for the decision about a stretch.
type stretchSum struct {
	pieces int // extents that are not holes
	left   int // and as many would be left
	files  map[blob.ID]int64
	bytes  int64
	gap    bool // the last extent is a hole
}

func (s *stretchSum) add(e blob.Extent) {
	if e.IsHole() {
		s.gap = true
		return
	}
	if s.gap || s.pieces == 0 {
		s.left++
	}
	s.gap = false
	s.pieces++
	s.bytes += e.Len
	s.files[e.Blob] += e.Len
}

// saved is how many pieces and files there would be less.
func (s *stretchSum) saved() int {
	return max(0, s.pieces-s.left+len(s.files)-1)
}

// changed is how many bytes were written since the stretch was last in one piece.
func (s *stretchSum) changed() int64 {
	largest := int64(0)
	for _, n := range s.files {
		largest = max(largest, n)
	}
	return s.bytes - largest
}

// shared is how many of the bytes others own too.
func (s *stretchSum) shared(others func(blob.ID) bool) int64 {
	n := int64(0)
	for id, bytes := range s.files {
		if others(id) {
			n += bytes
		}
	}
	return n
}

// worth says whether moving the stretch saves enough for what it costs to write.
func (s *stretchSum) worth(pieces int) bool {
	saved := s.saved()
	return saved >= pieces && (s.bytes <= int64(saved)*writePerPiece || s.bytes <= writePerByte*s.changed())
}

// fits says whether moving the stretch doubles no more than is in proportion.
func (s *stretchSum) fits(others func(blob.ID) bool) bool {
	return s.shared(others) <= spacePerByte*s.changed()+int64(s.saved())*spacePerPiece
}

// stretches calls fn with each run of small pieces of a content, and the holes between
// them, until fn returns false.
func (m compactModel) stretches(es blob.Extents, fn func(stretch, *stretchSum) bool) {
	var s stretch
	sum := &stretchSum{}
	begin := func(i int) {
		s = stretch{i: i, j: i}
		sum = &stretchSum{files: map[blob.ID]int64{}}
	}
	end := func() bool {
		s.bytes = sum.bytes
		return sum.pieces < 2 || fn(s, sum)
	}
	begin(0)
	for i, e := range es {
		switch {
		case e.IsHole():
			if sum.pieces == 0 {
				begin(i + 1)
				continue
			}
			sum.add(e)
			continue // a stretch ends with a piece
		case e.Len >= smallPiece:
			if !end() {
				return
			}
			begin(i + 1)
			continue
		case sum.bytes+e.Len > m.most, i-s.i >= m.extents, len(sum.files) == stretchFiles && sum.files[e.Blob] == 0:
			if !end() {
				return
			}
			begin(i)
		}
		sum.add(e)
		s.j = i + 1
	}
	end()
}

// todo returns the stretches of a content that are to be moved. others says whether
// other contents own bytes of a file too.
func (m compactModel) todo(es blob.Extents, others func(blob.ID) bool) []stretch {
	var out []stretch
	m.stretches(es, func(s stretch, sum *stretchSum) bool {
		if sum.worth(m.pieces) && sum.fits(others) {
			out = append(out, s)
		}
		return true
	})
	return out
}

// may says whether a content may have something to be moved, whoever else owns it.
func (m compactModel) may(es blob.Extents) bool {
	if len(es) <= m.pieces/2 {
		return false
	}
	found := false
	m.stretches(es, func(_ stretch, sum *stretchSum) bool {
		found = sum.worth(m.pieces)
		return !found
	})
	return found
}

// Dead bytes of a content file are those that nothing refers to while something else of
// it is in use. Where they are half of what the disk keeps for it, and sparseMin at
// least, what is left is moved: no file is kept for long that is mostly dead.
const sparseMin = 64 << 10 // bytes

// wasted is how many bytes of a content file are dead, as far as is known: bytes that are
// used twice count twice as used.
func wasted(b *record.Blob) int64 {
	if b.Allocated == 0 {
		return 0
	}
	return max(0, b.Allocated-b.Used)
}

func isSparse(b *record.Blob, least int64) bool {
	n := wasted(b)
	return n >= least && 2*n >= b.Allocated
}
