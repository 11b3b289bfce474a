// Package work runs the store's background jobs.
//
// A job is one goroutine that sleeps until it is woken, runs, and sleeps again. What
// there is to do stands in the store's records, never here: a job that was cut short,
// by the end of the process or by a failure, finds the rest of its work there. So
// each Run must be resumable, and must see its context.
//
// A run that fails is tried again by itself, after a pause that grows from a second to
// a minute. The log is told when that begins, of each other kind of failure, every ten
// minutes, and when it is over. Close ends all jobs and waits for them.
package work
