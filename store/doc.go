// Package store is the contract that every door relies on: buckets, objects, versions,
// directories, files that are being written, and the rules that hold for all of them.
// It knows neither HTTP nor FUSE.
//
// # Words
//
// A Store is one directory on disk, owned by one process. A Session is the store seen
// by one principal through one door; it is the only way to data, and each of its
// methods authorizes first. A File is one open handle on a mount; all handles of one
// file share an inode. A draft is what was written to an inode since its last publish.
// Publishing makes it a version. Labels are what else is kept with an object: headers,
// user metadata, tags, extended attributes. A version is pending until its bytes are known to be
// on disk; settling syncs them.
//
// # Promises
//
// What Put, Copy, Delete, CompleteUpload and the calls on buckets return is durable.
// File.Sync makes a file durable and publishes nothing; recovery publishes it. A
// publish (File.Flush, File.Close), and what the mount does to names, is visible at
// once and durable soon: after a power cut a file that was never synced has its whole
// old or its whole new content. Store.Sync and Close make everything durable. An error
// of a sync, of whatever file or directory, ends all writing for good (StoreFailed); reads
// go on.
//
// Every error is a fault.Error. Listings are in the byte order of keys. Sessions, files
// and readers may be used from many goroutines.
//
// # How it is built
//
// All changes are updates (txn.go) that the engine's one committer runs one after
// another; reads are snapshots (snap.go). What a key is stands in one record: its live
// head or its dead top (a delete marker); older versions stand in a table of their own,
// so a listing never meets them (chain.go; the rules are in package versioning).
// Directory records are kept in step in the same update (dirs.go). A content is an
// inlined blob, one content file, or a list of extents over several; versions share all
// of them by reference counts (content.go, extent_list.go). A pending publish keeps what it
// replaced until it is settled. A pending content has one name and one owner only: whoever
// would give it another settles it first, but for the rename of a new file, which is
// pending at both its names then (settle.go). A directory is renamed by a durable intent that every
// snapshot reads through, and the records follow (move.go). Open files are in memory
// (inode.go, draft.go); only fsync writes records of drafts (draft_sync.go). Check and
// Fsck (fsck.go) compare all of this with itself, while the store is in use too; a new
// table or reference has its check there, and what Repair does about each problem stands
// beside it (repair.go; LostFound is where it keeps what has lost its place).
//
// Memory follows records at two moments: onMerged, on the committer's goroutine before
// the next update runs, for what updates consult (names of open files, what is
// pending); and after the batch is visible, for what readers consult first (claims on
// names). Locks are taken in the order inode.mu, fileTable.mu; updates take only the
// latter.
//
// Scrubbing (scrub.go) reads every content against its checksums, from where it was cut
// short; what is damaged has records of its own (damage.go), with whose bytes it is. A read
// that meets damage is told of once, by name, and has scrubbing look at that content.
//
// A backup is taken of a cut (cut.go): the records of one view, the content files that they
// name, which nobody deletes meanwhile, and the files of fsynced drafts as they were at that
// moment (blob.Freeze), so that restoring it is like opening the store after kill(2) then.
// Rebuild makes the same store of one; what is written down between is package backup.
//
// # Encryption
//
// What is encrypted has a record.Encryption (encryption.go): under whose key its bytes are, and
// how that key is opened. Its content files have a data key each, in their records, in an
// envelope of the key of every Encryption that shares the file; so copies and later versions
// refer to the same bytes as they do without, and a list of extents, which compaction may
// change for all its owners, has one Encryption for all of them. Inlined contents, small drafts
// and patches are envelopes themselves. A content is encrypted as a whole or not at all: a
// draft that becomes encrypted, because its bucket now asks for it, copies what it stands on.
// The data keys of a content file that is garbage stay until the file goes, for those who have
// it open.
//
// # Configurations
//
// What S3 lets an owner configure about a bucket is kept where it can be enforced, and
// refused where it cannot be (config_fixed.go). CORS, website, lifecycle, notifications,
// policies and where access logs go stand in a table of their own (config.go), so that a bucket's record, which is in memory
// and written with each of its changes, stays small. Their rules are pure and have rooms:
// store/cors, store/site, store/event, and lifecycles in package versioning. Events are
// noted for webhooks in the update that makes the change (notify.go) and sent by a job
// (deliver.go) through a transport that is handed in.
//
// # Who may do what
//
// Every session method asks authorize (authorize.go) with the action of S3 that it amounts to,
// when it begins; package access decides, over the caller as package iam knows it at that moment,
// the bucket's policy, ACLs, ownership of objects and Block Public Access as they are then, and
// the condition keys (asked.go), of which what lies on disk is read only if a policy asks for it.
// Ownership, the bucket's ACL and Block Public Access stand in the bucket's record, and the rules
// made of it beside that in memory (bucket_rules.go); the policy is a configuration, compiled when
// it is first asked for. The root of the first account takes no decision in a bucket of its own
// account that has no policy and no ACLs: nothing could hold it back. What is not there is withheld
// from whom may not list (withheld), and on a mount a name is seen by whoever may list its
// directory or do anything to it (sight.go). A rename of a directory is decided at once where
// package access shows that all keys below it are alike, and else for each in the update that
// renames. Who has a file open is asked about again when rules have changed (open_rights.go), and
// what it may not publish any more is given up. What damage has made unreadable shuts people out, and fsck never repairs it open
// (fsck_access.go).
//
// A session through an access point (Through, access_point_way.go) has one bucket only, and is
// decided by what the access point and the bucket say, whoever it is. Their records are in memory
// by account and name, and by alias; their policies stand with the configurations. They know
// their bucket by its name and its account, so that only those of the bucket's own account keep
// it from being deleted.
//
// # Keys
//
// The key management service (kms.go; the rules are in package kms) keeps keys, aliases and
// grants as records that are all in memory, as identities are, and seals their material with
// the store's keys (kms_seal.go). Its methods ask in kms_may.go: key policies, grants and policies
// of identities decide together. What encrypts objects asks it in kms_internal.go, and forgets
// what it has unwrapped when kmsGeneration changes.
//
// # Protection
//
// What locks a version stands in its record; whatever takes a version out of history asks it
// in one place (lock.go, txn.discard), by the rule of package versioning. Who removes a version
// of a bucket with MFA delete shows a code (mfa_delete.go). What a bucket may
// hold is counted in the update that makes or removes a version, for buckets that have a quota
// (quota.go), after what they held was counted once (quota_count.go).
//
// # The audit trail
//
// What acts are, and where their records wait, is said in audit.go; package trail has the
// formats. The mount's acts are told by the changes that they make, so that a new one needs
// nothing; what a new kind of change is called there is said in eventOf.
//
// # Access logs
//
// Of a bucket that logs, each request is told in objects of another one (access_log.go): by the
// doors that know requests, and by the changes that the others make (access_log_change.go).
// Their records wait in spools like the audit trail's.
//
// # The past
//
// History belongs to keys: a line (line.go) is that of one, with the renames on their
// way as good as done, so that reading it waits for nothing. A moment is a place in the
// order of commits (moment.go): a time stands for the last commit until then, and all
// before it. What a key was then is a version that is still kept and was current then,
// or nothing: a version knows when it was (versioning.Turns). Directories are told by
// their records, which say when each was born and died (past.go). In a bucket that is
// not versioned only what has stood unchanged since is there to be seen. Going back
// (restore_at.go) makes new versions of what was, and delete markers of what was not.
// Who changed what when (log.go) is told by the versions that are kept, sorted in passes.
//
// # Formats
//
// The label names the store's format, and a newer one than the program knows is refused.
// An older one is brought to the present when it is opened (upgrade.go), and an upgrade that
// is interrupted goes on with the next open. New fields and tables need none. A store of
// each format stands in testdata, as a power cut left it, and what it held; it is never
// written again, and every later program has to open it (TestFormats).
//
// # Decisions
//
//   - mkdir makes the directory's own key ("dir/", an empty object), so that both doors
//     see empty directories and a mkdir is authorized and versioned as a put. Implied
//     directories have only a record.
//   - A new file is a claim in memory until its first publish. It is shown on the mount,
//     not over S3; a conditional write of its key is a conflict.
//   - A renamed object's version is made by the rename: it has the rename's sequence,
//     time and principal. So a record below a directory that is being renamed belongs to
//     the rename exactly if its sequence is not greater.
//   - A temporary file is an inode that has no name until Link publishes it under one:
//     in the same update, so there is no moment at which the name is only claimed.
//   - An fsync after little was written keeps that in the records (draft_patch.go): one
//     sync, shared by all who commit, instead of the content file's and the records'.
//   - A draft that was fsynced is synced again before its publish commits: the publish
//     ends the draft's record, and with it the way back to what the fsync promised.
//   - Small drafts are kept in memory and published inline, in the same commit as their
//     version: they are never pending and cost no file.
//   - Commits are timed by a sample a millisecond, not one each: it costs nothing, and
//     who asks for a moment asks by the clock. The clock may be set back; the samples
//     between two setbacks rise and are searched.
//   - The feed of changes is written only while a cursor exists.
//   - Renaming between buckets answers CrossDevice, so that mv copies. A bucket itself is
//     not renamed: policies name buckets, and would no longer mean what they say.
//   - A directory's record bounds how long the keys below it are, so that a rename can
//     refuse what would make one too long without looking at them all (reach.go).
//   - Directories are exchanged like one is renamed, in one step of any size; a file and
//     a directory, too (exchange_dir.go).
//   - S3 does not take a directory away in which the mount shows a new file (held.go).
//   - A part of an upload is always a content file, so that completing joins extents and
//     hands references over: 10,000 parts in one update of 45 ms. Who completes again
//     gets the version that was made while it is current. A copied part is read for its
//     MD5, which S3 promises, and not written (upload_copy.go).
//   - What is put is kept with a checksum (sums.go, package checksum), CRC64NVME where nobody
//     names one, as AWS does: it costs a 4 KiB object a thirtieth of what its MD5 costs. What
//     is written on a mount has none: it would be one more read of every byte that was
//     written out of order. Completing an upload makes the object's of the parts', CRCs by
//     their lengths (upload_sums.go). A checksum of the parts' checksums has those kept beside
//     the content, in inlined blobs that are shared and let go with it (part_sums.go).
//   - A copy is one piece, as on AWS: an MD5 for an ETag and a checksum of all bytes, also of
//     what parts were joined to or a mount wrote. It shares the bytes; they are read where the
//     source says neither of itself, once, for copies of the copy read no more (copy.go).
//   - A large body is written and hashed while it is read (receive.go), from four buffers of
//     256 KiB that are used again: 1 MiB of memory each, as many as there are requests. From 1
//     MiB on it is written past the page cache, and the MD5s of several are computed at once
//     (package multimd5): together a third of the processor's time of before. What is large
//     and not cached goes out past it as well (blob.Reader.WriteCold).
//   - The whole content of an open file may be replaced in one step, with its metadata
//     (draft_replace.go): what an fsync promised stays until the next one, and what is worth
//     nothing in parts is never there in parts. Doors work on it in a Scratch (scratch.go).
//   - A draft may refer to content files of others (loan.go), pinned until its publish
//     counts them; what is deleted meanwhile is copied then.
//   - Changing headers or metadata makes a version, the same inode with the same content;
//     tags and extended attributes change in place. What an open file has not published
//     yet gets them with its publish, and until then they are its own (labels.go): nothing
//     else on the mount or over S3 shows them but that file.
//   - Lists of extents have numbers of their own, so that compaction (compact.go) can move
//     bytes without looking for the versions that own them. What it moves and what it leaves
//     is a model of costs (compact_plan.go): small pieces only, if it saves enough for what
//     it writes, and if the space of what is shared is not multiplied.
//   - A name that matches a bucket's no-history patterns is written on a mount as if the
//     bucket were suspended, and deleting it leaves nothing where the null version was all
//     (passing.go); what other versions it has stay. A rename of a directory goes by the bucket.
//   - A list of extents may have any length: one that is too much for an update is written
//     ahead, under a note that nobody owns it yet (list_ahead.go). So a publish or an fsync
//     costs what was written since, not what the file is. What was written in pieces smaller
//     than the blocks of a disk is put together, by regions (draft_unite.go).
//   - No reflinks: extents share bytes on every filesystem, by counts that say when they may
//     go; and a content file that was cloned together would be as scattered on the disk as
//     the pieces it was made of.
//   - What one update cannot let go of it leaves to the settler by a note (rests.go).
//   - Identities (identity*.go, access_keys.go) are records that are all in memory, too, in a
//     directory that each change replaces: each request finds its caller in it (caller.go),
//     and its access key before it has a session. Temporary credentials are not kept: their
//     tokens carry them, sealed with a secret that is.
//   - Settings (settings.go) are one record for the store and one inside each bucket's;
//     updates see them as they see buckets. A new one is an entry in settings_defs.go.
package store
