package main

import (
	"bufio"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"pail/store/web/control"
)

// A listing prints results as they come, buffered unless a person watches, and
// shows progress on the terminal when standard output goes elsewhere.
type listing struct {
	out      *bufio.Writer
	watched  bool
	progress *progress // nil: the lines themselves are
	counts   bool      // the progress is how many there are
	n        int64
}

func newListing(cmd *cobra.Command, what string) *listing {
	l := &listing{out: bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)}
	if o, ok := cmd.OutOrStdout().(*output); ok && o.terminal() {
		l.watched = true // the lines themselves are the progress
		return l
	}
	l.progress, l.counts = startProgress(cmd, what), true
	return l
}

// newReport is a listing of what a long operation has to say, which is little: its
// progress is shown all the same.
func newReport(cmd *cobra.Command, what string) *listing {
	l := newListing(cmd, what)
	l.counts = false
	if l.watched {
		l.progress = startProgress(cmd, what)
	}
	return l
}

// far says how far the operation has come.
func (l *listing) far(now control.Progress) {
	if l.progress != nil {
		l.progress.set(now)
	}
}

func (l *listing) print(write func(io.Writer) error) error {
	if err := write(l.out); err != nil {
		return err
	}
	l.n++
	switch {
	case l.watched && l.progress != nil:
		return l.progress.aside(l.out.Flush)
	case l.watched:
		return l.out.Flush()
	case l.counts:
		l.progress.count(l.n)
	}
	return nil
}

// end prints what is left and returns err or what printing said.
func (l *listing) end(err error) error {
	if l.progress != nil {
		l.progress.stop()
	}
	flushed := l.out.Flush()
	if errors.Is(err, flushed) {
		return err // printing has said it already
	}
	return errors.Join(err, flushed)
}
