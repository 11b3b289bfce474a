// Package trial says where the randomness of a test comes from and whether the test is to
// take its time. Both are chosen from outside: PAIL_SEED=N repeats a run, PAIL_SOAK=1 asks for the
// long form of all tests (make soak sets both).
package trial

import (
	"hash/maphash"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Seed is PAIL_SEED, or another number each time. The test's log has it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	n := new(maphash.Hash).Sum64() % 1_000_000 // short, to be typed again
	if v := os.Getenv("PAIL_SEED"); v != "" {
		var err error
		if n, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("PAIL_SEED: %v", err)
		}
	}
	t.Logf("PAIL_SEED=%d", n)
	return n
}

// Rand is a source of randomness that begins with Seed.
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 0))
}

// Soak says whether the long form of the tests is asked for.
func Soak() bool { return os.Getenv("PAIL_SOAK") == "1" }
