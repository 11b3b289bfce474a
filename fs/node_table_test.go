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
	nt.renamed(spot{rootID, "a"}, spot{13, "y"})
	if got := pathOf(nt, 12); got != "[z y b c]" {
		t.Fatalf("after renaming a directory above: %s", got)
	}
	nt.remember(14, 11, "d", kindObject)
	if old, ok := nt.renamed(spot{11, "d"}, spot{11, "c"}); !ok || old.id != 12 {
		t.Fatalf("replaced %v %v", old, ok)
	}
	if pathOf(nt, 12) != "?" || pathOf(nt, 14) != "[z y b c]" {
		t.Fatalf("12 at %s, 14 at %s", pathOf(nt, 12), pathOf(nt, 14))
	}
	nt.remember(15, 11, "e", kindObject)
	nt.exchanged(spot{11, "c"}, spot{11, "e"})
	if pathOf(nt, 14) != "[z y b e]" || pathOf(nt, 15) != "[z y b c]" {
		t.Fatalf("14 at %s, 15 at %s", pathOf(nt, 14), pathOf(nt, 15))
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
			nt.renamed(s, to)
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
