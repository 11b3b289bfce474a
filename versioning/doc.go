// Package versioning holds the rules of history, and of the names and labels that
// objects carry, as pure functions: no disk, no clock, no network, no other room.
//
// Words: a key's versions form a *chain*, ordered by commit sequence. Its newest
// member is the *top*; it is a live version or a *delete marker*. The others are
// *noncurrent*. At most one member is the *null version*: what an unversioned or a
// suspended bucket writes.
//
// What is here:
//
//   - State and its changes: unversioned, enabled, suspended, never back.
//   - ID and Selector: how a version is named.
//   - Chain, Version and Step: what a put, a delete, the removal of one version and
//     a restore do to a chain. The store carries a Step out in one commit.
//   - AsOf, Turns: which version was current at a commit. LaterOf: what time one gets.
//   - Conditions: what the four conditional headers make of a read and of a write.
//   - ParseTime: times as people write them after --at and .versions/@.
//   - Lifecycle, CheckLifecycle, Judge: by which rules objects end, and when.
//   - Lock, Retention, DefaultRetention: what keeps a version from being removed.
//   - CheckBucketName, CheckKey, CheckObjectTags, CheckBucketTags, CheckMetadata,
//     CheckHeaders.
//
// How a chain moves (sources: "Working with objects in a versioning-enabled bucket",
// "... in a versioning-suspended bucket", "Deleting object versions" in the Amazon S3
// User Guide):
//
//	            unversioned           enabled                  suspended
//	put         replaces the top      new id on top            null on top, replaces the
//	                                                           null version wherever it is
//	delete      removes the top       marker with a new id,    null marker on top, replaces
//	                                  even over nothing or     the null version wherever it
//	                                  another marker           is, even over nothing
//	delete one  removes exactly that version or marker; if it was the top, the next
//	            newest becomes the top (that is how removing a marker undeletes)
//	restore     a put of an older version's content; nothing if it is the live top
//
// A name that keeps no history, as an editor's swap file on a mount, is put and deleted as
// in a suspended bucket, but leaves no marker where the null version is all there was.
//
// Decisions:
//
//   - A version id is 16 bytes, the commit sequence and 8 random bytes, in the
//     "extended hex" alphabet of RFC 4648 in lower case: 26 characters that sort as
//     the commits did, safe in URLs and file names, and never a valid decimal number
//     of a version, since those have at most 20 digits. The random half keeps ids
//     from being guessed and from colliding with those of a store restored from a
//     backup.
//   - Numbers 1, 2, 3 count all versions and markers that the key ever had.
//     The counter stays in the chain; Chain.KeepsCounter says when a chain without
//     versions must still be remembered. In an unversioned bucket it need not: there
//     is nothing left that an old number could be taken for, and a record for each
//     temporary file that ever was would be a leak.
//   - An as-of view shows what is still kept and was current then. What an unversioned
//     or suspended bucket replaced, or what someone removed for good, is not in it, nor
//     does an older version stand in for it: a view never shows what never was. So each
//     version knows when it was current, which its neighbours that are left cannot say.
//   - A date means its first moment, so 2026-11-23 is 2026-11-23T00:00, today is
//     midnight this morning, yesterday the midnight before. Times without a zone are
//     in the zone of the given now. A moment in the future is refused: a view of it
//     would change under its readers.
//   - A noncurrent version has been that since the version that is next newer was made, as
//     AWS counts. If that one is gone for good, the next that is left counts, which is later:
//     a rule never ends a version sooner than its days.
//   - A noncurrent marker is not counted among the newer versions that a rule keeps, but it
//     is kept with them: without it the versions around it would tell another story.
//   - Whether a retention still holds says the clock alone, not the latest commit. A clock that
//     is set back keeps versions longer; one that is set forward by mistake lets them go early
//     as long as it is wrong, and comparing with what was committed meanwhile would make that
//     last for ever. Who may set the clock of the machine may also delete the store's files.
//   - A year of retention has 365 days, as S3 counts, and dates are kept to milliseconds.
//   - Tag lengths are counted in UTF-16 units, as AWS counts them. The bucket suffix
//     -an (account regional namespaces) is not refused: AWS lets owners use it.
//
// Every error is a Violation of one Rule and reads as a sentence for people; test
// with errors.Is(err, versioning.RuleTag). All of the package is safe for concurrent
// use.
package versioning
