package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	pailfs "pail/fs"
	"pail/store/fault"
	"pail/store/web/control"
)

type umountOptions struct {
	lazy bool
}

func newUmountCommand(g *globals) *cobra.Command {
	opts := &umountOptions{}
	cmd := &cobra.Command{
		Use:     "umount [MOUNTPOINT]",
		Aliases: []string{"unmount"},
		Short:   "End a mount, or all mounts of a store",
		Long: `End the mount at MOUNTPOINT, or all mounts of the store. Open files are published
first. With the last mount the daemon ends, unless pail serve has it answer S3 (pail stop
ends that, too); the command returns when everything is on disk, the store is free and the
daemon's process gone. Mounts that have lost their daemon are taken away.`,
		Args: takes(0, 1),

		ValidArgsFunction: mountpoints(g),
		RunE: func(cmd *cobra.Command, args []string) error {
			place := ""
			if len(args) > 0 {
				abs, err := absolute(args[0])
				if err != nil {
					return err
				}
				place = resolved(abs)
			}
			if opts.lazy {
				return runUmountLazily(cmd, g, place)
			}
			return runUmount(cmd, g, place)
		},
	}
	cmd.Flags().BoolVar(&opts.lazy, "lazy", false, "only take the mount at MOUNTPOINT out of the tree, whether its daemon answers or not; who uses it goes on")
	return cmd
}

// runUmountLazily asks nobody. The daemon publishes and ends when the last user is gone.
func runUmountLazily(cmd *cobra.Command, g *globals, place string) error {
	if place == "" {
		return usagef("name the mountpoint that is to be detached")
	}
	source, ok, err := pailfs.Source(place)
	switch {
	case err != nil:
		return fmt.Errorf("the list of mounts cannot be read: %w", err)
	case !ok:
		return fault.New(fault.NoSuchMount, "%s is not a Pail mount", place)
	}
	if err := pailfs.Detach(place); err != nil {
		return err
	}
	return saidUnmounted(cmd, g, source, place)
}

func runUmount(cmd *cobra.Command, g *globals, place string) error {
	ctx := cmd.Context()
	dir, err := storeOfMount(g, place)
	if err != nil {
		return err
	}
	p := startProgress(cmd, "publishing open files and unmounting")
	defer p.stop()
	c, err := dial(ctx, dir)
	switch {
	case errors.Is(err, control.ErrNoDaemon):
		err = umountWithoutDaemon(dir, place)
	case err == nil:
		defer c.Close()
		err = c.Unmount(ctx, control.UnmountRequest{Mountpoint: place})
		switch {
		case fault.Is(err, fault.NoSuchMount) && pailfs.Dead(place):
			err = detachLeft(place) // an earlier daemon served it
		case err == nil || errors.Is(err, control.ErrNoDaemon): // it had just ended, or was killed
			err = detachDead(dir, place)
		}
	}
	p.stop()
	if err != nil {
		return err
	}
	return saidUnmounted(cmd, g, dir, place)
}

// storeOfMount is the store that the command line names, or else the one whose
// mount is at place.
func storeOfMount(g *globals, place string) (string, error) {
	if place != "" && g.store == "" {
		source, ok, err := pailfs.Source(place)
		if err != nil {
			return "", err
		}
		// A source that somebody has chosen with -o fsname= names no store.
		if ok && filepath.IsAbs(source) {
			if _, err := os.Stat(source); err == nil || errors.Is(err, os.ErrPermission) {
				return source, nil
			}
		}
	}
	return g.storeDir()
}

// umountWithoutDaemon detaches what a daemon of the store has left behind: the mount at
// place, or all of them.
func umountWithoutDaemon(dir, place string) error {
	if place != "" {
		return detachLeft(place)
	}
	left, err := mountsOf(dir)
	if err == nil && len(left) == 0 {
		return fault.New(fault.NoSuchMount, "nothing is mounted from the store at %s", dir)
	}
	return errors.Join(err, detachAll(left))
}

// detachDead detaches the dead mounts of the store, at place or, if that is "", anywhere:
// what an earlier daemon, or one that was killed just now, has left behind.
func detachDead(dir, place string) error {
	left, err := mountsOf(dir)
	dead := slices.DeleteFunc(left, func(at string) bool {
		return place != "" && at != place || !pailfs.Dead(at)
	})
	return errors.Join(err, detachAll(dead))
}

func mountsOf(dir string) ([]string, error) {
	left, err := pailfs.MountsOf(dir)
	if err != nil {
		return nil, fmt.Errorf("the list of mounts cannot be read: %w", err)
	}
	return left, nil
}

func detachAll(places []string) error {
	var errs []error
	for _, at := range places {
		errs = append(errs, detachLeft(at))
	}
	return errors.Join(errs...)
}

// A daemon that is killed loses its socket some moments before its mounts.
const (
	endWithin = 5 * time.Second
	lookAgain = 10 * time.Millisecond
)

// detachLeft detaches a mount that has lost its daemon, or is just losing it.
func detachLeft(place string) error {
	for deadline := time.Now().Add(endWithin); !pailfs.Dead(place); time.Sleep(lookAgain) {
		_, ours, err := pailfs.Source(place)
		switch {
		case err != nil:
			return fmt.Errorf("the list of mounts cannot be read: %w", err)
		case !ours:
			return fault.New(fault.NoSuchMount, "%s is not a Pail mount", place)
		case time.Now().After(deadline):
			return fault.New(fault.Busy, "%s is mounted, but its daemon does not answer; try again, or detach it: pail umount --lazy %s", place, place)
		}
	}
	return pailfs.Detach(place)
}

func saidUnmounted(cmd *cobra.Command, g *globals, dir, place string) error {
	if g.json {
		return printJSON(cmd.OutOrStdout(), map[string]string{"store": dir, "unmounted": place})
	}
	if place == "" {
		place = "all mounts of " + dir
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "unmounted %s\n", place)
	return err
}
