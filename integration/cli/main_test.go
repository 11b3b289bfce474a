package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"pail/integration/leak"
)

// place is where the program under test and the scripts' directories are.
type place struct{ root, bin string }

func TestMain(m *testing.M) {
	os.Exit(func() int {
		unix.Umask(0o022)
		p, err := preparePlace()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(p.root)
		if err := os.Setenv(placeEnv, p.root); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return leak.Run(m)
	}())
}

// placeEnv hands the place from TestMain to the tests.
const placeEnv = "PAIL_CLI_TEST_PLACE"

func preparePlace() (place, error) {
	parent, err := reachableTemp()
	if err != nil {
		return place{}, err
	}
	root, err := os.MkdirTemp(parent, "pail-cli-")
	if err != nil {
		return place{}, err
	}
	p := place{root: root, bin: filepath.Join(root, "bin")}
	for _, dir := range []string{p.root, p.bin} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return place{}, err
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			return place{}, err
		}
	}
	return p, p.build()
}

// reachableTemp returns a directory for temporary files that every user can reach,
// since an ordinary user must run the program from there.
func reachableTemp() (string, error) {
	for _, dir := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if dir, err := filepath.Abs(dir); err == nil && reachable(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("there is no temporary directory that every user can reach")
}

func reachable(dir string) bool {
	for {
		fi, err := os.Stat(dir)
		if err != nil || !fi.IsDir() || fi.Mode()&0o001 == 0 {
			return false
		}
		if dir == "/" {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

// build makes the program and the wrapper that runs one as an ordinary user.
func (p place) build() error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-X main.version=v0.0.0-test", "-o", filepath.Join(p.bin, "pail"), "pail/cmd/pail")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build pail: %w\n%s", err, out)
	}
	asUser := "#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups -- \"$@\"\n"
	return os.WriteFile(filepath.Join(p.bin, "as-user"), []byte(asUser), 0o755)
}

func TestScripts(t *testing.T) {
	root := os.Getenv(placeEnv)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		WorkdirRoot:         root,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(env *testscript.Env) error { return setup(env, filepath.Join(root, "bin")) },
		Condition:           condition,
		Cmds:                commands(),
	})
}

func setup(env *testscript.Env, bin string) error {
	repo, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	if err := os.Chmod(env.WorkDir, 0o755); err != nil {
		return err
	}
	env.Setenv("PATH", bin+":"+os.Getenv("PATH")+":/usr/sbin:/sbin:/usr/bin:/bin")
	env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("XDG_DATA_HOME", "")
	env.Setenv("TZ", "UTC")
	env.Setenv("PAIL_STORE", filepath.Join(env.WorkDir, "store"))
	env.Setenv("S", filepath.Join(env.WorkDir, "store"))
	env.Setenv("M", filepath.Join(env.WorkDir, "mnt"))
	env.Setenv("UID", strconv.Itoa(os.Geteuid()))
	env.Setenv("BIN", bin)
	env.Setenv("REPO", repo)
	env.Defer(func() { leaveNothing(env.WorkDir, bin) })
	return os.Mkdir(filepath.Join(env.WorkDir, "mnt"), 0o755)
}
