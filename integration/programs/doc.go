// Package programs runs real programs on a mount that the real program serves, each in
// a process of its own, as people do: nothing here knows that there is a bucket below.
//
// Every test has a store, a daemon and a mount of its own (mount_test.go). When it ends,
// the mount is taken away and pail fsck must find nothing. A program that is missing is
// a failure: .ci/setup installs them all. What takes minutes runs with PAIL_SOAK=1.
package programs
