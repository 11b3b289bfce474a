// Package program builds pail for the tests of packages that run the real program. Such a
// package has
//
//	func TestMain(m *testing.M) { program.Main(m) }
//
// and its tests get the program with Command. It is built once for each test binary, static
// and without a version, and removed when the tests have ended.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"pail/integration/leak"
)

// binEnv hands the program from Main to Command, also in processes that a test starts.
const binEnv = "PAIL_TEST_BIN"

// Main builds the program, runs the tests of m with the umask that most users have, and
// ends the process.
func Main(m interface{ Run() int }) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func run(m interface{ Run() int }) (code int, err error) {
	unix.Umask(0o022)
	dir, err := os.MkdirTemp("", "pail-program-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "pail")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", bin, "pail/cmd/pail")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build pail: %w\n%s", err, out)
	}
	if err := os.Setenv(binEnv, bin); err != nil {
		return 1, err
	}
	return leak.Run(m), nil
}

// Command is pail with these arguments, not yet started. It panics where Main did not
// build it.
func Command(args ...string) *exec.Cmd {
	bin := os.Getenv(binEnv)
	if bin == "" {
		panic("TestMain must call program.Main")
	}
	return exec.Command(bin, args...)
}
