// Package meta is the ordered transactional key-value engine under the store: records of
// bytes under keys of bytes, snapshots of all of them, updates that happen wholly or not
// at all and survive a power cut when asked to. It knows nothing of buckets or files, so
// that another engine can stand behind DB, View, Tx and Iterator.
//
// Words. A batch is what becomes visible, and durable, at once: the writes of one or more
// updates, numbered without gaps; its number is badger's timestamp (managed mode). A log is a
// *.mem file of badger, one for each memtable; a table is an *.sst file. The backlog is
// what is in the log and not in badger. To settle is to make ready what badger finds at open.
//
// Promises.
//   - Updates run one after another; each sees all before it. A failing one leaves nothing.
//   - What Update returned for is seen by every View opened later; what it returned for with
//     Durable survives a power cut, and so does everything committed before it.
//   - After a failed sync, or a panic in what follows an update in memory (Merged, Defer),
//     nothing is written any more (Failed); reading goes on.
//   - Damage is not taken for emptiness: Open refuses it, Get and Scan report it.
//   - A full disk refuses updates and loses nothing; those that free space go on.
//
// The committer is a role that callers take in turn. An update runs on a copy-on-write
// copy of the batch so far, kept if it succeeds; one that fails is answered with the batch, too,
// for what it saw may be in that. When the batch has no room it is written
// and the update runs again; what no batch has room for is ErrTooLarge. Syncs are led by
// one of those who wait, while the next batch is built: 6,900, 17,000 and 67,000 durable
// updates/s at 1, 8 and 64 callers where badger's SyncWrites reaches 4,100, 6,000 and
// 5,000. No goroutine stands in between: waking two cost as much as the rest of an update.
//
// Badger wakes two as well, so it gets batches later (backlog.go): a batch is written to the
// log, in badger's format, laid over what badger has for those who read, and handed over
// with others some milliseconds later, or before badger begins the next log. On a mount this
// took a rename of a small file from 70 us in the store to 45, a create from 63 to 40.
//
// A Get from badger takes 2 to 7 us, more the more tables there are, and an update makes
// some ten. So what was lately read or written stays in memory (hot.go), 8 MiB of small
// values, replaced in the moment in which badger gets others.
//
// Durability (logs.go, log_memory.go, syncer.go, check.go). Badger writes its logs into
// memory of ours that it takes for their mapping, where nobody looks at them; we write the
// files, a batch at a time, and fdatasync them (a durable update of one caller in 0.65 of the
// time that
// syncing mapped pages takes, those of 8 callers in 0.7). Zeros are written some way ahead,
// so that a sync has no metadata of the file to write. The next log is made beforehand:
// empty, so that badger takes it for new, named durably, its blocks allocated behind its
// end. Before a batch with which badger may begin it the
// active one is synced, so no log survives the loss of an earlier one; fill knows when that
// can be. Badger itself syncs tables and manifest, but not the names of tables: we rely on
// fsync of a new file keeping its name too, as ext4, xfs and btrfs do it.
//
// Damage. At open badger cuts a log off at the first bad checksum, drops tables with one
// and deletes those that its manifest does not name, all of it silently. So Open reads
// everything before badger does: tables hold all batches up to the newest in them, the
// logs have to go on from there without a gap and reach the one that the file "synced"
// names. That file is written after each sync and never synced: it may be behind, not ahead.
// What is torn behind it is cut off and no damage, nor is a bad header of what badger makes
// and nothing is kept in (unused.go). Reading every table costs Open about
// 0.1 s for 100 MB in the page cache; the alternative, checking tables when they are first
// used, would come after the first compaction, which drops unreadable blocks for good.
// For damage that comes later every value carries a checksum over its key and itself, and
// badger's own check of blocks is off, because it makes iterators skip a block as if it
// were empty; so what is damaged is met and reported by Get and Iterator.Err. Zeroed or
// misdirected blocks can still hide records from an open database: VerifyTables finds them.
//
// Deleted keys (dead.go, sweep.go). Badger steps over each at a microsecond. A sweeper
// walks where keys were deleted, every 8,192 deletes or when a scan met 4,096 in a row, and
// files the ranges where no view from some batch on sees anything; scans seek past them.
// A write into a range splits it before anybody sees the write. Bounded at 2,048 ranges;
// kept over a clean end. First page after 1,000,000 deletes: 4 ms instead of 1 s.
//
// Scans ask badger for all versions and choose themselves, so that one pool of badger
// iterators serves every view (making one costs more than a page of a scan) and nothing
// is prefetched by goroutines: 2,400,000 keys/s in pages of 1000.
//
// A full disk (space.go). Badger can put off the writing of tables, not go without. Updates that free
// nothing are refused below the reserve (10 memtables, for flushes and compactions), logs
// own their blocks, and a ballast file is given up when others fill the disk. An open
// without room to compact goes without compactors until there is. If there is no room to
// write out the memtable at Close, badger is left open: what was committed is in the logs.
// A write of a log that is refused all the same gives up the ballast and is tried again for
// a while; an end on a disk that takes no writes at all leaves badger as it is, too.
// Badger is used mended (../badger): its compaction lost tables that it could not write, and
// its mapped writes of tables ended the process with SIGBUS where no block was left.
//
// Encryption (cipher.go, seal.go). With a key badger encrypts logs and tables, and we the
// file of dead ranges; plain stay numbers of batches ("synced"), of tables and of their sizes
// (MANIFEST), lengths of records in logs, and files without content (ballast, value logs). Its
// cipher can be made to say something else by whoever knows what it says, so each record
// has a MAC over its key, its value and its batch, in place of the checksum: what comes back
// was written at that key in that batch. So somebody who writes to the disk cannot make
// records up, nor put one under another key, nor an older one of a key in the
// place of a later one. He can hide one: records that are gone leave nothing to compare, badger's
// deletions have no MAC, and who has an older copy of all files can put that back (the
// number in "synced" does not bind him). Open notices what is missing in the row of batches.
// A MAC for each record and not for each file, because badger rewrites files on its own.
// An update of ten records takes as long as without encryption (BenchmarkEncrypted); a get from
// badger 3 to 6 us in place of 3 to 5, and 10 to 20 in place of 4 to 9 where its block has to be
// decrypted; a scan 1.7 to 4 times as long, a third of it the MAC; records in hot.go are as
// fast as ever. Badger's keys are
// made of ours, and never change: what opens our key may, and nothing is written again.
//
// Memory. Memtables of 16 MiB (less on disks below 1 GiB), no block cache but for what is
// decrypted (32 MiB): tables are mapped, and let go of when more than 64 MiB are resident. 48 MiB resident after opening
// 1,000,000 records of 300 bytes.
//
// Left out on purpose: values of 1 MiB or more (badger's value log can lose them alone),
// repair, more than one process.
package meta
