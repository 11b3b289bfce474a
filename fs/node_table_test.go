package fs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func pathOf(t *nodeTable, id uint64) string {
	w, ok := t.path(id, nil)
	if !ok {
		return "?"
	}
	return fmt.Sprint(w.names)
}

func TestNodeTableFollowsRenames(t *testing.T) {
	nt := newNodeTable(kindDir)
	nt.remember(10, rootID, "a", kindDir)
	nt.remember(11, 10, "b", kindDir)
	nt.remember(12, 11, "c", kindObject)
	nt.remember(13, rootID, "z", kindDir)
	if got := pathOf(nt, 12); got != "[a b c]" {
		t.Fatalf("path %s", got)
	}
	nt.stand(10, spot{13, "y"})
	if got := pathOf(nt, 12); got != "[z y b c]" {
		t.Fatalf("after renaming a directory above: %s", got)
	}
	nt.remember(14, 11, "d", kindObject)
	nt.stand(14, spot{11, "c"})
	if pathOf(nt, 12) != "?" || pathOf(nt, 14) != "[z y b c]" {
		t.Fatalf("replaced: 12 at %s, 14 at %s", pathOf(nt, 12), pathOf(nt, 14))
	}
	nt.remember(15, 11, "e", kindObject)
	nt.stand(14, spot{11, "e"})
	nt.stand(15, spot{11, "c"})
	if pathOf(nt, 14) != "[z y b e]" || pathOf(nt, 15) != "[z y b c]" {
		t.Fatalf("exchanged: 14 at %s, 15 at %s", pathOf(nt, 14), pathOf(nt, 15))
	}
	nt.stand(99, spot{11, "c"}) // which the kernel does not know
	nt.leave(15, spot{11, "e"}) // where it is not
	if pathOf(nt, 14) != "[z y b e]" || pathOf(nt, 15) != "?" {
		t.Fatalf("replaced: 14 at %s, 15 at %s", pathOf(nt, 14), pathOf(nt, 15))
	}
	nt.leave(14, spot{11, "e"})
	nt.stand(11, spot{})
	if pathOf(nt, 14) != "?" || pathOf(nt, 11) != "?" {
		t.Fatalf("gone: 14 at %s, 11 at %s", pathOf(nt, 14), pathOf(nt, 11))
	}
}

// TestNodeTableWhileOthersMove: what was seen before others moved a directory places
// nothing, and directories that are in each other, because one has followed and the other
// not yet, are nowhere.
func TestNodeTableWhileOthersMove(t *testing.T) {
	nt := newNodeTable(kindDir)
	seen := nt.movesNow()
	if !nt.rememberFound(10, rootID, "a", kindDir, seen) || !nt.rememberFound(11, 10, "b", kindDir, seen) {
		t.Fatal("nothing has moved")
	}
	nt.moved()
	nt.stand(10, spot{11, "a"})
	if pathOf(nt, 10) != "?" || pathOf(nt, 11) != "?" {
		t.Fatalf("10 at %s, 11 at %s", pathOf(nt, 10), pathOf(nt, 11))
	}
	nt.moved()
	nt.stand(11, spot{rootID, "b"})
	if nt.rememberFound(10, rootID, "a", kindDir, seen) {
		t.Fatal("remembered where it was seen before")
	}
	nt.absent(rootID, "b", seen)
	if pathOf(nt, 10) != "[b a]" || pathOf(nt, 11) != "[b]" {
		t.Fatalf("10 at %s, 11 at %s", pathOf(nt, 10), pathOf(nt, 11))
	}
	nt.absent(rootID, "b", nt.movesNow())
	if pathOf(nt, 11) != "?" {
		t.Fatalf("11 at %s", pathOf(nt, 11))
	}
}

func TestNodeTableForgets(t *testing.T) {
	nt := newNodeTable(kindDir)
	nt.remember(10, rootID, "a", kindDir)
	nt.remember(11, 10, "b", kindObject)
	nt.remember(11, 10, "b", kindObject)
	nt.forget(10, 1)
	if pathOf(nt, 11) != "[a b]" {
		t.Fatal("a directory is needed while something below it is known")
	}
	nt.forget(11, 1)
	if nt.size() != 3 {
		t.Fatalf("%d nodes", nt.size())
	}
	nt.forget(11, 1)
	if nt.size() != 1 {
		t.Fatalf("%d nodes left of nothing but the root", nt.size())
	}
	nt.forget(rootID, 1000)
	nt.forget(77, 1)
	if nt.size() != 1 {
		t.Fatal("the root was forgotten")
	}
}

// TestNodeTableModel compares the table with maps under random operations.
func TestNodeTableModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	nt := newNodeTable(kindDir)
	at := map[uint64]spot{}     // where a node stands
	who := map[spot]uint64{}    // who stands there
	lookups := map[uint64]int{} // references
	anySpot := func() spot { return spot{rootID, fmt.Sprint("n", rnd.IntN(20))} }
	for range 20000 {
		switch s := anySpot(); rnd.IntN(5) {
		case 0, 1:
			id := uint64(100 + rnd.IntN(30))
			if old, ok := who[s]; ok {
				delete(at, old)
			}
			if was, ok := at[id]; ok {
				delete(who, was)
			}
			nt.remember(id, s.parent, s.name, kindObject)
			at[id], who[s] = s, id
			lookups[id]++
		case 2:
			id := uint64(100 + rnd.IntN(30))
			nt.forget(id, 1)
			if lookups[id] > 0 {
				if lookups[id]--; lookups[id] == 0 {
					delete(lookups, id)
					if was, ok := at[id]; ok {
						delete(who, was)
						delete(at, id)
					}
				}
			}
		case 3:
			nt.removed(s.parent, s.name)
			if id, ok := who[s]; ok {
				delete(at, id)
				delete(who, s)
			}
		case 4:
			to := anySpot()
			if to == s {
				continue
			}
			nt.stand(who[s], to)
			if old, ok := who[to]; ok {
				delete(at, old)
				delete(who, to)
			}
			if id, ok := who[s]; ok {
				delete(who, s)
				who[to], at[id] = id, to
			}
		}
	}
	if nt.size() != len(lookups)+1 {
		t.Fatalf("%d nodes, want %d", nt.size(), len(lookups)+1)
	}
	for id := range lookups {
		s, ok := at[id]
		w, stands := nt.path(id, nil)
		names := w.names
		if ok != stands || ok && !slices.Equal(names, []string{s.name}) {
			t.Fatalf("node %d: %v %v, want %v %v", id, names, stands, s, ok)
		}
	}
	for s, id := range who {
		if n, ok := nt.child(s.parent, s.name); !ok || n.id != id {
			t.Fatalf("at %v: %v %v, want %d", s, n, ok, id)
		}
	}
}
