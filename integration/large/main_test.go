package large

import (
	"os"
	"testing"

	"pail/integration/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// soak says whether the long form was asked for.
func soak() bool { return os.Getenv("PAIL_SOAK") == "1" }

// either is the first of two sizes, the second in the long form.
func either[T any](short, long T) T {
	if soak() {
		return long
	}
	return short
}

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30
)
