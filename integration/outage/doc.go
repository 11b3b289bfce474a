// Package outage kills the real program while processes work on its mount, mounts the store
// again and demands what was promised to them. It has tests only.
//
// Words. A worker is a process that does on the mount what it is told, one act after another:
// files saved, appended to and changed in place, a log that stays open and is fsynced,
// renames, links, modes and attributes. The test tells it and keeps what each act amounts to
// in a tree of its own, outside of the mount and of the store.
//
//   - TestKilledMounts: the daemon is killed with SIGKILL again and again and the store lies on
//     an ordinary disk, so that everything that had returned is there, synced or not, but
//     what was written to the open log since its last fsync.
//
//   - TestMountPowerCuts: the store lies on the filesystem that forgets (integration/powercut),
//     and after each kill the power is cut, too. Each act ends with an fsync of the file or
//     of its directory, and then it is there. TestLostSyncIsNoticed has that disk lie about
//     the log of the records, and something must be missing.
//
//   - TestStuckDaemons: a daemon is killed that the kernel does not let go, for it waits there
//     for its own mount; the next command for the store ends it.
//
// An act that had not returned has happened or not: the tree that is found is that of before
// or of after it, never one in between, and a file has the whole of the one content or of
// the other.
//
// A daemon that was killed may be held by the kernel until its mount is aborted (see kill in
// mount_test.go); then the other tests do what umount -f does.
//
// What is not synced at a power cut, and recovery that is cut again, is integration/crash,
// through the session: below it a mount adds only which call of the kernel is which of the
// session, and that a killed mount is cleared away.
package outage
