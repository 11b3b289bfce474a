package outage

import (
	"fmt"
	"math/rand/v2"
)

// An op is what an act does.
type op string

const (
	opSave    op = "save"   // create or truncate, write, close
	opAppend  op = "append" // open, write at the end, close
	opPatch   op = "patch"  // open, write somewhere, close
	opLog     op = "log"    // write at the end of a file that stays open, fsync
	opRename  op = "rename" // of a file or a directory
	opUnlink  op = "unlink"
	opMkdir   op = "mkdir"
	opRmdir   op = "rmdir"
	opSymlink op = "symlink"
	opMode    op = "mode"
	opXattr   op = "xattr"
)

// ops are all of them.
var ops = []op{opSave, opAppend, opPatch, opLog, opRename, opUnlink, opMkdir, opRmdir, opSymlink, opMode, opXattr}

// An act is what a worker is told to do.
type act struct {
	Op   op
	Name string // below the worker's directory
	To   string `json:",omitempty"` // of a rename; the target of a link
	Off  int64  `json:",omitempty"`
	Len  int    `json:",omitempty"`
	Gen  uint64 // what is written follows from it
	Mode uint32 `json:",omitempty"`
	Sync bool   `json:",omitempty"` // with an fsync before it returns
}

func (a act) String() string {
	return fmt.Sprintf("%s %s %s at %d len %d gen %d sync %v", a.Op, a.Name, a.To, a.Off, a.Len, a.Gen, a.Sync)
}

// data is what an act writes.
func (a act) data() []byte {
	p := make([]byte, a.Len)
	rng := rand.NewPCG(a.Gen, uint64(a.Len))
	for i := range p {
		if i%8 == 0 {
			x := rng.Uint64()
			for k := i; k < min(i+8, len(p)); k++ {
				p[k] = byte(x >> (8 * (k - i)))
			}
		}
	}
	return p
}

// xattr is the value that an act gives the attribute.
func (a act) xattr() string { return fmt.Sprint(a.Gen) }

const xattrName = "user.outage"
