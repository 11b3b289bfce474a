// Package mount shows a disk.Disk as a FUSE filesystem. It runs in a process that does
// nothing else: a page fault on a mount that the faulting Go program serves itself hangs it.
//
// Every request is one step under one lock: path, rules, the disk, the trace. The kernel
// caches names, attributes and pages without expiry, since nothing changes the tree but
// requests of this kernel; writes are not cached, so a write(2) is seen at once, and what a
// program writes through a shared mapping arrives as a write when the kernel writes it back:
// at the latest before the fsync that msync(2) becomes. What is still in a mapping at a cut
// has not reached the disk. Locks stay in the kernel. Extended attributes, devices and ioctls
// are refused.
//
// Steps number the requests that change something or sync; Freeze keeps the state after a
// given step for later cuts, while the program runs on.
package mount
