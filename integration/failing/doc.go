// Package failing runs a store on a disk that fails: requests to the filesystem below it
// (integration/powercut) are answered with EIO, ENOSPC or EROFS, each single one in turn.
//
// Every act of a catalogue (acts_test.go) is done again and again, and in each round the next
// of its requests fails, until none is left. What an act has acknowledged must be there
// afterwards, what has failed must be as it was or as it should have become, and who is told
// must be told the right thing. A failed sync ends all writing and no reading, and a power
// cut behind it loses nothing that was acknowledged.
//
// With PAIL_SOAK=1 a full disk is written to for an hour; otherwise for seconds.
package failing
