// Package crash cuts the power under the whole store and demands what it promises. It has
// tests only; the filesystem that forgets is integration/powercut, its rules are there.
//
// Words. A writer is a process that has a store open on such a filesystem and works on it
// with many workers. An act is one call by one worker; keys belong to one worker each, but
// for those of rivals. The ledger is what the writer reports over a pipe, each act before
// it begins and after it is acknowledged: it lives outside of the store. A cut is one
// outcome of losing power. The judge opens what the cut left, which recovers it, and
// compares it with the ledger.
//
// What the judge demands:
//   - For each worker there is one moment between two of its acts that explains all that is
//     found: keys, histories with ids, numbers, labels, owners, modes and times, directories
//     with theirs, uploads with their parts, what is set of buckets and how they are configured,
//     access keys, users and webhooks with how many events wait for them, bytes. It is not before
//     an act that was acknowledged as durable, nor before one that ended before any such act
//     began: commits survive in order. The moments of all workers are one. An act of several
//     commits (an upload from beginning to end, going back in time) may be cut between any
//     two of them.
//   - Every content is byte for byte that of one act. Each write has a generation of its
//     own, and each byte follows from generation and place, so that a mixture, zeros or
//     bytes of somebody else are seen and named. Checksums that are kept are those of the
//     bytes, and of the parts.
//   - A publish from the mount that no Store.Sync covers may have its old content instead;
//     its neighbours must not. A file that was fsynced has the size it was synced with and
//     each byte that was not written since.
//   - Directories and listings agree at once after opening and when renames of directories
//     have come to rest; Store.Fsck finds nothing; the store takes writes of every kind.
//
// What is cut:
//   - TestPowerCuts: mixed loads, most with compaction of all that is in pieces (which must have
//     happened), at steps of the disk that the seed chooses and after kills; every fourth cut
//     has its recovery cut too, up to three times. 40 cuts in which something was at stake;
//     2,000 with PAIL_SOAK=1, which also demands that each kind of recovery happened.
//   - TestCompactionCuts: large files changed in pieces, with versions that share them; the writer
//     waits before each compaction, and the power is cut at one of its steps after another. What is
//     left is compacted and judged again, then all of it is deleted, and no content
//     file may be left. TestEachSyncOfCompactionIsNeeded has the disk lie during compactions only.
//   - TestEachSyncIsNeeded: the disk lies about one sync of the write path, or of
//     recovery, at a time, and the judge must notice.
//   - TestEachDurableAct: each act that is durable when it returns, alone, with the loss of
//     all that was not synced; and again with the disk lying about each sync that it needs.
//     TestEachDurableActIsWhole cuts inside of each: at some steps of the disk, at all with
//     PAIL_SOAK=1.
//   - TestPairs, TestTriples: sequences of two and three small acts, cut inside of and after
//     their last act; a sample, and all of them with PAIL_SOAK=1.
//   - TestCreation, TestKill: a store being made; a kill without a cut, after which nothing
//     acknowledged may be missing, synced or not.
//
// TestModelAgrees holds the model against a store that nobody cuts: where they disagree a
// cut proves nothing, and looks like a loss.
//
// Every test prints PAIL_SEED; a failure prints seed, step, cut and the acts that matter.
// The seed repeats the acts of each worker, the moment and the losses; how the workers'
// acts interleave is the scheduler's, so a failure may need several runs. PAIL_KEEP names a
// directory to copy failing outcomes to; they can be opened again and again.
//
// Syncs that are not in TestEachSyncIsNeeded, and why: that of the engine's file "synced"
// serves to notice damage, and losing it loses nothing; those of the engine's directory
// when a log or table appears are needed on a disk that does not keep the name with the
// file (TestEachSyncIsNeeded shows it for the first log), and superfluous on ext4, xfs and
// btrfs; badger relies on that for its tables.
//
// Acts call the store's sessions and not a mount: what a publish, a rename or an fsync
// leaves on the disk is decided below them, and a mount adds which call of the kernel is
// which of theirs. integration/outage kills and cuts the real program through its mount.
//
// To add an act: a constant and its durability in act_test.go, what it means in
// model_apply_test.go, how it is done in perform_test.go, how often in load_test.go, and if it
// is durable, an entry in durable_test.go. TestEachMethodIsAnAct and its neighbours demand all
// of this of a new method. The model must say nothing that the contract does not.
package crash
