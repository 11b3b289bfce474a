package main

import (
	"errors"
	"math"
	"testing"
	"time"

	"pail/store/web/control"
)

func TestShown(t *testing.T) {
	for in, want := range map[string]string{
		"a b/ü.txt": "a b/ü.txt", "": `""`, "a\nb": `"a\nb"`, "\x1b[31m": `"\x1b[31m"`, "\xff": `"\xff"`,
	} {
		if got := shown(in); got != want {
			t.Errorf("shown(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestShownSize(t *testing.T) {
	for in, want := range map[int64]string{
		0: "0", 1023: "1023", 1024: "1.0K", 1536: "1.5K", 1<<20 - 1: "1.0M", 5 << 40: "5.0T", math.MaxInt64: "8.0E",
	} {
		if got := shownSize(in); got != want {
			t.Errorf("shownSize(%d) = %s, want %s", in, got, want)
		}
	}
}

func TestSentenceIsOneLine(t *testing.T) {
	if got := sentence(errors.Join(errors.New("a"), errors.New("b\n c"))); got != "a; b; c" {
		t.Errorf("got %q", got)
	}
}

func TestProgressLine(t *testing.T) {
	tests := []struct {
		in    control.Progress
		bytes bool
		want  string
	}{
		{control.Progress{What: "checking", Done: 5, Total: 20}, false, "checking: 5 of 20 (25 %), 3s"},
		{control.Progress{What: "listing", Done: 5}, false, "listing: 5, 3s"},
		{control.Progress{What: "scrubbing", Done: 512 << 20, Total: 1 << 30}, true, "scrubbing: 512.0M of 1.0G (50 %), 3s"},
		{control.Progress{What: "mounting"}, false, "mounting, 3s"},
	}
	for _, tt := range tests {
		if got := progressLine(tt.in, tt.bytes, 3400*time.Millisecond); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
