package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// binEnv hands the program under test from TestMain to the tests.
const binEnv = "PAIL_PROGRAMS_TEST_BIN"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		unix.Umask(0o022)
		dir, err := os.MkdirTemp("", "pail-programs-")
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
