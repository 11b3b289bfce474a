package fs

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCopyOfLongNames copies a tree onto another. A name in it stands in pieces, which get
// times and modes as directories do.
func TestCopyOfLongNames(t *testing.T) {
	b := newBench(t)
	long := strings.Repeat("x", 300)
	b.put("tree/"+long, "long")
	b.put("tree/dir/"+long+"/f", "below")
	b.settle()
	b.sh("mkdir -p copy/dir && cp -aT tree copy && chmod -R go-w copy && touch copy/%pail-part-*")
	b.quiet()
	for key, want := range map[string]int64{"copy/" + long: 4, "copy/dir/" + long + "/f": 5} {
		if o, err := b.se.Head(context.Background(), "bkt", key, ""); err != nil || o.Size != want {
			t.Errorf("%.20s has %d bytes, want %d; %v", key, o.Size, want, err)
		}
	}
}

// TestLongNamesOfBuckets looks for and makes names in the list of buckets that no file
// can have.
func TestLongNamesOfBuckets(t *testing.T) {
	dir := mountStore(t, openStore(t), Options{}).Dir()
	long := dir + "/" + strings.Repeat("x", 300)
	_, err := os.Lstat(long)
	for what, err := range map[string]error{"stat": err, "mkdir": os.Mkdir(long, 0o755), "rmdir": unix.Rmdir(long)} {
		if !errors.Is(err, unix.ENAMETOOLONG) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
