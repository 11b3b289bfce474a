// Package fs is the mount: it answers the kernel's FUSE requests out of a store.
//
// Words: a *node* is an inode that the kernel knows; its id is the store's inode
// number, and 1 for the mount's root. A *spot* is a name in a directory node; a
// *location* is the bucket and key that a spot stands for (package names does the
// translating). A *draft* belongs to the store; a *handle* is ours, one per open(2).
//
// # Promises
//
//   - What a call returns was true when it returned, if all changes came through this
//     mount or through one that this one, being read-only, only looks at. The kernel caches
//     entries and attributes without expiry, and takes them back when told of what others
//     change (notifier.go says why nothing stale can stay). Telling is done by workers,
//     never by a handler and never under a lock. Settle waits for it, and other doors do
//     before they answer; which requests do is said below.
//   - One act makes one version. It ends when the process that opened a file closes its
//     last descriptor by which it can write to it: that FLUSH publishes, those of
//     duplicates and of children do not. RELEASE publishes the rest.
//   - A call by path (stat, open, chmod) acts on the inode that the kernel means or
//     answers ESTALE, upon which the kernel looks the name up again and comes back.
//     Open files go on working without a name, and a file that a rename replaced can
//     still be opened by whoever had just found its name.
//   - Whom the mount acts for may be held back by policies: what they deny is EACCES, what S3
//     would not tell of (403 and not 404) too, mode bits promise no more than they grant, and
//     the list of buckets is that of those of its account that it may enter (others', which S3 does
//     not list either, are found by their names). The kernel keeps no names, attributes
//     and listings then (rights.go): what is taken away is gone at once.
//   - .versions is in every directory, by name only, and never becomes a key. In it is
//     what was (history.go has the map). The present cannot be changed there but by
//     removing a version for good; everything else is EROFS, and EPERM what would use
//     the name .versions itself.
//   - Renaming a directory is one changed node. Listing streams: a page at a time is
//     held, whatever the directory's size.
//   - A panic in a handler is that request's EIO and is logged: no lock stays held, and a
//     publish that panicked is made up for by the next close or by the store.
//
// # A client that encrypts
//
// With Options.ClientKeys the mount is a client, in the format of the S3 Encryption Client (package
// crypto/s3ec): below them files are shown in the clear, sizes and history included, and to the
// store, S3 and mounts without the key they are ciphertext. So this cannot be in the store's
// inodes, which all mounts share; it stands between our handles and the store's files
// (client_file.go), and nothing else here knows of it but that a handle has an openFile.
//
//   - No byte is given that was not authenticated. GCM authenticates a whole, so the first read
//     of a version reads all of it once, and remembers a code of each piece (clientTable,
//     bounded); every read after that checks its pieces against those, for the disk may have
//     become another since. What does not fit is EIO, and the log names the file.
//   - Who opens a file has to have its key: of KMS it is asked for at each open, in his name, and
//     told to the audit trail. Denied or disabled is EACCES at open(2); who has a file open goes
//     on. Opening for writing asks for a new data key at once, so that close(2) need not fail
//     for that.
//   - Who writes works on a copy (store.Scratch), which all handles of the inode see and which ends
//     with the last of them. fsync and the publishing close encrypt all of it anew, under a
//     nonce and a data key that were never used (but that the nothing which a new file begins
//     with has the same key), and put it into the store's file in one step together with the
//     envelope (File.Replace). So what a crash leaves is whole and of the last fsync, and an act
//     is one version. A new file has an envelope before it has a byte: one in the clear is never
//     published, whatever fails. That costs as much as the file is long: a format in segments
//     would not, but is not what clients read.
//   - Holes, fallocate(2) and quotas are the ciphertext's, so they are seen when it is made, at
//     fsync or close. What cannot be encrypted then is lost with the last handle, and close(2)
//     says so; the file is as it was published last.
//   - What no client has encrypted is refused (EACCES) as Amazon's client refuses it, unless
//     Options.ClientPlain is set, and so is what is encrypted in forms that authenticate nothing
//     and what has its envelope in an instruction file. O_TRUNC and new contents make a file of the
//     mount's of any. Symlinks and directories are in the clear.
//   - A rename that would give a file another key, or none, is EXDEV: mv copies, and so encrypts.
//     copy_file_range is EINVAL for the same reason, and cp copies by itself.
//   - The envelope is not listed nor changed here (client_xattr.go): who copies metadata copies what
//     is the user's. cp of the ciphertext on another mount takes it along, as it must.
//
// # How it is laid out
//
// Package device brings the requests. raw.go lists what is answered, by family:
// ops_lookup, ops_attr, ops_xattr, ops_dir, ops_name, ops_open, ops_temp, ops_data.
// node_table and handle_table are the memory, location joins them to keys. The history
// files are the same for what was: history says what there is and where it stands,
// history_find, history_list and history_change answer the requests, history_veil hides
// what was private, history_note and moment_table keep the kernel's caches true. changes
// translates what the store says into what notifier tells the kernel, changes_own what it
// says of our own calls; peers does the same between mounts of one process, and telling
// says who waits for it. mount,
// mountpoint, attach and options are the way in and out. To answer one more request:
// write the method in its family's file, add it to raw.go. closing_table has
// what is about to be released. relic_table and cursor_table hold what has lost its name and is still asked for.
//
// # Decisions
//
//   - fuse.RawFileSystem instead of go-fuse's fs package: no object and no global lock
//     per inode, and node ids that are the persistent numbers. A node costs some 75
//     bytes and its name; above a million of them the kernel is asked to forget files
//     (pruner.go), which it does by itself only when it lacks memory.
//   - A mount that acts for others than the store's owner (Options.UIDs, Principal) has the
//     kernel keep nothing that differs by who asks or by what policies say meanwhile: names,
//     attributes, listings, symlinks. Pages it keeps: each open asks anew, and
//     when rules change the kernel forgets those of open files, whose next call is decided again.
//   - A request costs far more than what it does, so they are saved: OPENDIR answers
//     ENOSYS once (listings are then cached and a second one costs nothing); handles
//     that cannot write are opened without FLUSH; names that do not exist are cached too; READDIRPLUS only where entries are
//     asked after; symlinks are cached. HANDLE_KILLPRIV_V2 and ATOMIC_O_TRUNC save a
//     request per write and per truncating open. The GETATTR of a directory after a
//     change in it, which default_permissions needs, is saved where only root gets in
//     (see kernelOptions).
//   - Whether a process has descriptors of a file left is read from /proc at the FLUSH
//     that would publish: some ten system calls, where a request costs a hundred.
//     Shells need it: "echo a >&3" duplicates descriptor 3 and closes the duplicate.
//   - A close whose FLUSH publishes nothing, of a file that was only made or emptied or whose
//     descriptor a child had inherited, is followed by its RELEASE only when close(2) has
//     returned. Whoever asks for the key by another door waits for it (closing_table.go), a
//     fraction of a second at most, for the child may live on. Publishing at the FLUSH
//     instead would make two versions of what a child writes.
//   - Without a directory handle an offset must mean something by itself: it is the
//     inode number of the entry before it (cursor_table.go).
//   - No writeback cache: the store's other door changes files. No passthrough: the
//     store must see writes, readers what others are writing, and the bytes of a version may
//     be in several files. It would read a large cached file three times as fast: ext4 has it
//     in pieces of up to 2 MiB, and Linux 6.18 a FUSE file in pages of 4 KiB (seen in
//     /proc/kpageflags, however the answers get there): no flag of INIT and no read-ahead
//     asks for more. A kernel of 2026 has larger ones unasked ("fuse: enable large folios").
//   - A file of O_TMPFILE has an inode and no name. linkat(2) publishes it, as one
//     version that is whole from its first moment; other hard links stay refused.
//   - A moment (.versions/@...) is a directory node of its own for each prefix of the
//     order of commits, so whoever is in one keeps seeing the same, and what is below it
//     stays cached. Relative ones are looked up at each step of a path; absolute ones
//     until something is removed from history, or the clock is set back before them.
//   - Versions are spliced like other contents; passthrough would serve only those that
//     are one whole file, whose checksums stand behind the bytes.
//   - Mode and owner make no version, so the past shows them as they last were; the
//     times of directories likewise, but not later than the moment.
//   - Where a directory's rights once were narrower, or somebody else's, than they last were,
//     each user has a .versions of his own in it (history_veil.go): nobody finds more of an
//     earlier life than the directories of then showed him. Only mounts that let others in
//     look for that; it costs a scan of the directory's lives for each look into .versions.
//   - Interrupts are ignored: requests are short, and Go programs send signals to
//     themselves all the time.
//   - A second mount of what a first one shows is read-only: two kernels see neither
//     each other's locks nor each other's pages.
//   - The name .go-fuse-epoll-hack in the root is go-fuse's (see firstPoll); a key of
//     that name is reachable only through a mount whose root is another directory.
//
// # Telling before answering
//
// What a request changes under the names that it was about, the kernel takes back itself.
// Of other names it has to be told, and who looks there next would see what was, if the
// answer came first. These are all such effects, and what is done about each:
//
//   - rm of a version changes the present, and the moments. Its handler waits.
//   - A close publishes a new file, and its directory has another time. Its handler waits if
//     somebody has looked at that time since the file was made.
//   - All that makes or removes a version changes listings of history. Nobody waits: the
//     time of such a directory tells the kernel that its copy is old (turned). Only who has
//     the directory open, or is in it, may still see the old listing until it is told.
//   - Whatever takes a directory's name uncovers an object beside it. Nobody waits: the
//     kernel does not keep the other names of such objects (found.fleeting).
//   - What is done on one mount shows on the read-only ones that show the same. All
//     handlers of requests that change something wait.
//
// Waiting must not hang. In Linux 6.1 to 6.18 telling of a name takes the i_rwsem of its
// directory, and of the inode if that died with it (fuse_reverse_inval_entry, with
// FUSE_EXPIRE_ONLY too); telling of an inode takes only locks of its cached pages, which
// reading and writing back hold. Requests hold, until they are answered: CREATE, MKDIR,
// SYMLINK, LINK, UNLINK, RMDIR and RENAME the i_rwsem of their directories and of the inodes
// that lose or get a name; LOOKUP (but not of what is cached) and READDIR that of the
// directory, SETATTR, SETXATTR, WRITE, FALLOCATE, FSYNC that of the inode; FLUSH none.
//
//   - UNLINK of a version so holds that of a name in history, and of a version; what its
//     handler waits for needs those of the present, and of .versions for moments. It never
//     waits for what concerns listings of history, which a worker of their own tells
//     (notifyOld), for that needs what it holds.
//   - Who holds those of the present, in a request, is answered: no handler there waits but
//     FLUSH, which holds nothing, and those that wait for a read-only mount, none of whose
//     handlers ever waits. And no handler holds a lock of ours while it waits.
//   - But a call may hold one and, before its request, wait for another: rename(2) and
//     link(2) from the versions to the present, which are refused once they have come so far,
//     hold the directory there while they wait for the one here, and rmdir(2) of a name in
//     history holds .versions. That is a knot with rm of a version, and it cannot be seen
//     from here. So a handler waits for a second at most (knotAfter) and then answers, which
//     undoes it.
//
// Epochs (FUSE_NOTIFY_INC_EPOCH, Linux 6.16) would need no lock, but they make all names
// be looked up anew, and who is in a directory loses the way up.
//
// # Extended attributes
//
// Package attrs reads their names; xattr.go and xattr_set.go answer them. What S3 knows
// is user.s3.NAME:
//
//	NAME                                            of            is
//	version-id version-number etag size             object        read only; as last
//	last-modified storage-class parts versions                    published
//	checksum.ALGORITHM
//	bucket key                                      any           read only
//	content-type content-encoding content-language  object        in a new version
//	content-disposition cache-control expires
//	meta.NAME, and meta for all of it as JSON       object        in a new version
//	tag.KEY, and tags for all of them as JSON       object        set in place
//	versioning (unversioned enabled suspended)      bucket        set, never removed
//	tags                                            bucket        set in place
//	lock.mode lock.until legal-hold                 object        set in place (xattr_lock.go)
//	acl (JSON as of aws s3api, or a canned ACL)     object,       set in place (xattr_access.go)
//	                                                bucket
//	policy public-access-block logging              bucket        set and removed, by name only
//	encryption (AES256, aws:kms ARN, SSE-C)         object        read only, by name only
//	                                                bucket        set and removed, by name only
//	client-encryption                               object        read only, by name only
//	cors lifecycle                                  -             EOPNOTSUPP
//
// An object's own key is what a directory has; setting something on a directory that S3
// only implies makes that key. A bucket's directory stands for the bucket, by name only.
// Other user.*, security.* and trusted.* attributes are kept as they are, in place, 64 KiB
// of values and 16 KiB of names for each file or directory (ENOSPC).
//
//   - Listed, and so copied by cp -a and rsync -X, is what can be set, is set and goes
//     with the bytes: content headers, meta.NAME, tag.KEY and plain ones; meta or tags in
//     their place if one of the names is too long for an attribute.
//   - What AWS would make a new version for makes one, with the same inode and the content
//     shared; setting what is there already makes none. On a file with unpublished
//     changes, a new one above all, it belongs to the version that these become.
//   - EINVAL is a name, value or character that S3 does not have; E2BIG too many or too
//     long (10 tags, 128 and 256 characters, 2 KB of headers, 2 KB of metadata); EPERM
//     what can only be read.
//   - What locks a version is of the one that was published last, and by name only. A change
//     that the lock forbids is EPERM, as is rm of a locked version in .versions; in a bucket
//     without Object Lock there is no such attribute (ENODATA, EOPNOTSUPP).
//   - POSIX ACLs answer EOPNOTSUPP, so that cp and rsync go on with mode bits, and so does
//     security.selinux while a file has none: ls then stops asking.
//   - With attributes the kernel asks for security.capability before the first write to
//     a file that it has heard something new of: a request more for each new file
//     (HANDLE_KILLPRIV_V2 saves it for the writes that follow). The mount option noxattr
//     turns all of them off and saves that.
//
// Left out on purpose: hard links, FIFOs, sockets and devices (EPERM); file locks,
// which the kernel keeps by itself; atime, which FUSE does not keep; clones (FICLONE is
// EOPNOTSUPP: extents are shared by copy_file_range). sync(2) and syncfs(2) hand over what
// is in mapped pages and then return, for the kernel has no request for them that go-fuse
// answers: what was published is on disk within a second, and fsync(2) waits for it.
package fs
