package powercut

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// clientEnv names the program of programs that this process is to run on a directory.
const clientEnv = "PAIL_POWERCUT_CLIENT"

// programs are the clients that tests start on a mount; each acknowledges on its standard
// output, one line per act, and runs until it is killed or done.
func programs() map[string]func(dir string, acknowledge func(format string, args ...any)) error {
	return map[string]func(string, func(string, ...any)) error{
		"badger": badgerProgram,
		"save":   saveProgram,
		"mmap":   mmapProgram,
		"mount":  mountProgram,
	}
}

// runClient runs a program if this process was started for one.
func runClient() bool {
	name := os.Getenv(clientEnv)
	if name == "" {
		return false
	}
	err := programs()[name](os.Args[1], func(format string, args ...any) {
		fmt.Printf(format+"\n", args...)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, name, err)
		os.Exit(1)
	}
	return true
}

// client is a running program.
type client struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startClient(t *testing.T, name, dir string) *client {
	t.Helper()
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), clientEnv+"="+name)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &client{cmd, bufio.NewScanner(out)}
	t.Cleanup(func() { c.kill() })
	return c
}

// read returns the next n acknowledgements, fewer if the program ended.
func (c *client) read(n int) []string {
	var list []string
	for len(list) < n && c.lines.Scan() {
		list = append(list, c.lines.Text())
	}
	return list
}

// kill ends the program as a power failure would and returns what it had still acknowledged.
func (c *client) kill() []string {
	if c.cmd.ProcessState != nil {
		return nil
	}
	c.cmd.Process.Kill()
	rest := c.read(1 << 30)
	c.cmd.Wait()
	return rest
}
