package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestS3cmd(t *testing.T) {
	need(t, "s3cmd")
	r := newRig(t)
	r.write(".s3cfg", strings.Join([]string{
		"[default]", "access_key = " + accessKey, "secret_key = " + secretKey, "host_base = " + r.host, "host_bucket = " + r.host,
		"use_https = False", "signature_v2 = False", "multipart_chunk_size_mb = 5", "",
	}, "\n"))
	tree := r.tree()
	r.run("s3cmd", "mb", "s3://photos")
	r.run("s3cmd", "sync", tree+"/", "s3://photos/"+tree+"/")
	if out := r.run("s3cmd", "sync", tree+"/", "s3://photos/"+tree+"/"); strings.Contains(out, "upload:") {
		t.Errorf("sync finds something to do: %s", out)
	}
	r.run("s3cmd", "sync", "s3://photos/"+tree+"/", "back/")
	r.same(tree, "back")
	r.write("big", noise(12<<20))
	r.run("s3cmd", "put", "big", "s3://photos/big")
	r.run("s3cmd", "cp", "s3://photos/big", "s3://photos/copy")
	r.run("s3cmd", "get", "s3://photos/copy", "big.back")
	r.run("cmp", "big", "big.back")
	r.run("s3cmd", "modify", "--add-header=x-amz-meta-who:me", "s3://photos/big")
	if out := r.run("s3cmd", "info", "s3://photos/big"); !strings.Contains(out, "x-amz-meta-who: me") {
		t.Errorf("info: %s", out)
	}
	if out := r.run("s3cmd", "ls", "-r", "s3://photos"); strings.Count(out, "\n") != 10 {
		t.Errorf("ls: %s", out)
	}
	r.run("s3cmd", "del", "--recursive", "--force", "s3://photos")
	r.run("s3cmd", "rb", "s3://photos")
}

func TestRclone(t *testing.T) {
	need(t, "rclone")
	r := newRig(t)
	r.write(".config/rclone/rclone.conf", strings.Join([]string{
		"[pail]", "type = s3", "provider = Other", "access_key_id = " + accessKey, "secret_access_key = " + secretKey,
		"endpoint = " + r.endpoint, "chunk_size = 5Mi", "upload_cutoff = 5Mi", "",
	}, "\n"))
	tree := r.tree()
	r.run("rclone", "mkdir", "pail:photos")
	r.run("rclone", "sync", tree, "pail:photos/"+tree)
	r.run("rclone", "check", tree, "pail:photos/"+tree)
	r.run("rclone", "check", "--download", tree, "pail:photos/"+tree)
	if err := os.RemoveAll(filepath.Join(r.dir, tree, "a&b=c")); err != nil {
		t.Fatal(err)
	}
	r.run("rclone", "sync", tree, "pail:photos/"+tree)
	r.run("rclone", "check", tree, "pail:photos/"+tree)
	r.run("rclone", "copyto", "pail:photos/"+tree, "pail:other/"+tree)
	r.run("rclone", "check", "pail:photos/"+tree, "pail:other/"+tree)
	r.run("rclone", "moveto", "pail:other/"+tree, "pail:other/moved")
	r.run("rclone", "sync", "pail:other/moved", "back")
	r.same(tree, "back")
	r.foreignMount("rclone", []string{"mount", "pail:photos", "MNT", "--vfs-cache-mode", "writes", "--vfs-write-back", "0s"}, tree)
	r.run("rclone", "purge", "pail:other")
	if out := r.run("rclone", "lsd", "pail:"); strings.Contains(out, "other") || !strings.Contains(out, "photos") {
		t.Errorf("lsd: %s", out)
	}
}

// foreignMount mounts a bucket by a program of others, for as long as it copies a tree into
// it and out again.
func (r *rig) foreignMount(name string, args []string, tree string) {
	r.t.Helper()
	mnt := filepath.Join(r.dir, "mnt")
	if err := os.MkdirAll(mnt, 0o755); err != nil {
		r.t.Fatal(err)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "MNT", mnt)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = r.dir, r.env()
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = unix.Unmount(mnt, 0)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			_ = unix.Unmount(mnt, unix.MNT_DETACH)
			_ = cmd.Process.Kill()
			<-ended
			r.t.Errorf("%s did not end with its mount", name)
		}
	}()
	for deadline := time.Now().Add(30 * time.Second); !mounted(mnt); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s did not mount", name)
		}
	}
	r.run("cp", "-r", tree, filepath.Join(mnt, "copied"))
	r.same(tree, filepath.Join(mnt, "copied"))
}

// mounted says whether a mount is at a directory.
func mounted(dir string) bool {
	b, err := os.ReadFile("/proc/self/mountinfo")
	return err == nil && strings.Contains(string(b), " "+dir+" ")
}

func TestRestic(t *testing.T) {
	need(t, "restic")
	r := newRig(t)
	tree := r.tree()
	args := func(a ...string) []string {
		return append([]string{"-r", "s3:" + r.endpoint + "/backups/restic"}, a...)
	}
	r.write("password", "secret")
	run := func(a ...string) string {
		t.Helper()
		return r.run("restic", append(args(a...), "--password-file", "password")...)
	}
	run("init")
	run("backup", tree)
	r.write(tree+"/more", noise(3<<20))
	run("backup", tree)
	run("check", "--read-data")
	run("forget", "--keep-last", "1", "--prune")
	run("check", "--read-data")
	run("restore", "latest", "--target", "restored")
	r.same(tree, "restored/"+tree)
}

func TestS3fs(t *testing.T) {
	need(t, "s3fs")
	r := newRig(t)
	r.write("passwd", accessKey+":"+secretKey)
	if err := os.Chmod(filepath.Join(r.dir, "passwd"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree := r.tree()
	r.aws("s3", "mb", "s3://photos")
	r.foreignMount("s3fs", []string{"photos", "MNT", "-f", "-o", "passwd_file=" + filepath.Join(r.dir, "passwd"), "-o", "url=" + r.endpoint,
		"-o", "use_path_request_style", "-o", "multipart_size=5"}, tree)
	r.aws("s3", "sync", "s3://photos/copied", "back")
	r.same(tree, "back")
}
