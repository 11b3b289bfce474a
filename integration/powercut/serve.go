package powercut

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"pail/integration/powercut/disk"
	"pail/integration/powercut/mount"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Main serves a filesystem and exits if Start made this process for that; otherwise it
// returns at once. TestMain calls it first.
func Main() {
	if os.Getenv(serveEnv) == "" {
		return
	}
	if err := serve(os.NewFile(controlFD, "control")); err != nil {
		fmt.Fprintln(os.Stderr, "powercut:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve runs the filesystem until the control connection ends.
func serve(control io.ReadWriter) (err error) {
	// Only the end of the connection ends this process: a signal to the whole group would
	// otherwise leave a dead mount.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	in, out := json.NewDecoder(control), json.NewEncoder(control)
	var c config
	if err := in.Decode(&c); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	fs, err := start(c)
	if err != nil {
		return out.Encode(reply{Error: err.Error()})
	}
	defer func() { err = errors.Join(err, detach(c.Mountpoint), fs.Close()) }()
	if err := out.Encode(reply{}); err != nil {
		return err
	}
	for {
		var r request
		if err := in.Decode(&r); err != nil {
			// The other end is gone, tidily or not.
			return nil
		}
		answer, err := perform(fs, r)
		if err != nil {
			answer.Error = err.Error()
		}
		if err := out.Encode(answer); err != nil {
			return nil
		}
	}
}

// start makes the disk and mounts it.
func start(c config) (*mount.FS, error) {
	d := disk.New(c.Disk)
	errno := d.SetAttr(disk.Root, func(a *disk.Attr) {
		now := time.Now()
		a.Mode, a.UID, a.GID = 0o755, uint32(os.Getuid()), uint32(os.Getgid())
		a.Atime, a.Mtime, a.Ctime = now, now, now
	})
	if errno != 0 {
		return nil, errno
	}
	if c.From != "" {
		loaded, err := disk.Load(c.From, c.Disk)
		if err != nil {
			return nil, err
		}
		d = loaded
	}
	var trace io.Writer
	if c.Trace != "" {
		f, err := os.Create(c.Trace)
		if err != nil {
			return nil, fmt.Errorf("open trace: %w", err)
		}
		trace = f
	}
	fs := mount.New(d, trace)
	server, err := fuse.NewServer(fs, c.Mountpoint, &fuse.MountOptions{
		FsName: fsName, Name: fsName,
		Options:                  []string{"default_permissions"},
		DirectMount:              true,
		DisableXAttrs:            true,
		DisableReadDirPlus:       true,
		ExplicitDataCacheControl: true,
		MaxWrite:                 1 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("mount: %w", err)
	}
	go server.Serve() // ends with the process
	if err := server.WaitMount(); err != nil {
		return nil, errors.Join(fmt.Errorf("mount: %w", err), detach(c.Mountpoint))
	}
	return fs, nil
}

func perform(fs *mount.FS, r request) (answer reply, err error) {
	switch {
	case r.Cut != nil:
		answer.Report, err = cut(fs, r.Cut)
	case r.Freeze != nil:
		err = fs.Freeze(*r.Freeze)
	case r.Rule != nil:
		answer.Number, err = fs.AddRule(*r.Rule)
	case r.EndRule != nil:
		answer.Number, err = fs.EndRule(*r.EndRule)
	case r.SyncAll:
		fs.SyncAll()
	case r.Stacks: // without asking fs, whose lock may be what is wrong
		buf := make([]byte, 4<<20)
		answer.Stacks = string(buf[:runtime.Stack(buf, true)])
		return answer, nil
	}
	answer.Steps = fs.Steps()
	return answer, err
}

func cut(fs *mount.FS, r *cutRequest) (disk.Report, error) {
	snapshot, err := fs.Snapshot()
	if err != nil {
		return disk.Report{}, err
	}
	var img *disk.Image
	var report disk.Report
	if r.Mode == "" {
		img, report = snapshot.Cut(r.Seed)
	} else {
		img, report = snapshot.CutAs(r.Mode, r.Seed)
	}
	return report, img.WriteTo(r.Dir)
}
