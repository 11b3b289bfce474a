// Package device carries requests from the kernel to a filesystem and the answers back,
// over a descriptor of /dev/fuse. It knows the protocol's frame, not what is in it: that
// is go-fuse's ProtocolServer, whose filesystem answers each request.
//
// Words. A worker is a goroutine that takes requests and answers them itself. The waiter
// is the one worker that waits for requests while there are none. A crowd is more
// requests at once than one worker can answer.
//
// # Promises
//
//   - A request is answered while others are being answered, however long those take:
//     within a few milliseconds there is another worker, and at once while there is a
//     crowd. A handler may wait for what only another request brings about.
//   - Serve returns when the kernel has ended the connection and every handler has
//     returned.
//   - A notification may wait in the kernel for requests under way; it holds no lock.
//
// # Decisions
//
//   - Not go-fuse's Server, because of what a request costs there besides what it does:
//     a thread falls asleep in read(2), the next request wakes it up on another
//     processor, and if nobody else reads another goroutine is woken to. Here the waiter
//     looks for the next request again and again for a while (spinFor), without sleeping
//     and without handing its processor back to the runtime: whoever has just got an
//     answer will most likely ask again. On a virtual machine with two processors a
//     lookup took 80 us instead of 163, a write of 4 KiB 70 instead of 131, the opening,
//     reading and closing of a small file 155 instead of 304 (medians of runs in turn).
//   - Looking costs processor time that somebody else may need, so it ends soon, and is
//     only done while it pays: the waiter counts how often the next request came within
//     that time (see patience), and sleeps at once where most do not, and while the
//     machine has more to do than it has processors: there nothing is won, and a write
//     of 4 KiB took 90 us instead of 47 (23 threads wanting two processors).
//   - The worker that took a request answers it, with nobody reading meanwhile: to wake
//     another each time would cost as much as most answers. What tells that another is
//     needed: requests of several callers are there whenever one was answered (crowd), or
//     nothing has moved for a tick (watch). What one program brings is no crowd, though
//     its next request is often there before its RELEASE was answered: a worker more for
//     each small file, which woke a thread, made a rename 163 us instead of 125, an unlink
//     83 instead of 52 (medians of rounds in turn).
//   - One waiter sleeps in poll(2): with several, each request would wake all of them.
//   - What is in one piece of a file is spliced. A pipe of an unprivileged process holds
//     1 MiB, so an answer has to be smaller (MaxSplice);
//     the mount has the kernel read ahead no further than that. 128 MB from the disk cost
//     the daemon 24 ms of processor time, and 39 when they were asked for in pieces of
//     1 MiB and copied (medians of rounds in turn); the reader waited 83 ms and 111.
package device
