// Package soak has the real program serve a mount and S3 for a long time, under a load that
// keeps no more than it makes, and demands that what the daemon holds stays what it is:
// memory, goroutines, threads, descriptors by kind, mounts, and the disk that the store takes.
//
// The load (load_test.go) is eight workers that do forty acts a second in turns, those of S3
// clients (s3_acts_test.go) and of programs on the mount (mount_acts_test.go), and one after
// another what the command line does (other_acts_test.go). Some break off: connections are
// reset in the middle of a body or of an answer, or left with half a request; files are left
// open, half written or without a name; processes are killed while they read or write. Two
// buckets have 192 keys each; of the one with versions old ones are deleted, and a lifecycle
// ends all in a third. Every byte is the same as any other at its offset, so that each read
// is compared.
//
// The daemon is looked at every ten seconds (sample_test.go). When the load has lasted twenty
// minutes or more the median of its last quarter may exceed that of the second by what
// measures allow: the first quarter fills caches. When it is over, goroutines, sockets,
// mounts and other descriptors than the caches' are as many as before it. The table of all
// that is printed, and fsck has to find nothing.
//
// Some seconds of it are part of the other tests; PAIL_SOAK=1 takes two hours, or
// PAIL_SOAK_TIME (20m), with a fresh seed or PAIL_SEED:
//
//	PAIL_SOAK=1 go test -v -timeout 4h ./integration/soak
package soak
