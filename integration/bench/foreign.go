package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Mounts of a bucket by programs of others, over S3. The listener behind them is Pail's, so
// that what differs is what the mount costs and not what the server does; a bucket of it
// mounted by Pail itself is the target "plain".

const (
	foreignKey    = "pail-bench"
	foreignSecret = "pail-bench-secret-key"
	foreignBucket = "bench"
)

// startForeign serves a new store over S3 and mounts a bucket of it by another program.
func (o options) startForeign(ctx context.Context, kind, place string) (*target, error) {
	_, binary, _ := strings.Cut(o.pails[0], "=")
	if err := os.MkdirAll(place, 0o700); err != nil {
		return nil, err
	}
	store := filepath.Join(place, "store")
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	listener := exec.Command(binary, "--store", store, "serve", address)
	listener.Env = append(os.Environ(), "PAIL_ROOT_ACCESS_KEY="+foreignKey, "PAIL_ROOT_SECRET_KEY="+foreignSecret)
	if err := listener.Start(); err != nil {
		return nil, err
	}
	behind := &target{name: kind + "'s listener", daemon: listener, ended: make(chan error, 1)}
	go func() { behind.ended <- listener.Wait() }()
	if err := behind.answers(address); err != nil {
		return behind, err
	}
	if err := command(ctx, binary, "--store", store, "bucket", "create", foreignBucket); err != nil {
		return behind, err
	}
	t, err := serve(kind, place, func(mount, data string) *exec.Cmd {
		if kind == "s3fs" {
			return s3fs(mount, data, "http://"+address)
		}
		return rclone(mount, data, "http://"+address)
	})
	if t == nil {
		return behind, err
	}
	t.behind, t.foreign = behind, true
	return t, err
}

// answers waits until a listener takes connections.
func (t *target) answers(address string) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-t.ended:
			t.ended <- err
			return fmt.Errorf("%s ended before it answered: %v", t.name, err)
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer: %w", t.name, err)
		}
	}
}

// freeAddress is one on this machine on which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// s3fs mounts by s3fs with its defaults, nil if it cannot be prepared.
func s3fs(mount, data, endpoint string) *exec.Cmd {
	passwd := filepath.Join(data, "passwd")
	if os.WriteFile(passwd, []byte(foreignKey+":"+foreignSecret), 0o600) != nil {
		return nil
	}
	return exec.Command("s3fs", foreignBucket, mount, "-f",
		"-o", "passwd_file="+passwd, "-o", "url="+endpoint, "-o", "use_path_request_style")
}

// rclone mounts by rclone mount, with the cache of whole files without which nothing can be
// changed in place, and uploads begin at close as everywhere else.
func rclone(mount, data, endpoint string) *exec.Cmd {
	cmd := exec.Command("rclone", "mount", "pail:"+foreignBucket, mount,
		"--vfs-cache-mode", "full", "--vfs-write-back", "0s", "--cache-dir", data, "--config", os.DevNull)
	// What the user has set for AWS does not count.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	cmd.Env = append(cmd.Env, "RCLONE_CONFIG_PAIL_TYPE=s3", "RCLONE_CONFIG_PAIL_PROVIDER=Other",
		"RCLONE_CONFIG_PAIL_ACCESS_KEY_ID="+foreignKey, "RCLONE_CONFIG_PAIL_SECRET_ACCESS_KEY="+foreignSecret,
		"RCLONE_CONFIG_PAIL_ENDPOINT="+endpoint, "RCLONE_CONFIG_PAIL_REGION=us-east-1")
	return cmd
}
