package main

import "testing"

func TestGCPercent(t *testing.T) {
	const mib = 1 << 20
	last := 100
	for live := uint64(0); live < 4<<30; live += mib {
		p := gcPercent(live)
		switch {
		case p > last:
			t.Fatalf("%d MiB may grow by %d%%, less by %d%%", live/mib, p, last)
		case p > minGCPercent && live*uint64(p)/100 > heapRoom:
			t.Fatalf("%d MiB may grow by %d%%", live/mib, p)
		case live*uint64(p)/100 < min(live, heapRoom)-live/50 && p > minGCPercent:
			t.Fatalf("%d MiB may grow by %d%% only", live/mib, p)
		}
		last = p
	}
	if last != minGCPercent {
		t.Fatalf("a large heap may grow by %d%%", last)
	}
}
