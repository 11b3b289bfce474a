package soak

import (
	"os"
	"testing"
	"time"

	"pail/integration/program"
	"pail/integration/trial"
)

func TestMain(m *testing.M) { program.Main(m) }

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
	if trial.Soak() {
		return 2 * time.Hour
	}
	return 8 * time.Second
}
