// Command bench measures what a mount of Pail costs, beside the disk that it stands on
// and beside other FUSE filesystems on the same disk, in one run.
//
//	make bench-mount                                   # all of it, as in the README
//	go run ./integration/bench -pail old=pail.old -pail new=bin/pail -parts sync
//	make bench-mount BENCH='-targets gocryptfs,plain,encrypted'
//	make bench-mount BENCH='-targets s3fs,rclone,plain -parts small,tree -rounds 1'
//
// The yardstick is mount.sh. Each of its parts runs on every target in turn before the
// next part begins, and all of it several times, so that what else the machine does
// meets all alike; of each metric the median is shown, and ratios are medians of the
// ratios within one round. A target's goal is one of the design's; "best" there is the
// best of the loopback, gocryptfs and JuiceFS. JuiceFS is not run: what it reached
// stands in juicefs, relative to the loopback beside which it was measured.
//
// s3fs and rclone mount a bucket over S3 (see foreign.go). They are so slow that they are
// measured only when asked for, and what they cannot do ends a part early: its metrics until
// then count.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// options are the command line.
type options struct {
	dir     string   // on the disk that is measured
	script  string   // mount.sh
	pails   []string // name=binary
	targets string
	parts   string
	rounds  int
	mb      int
	seconds int
	cpu     bool
	output  string
}

func parseOptions() (o options) {
	flag.StringVar(&o.dir, "dir", os.TempDir(), "directory on the disk to measure; what is made there is removed")
	flag.StringVar(&o.script, "script", "integration/bench/mount.sh", "the yardstick")
	flag.Func("pail", "NAME=BINARY of one of several versions of Pail (repeat; default pail=bin/pail)", func(s string) error {
		o.pails = append(o.pails, s)
		return nil
	})
	flag.StringVar(&o.targets, "targets", "disk,loopback,gocryptfs,plain,versioned", "what to measure; plain, versioned and encrypted are buckets of each Pail, and there are s3fs and rclone")
	flag.StringVar(&o.parts, "parts", "large,small,sync,tree", "parts of the yardstick")
	flag.IntVar(&o.rounds, "rounds", 3, "how often everything is measured")
	flag.IntVar(&o.mb, "mb", 128, "size of the large file, in MB")
	flag.IntVar(&o.seconds, "seconds", 5, "how long each measurement of random accesses goes on")
	flag.BoolVar(&o.cpu, "cpu", false, "show the processor time of each daemon too, which a busy machine disturbs less")
	flag.StringVar(&o.output, "json", "", "file to write every single measurement to")
	flag.Parse()
	if o.pails == nil {
		o.pails = []string{"pail=bin/pail"}
	}
	return o
}

func (o options) validate() error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case o.rounds < 1 || o.mb < 1 || o.seconds < 1:
		return errors.New("-rounds, -mb, -seconds: want positive numbers")
	}
	for t := range strings.SplitSeq(o.targets, ",") {
		if !slices.Contains(strings.Fields("disk loopback gocryptfs s3fs rclone plain versioned encrypted"), t) {
			return fmt.Errorf("-targets: unknown %q", t)
		}
	}
	for _, p := range o.pails {
		if name, binary, ok := strings.Cut(p, "="); !ok || name == "" || binary == "" {
			return fmt.Errorf("-pail %q: want NAME=BINARY", p)
		}
	}
	return nil
}

// run measures everything and returns every single measurement.
func (o options) run(ctx context.Context) (all []sample, names []string, err error) {
	dir, err := os.MkdirTemp(o.dir, "pail-bench.")
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	targets, err := o.start(ctx, dir)
	defer func() {
		for _, t := range targets {
			err = errors.Join(err, t.stop())
		}
	}()
	if err != nil {
		return nil, nil, err
	}
	for _, t := range targets {
		names = append(names, t.name)
	}
	for round := range o.rounds {
		for part := range strings.SplitSeq(o.parts, ",") {
			for i := range targets { // not always in the same order
				t := targets[(i+round)%len(targets)]
				fmt.Fprintf(os.Stderr, "round %d of %d: %s on %s\n", round+1, o.rounds, part, t.name)
				some, err := t.measure(ctx, o, part, round)
				all = append(all, some...)
				if err != nil {
					return all, names, fmt.Errorf("%s on %s: %w", part, t.name, err)
				}
			}
		}
	}
	return all, names, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := parseOptions()
	err := o.validate()
	if err == nil {
		var all []sample
		var names []string
		all, names, err = o.run(ctx)
		if len(all) > 0 {
			printTable(os.Stdout, all, names)
		}
		if o.output != "" {
			text, _ := json.MarshalIndent(all, "", "  ")
			err = errors.Join(err, os.WriteFile(filepath.Clean(o.output), append(text, '\n'), 0o666))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
