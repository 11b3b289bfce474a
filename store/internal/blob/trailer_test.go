package blob

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"

	"pail/crypto"
)

// FuzzTrailer: what parses is the one encoding of what it says.
func FuzzTrailer(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, written := range []string{"", "x", "xx..x", "....................................................................x", "x......"} {
		t := newTable(int64(len(written)))
		for i, c := range written {
			if c == 'x' {
				t.set(int64(i), rng.Uint32())
			}
		}
		foot := &footer{id: 5, shift: minSegmentShift, length: int64(len(written)) << minSegmentShift}
		foot.offset = foot.length
		f.Add(sealTrailer(foot, t))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		foot, tab, ok := parseTrailer(b)
		if !ok {
			return
		}
		if again := sealTrailer(foot, tab); !bytes.Equal(again, b) {
			t.Fatalf("%x\nparses and becomes\n%x", b, again)
		}
	})
}

// parseTrailer reads a trailer as a file's end, whatever its offset. It mends
// checksums, so that fuzzing gets past them.
func parseTrailer(b []byte) (*footer, *table, bool) {
	if len(b) < footerSize {
		return nil, nil, false
	}
	body, end := b[:len(b)-footerSize], b[len(b)-footerSize:]
	foot := mendFooter(body, end)
	parsed, err := parseFooter(end, foot.fileSize())
	if err != nil || parsed.table != int64(len(body)) || parsed.segments() > 1<<12 {
		return nil, nil, false
	}
	tab, err := parseTable(body, parsed.segments())
	return parsed, tab, err == nil
}

// mendFooter writes the right checksums into a footer and answers its numbers.
func mendFooter(body, end []byte) *footer {
	le := binary.LittleEndian
	le.PutUint64(end[64:], xxhash.Sum64(body))
	le.PutUint64(end[72:], xxhash.Sum64(end[:72]))
	return &footer{offset: int64(le.Uint64(end[32:])), table: int64(le.Uint64(end[40:]))}
}

func TestFooterFields(t *testing.T) {
	foot := &footer{cipher: cipherGCM, shift: 20, id: 77, length: 5 << 20, offset: 6 << 20, layout: crypto.Double, plain: 4 << 20}
	tab := newTable(5)
	tab.set(2, 99)
	b := sealTrailer(foot, tab)
	got, err := parseFooter(b[len(b)-footerSize:], foot.fileSize())
	if err != nil || *got != *foot {
		t.Fatalf("%+v, want %+v: %v", got, foot, err)
	}
	if _, err := parseFooter(b[len(b)-footerSize:], foot.fileSize()+1); err == nil {
		t.Fatal("a footer of a file of another size is accepted")
	}
}

func TestLongHolesAreShort(t *testing.T) {
	tab := newTable(maxSegments)
	tab.set(maxSegments/2, 7)
	b := tab.marshal()
	if len(b) > 16 {
		t.Fatalf("%d bytes for one written segment", len(b))
	}
	got, err := parseTable(b, maxSegments)
	if err != nil || got.crc[maxSegments/2] != 7 || got.hole(maxSegments/2) || !got.hole(maxSegments/2+1) {
		t.Fatalf("parsed: %v", err)
	}
}

func TestCRCArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")
		cut := rapid.IntRange(0, len(data)).Draw(t, "cut")
		zeros := rapid.IntRange(0, 300_000).Draw(t, "zeros")
		sum := func(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
		if got := crcJoin(sum(data[:cut]), sum(data[cut:]), int64(len(data)-cut)); got != sum(data) {
			t.Fatalf("join: %08x, want %08x", got, sum(data))
		}
		if got, want := crcPad(sum(data), int64(zeros)), sum(append(bytes.Clone(data), make([]byte, zeros)...)); got != want {
			t.Fatalf("pad: %08x, want %08x", got, want)
		}
	})
}
