package soak

import (
	"bufio"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const mib = 1 << 20

// A measure is one thing that a daemon holds, and how much more of it there may be in the
// last quarter of the load than in the second: the larger of a number and a part.
type measure struct {
	name   string
	unit   float64 // what it is shown in
	number float64
	part   float64
}

// measures are what a sample has, in its order. What is mapped of the engine's tables and what
// the store takes on the disk go up and down with compactions; the rest has no reason to.
func measures() []measure {
	return []measure{
		{name: "anon MiB", unit: mib, number: 16 * mib, part: 0.10},
		{name: "live MiB", unit: mib, number: 16 * mib, part: 0.10},
		{name: "file MiB", unit: mib, number: 32 * mib, part: 0.25},
		{name: "shmem MiB", unit: mib, number: 4 * mib},
		{name: "goroutines", unit: 1, number: 16, part: 0.10},
		{name: "threads", unit: 1, number: 8, part: 0.25},
		{name: "files", unit: 1, number: 16, part: 0.10},
		{name: "contents", unit: 1, number: 64, part: 0.25},
		{name: "sockets", unit: 1, number: 8, part: 0.10},
		{name: "pipes", unit: 1, number: 8, part: 0.10},
		{name: "engine", unit: 1, number: 16, part: 0.25},
		{name: "mounts", unit: 1, number: 1},
		{name: "disk MiB", unit: mib, number: 64 * mib, part: 0.25},
	}
}

// Places of measures in a sample.
const (
	anon = iota
	live
	mapped
	shmem
	goroutines
	threads
	files
	contents
	sockets
	pipes
	engine
	mounts
	disk
	manyMeasures
)

// A sample is what the daemon holds at one moment.
type sample struct {
	at     time.Duration // since the load began
	acts   int64         // done until then
	cpu    time.Duration // of the daemon, until then
	values [manyMeasures]float64
	files  []string // where those descriptors lead
}

// look takes a sample, without the time and the acts.
func (d *daemon) look() (s sample, err error) {
	if err := d.memory(&s); err != nil {
		return s, err
	}
	if err := d.runtime(&s); err != nil {
		return s, err
	}
	if err := d.descriptors(&s); err != nil {
		return s, err
	}
	if err := d.places(&s); err != nil {
		return s, err
	}
	s.cpu, err = cpuOf(d.pid)
	return s, err
}

// memory reads proc_pid_status(5).
func (d *daemon) memory(s *sample) error {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.pid))
	if err != nil {
		return err
	}
	want := map[string]int{"RssAnon:": anon, "RssFile:": mapped, "RssShmem:": shmem, "Threads:": threads}
	found := 0
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if i, ok := want[f[0]]; ok {
			n, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				return err
			}
			if i != threads {
				n *= 1 << 10
			}
			s.values[i] = n
			found++
		}
	}
	if found != len(want) {
		return fmt.Errorf("the kernel tells only %d of %d numbers", found, len(want))
	}
	return nil
}

// runtime asks the daemon's own metrics.
func (d *daemon) runtime(s *sample) error {
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get(d.metrics + "/metrics")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	want := map[string]int{"go_goroutines": goroutines, "go_gc_heap_live_bytes": live}
	found := 0
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if i, ok := want[name]; ok {
			if s.values[i], err = strconv.ParseFloat(value, 64); err != nil {
				return err
			}
			found++
		}
	}
	if found != len(want) {
		return fmt.Errorf("/metrics tells only %d of %d numbers", found, len(want))
	}
	return nil
}

// descriptors counts what the daemon has open, by kind: the engine's own files come and go
// with its tables, content files are kept open for later reads, and pipes for the next splice,
// with what they are emptied into.
func (d *daemon) descriptors(s *sample) error {
	dir := fmt.Sprintf("/proc/%d/fd", d.pid)
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, fd := range list {
		to, err := os.Readlink(filepath.Join(dir, fd.Name()))
		switch {
		case err != nil: // closed meanwhile
		case strings.HasPrefix(to, "socket:"):
			s.values[sockets]++
		case strings.HasPrefix(to, "pipe:"), to == os.DevNull:
			s.values[pipes]++
		case strings.HasPrefix(to, filepath.Join(d.store, "meta")+"/"):
			s.values[engine]++
		case strings.HasPrefix(to, filepath.Join(d.store, "blobs")+"/"):
			s.values[contents]++
		default:
			s.values[files]++
			s.files = append(s.files, to)
		}
	}
	return nil
}

// places counts the mounts of the store and the bytes of the disk that it takes.
func (d *daemon) places(s *sample) error {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 2 && strings.HasPrefix(f[1], filepath.Dir(d.root)+"/") {
			s.values[mounts]++
		}
	}
	return filepath.WalkDir(d.store, func(path string, e fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // deleted meanwhile
		}
		if err != nil || e.IsDir() {
			return err
		}
		fi, err := e.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil {
			s.values[disk] += float64(fi.Sys().(*syscall.Stat_t).Blocks) * 512
		}
		return err
	})
}

// cpuOf is the time of processors that a process has had: proc_pid_stat(5), fields 14 and
// 15, in hundredths of a second.
func cpuOf(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(f))
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat: %s %s", pid, f[11], f[12])
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}
