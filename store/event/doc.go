// Package event holds the rules of event notifications: what happens to objects, who is to
// hear of it, and how they are told. It is pure: it checks a bucket's configuration as Amazon
// S3 does, matches events against it, and writes messages; who notes events, keeps them and
// sends them is the store's business.
//
// Sources: PutBucketNotificationConfiguration in the API Reference, "Event message
// structure", "Supported event types" and "Object key name filtering" in the User Guide, and
// what AWS was seen to answer where those are silent.
//
// Decisions:
//
//   - Two targets overlap if one event of one key could go to both. S3 refuses that.
//   - The value of a filter is form-encoded, as the User Guide says ("red+flower"); one that
//     does not decode is taken as it stands.
//   - All event types that S3 knows can be asked for. Those that never happen here
//     (restoring, replication, tiering) are never sent.
//   - EventBridge is refused: there is none to send to, and a flag that does nothing would
//     look as if it did.
package event
