package meta

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// TestKill kills a process that writes through tiny memtables, again and again: what it
// saw written is there, durable or not, since the machine lives on; nothing is missing in
// between, and no id comes twice.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	dir := t.TempDir()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	next, rotations := 0, 0
	var lastID uint64
	for round := range rounds {
		c := startChild(t, dir, 256<<10)
		fmt.Fprintln(c.in, "run", next)
		end := time.Now().Add(time.Duration(50+r.IntN(300)) * time.Millisecond)
		written := next
		for time.Now().Before(end) {
			var i int
			var id uint64
			line := c.line()
			_, rest, _ := strings.Cut(line, " ")
			if _, err := fmt.Sscan(rest, &i, &id); err != nil {
				t.Fatalf("child: %s", line)
			}
			if id <= lastID {
				t.Fatalf("round %d: id %d after %d", round, id, lastID)
			}
			lastID = id
			written = i + 1
		}
		_ = c.cmd.Process.Kill()
		for c.out.Scan() { // what it said before it died counts too
			var kind string
			var i int
			var id uint64
			if n, _ := fmt.Sscanf(c.out.Text(), "%s %d %d\n", &kind, &i, &id); n == 3 {
				written = max(written, i+1)
				lastID = max(lastID, id)
			}
		}
		_ = c.cmd.Wait()
		next = countKilled(t, dir, written)
		if logs, _ := logNumbers(dir); len(logs) > 0 {
			rotations = max(rotations, logs[len(logs)-1])
		}
	}
	t.Logf("%d records, %d logs", next, rotations)
}

func countKilled(t *testing.T, dir string, written int) int {
	t.Helper()
	db, err := Open(Options{Key: testKey, Dir: dir, MemTableSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	v := db.View()
	defer v.Close()
	it := v.Scan(ScanOptions{Prefix: []byte("r/")})
	defer it.Close()
	n := 0
	for it.Next() {
		if want := fmt.Sprintf("r/%09d", n); string(it.Key()) != want {
			t.Fatalf("%s follows %d records", it.Key(), n)
		}
		n++
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
	if n < written {
		t.Fatalf("%d records, %d were written", n, written)
	}
	return n
}
