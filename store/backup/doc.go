// Package backup is the format of backups: a directory that holds many states of a store
// and shares between them what they have in common, and a stream that holds one. It knows
// records as bytes and content files by their seals; what they mean the store knows, which
// writes them (a [Source]) and makes a store of them again (a [Visitor]).
//
// # Words
//
// A snapshot is one state of a store, as of one commit. A chunk is records in a row, or a
// piece of a file that was being written (a draft). A content is a sealed content file,
// which never changes. A manifest lists the chunks and contents of a snapshot.
//
// # A directory
//
//	pail-backup.json      the label: format, the store's id, the snapshots and their sums
//	pail-backup.copy.json the same, for when the label is damaged or lost; written before it
//	lock                  flock: one writer, or any number of readers
//	snapshots/NAME        manifests; NAME is a UTC time and the number of the commit
//	chunks/XX/SHA256      chunks, under the SHA-256 of their bytes; XX are its first digits
//	contents/XXXXXXXXXXXX/ID-SUM
//	                      contents, as they are in the store, trailer included; ID and SUM
//	                      are 16 hexadecimal digits, the directory is ID / 65536
//
// Files are written under a name that ends in ".new", synced, and renamed. A snapshot is
// there when the label names it, which is the last step, after the directories' syncs. So
// an end at any moment leaves the snapshots that were there, and what it had copied by then
// is found by the next run, which does not copy it again. A content or a chunk that was
// lost or cut short is copied again, too.
//
// Records are cut into chunks where the hash of a key says so (chunk.go): the same records
// make the same chunks, so that a snapshot adds what has changed since others.
//
// Every snapshot is whole by itself. Older ones stay until Thin takes them away, and with
// them what no other needs.
//
// # A stream
//
// "pailback", the format (4 bytes, big-endian), and frames (frame.go):
//
//	H  the Head, in JSON
//	R  a chunk of records: for each uvarint length and bytes of key and value
//	D  a draft begins: id, size of the file
//	C  a content begins: id, length of the data, sum of the seal
//	P  a part of the draft or content that has begun: offset, bytes; what lies between
//	   parts is zeros
//	F  it ends
//	K  in manifests: SHA-256 and length of a chunk, of records or, after D, of a draft
//	E  the Totals, in JSON; the end
//
// Numbers are 8 bytes, big-endian. A frame is its kind, the length of the payload (4
// bytes), the payload, and a CRC32C over those and the frame's number, so that frames that
// are missing, swapped or repeated are found like changed bytes. A stream that does not end
// in E was cut off. Manifests are streams without P, and F for drafts only.
//
// # Promises
//
//   - What Write returned for survives a power cut, bytes and names.
//   - Verify finds every changed bit, and every file that was lost, cut short or replaced,
//     in what snapshots need and in the label, whatever the page cache says of it.
//   - Memory does not grow with the store, but for 48 bytes for each half MiB of records
//     in Thin and 16 bytes for each 65,536 contents.
//   - A format that is newer is refused as such, damage as damage.
//
// # Decisions
//
//   - Badger's own backup is not used: it says nothing of contents, increments by version
//     (deleted keys have come back after restores, and an increment is worth nothing
//     without all before it), and binds the format to the engine.
//   - Contents are kept as files and not cut into chunks: they are immutable and shared by
//     versions already, carry checksums, and a file is what restores fastest.
//   - The name of a content has its sum, because a store that was restored from an older
//     snapshot gives the same ids to other bytes.
//   - A chunk's file is not read again when a backup finds it there; Verify does that.
package backup
