package soak

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/program"
	"pail/store/web/control"
)

// patience is how long what ends by itself may take.
const patience = 3 * time.Minute

// Keys of the store's owner.
const (
	accessKey = "soak-access-key"
	secretKey = "soak-secret-key-of-many-letters"
)

// A daemon is the program with both doors open.
type daemon struct {
	testing.TB
	store    string
	root     string // shows the buckets
	log      string
	endpoint string // of S3: http://HOST:PORT
	metrics  string // likewise
	pid      int
}

// startDaemon serves a fresh store until the test ends, and then has the whole of it checked.
func startDaemon(t testing.TB) *daemon {
	t.Helper()
	base := t.TempDir()
	d := &daemon{TB: t, store: filepath.Join(base, "store"), root: filepath.Join(base, "mnt"), log: filepath.Join(base, "daemon.log")}
	d.ok(os.Mkdir(d.root, 0o755))
	log, err := os.Create(d.log)
	d.ok(err)
	defer log.Close()
	cmd := d.command("mount", d.root, "--s3", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--json")
	cmd.Env = append(os.Environ(), "PAIL_ROOT_ACCESS_KEY="+accessKey, "PAIL_ROOT_SECRET_KEY="+secretKey)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	d.ok(err)
	d.ok(cmd.Start())
	d.pid = cmd.Process.Pid
	t.Cleanup(func() { d.end(cmd) })

	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("pail mount: %v\n%s", err, d.logged())
	}
	var m control.Mount
	d.ok(json.Unmarshal(line, &m))
	if m.Service == nil {
		t.Fatalf("no listener: %s", line)
	}
	for _, l := range m.Service.Listeners {
		if l.Protocol == "s3" {
			d.endpoint = l.Address
		} else {
			d.metrics = l.Address
		}
	}
	return d
}

// end has the daemon end as a service does, and checks what it leaves.
func (d *daemon) end(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	err := cmd.Wait()
	late.Stop()
	if err != nil {
		d.Errorf("pail mount: %v", err)
		_ = unix.Unmount(d.root, unix.MNT_DETACH)
	}
	if log := d.logged(); err != nil || strings.Contains(log, "panic") || len(failed(log)) > 0 {
		d.Errorf("the daemon has logged:\n%s", log)
	}
	if out, err := d.command("fsck", "--deep").CombinedOutput(); err != nil {
		d.Errorf("fsck: %v\n%s", err, out)
	}
}

// failed are the lines of a log that tell of failures, but for those that the webhook has
// asked for.
func failed(log string) (out []string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "level=ERROR") && !strings.Contains(line, "a webhook does not take what it is told") {
			out = append(out, line)
		}
	}
	return out
}

func (d *daemon) logged() string {
	b, _ := os.ReadFile(d.log)
	return string(b)
}

func (d *daemon) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// command is pail with this store.
func (d *daemon) command(args ...string) *exec.Cmd {
	return program.Command(append(args, "--store", d.store)...)
}

// pail runs pail and returns what it printed.
func (d *daemon) pail(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	whole := d.command(args...)
	cmd := exec.CommandContext(ctx, whole.Path, whole.Args[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("pail %s: %w: %s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out), err
}

// status is what the daemon tells of itself.
func (d *daemon) status() (s control.Status, err error) {
	out, err := d.pail("status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &s)
	}
	return s, err
}
