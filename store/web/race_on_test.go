//go:build race

package web

// underRace says that the race detector is on, with which all memory is several times as
// much.
const underRace = true
