// Package control is the door of the command line: a protocol by which commands
// reach a store, whether a daemon owns it or not.
//
// # Duty
//
// A [Handler] answers requests about one store and, in a daemon, about its
// mounts and S3 doors. A [Server] offers it on the socket control.sock in the store's
// directory. A [Client] asks. [Dial] connects a client to the daemon that owns a
// store; [Local] connects one to a handler in the same process, for when there is
// no daemon and the command has opened the store itself. Both speak the same
// bytes, so that each command has one path to test.
//
// # Protocol
//
// HTTP/1.1 over a stream. A request is POST /v1/<operation> with one JSON value.
// The answer is a stream of JSON values, one a line, each with one field:
//
//	{"item": ...}       one result; listings have many
//	{"progress": ...}   how far a long operation has come
//	{"error": ...}      it failed: kind (a name of package fault), message, resource, cause
//	{"done": true}      it succeeded
//
// Answers that are bytes, of backups and of reading, come in pieces before that (bytes.go).
// An answer that ends without error or done was cut off, and the client says so.
// GET /v1/hello names the protocol and the daemon's process; a client asks it
// first, on the connection that it goes on to use. Until it is answered nothing
// was asked of the daemon, so that a client may safely start over when a daemon
// ends at that moment.
//
// # Promises
//
//   - Who may ask: the user who owns the daemon's process, and root, by what the
//     kernel says of the peer (SO_PEERCRED). The socket's mode 0600 and the
//     directory's 0700 say the same once more.
//   - A request acts as the store's owner through [store.DoorControl], with the
//     uid and gid of the peer recorded.
//   - A request ends when its client goes away. A mount that a client waits for
//     ([Client.Mount]) ends with the connection; a detached one stays.
//   - The socket appears complete, with its mode, by a rename, which also replaces
//     one that a killed daemon has left. Only the owner of the store's lock may do
//     that. It goes away right before the lock is released, when everything is durable: who
//     unmounts while a daemon ends finds it and waits for that.
//   - An unmount that ends the daemon returns when its process has ended (process.go). So
//     does ending an S3 door, and stopping it all.
//   - The secret of an access key is told once, to whoever has it made. Signing a URL is done
//     here, so that no other secret goes over the socket.
//   - A filesystem without sockets, as FUSE ones mostly are, is enough for a store: the
//     socket is then an abstract one, and control.sock a file that names it (abstract.go).
//   - Store directories of any depth work though a socket's address holds 108
//     bytes: a longer one is reached through /proc/self/fd.
//   - Everything is safe for concurrent use.
//
// # Left out on purpose
//
// Nothing is written through here: files are written on the mount. The package knows no
// FUSE; what mounts, and opens S3 doors, is handed in as a [Mounter].
//
// # To extend
//
// A new operation is a request type and perhaps a result type in the messages_*.go files, a
// function in an ops_*.go file, a line in the table in ops.go, and a method of
// Client. The types in messages_*.go are also what --json prints: their fields are
// only ever added to.
package control
