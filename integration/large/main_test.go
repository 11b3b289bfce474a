package large

import (
	"testing"

	"pail/integration/program"
	"pail/integration/trial"
)

func TestMain(m *testing.M) { program.Main(m) }

// either is the first of two sizes, the second in the long form.
func either[T any](short, long T) T {
	if trial.Soak() {
		return long
	}
	return short
}

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30
)
