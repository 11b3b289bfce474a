package device

import "testing"

// Looking goes on while most requests come soon, ends when most do not, and comes back.
func TestPatienceFollowsTheLastWaits(t *testing.T) {
	p := &patience{score: scoreMax}
	learn := func(soon bool, times int) {
		for range times {
			p.learn(soon)
		}
	}
	learn(false, 3)
	if !p.pays() {
		t.Error("a few long waits end it")
	}
	learn(false, 1000)
	if p.pays() {
		t.Error("nothing but long waits do not end it")
	}
	for range 100 {
		learn(true, 1)
		learn(false, 1)
	}
	if p.pays() {
		t.Error("it goes on when every other wait is long")
	}
	learn(true, scoreMax)
	if !p.pays() {
		t.Error("short waits do not bring it back")
	}
	p.wanted.Store(true)
	if p.pays() {
		t.Error("it goes on though others need the processors")
	}
}
