package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pail/store/web/control"
)

// A progress tells on a terminal how far something has come that takes more than a
// second. Without a terminal it is silent.
type progress struct {
	out  io.Writer // nil: silent
	done chan struct{}
	wg   sync.WaitGroup

	mu    sync.Mutex // guards what follows, and writing to out
	now   control.Progress
	bytes bool // they are what is counted
	shown bool // there is a line to be cleared
}

// startProgress begins to watch over an operation. The caller must stop it before
// writing anything else to the terminal.
func startProgress(cmd *cobra.Command, what string) *progress {
	p := &progress{done: make(chan struct{}), now: control.Progress{What: what}}
	f, ok := cmd.ErrOrStderr().(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return p
	}
	p.out = f
	p.wg.Go(p.run)
	return p
}

// set says how far the operation is.
func (p *progress) set(now control.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
}

// inBytes says that what is counted are bytes.
func (p *progress) inBytes() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes = true
}

// count says how many results there are so far.
func (p *progress) count(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Done = n
}

// aside has fn write to the terminal.
func (p *progress) aside(fn func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return fn()
}

// clear takes the line away. mu is held.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}

// show writes the line.
func (p *progress) show(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "\r%s\x1b[K", progressLine(p.now, p.bytes, took))
	p.shown = true
}

// stop ends the progress and clears its line.
func (p *progress) stop() {
	select {
	case <-p.done:
		return
	default:
	}
	close(p.done)
	p.wg.Wait()
}

const (
	progressAfter = time.Second
	progressEvery = 250 * time.Millisecond
)

func (p *progress) run() {
	start := time.Now()
	timer := time.NewTimer(progressAfter)
	defer timer.Stop()
	for {
		select {
		case <-p.done:
			_ = p.aside(func() error { return nil })
			return
		case <-timer.C:
			p.show(time.Since(start))
			timer.Reset(progressEvery)
		}
	}
}

func progressLine(p control.Progress, bytes bool, took time.Duration) string {
	took = took.Truncate(time.Second)
	number := func(n int64) string {
		if bytes {
			return shownSize(n)
		}
		return fmt.Sprint(n)
	}
	switch {
	case p.Total > 0:
		percent := int(float64(p.Done) / float64(p.Total) * 100)
		return fmt.Sprintf("%s: %s of %s (%d %%), %s", p.What, number(p.Done), number(p.Total), percent, took)
	case p.Done > 0:
		return fmt.Sprintf("%s: %s, %s", p.What, number(p.Done), took)
	}
	return fmt.Sprintf("%s, %s", p.What, took)
}
