// Package disk is the durability model behind the power-cut filesystem: a tree of files in
// memory that knows, for every change, whether it would survive the loss of power. It speaks
// no FUSE, touches no clock and no randomness but the seed it is given, so it is tested alone.
//
// Words. The live state is what programs see. The durable state is what was synced. A change
// between the two is pending; a cut keeps the durable state and an arbitrary choice of the
// pending changes, within the limits below. A Snapshot is the state at one instant and can
// be cut any number of times; an Image is the outcome of one cut.
//
// What a file keeps. Contents are pages of 4 KiB. SyncFile makes all pages and the size
// durable. Until then each page is, independently of all others, any of its versions since
// the last sync, or torn: a prefix of whole 512-byte sectors of a newer version over an older
// one. The size is any the file has had, or a page boundary between two of them, because
// filesystems write a long extension back piece by piece. Shrinking is ordered: what was
// written after a shrink into the range it cut off appears only if the shrink did. Bytes never
// come from nowhere: what was never written in a kept size is zero. Attributes are not
// modelled: mode, owner and times survive as they were.
//
// What a directory keeps. Creating, linking, renaming and removing a name are events, kept or
// lost each on its own, with these rules, which all journalling filesystems give:
//   - events on one name keep their order;
//   - a rename is one step: one of the two names leads to the file, never none, never both;
//   - removing a name of a file waits for the pending links that gave it another name;
//   - a file moved into a directory that is not durable itself stays where it was until it is;
//   - removing a directory comes after everything that happened in it, and directories move
//     between parents in order, so that no cut makes a loop.
//
// SyncDir makes the events of that directory durable; a rename belongs to the directory it
// leads to: syncing only the one it came from promises nothing. A file that was synced under
// a name that was not is lost with its name, as POSIX allows, unless a Policy says
// otherwise for its directory.
//
// How many versions of a page and sizes of a file are remembered is bounded (the oldest and
// the newest always are): more would make states only longer to find, not more different.
//
// A Disk is not safe for concurrent use; Snapshots are immutable and may be cut meanwhile.
package disk
