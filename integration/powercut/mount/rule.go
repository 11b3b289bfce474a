package mount

import (
	"fmt"
	"regexp"
	"slices"
	"syscall"
)

// Op is a kind of request.
type Op string

const (
	OpOpen     Op = "open" // of files and directories
	OpRead     Op = "read"
	OpWrite    Op = "write" // write(2), and written-back pages of mappings
	OpTruncate Op = "truncate"
	OpAllocate Op = "allocate" // also punching holes
	OpFsync    Op = "fsync"    // fsync, fdatasync, msync, and the sync of an O_SYNC write
	OpFsyncDir Op = "fsyncdir"
	OpCreate   Op = "create" // of regular files, also by mknod
	OpMkdir    Op = "mkdir"
	OpMknod    Op = "mknod" // of FIFOs and sockets
	OpSymlink  Op = "symlink"
	OpLink     Op = "link"
	OpRename   Op = "rename"
	OpUnlink   Op = "unlink"
	OpRmdir    Op = "rmdir"
)

// Rule changes the answer to some requests.
type Rule struct {
	// Ops are the kinds of request it is for; empty means all.
	Ops []Op
	// Path is a regular expression that must match within the path, which is relative to the
	// mount and has no leading slash ("" is the root). A rename is known by its new path, a
	// file that has lost its name by its last one.
	Path string
	// Skip lets this many matching requests pass first.
	Skip int
	// Count is how many requests it applies to after those; zero means all.
	Count int
	// Errno is the answer. Zero acknowledges a sync without performing it, as a disk that
	// lies does; other requests need an Errno.
	Errno syscall.Errno
}

type activeRule struct {
	Rule
	path  *regexp.Regexp
	seen  int
	fired int
}

func (r Rule) compile() (*activeRule, error) {
	path, err := regexp.Compile(r.Path)
	if err != nil {
		return nil, fmt.Errorf("rule: %w", err)
	}
	if r.Errno == 0 {
		onlySyncs := len(r.Ops) > 0 && !slices.ContainsFunc(r.Ops, func(op Op) bool {
			return op != OpFsync && op != OpFsyncDir
		})
		if !onlySyncs {
			return nil, fmt.Errorf("rule: only syncs can be ignored, not %v", r.Ops)
		}
	}
	return &activeRule{Rule: r, path: path}, nil
}

// applies counts a request that matches and says whether the rule changes its answer.
func (r *activeRule) applies(op Op, path string) bool {
	if len(r.Ops) > 0 && !slices.Contains(r.Ops, op) || !r.path.MatchString(path) {
		return false
	}
	r.seen++
	if r.seen <= r.Skip || r.Count > 0 && r.seen > r.Skip+r.Count {
		return false
	}
	r.fired++
	return true
}
