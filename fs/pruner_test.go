package fs

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestKernelForgets walks many more files than the table may hold nodes, in a mount that
// is in use: the table stays small, and everything is as before.
func TestKernelForgets(t *testing.T) {
	b := newBench(t)
	const dirs, files, most = 20, 200, 400
	nodes := b.mount.fs.nodes
	nodes.mu.Lock()
	nodes.most, nodes.bar = most, most
	nodes.mu.Unlock()
	for d := range dirs {
		b.fill(fmt.Sprintf("d%02d", d), files)
	}
	open, err := os.Create(b.path("d00/open"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for range 2 {
		// -size has every file looked up, and a shell stands in a directory meanwhile.
		out := b.sh("cd d07; find .. -type f -size -1 | wc -l; cat f000199; pwd -P")
		if want := fmt.Sprintf("%d\n%s", dirs*files+1, b.path("d07")); strings.TrimSpace(out) != want {
			t.Fatalf("the walk says %q, want %q", out, want)
		}
	}
	// What the kernel was asked to forget it tells in its own time.
	for end := time.Now().Add(30 * time.Second); nodes.size() > most+dirs+1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d nodes are remembered of %d files", nodes.size(), dirs*files)
		}
	}
	if _, _, known := nodes.standing(b.mount.fs.handles.file(b.mount.fs.handles.all()[0]).id); !known {
		t.Fatal("a file was forgotten while it was open")
	}
	b.put("d03/f000003", "changed beside it")
	b.settle()
	wantContent(t, b.path("d03/f000003"), "changed beside it")
	if _, err := open.WriteString("still mine"); err != nil {
		t.Fatal(err)
	}
	if err := open.Close(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b.path("d00/open"), "still mine")
}

// TestVictims: what was told of lately is spared for one round, directories always, and
// a table of nothing else is not searched again and again.
func TestVictims(t *testing.T) {
	nt := newNodeTable(kindDir)
	nt.most, nt.bar = 40, 40
	called := 0
	nt.crowd = func() { called++ }
	for i := range uint64(41) {
		nt.remember(100+i, rootID, fmt.Sprint("d", i), kindDir)
	}
	if called != 2 || nt.excess() == 0 { // the root is one too
		t.Fatalf("called %d times for 42 nodes", called)
	}
	if v := nt.victims(10); v != nil {
		t.Fatalf("directories are to be forgotten: %v", v)
	}
	nt.remember(200, 100, "f", kindObject)
	if called != 2 {
		t.Fatal("called again at once though there was nothing to be had")
	}
	for i := range uint64(6) {
		nt.remember(201+i, 100, fmt.Sprint("g", i), kindObject)
	}
	if called != 4 {
		t.Fatalf("called %d times", called)
	}
	first := nt.victims(3)
	if len(first) != 3 {
		t.Fatalf("%d victims", len(first))
	}
	nt.remember(206, 100, "g5", kindObject) // used again
	for _, v := range nt.victims(3) {
		if v.id == 206 || v.kind.isDir() {
			t.Fatalf("%v is a victim", v)
		}
	}
}
