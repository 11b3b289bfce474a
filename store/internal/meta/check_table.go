package meta

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// checkTable reads a table (badger's table/builder.go: blocks, index, size of the index,
// its checksum, size of the checksum) and compares all checksums. It returns the number of
// the newest batch in it. It reads rather than maps, so that checking a large store does
// not make the process look large. An encrypted block or index has its nonce behind it; the
// checksum of a block is over what it says, that of the index over what is on the disk.
func checkTable(path string, keys *cipherKeys) (newest uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	defer func() {
		// an index whose checksum is right is what was written, but be sure
		if p := recover(); p != nil {
			err = damagedTable(path, fmt.Sprintf("its index cannot be read (%v)", p))
		}
	}()
	index, err := readIndex(f, st.Size(), keys)
	if err != nil {
		return 0, damagedTable(path, err.Error())
	}
	var buf []byte
	var block fb.BlockOffset
	for i := range index.OffsetsLength() {
		if !index.Offsets(&block, i) {
			return 0, damagedTable(path, "its index is incomplete")
		}
		n := int(block.Len())
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err := f.ReadAt(buf, int64(block.Offset())); err != nil {
			if err == io.EOF {
				return 0, damagedTable(path, "it is too short")
			}
			return 0, err
		}
		if err := checkBlock(buf, keys); err != nil {
			return 0, damagedTable(path, fmt.Sprintf("%v in the block at byte %d", err, block.Offset()))
		}
	}
	return index.MaxVersion(), nil
}

func damagedTable(path, why string) error {
	return &DamageError{Path: path, Reason: why + "; " + restoreAdvice}
}

// readIndex reads the index at the end of a table.
func readIndex(f io.ReaderAt, size int64, keys *cipherKeys) (*fb.TableIndex, error) {
	tail := func(end int64, n int64) ([]byte, error) {
		if n < 0 || n > end {
			return nil, fmt.Errorf("a size at byte %d is wrong", end)
		}
		b := make([]byte, n)
		_, err := f.ReadAt(b, end-n)
		return b, err
	}
	sized := func(end int64) ([]byte, int64, error) {
		n, err := tail(end, 4)
		if err != nil {
			return nil, 0, err
		}
		b, err := tail(end-4, int64(binary.BigEndian.Uint32(n)))
		return b, end - 4 - int64(len(b)), err
	}
	sum, at, err := sized(size)
	if err != nil {
		return nil, err
	}
	index, _, err := sized(at)
	if err != nil {
		return nil, err
	}
	if err := checkSum(index, sum); err != nil {
		return nil, fmt.Errorf("%w of the index", err)
	}
	if keys != nil {
		var ok bool
		if index, ok = keys.table(index); !ok {
			return nil, fmt.Errorf("wrong size of the index")
		}
	}
	return fb.GetRootAsTableIndex(index, 0), nil
}

// checkBlock compares the checksum of a block: entries, checksum, size of the checksum. It
// decrypts it in place.
func checkBlock(b []byte, keys *cipherKeys) error {
	if keys != nil {
		b, _ = keys.table(b)
	}
	if len(b) < 8 {
		return fmt.Errorf("wrong size")
	}
	n := uint64(binary.BigEndian.Uint32(b[len(b)-4:]))
	if n > uint64(len(b)-4) {
		return fmt.Errorf("wrong size of the checksum")
	}
	data := b[:len(b)-4-int(n)]
	return checkSum(data, b[len(data):len(b)-4])
}

func checkSum(data, sum []byte) error {
	var c pb.Checksum
	if err := proto.Unmarshal(sum, &c); err != nil {
		return fmt.Errorf("unreadable checksum")
	}
	if c.Algo != pb.Checksum_CRC32C && c.Algo != pb.Checksum_XXHash64 {
		return fmt.Errorf("unknown kind of checksum")
	}
	if y.CalculateChecksum(data, c.Algo) != c.Sum {
		return fmt.Errorf("wrong checksum")
	}
	return nil
}
