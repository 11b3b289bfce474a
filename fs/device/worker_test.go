package device

import (
	"testing"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Looking goes on while most requests come soon, ends when most do not, and comes back.
func TestPatienceFollowsTheLastWaits(t *testing.T) {
	p := &patience{score: scoreMax}
	learn := func(soon bool, times int) {
		for range times {
			p.learn(soon)
		}
	}
	learn(false, 3)
	if !p.pays() {
		t.Error("a few long waits end it")
	}
	learn(false, 1000)
	if p.pays() {
		t.Error("nothing but long waits do not end it")
	}
	for range 100 {
		learn(true, 1)
		learn(false, 1)
	}
	if p.pays() {
		t.Error("it goes on when every other wait is long")
	}
	learn(true, scoreMax)
	if !p.pays() {
		t.Error("short waits do not bring it back")
	}
	p.wanted.Store(true)
	if p.pays() {
		t.Error("it goes on though others need the processors")
	}
}

// One program that waits for each answer is no crowd, whatever the kernel sends for
// itself in between; several are, and so is reading ahead.
func TestCrowd(t *testing.T) {
	const lookup, release = 1, 18
	request := func(opcode, pid uint32) []byte {
		in := make([]byte, inHeaderSize)
		*(*fuse.InHeader)(unsafe.Pointer(&in[0])) = fuse.InHeader{Opcode: opcode, Caller: fuse.Caller{Pid: pid}}
		return in
	}
	for _, c := range []struct {
		name  string
		ask   func(i int) []byte
		crowd bool
	}{
		{"one program", func(int) []byte { return request(lookup, 7) }, false},
		{"one that closes files", func(i int) []byte {
			if i%2 == 0 {
				return request(release, 0)
			}
			return request(lookup, 7)
		}, false},
		{"one that reads and looks", func(i int) []byte { return request([]uint32{opRead, lookup}[i%2], 7) }, false},
		{"one that writes", func(int) []byte { return request(opWrite, 7) }, false},
		{"two programs", func(i int) []byte { return request(lookup, uint32(7+i%2)) }, true},
		{"reading ahead", func(int) []byte { return request(opRead, 7) }, true},
		{"writing back", func(int) []byte { return request(opWrite, 0) }, true},
	} {
		var last caller
		row, crowd := 0, false
		for i := range 4 * crowdAt {
			row = last.joined(c.ask(i), row)
			crowd = crowd || row >= crowdAt
		}
		if crowd != c.crowd {
			t.Errorf("%s: crowd %v", c.name, crowd)
		}
	}
}
