package soak

import (
	"os"
	"strconv"
	"testing"
	"time"

	"pail/integration/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// long says whether the long form was asked for.
func long() bool { return os.Getenv("PAIL_SOAK") == "1" }

// duration is how long the load lasts: PAIL_SOAK_TIME, or two hours in the long form, or
// seconds.
func duration(t *testing.T) time.Duration {
	t.Helper()
	if text := os.Getenv("PAIL_SOAK_TIME"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			t.Fatalf("PAIL_SOAK_TIME=%q is no time such as 20m: %v", text, err)
		}
		return d
	}
	if long() {
		return 2 * time.Hour
	}
	return 8 * time.Second
}

// seed is PAIL_SEED, or a fresh one in the long form.
func seed(t *testing.T) uint64 {
	t.Helper()
	if text := os.Getenv("PAIL_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("PAIL_SEED: %v", err)
		}
		return n
	}
	if long() {
		return uint64(time.Now().UnixNano())
	}
	return 1
}
