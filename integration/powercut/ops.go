package powercut

import "pail/integration/powercut/mount"

// The kinds of request that rules are about.
const (
	OpOpen     = mount.OpOpen
	OpRead     = mount.OpRead
	OpWrite    = mount.OpWrite
	OpTruncate = mount.OpTruncate
	OpAllocate = mount.OpAllocate
	OpFsync    = mount.OpFsync
	OpFsyncDir = mount.OpFsyncDir
	OpCreate   = mount.OpCreate
	OpMkdir    = mount.OpMkdir
	OpMknod    = mount.OpMknod
	OpSymlink  = mount.OpSymlink
	OpLink     = mount.OpLink
	OpRename   = mount.OpRename
	OpUnlink   = mount.OpUnlink
	OpRmdir    = mount.OpRmdir
)
