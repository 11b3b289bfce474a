package main

import (
	"path/filepath"
	"strings"
)

// helperArgs returns the command line of pail for the ways in which mount(8) calls
// programs, and args without the program's name for every other call:
//
//	mount.pail SOURCE DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]   (mount -t pail)
//	pail SOURCE DIR -o OPTIONS                                    (mount -t fuse.pail)
//
// The source is the store. Both expect the mount to stay after the call.
func helperArgs(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	name, rest := filepath.Base(args[0]), args[1:]
	asHelper := name == "mount.pail" || name == "mount.fuse.pail"
	asFuse := len(rest) >= 2 && strings.HasPrefix(rest[0], "/") && !strings.HasPrefix(rest[1], "-")
	if len(rest) < 2 || !asHelper && !asFuse {
		return rest
	}
	out := []string{"mount", "--background", "--store", rest[0]}
	for i := 2; i < len(rest); i++ {
		switch arg := rest[i]; {
		case arg == "-o" && i+1 < len(rest):
			i++
			out = append(out, "-o", rest[i])
		case (arg == "-t" || arg == "-N") && i+1 < len(rest):
			i++
		case arg == "-s", arg == "-n", arg == "-v":
			// Sloppiness, no mtab, verbosity: nothing to do.
		default:
			out = append(out, arg)
		}
	}
	return append(out, "--", rest[1])
}
