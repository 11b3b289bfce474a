// Package rights tests who may do what on a mount: every system call that changes
// something against a read-only mount, and other users against owners and mode bits.
//
// The mount belongs to the test process. The calls are made by processes of its own: the
// test's program started again as another user ([TestMain]), which makes a list of calls
// by their names and reports an errno for each. A call that is to be tried is an entry
// in calls_test.go.
package rights
