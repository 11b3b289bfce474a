package outage

import (
	"hash/maphash"
	"os"
	"strconv"
	"testing"

	"pail/integration/powercut"
	"pail/integration/program"
)

func TestMain(m *testing.M) {
	powercut.Main()
	workerMain()
	stuckMain()
	program.Main(m)
}

// soak says that the long form of the tests is asked for.
func soak() bool { return os.Getenv("PAIL_SOAK") == "1" }

// seed is PAIL_SEED or a random number; it is always printed.
func seed(t *testing.T) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(os.Getenv("PAIL_SEED"), 10, 64)
	if err != nil {
		n = new(maphash.Hash).Sum64() % 1_000_000
	}
	t.Logf("PAIL_SEED=%d", n)
	return n
}
