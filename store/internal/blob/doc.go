// Package blob keeps contents on disk: files of bytes with their checksums, and
// the extents that make contents of them. It knows no bucket, key or record:
// which blobs a version needs, and when one may go, the store remembers.
//
// # Words
//
// A blob is one file, written through a Writer, sealed, then immutable and read
// through Readers. Its data lies at offset 0, sparse where nothing was written;
// behind it comes the trailer (trailer.go), which says format, id, cipher, key,
// length, and a CRC32C for each segment of the file's bytes. A Seal is what a
// record keeps to know the blob again. A content is Extents over blobs; a
// draft's content, which changes, is a Map. To settle is to Sync.
//
// # Promises
//
//   - What Sync acknowledged survives a power cut: bytes and name. A sync that
//     failed is never retried into success: the blob stays ErrNotDurable.
//   - What Verify and Examine accept is byte for byte what was sealed, read from the disk
//     through a descriptor of their own. Damage, missing bytes and I/O errors are
//     ErrDamaged, never zeros; nobody reads a trailer.
//   - A full disk changes nothing outside of the bytes a write was given.
//   - Ids are never reused by Create: a name that exists is an error.
//   - A direct write that failed has failed, as any write: no sync is asked for news of it.
//   - Memory does not grow with a blob: 4 to 12 bytes a segment, 10 MiB at most
//     while it is written and sealed, 2 MiB once a Reader's sums were read.
//
// # What a power cut leaves
//
// The rows are run by crash_test.go on a disk that loses any part of what was
// not synced, sector by sector. "Record" is the store's, in its own engine.
//
//	   after                     on disk                       recovery does
//	1  Create                    the file or nothing           Walk finds it, no record: Delete
//	2  WriteAt                   any part of it                the same
//	3  Writer.Sync, record of    all that was synced; later    Reopen(id, size), which cuts off
//	   the draft with its size   changes old or new by sector  what came later, trailers too
//	4  Seal, record (pending)    any part, trailer torn        Sync, then Verify with the Seal:
//	   without Sync              or missing                    whole: keep; damaged or missing:
//	                                                           row 3's draft, or the predecessor
//	5  Seal, Writer.Sync,        the blob, whole               nothing
//	   record
//	6  Store.Sync (settled),     the blob, whole               nothing
//	   mark dropped
//	7  record gone, Delete       the blob whole, or nothing    Walk finds it, no record: Delete
//
// A record is committed after the Sync that it relies on, and gone (durably)
// before Delete. In row 4 Sync comes before Verify: after a mere crash the bytes
// are in the page cache only, and verifying those would prove nothing.
// Without either sync, of the file or of its directory, a cut loses the blob;
// TestEachSyncIsNeeded shows it for both.
//
// # Decisions
//
//   - The trailer is in the blob's file, so one fdatasync covers both, and it
//     says nothing that needs a rename: sealing is one write. A user may store
//     bytes that look like a trailer; therefore Walk's "sealed" is a hint and
//     the record's Seal decides.
//   - A file passed through to the kernel (FUSE passthrough, mmap of File) shows
//     the trailer behind the data: Linux 6.18 does not stop at the size that the
//     daemon declares (tried). Splice and sendfile of ranges are safe.
//   - A file is not cut below a size that was synced (Writer.Truncate), because
//     a draft's record may still name it; its trailer then lies further back.
//   - Segments are 128 KiB: 0.003 % of space, and a verified read of 4 KiB costs
//     10 us. Above 2^19 segments neighbours are joined by CRC arithmetic, so a
//     trailer has an upper bound. Forward writes, gaps included, are summed as
//     they pass (64 MiB: 3.6 GB/s against a bare file's 4.2, in one run);
//     anything else is read again by Seal, holes skipped (3.9 GB/s warm).
//   - 256 neighbouring ids share a directory, so settling syncs few of them.
//   - What is written forward is handed to the disk every 4 MiB (ahead.go), so that a sync
//     at the end waits for little: 128 MB and an fsync on a mount, 540 MB/s before and
//     631 to 930 with it (medians of builds in turns on a busy machine).
//   - A Writer that was told so (Direct) writes whole pages past the page cache, through a
//     descriptor of its own: copying into fresh pages of the cache was half of what receiving
//     10 MiB cost. 64 files of that size, 16 at once, took 2.0 s of a processor per GB through
//     the cache and 0.2 past it, at a fifth and at all of the disk's speed. The trailer and
//     what is before it in its page go through the cache; the sync is the same.
//   - What a client asks for, is large and is not in the page cache is read past it (cold.go),
//     2 MiB at a time, and cached only when it is asked for a third time: 300 files of 10 MiB,
//     16 at once, cost 0.33 s of a processor per GB to send so, and 1.1 by way of fresh pages of
//     the cache with the kernel's read-ahead of 128 KiB; sent from the cache 0.36. Its memory is
//     16 times 2 MiB for all, given back when nobody asks; who finds none reads as before.
//   - Descriptors are cached (open, read 4 KiB, close of a hot blob: 0.5 us).
//     One whose bytes are unsynced is synced before it is closed: Linux reports
//     a failed write only to descriptors that were open then.
//   - Map is a B-tree of pieces: 1,000,000 random writes over a base take 2 s
//     and 64 MiB. A draft's bytes go to its blob at their logical offset, so
//     that rewriting a page changes no piece.
//   - Freeze shows unsealed blobs as they were at one moment, of all of them, by keeping what
//     is overwritten later aside (freeze.go): a copy at leisure of a file that is being
//     written would be of no moment at all, and no crash could have left it.
//   - A Raw is a whole sealed file, trailer included, for a copy that keeps its seal.
//
// # Encrypted blobs
//
// CreateEncrypted makes a blob whose file has encrypted segments of 4 KiB (package crypto) in
// place of its bytes (veil.go). Checksums and trailer are of what the file has, so that
// Verify, Examine, Raw and Freeze need no key and know no cipher; reading needs Unlock. The
// rows above hold with "segment" for "sector", and without its torn ones: a segment that was
// synced is never overwritten where it is, and reopening takes the latest good slot. What was
// not written at the sync, was written later and torn, is damage until Forget says that no
// record wants it.
//
//   - The index at the end says which segments there are, so that in a sealed blob zeros are
//     no hole. It stands behind all places of slots that a record may name: what a cut leaves of
//     it must not look like a torn slot.
//   - The memory for a draft is 768 bytes for each 4 MiB that it was written in; of a sealed blob
//     that was not written in one piece 2 bits for each 4 KiB.
//   - A file of both sides is sparse: seven pages of a draft and its index lie in 8 MiB.
//   - Reading what is in the page cache, 128 KiB at a time: 2.0 GB/s; writing a stream costs
//     about a microsecond for 4 KiB more than without (go test -bench Veiled).
//
// Putting pieces together is the store's business, which knows who needs them.
// To extend the trailer, raise format and keep reading the old one.
package blob
