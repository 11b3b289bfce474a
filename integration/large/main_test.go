package large

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// binEnv hands the program under test from TestMain to the tests.
const binEnv = "PAIL_LARGE_TEST_BIN"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		unix.Umask(0o022)
		dir, err := os.MkdirTemp("", "pail-large-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin := filepath.Join(dir, "pail")
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", bin, "pail/cmd/pail")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build pail: %v\n%s", err, out)
			return 1
		}
		if err := os.Setenv(binEnv, bin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// soak says whether the long form was asked for.
func soak() bool { return os.Getenv("PAIL_SOAK") == "1" }

// either is the first of two sizes, the second in the long form.
func either[T any](short, long T) T {
	if soak() {
		return long
	}
	return short
}

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30
)
