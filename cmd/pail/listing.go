package main

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// A listing prints results as they come, buffered unless a person watches, and
// shows progress on the terminal when standard output goes elsewhere.
type listing struct {
	out      *bufio.Writer
	watched  bool
	progress *progress
	n        int64
}

func newListing(cmd *cobra.Command, what string) *listing {
	l := &listing{out: bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)}
	if f, ok := cmd.OutOrStdout().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		l.watched = true // the lines themselves are the progress
		return l
	}
	l.progress = startProgress(cmd, what)
	return l
}

func (l *listing) print(write func(io.Writer) error) error {
	if err := write(l.out); err != nil {
		return err
	}
	l.n++
	if l.watched {
		return l.out.Flush()
	}
	l.progress.count(l.n)
	return nil
}

// end prints what is left and returns err or what printing said.
func (l *listing) end(err error) error {
	if l.progress != nil {
		l.progress.stop()
	}
	return errors.Join(err, l.out.Flush())
}
