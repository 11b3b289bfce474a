package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A target is a directory that is measured, and the daemon behind it.
type target struct {
	name   string
	dir    string    // to work in
	mount  string    // "": there is no mount
	daemon *exec.Cmd // nil: there is none
	ended  chan error

	behind  *target // the server that the daemon needs, nil: none
	foreign bool    // not everything that programs do works on it
}

// patience is how long a daemon may take to mount, and to end.
const patience = time.Minute

// loopbackPackage is a filesystem that passes everything on to a directory: what FUSE
// costs in Go by itself. If root runs it on Linux 6.9 or later, the bytes of files do not
// even come by (passthrough): it reads and writes as the disk does, but that each write asks
// it for security.capability.
const loopbackPackage = "github.com/hanwen/go-fuse/v2/example/loopback"

// start starts every target below dir. Those that it returns have to be stopped, also
// if there is an error.
func (o options) start(ctx context.Context, dir string) (targets []*target, err error) {
	for kind := range strings.SplitSeq(o.targets, ",") {
		var t *target
		place := filepath.Join(dir, kind)
		switch kind {
		case "disk":
			t = &target{name: "disk", dir: place}
			err = os.MkdirAll(place, 0o755)
		case "loopback":
			t, err = startLoopback(ctx, place)
		case "gocryptfs":
			t, err = startGocryptfs(ctx, place)
		case "s3fs", "rclone":
			t, err = o.startForeign(ctx, kind, place)
		default:
			var some []*target
			some, err = o.startPails(ctx, kind, place)
			targets = append(targets, some...)
		}
		if t != nil {
			targets = append(targets, t)
		}
		if err != nil {
			return targets, fmt.Errorf("start %s: %w", kind, err)
		}
	}
	return targets, nil
}

func startLoopback(ctx context.Context, place string) (*target, error) {
	binary := place + ".bin"
	if err := command(ctx, "go", "build", "-o", binary, loopbackPackage); err != nil {
		return nil, err
	}
	return serve("loopback", place, func(mount, data string) *exec.Cmd {
		return exec.Command(binary, "-q", mount, data)
	})
}

func startGocryptfs(ctx context.Context, place string) (*target, error) {
	const password = "echo benchmark"
	return serve("gocryptfs", place, func(mount, data string) *exec.Cmd {
		// Deriving the key from the password is not what is measured.
		if err := command(ctx, "gocryptfs", "-init", "-q", "-scryptn", "10", "-extpass", password, data); err != nil {
			return nil
		}
		return exec.Command("gocryptfs", "-fg", "-q", "-extpass", password, data, mount)
	})
}

// startPails starts a daemon of each Pail with a bucket of one kind: plain, versioned, or of a store
// that encrypts everything, under a key in a file.
func (o options) startPails(ctx context.Context, kind, place string) (targets []*target, err error) {
	for _, p := range o.pails {
		name, binary, _ := strings.Cut(p, "=")
		at := place + "." + name
		t, err := serve(name+" "+kind, at, func(mount, data string) *exec.Cmd {
			if kind != "encrypted" {
				return exec.Command(binary, "--store", data, "mount", mount)
			}
			key := at + ".key"
			if err := os.WriteFile(key, []byte(strings.Repeat("7f", 32)), 0o600); err != nil {
				return nil
			}
			if err := command(ctx, binary, "--store", data, "--master-key-file", key, "init", "--encrypt", "--yes"); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return nil
			}
			return exec.Command(binary, "--store", data, "--master-key-file", key, "mount", mount)
		})
		if t != nil {
			targets = append(targets, t)
		}
		if err != nil {
			return targets, err
		}
		args := []string{"--store", filepath.Join(at, "data"), "bucket", "create", "bench"}
		if kind == "versioned" {
			args = append(args, "--versioning")
		}
		if err := command(ctx, binary, args...); err != nil {
			return targets, err
		}
		t.dir = filepath.Join(t.dir, "bench")
	}
	return targets, nil
}

// serve starts a daemon that stays in the foreground and mounts data.
func serve(name, place string, daemon func(mount, data string) *exec.Cmd) (*target, error) {
	mount, data := filepath.Join(place, "mount"), filepath.Join(place, "data")
	for _, d := range []string{mount, data} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	cmd := daemon(mount, data)
	if cmd == nil {
		return nil, errors.New("it cannot be prepared")
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &target{name: name, dir: mount, mount: mount, daemon: cmd, ended: make(chan error, 1)}
	go func() { t.ended <- cmd.Wait() }()
	for deadline := time.Now().Add(patience); !isMount(mount); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-t.ended:
			t.ended <- err
			return t, fmt.Errorf("%s ended before it mounted: %v: %s", name, err, said.Bytes())
		default:
		}
		if time.Now().After(deadline) {
			return t, fmt.Errorf("%s does not mount", name)
		}
	}
	return t, nil
}

// isMount says whether something is mounted at dir.
func isMount(dir string) bool {
	var at, above syscall.Stat_t
	return syscall.Stat(dir, &at) == nil && syscall.Stat(filepath.Dir(dir), &above) == nil && at.Dev != above.Dev
}

// stop ends the daemon and its mount.
func (t *target) stop() error {
	if t.daemon == nil {
		return nil
	}
	_ = t.daemon.Process.Signal(syscall.SIGTERM)
	select {
	case <-t.ended:
	case <-time.After(patience):
		_ = t.daemon.Process.Kill()
		<-t.ended
	}
	if isMount(t.mount) {
		if err := syscall.Unmount(t.mount, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("%s is still mounted at %s: %w", t.name, t.mount, err)
		}
	}
	if t.behind != nil {
		return t.behind.stop()
	}
	return nil
}

func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

// measure runs one part of the yardstick.
func (t *target) measure(ctx context.Context, o options, part string, round int) (all []sample, err error) {
	syscall.Sync() // nobody pays for what another left unwritten
	cmd := exec.CommandContext(ctx, o.script, "-m", strconv.Itoa(o.mb), "-t", strconv.Itoa(o.seconds), t.dir, part)
	var said bytes.Buffer
	cmd.Stderr = &said
	cpu := t.cpuSeconds()
	out, err := cmd.Output()
	switch {
	case err != nil && t.foreign && ctx.Err() == nil:
		fmt.Fprintf(os.Stderr, "%s on %s ended early: %v: %s\n", part, t.name, err, said.Bytes())
	case err != nil:
		return nil, fmt.Errorf("%w: %s", err, said.Bytes())
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) != 3 {
			return all, fmt.Errorf("not a measurement: %q", lines.Text())
		}
		value, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			return all, err
		}
		all = append(all, sample{Target: t.name, Metric: f[0], Unit: f[2], Value: value, Round: round})
	}
	if o.cpu {
		all = append(all, sample{Target: t.name, Metric: "cpu_of_daemon_" + part, Unit: "s", Value: t.cpuSeconds() - cpu, Round: round})
	}
	return all, nil
}

// cpuSeconds is the processor time that the daemon has used, and the server behind it, in
// their own code and in the kernel.
func (t *target) cpuSeconds() float64 {
	if t == nil || t.daemon == nil {
		return 0
	}
	return t.behind.cpuSeconds() + cpuSecondsOf(t.daemon.Process.Pid)
}

func cpuSecondsOf(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before it may hold anything
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100 // USER_HZ, which Linux shows to everyone as 100
}
