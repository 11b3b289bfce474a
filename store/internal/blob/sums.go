package blob

import "hash/crc32"

const (
	// minSegmentShift makes segments of 128 KiB: a verified read of 4 KiB reads
	// that much, and a checksum costs 4 bytes in 131,072.
	minSegmentShift = 17
	// maxSegments bounds what a Writer, a trailer and a cached Reader hold in
	// memory (6, 2 and 2 MiB) however long the blob: beyond 64 GiB neighbouring
	// segments are joined and each covers twice as much.
	maxSegments = 1 << 19
	maxShift    = 62
)

// sums follows the checksums of a blob's segments while it is written.
//
// A segment's state is the checksum of its first n bytes, where every byte
// behind them is known to be zero; so a hole is n = 0, writing forward (with
// gaps or without) needs no second read, and anything else is unknown and is
// read again when the blob is sealed.
type sums struct {
	shift uint
	limit int64 // of segments
	crc   []uint32
	n     []int64
}

const unknown = -1

func newSums() sums { return sums{shift: minSegmentShift, limit: maxSegments} }

func (s *sums) segment() int64 { return 1 << s.shift }

// grow makes room for the segments below end, coarser ones if need be.
func (s *sums) grow(end int64) {
	for segmentCount(end, s.shift) > s.limit {
		s.coarsen()
	}
	if missing := segmentCount(end, s.shift) - int64(len(s.n)); missing > 0 {
		s.crc = append(s.crc, make([]uint32, missing)...)
		s.n = append(s.n, make([]int64, missing)...)
	}
}

// coarsen joins each pair of segments.
func (s *sums) coarsen() {
	size := s.segment()
	half := (len(s.n) + 1) / 2
	for i := range half {
		crc, n := s.crc[2*i], s.n[2*i]
		if 2*i+1 < len(s.n) {
			crc, n = joinSegments(crc, n, s.crc[2*i+1], s.n[2*i+1], size)
		}
		s.crc[i], s.n[i] = crc, n
	}
	s.crc, s.n = s.crc[:half], s.n[:half]
	s.shift++
}

func joinSegments(crcA uint32, a int64, crcB uint32, b, size int64) (uint32, int64) {
	switch {
	case a == unknown || b == unknown:
		return 0, unknown
	case b == 0:
		return crcA, a
	}
	return crcJoin(crcPad(crcA, size-a), crcB, b), size + b
}

// pieces calls fn for each segment that [off, end) touches, with the range
// inside the segment.
func (s *sums) pieces(off, end int64, fn func(i int, from, to int64)) {
	size := s.segment()
	for off < end {
		i := off >> s.shift
		base := i << s.shift
		to := min(end-base, size)
		fn(int(i), off-base, to)
		off = base + to
	}
}

// wrote notes that p was written at off.
func (s *sums) wrote(p []byte, off int64) {
	s.grow(off + int64(len(p)))
	s.pieces(off, off+int64(len(p)), func(i int, from, to int64) {
		piece := p[:to-from]
		p = p[to-from:]
		n := s.n[i]
		switch {
		case from == 0 && (n != unknown && to >= n || to == s.segment()):
			s.crc[i], s.n[i] = crc32.Update(0, castagnoli, piece), to
		case n != unknown && from >= n:
			s.crc[i] = crc32.Update(crcPad(s.crc[i], from-n), castagnoli, piece)
			s.n[i] = to
		default:
			s.n[i] = unknown
		}
	})
}

// spoil notes that [off, end) may hold anything now.
func (s *sums) spoil(off, end int64) {
	s.grow(end)
	s.pieces(off, end, func(i int, _, _ int64) { s.n[i] = unknown })
}

// zeroed notes that [off, end) is zero now, in a blob of the given size.
func (s *sums) zeroed(off, end, size int64) {
	end = min(end, int64(len(s.n))<<s.shift)
	s.pieces(off, end, func(i int, from, to int64) {
		n := s.n[i]
		if n == unknown {
			n = min(s.segment(), size-int64(i)<<s.shift)
		}
		switch {
		case from == 0 && to >= n:
			s.crc[i], s.n[i] = 0, 0
		case from < n:
			s.n[i] = unknown
		}
	})
}

// cut notes that nothing is left at and behind size.
func (s *sums) cut(size int64) {
	count := segmentCount(size, s.shift)
	if count > int64(len(s.n)) {
		return
	}
	s.crc, s.n = s.crc[:count], s.n[:count]
	if count > 0 && s.n[count-1] > size-(count-1)<<s.shift {
		s.n[count-1] = unknown
	}
}

// segmentCount is the number of segments in size bytes.
func segmentCount(size int64, shift uint) int64 {
	if size == 0 {
		return 0
	}
	return (size-1)>>shift + 1
}
