package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pail/store/fault"
	"pail/store/web/control"
)

func newStopCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "End the daemon of a store: all its mounts and S3 doors",
		Long: `End all mounts and S3 doors of the store, and with them its daemon. Requests that have
begun are finished and open files published; the command returns when everything is on
disk, the store is free and the daemon's process gone.`,
		Args: takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return runStop(cmd, g) },
	}
}

func runStop(cmd *cobra.Command, g *globals) error {
	ctx := cmd.Context()
	dir, err := g.storeDir()
	if err != nil {
		return err
	}
	p := startProgress(cmd, "finishing requests, publishing open files and unmounting")
	defer p.stop()
	c, err := dial(ctx, dir)
	if err == nil {
		defer c.Close()
		if err = c.Stop(ctx); err == nil || errors.Is(err, control.ErrNoDaemon) { // it had just ended, or was killed
			err = detachDead(dir, "")
		}
	} else if errors.Is(err, control.ErrNoDaemon) {
		left, e := mountsOf(dir)
		switch {
		case e != nil || len(left) > 0:
			err = errors.Join(e, detachAll(left))
		default:
			err = fault.New(fault.NoSuchMount, "the store at %s has no daemon", dir)
		}
	}
	p.stop()
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(cmd.OutOrStdout(), map[string]string{"stopped": dir})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "stopped the daemon of %s\n", dir)
	return err
}
