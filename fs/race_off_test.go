//go:build !race

package fs

const underRace = false
