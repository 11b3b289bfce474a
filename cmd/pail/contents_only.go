package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pail/store"
	"pail/store/keyring"
	"pail/store/web/control"
)

// withoutRecords is what pail fsck and pail scrub do where withStore was refused for want of the
// master key and the records are encrypted: they compare contents with the checksums that those carry, and
// say what they could not check. Other refusals are returned.
func withoutRecords(cmd *cobra.Command, g *globals, refused error) error {
	dir, err := g.storeDir()
	if err != nil {
		return err
	}
	if !errors.Is(refused, keyring.ErrNotGiven) || !store.RecordsLocked(dir) {
		return refused
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s; going on without them: contents are compared with the checksums that they carry, and what belongs to whom is not checked\n", sentence(refused))
	p := startProgress(cmd, "reading")
	defer p.stop()
	var found []control.Problem
	o := store.FsckOptions{Progress: func(done, total int64, what string) { p.set(control.Progress{Done: done, Total: total, What: what}) }}
	seen, err := store.CheckContents(cmd.Context(), storeOptions(cmd, g, dir), o, func(pr store.Problem) error {
		found = append(found, control.Problems([]store.Problem{pr})...)
		return nil
	})
	p.stop()
	if err := told(cmd, g.json, found, err); err != nil || g.json {
		return err
	}
	for _, file := range seen.Unchecked {
		fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s says nothing of itself and was not checked: it is being written, or cut off, or another file\n", file)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s, %s: all are as they were written; the records were not checked\n",
		plural(seen.Files, "content file"), shownSize(seen.Bytes))
	return err
}
