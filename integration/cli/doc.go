// Package cli tests the command line: the real program, real daemons, real mounts.
//
// Each testdata/*.txtar is a script of package testscript with a few commands and
// conditions of its own, which commands_test.go describes. A script gets a directory
// that every user can reach, a store ($PAIL_STORE, not yet made) and nothing of the
// caller's: no home, no default places. Whatever it leaves mounted is unmounted.
//
// Scripts that need root, an ordinary user or a program that is missing say so and
// are skipped. None measures time; what takes a while is awaited.
package cli
