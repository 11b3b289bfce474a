// Package powercut is a filesystem for tests that forgets, on demand, what was not synced. A
// program keeps its data on it; a cut shows what could be on the disk after a power failure
// at that moment: everything that fsync, fdatasync, msync or a directory's fsync made
// durable, and a seeded random choice of the rest, with torn pages, reordering and lost names.
// What exactly can happen is the contract of package disk.
//
// The filesystem lives in a process of its own, which is the test binary started again, so
// the test package needs
//
//	func TestMain(m *testing.M) {
//		powercut.Main() // serves and exits in the process that Start makes
//		os.Exit(m.Run())
//	}
//
// A test of a store then goes like this:
//
//	fs, err := powercut.Start(t.Context(), powercut.Options{
//		Scratch:  t.TempDir(),
//		Policies: map[string]powercut.Policy{"meta": powercut.NameWithFile},
//	})
//	t.Cleanup(func() { fs.Close() })
//	// Start the program under test on fs.Dir() as a process, let it work, note outside
//	// what it acknowledged; kill -9 it and wait for it to end.
//	dir, report, err := fs.Cut(seed)
//	// report.Pending.Total() > 0 shows that something was at stake.
//	// Start the program on dir (or on a filesystem with Options.From: dir, to cut its
//	// recovery too) and compare with the notes.
//
// Killing first is how a cut looks to the program, but not needed: a cut changes nothing and
// any number can be taken of one moment. A program that is still running may have written
// into mappings what the kernel has not passed on; such pages count as never written.
// Requests that have not been answered at the cut may have happened or not, as in life.
//
// To cut at every point of a sequence, count with Steps, run it again with Freeze(n) for each
// n, and Cut: the state is the one after step n, though the program ran on. An act whose
// acknowledgement came at Steps() <= n must be in it.
//
// To show that a sync is needed, take it away: AddRule(IgnoreSync(path, ops...)) makes the
// disk lie about it, and the test must find the loss within its seeds; EndRule says how often
// it lied. The same rules answer EIO or ENOSPC to chosen requests.
//
// The mount never outlives the test: the serving process detaches it and ends when its
// control connection closes, for whatever reason, and Start clears away mounts of this
// package that died with their server. The program under test may keep them busy; it
// then sees ENOTCONN.
//
// Decisions. The state is in memory, pages shared between the live, the durable and the
// snapshots' view: a store of tens of MB fits, a cut is one pass over it. fsync of a file in
// a directory with a Policy keeps its name too (see disk.Policy): badger relies on that, and
// ext4, xfs and btrfs do it; everything else is judged strictly. Unix sockets work and
// reappear after a cut as the dead names they are (the path of one may have 107 bytes: choose
// a short Scratch). sync(2) does not reach FUSE and makes
// nothing durable here; SyncAll does.
package powercut
