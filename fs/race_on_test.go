//go:build race

package fs

// underRace says whether the tests run under it.
const underRace = true
