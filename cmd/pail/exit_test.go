package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

func TestEveryFailureHasItsExitCode(t *testing.T) {
	codes := map[fault.Kind]int{}
	for code, kinds := range exitCodes() {
		for _, kind := range kinds {
			if other, twice := codes[kind]; twice {
				t.Errorf("%v has exit codes %d and %d", kind, code, other)
			}
			codes[kind] = code
		}
	}
	kinds := fault.Kinds()
	if len(kinds) < 50 {
		t.Fatalf("only %d kinds", len(kinds))
	}
	for _, kind := range kinds {
		code, decided := codes[kind]
		if !decided {
			t.Errorf("nobody has decided on the exit code of %v", kind)
		}
		if got := exitCode(fmt.Errorf("x: %w", kind)); got != code {
			t.Errorf("%v exits with %d, not %d", kind, got, code)
		}
		if !strings.Contains(exitHelp, fmt.Sprintf("\n  %d  ", code)) {
			t.Errorf("the help does not tell of exit code %d", code)
		}
	}
	for err, want := range map[error]int{
		os.ErrPermission: exitDenied, os.ErrNotExist: exitNotFound, context.Canceled: exitSignal, unix.ENOSPC: exitNoSpace,
	} {
		if got := exitCode(&os.PathError{Op: "open", Path: "/x", Err: err}); got != want {
			t.Errorf("%v: %d", err, got)
		}
	}
	if got := exitCode(fault.New(fault.NoSuchKey, "").At("b", "k")); got != exitNotFound {
		t.Errorf("NoSuchKey: %d", got)
	}
}
