package store

import (
	"pail/store/internal/blob"
)

// A draft may be written in pieces smaller than the blocks that the disk gives to each. To
// put those of a region together then takes no more of the disk, and no region has more
// pieces than blocks, whatever is written.

const (
	uniteBlock = 4 << 10 // bytes that a piece takes of the disk at least
	unitePiece = 1 << 20 // bytes that are copied at once
)

// regionPieces is how many pieces a region may have, holes between them not counted.
const regionPieces = regionSize / uniteBlock

// unite puts the regions of a draft together that are in too many pieces. mu is held.
func (n *inode) unite(d *draft) error {
	if d.m.Len() <= regionPieces {
		return nil
	}
	var todo []int64
	region, pieces := int64(-1), 0
	for at, e := range d.m.All() {
		if r := at / regionSize; r != region {
			region, pieces = r, 0
		}
		if e.IsHole() {
			continue
		}
		if pieces++; pieces == regionPieces+1 {
			todo = append(todo, region)
		}
	}
	for _, r := range todo {
		if err := n.uniteRegion(d, r); err != nil {
			return err
		}
	}
	return nil
}

// uniteRegion copies into the draft's own file what a region has of others, and fills the
// holes that are smaller than a block.
func (n *inode) uniteRegion(d *draft, region int64) error {
	buf := make([]byte, unitePiece)
	end := min((region+1)*regionSize, d.size)
	for at := region * regionSize; at < end; at += unitePiece {
		if err := n.uniteRange(d, buf[:min(unitePiece, end-at)], at); err != nil {
			return err
		}
	}
	return nil
}

// uniteRange is uniteRegion for as many bytes from at on as fit buf.
func (n *inode) uniteRange(d *draft, buf []byte, at int64) error {
	if err := d.readExtents(n.body, buf, at); err != nil {
		return err
	}
	flush := func(lo, hi int64) error {
		if lo == hi {
			return nil
		}
		if _, err := d.file.WriteAt(buf[lo:hi], at+lo); err != nil {
			return blobError(err)
		}
		d.m.Write(at+lo, hi-lo, d.file.ID(), at+lo)
		d.sync.mark(at+lo, hi-lo)
		return nil
	}
	lo, hi := int64(0), int64(0)
	for _, e := range d.m.Slice(at, int64(len(buf))) {
		if isWide(e) {
			if err := flush(lo, hi); err != nil {
				return err
			}
			lo = hi + e.Len
		}
		hi += e.Len
	}
	return flush(lo, hi)
}

// isWide says that an extent is a hole of a block at least.
func isWide(e blob.Extent) bool { return e.IsHole() && e.Len >= uniteBlock }
