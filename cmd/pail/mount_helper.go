package main

import (
	"path/filepath"
	"slices"
	"strings"
)

// A caller is who runs the program, by the way of doing so.
type caller uint8

const (
	byPerson caller = iota
	byMount         // mount(8), which knows exit codes of its own
)

// helperArgs returns the command line of pail for the ways in which mount(8) and
// umount(8) call programs, and args without the program's name for every other call:
//
//	mount.pail SOURCE DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]     (mount -t pail)
//	pail SOURCE DIR -o OPTIONS                                      (mount -t fuse.pail)
//	umount.fuse.pail DIR [-flnrv] [-N NAMESPACE] [-t TYPE]                         (umount)
//
// The source is the store. Who mounts expects the mount to stay after the call.
func helperArgs(args []string) ([]string, caller, error) {
	if len(args) == 0 {
		return nil, byPerson, nil
	}
	rest := args[1:]
	switch filepath.Base(args[0]) {
	case "mount.pail", "mount.fuse.pail":
		return mountHelper(rest)
	case "umount.pail", "umount.fuse.pail":
		return umountHelper(rest)
	}
	if len(rest) >= 2 && strings.HasPrefix(rest[0], "/") && !strings.HasPrefix(rest[1], "-") {
		return mountHelper(rest)
	}
	return rest, byPerson, nil
}

func mountHelper(rest []string) ([]string, caller, error) {
	plain, flags, options := helperFlags(rest)
	out := []string{"mount", "--background"}
	for _, list := range options {
		out = append(out, "-o", list)
	}
	if slices.Contains(flags, 's') {
		out = append(out, "--sloppy")
	}
	if slices.Contains(flags, 'f') {
		out = append(out, "--fake")
	}
	if len(plain) != 2 {
		return nil, byMount, usagef("usage: mount.pail STORE DIR [-sfnv] [-o OPTIONS]; this is for mount(8) to call, see pail mount --help")
	}
	return append(out, "--store", plain[0], "--", plain[1]), byMount, nil
}

func umountHelper(rest []string) ([]string, caller, error) {
	plain, flags, _ := helperFlags(rest)
	out := []string{"umount"}
	if slices.Contains(flags, 'l') {
		out = append(out, "--lazy")
	}
	if len(plain) != 1 {
		return nil, byMount, usagef("usage: umount.fuse.pail DIR [-flnrv]; this is for umount(8) to call, see pail umount --help")
	}
	return append(out, "--", plain[0]), byMount, nil
}

// helperFlags sorts the arguments of a helper. Flags may be bundled.
func helperFlags(rest []string) (plain []string, flags []rune, options []string) {
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			plain = append(plain, arg)
			continue
		}
		last := arg[len(arg)-1]
		flags = append(flags, []rune(arg[1:])...)
		if strings.IndexByte("oNt", last) < 0 || i+1 == len(rest) {
			continue
		}
		i++
		if last == 'o' {
			options = append(options, rest[i])
		}
	}
	return plain, flags, options
}

// mountExitCode is an exit code as mount(8) documents its own.
func mountExitCode(code int) int {
	switch code {
	case exitOK:
		return 0
	case exitUsage, exitDenied:
		return 1 // incorrect invocation or permissions
	case exitSignal:
		return 8 // user interrupt
	}
	return 32 // mount failure
}
