// Command pail keeps buckets of objects in one directory and mounts them.
//
// # Duty
//
// The program is thin: it reads the command line, reaches a store and calls a room
// below. Each command has a file cmd_<name>.go with a constructor, an options struct
// and a run function that takes a context; no command is a package variable.
//
// # How a command reaches a store
//
// [withStore] asks the daemon that owns the store, over the socket in the store's
// directory. If there is none it opens the store itself and asks the same handler
// within the process (package control), so that each command has one path. If
// another command has the store open, or a daemon is just starting or ending, it
// waits for a while.
//
// # The daemon
//
// pail mount is the daemon of the store it mounts, in the foreground; --background
// starts the same in a session of its own and waits until the mount answers. pail serve is
// the daemon of a store that it shows over S3 (door.go), and pail mount --s3 does both. A
// second such command of the same store asks the daemon for another mount or door and
// waits for that one to end.
//
// What one command has asked for ends together: listeners that came with a mount end with
// it, those of pail serve stand for themselves. The daemon ends when the last of it has
// ended. pail umount ends mounts, pail stop everything, SIGTERM, SIGINT and SIGHUP to the
// daemon as well: finish the requests that have begun, publish what open files hold,
// detach, settle, close. Further signals change nothing about that.
//
// The daemon tells a service manager that all of it answers and that it ends
// (sd_notify(3), notify.go); pail systemd prints the unit. mount(8) and umount(8) call
// the same program by other names (mount_helper.go), with exit codes of their own.
// Unmounting reports what closing the store says: files that a full disk kept from being
// published are tried once more then, with the reserve.
//
// # Access keys
//
// The first door of a store makes the root access key, and its secret is shown by the
// command that asked for the door, in no listing and no log. Where standard output is the
// journal, which others may read, none is made, and the notice says how to make one.
//
// # Completion
//
// Shells ask the program what could come next (complete.go). It looks at a daemon that
// answers or a store that is free, for two seconds at most, and prints nothing else.
//
// # Output
//
// Results go to standard output, everything else to standard error. With --json a
// listing is one object a line, anything else one object. An error is one sentence
// that begins with "pail: ". Progress is shown on a terminal only, after a second.
// The exit code says what kind of failure it was; see exit.go and pail help.
//
// # Decisions
//
//   - GOMAXPROCS is at least 8: a page fault on badger's mapped files holds a Go
//     processor, and on a machine of two all would stand still.
//   - The daemon's heap may not double but grow by 48 MiB between collections, and what
//     a burst of work took is given back after 15 calm seconds (memory.go).
//   - The umask is set to 077 at the start: nothing in a store is for others,
//     whatever umask the program inherits, even one that takes the owner's rights.
//   - A flag that is given and empty is a mistake: an unset variable of a script must
//     not mean the default store or the current version.
//   - Every kind of failure has its exit code in exit.go; a test finds one that has not.
//   - A background daemon is this program started again, not a fork: a Go process
//     cannot fork, and the arguments say all there is to know.
//   - The log of a background daemon is daemon.log in the store, beside what it
//     tells of; --log names another place.
package main
