package iam

import (
	"sync"
	"time"
)

// Guesses remembers wrong codes of MFA devices, so that nobody tries all of them: after ten
// in a row there is one try in half a minute. The zero Guesses is ready; it is safe for
// concurrent use.
type Guesses struct {
	mu  sync.Mutex // guards bad
	bad map[string]guess
}

type guess struct {
	n  int
	at time.Time
}

const (
	guessesFree  = 10
	guessesEvery = 30 * time.Second
	guessesKept  = 4096 // devices
)

// May says whether a code may be tried.
func (g *Guesses) May(serial string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.bad[serial]
	return b.n < guessesFree || now.Sub(b.at) >= guessesEvery
}

// Wrong notes a wrong code.
func (g *Guesses) Wrong(serial string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bad == nil || len(g.bad) >= guessesKept {
		g.bad = map[string]guess{}
	}
	g.bad[serial] = guess{g.bad[serial].n + 1, now}
}

// Right notes a right one.
func (g *Guesses) Right(serial string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.bad, serial)
}
