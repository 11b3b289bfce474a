// Package large has files and directories of a size that hurts whoever holds them whole, on
// a mount that the real program serves. The sizes are the smallest that show it; with
// PAIL_SOAK=1 they are those that a person would call large. What a file should hold is
// known by rule (pattern_test.go), so that nothing large is kept to compare with.
//
// What the daemon holds is measured, not how long it takes: its resident memory, the bytes
// it has written to the kernel, and the blocks of the store on the disk.
//
// Benchmarks report how fast a file reads before and after it was rewritten in pieces, and
// after these were compacted:
//
//	go test ./integration/large -run '^$' -bench Scattered -benchtime 1x
package large
