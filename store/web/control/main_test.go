package control

import (
	"os"
	"testing"

	"pail/integration/leak"
)

func TestMain(m *testing.M) {
	if os.Getenv(stuckEnv) != "" || os.Getenv(childEnv) != "" {
		// A child that is killed leaves things behind, and leak.Run keeps the first thread of
		// one whose first thread is to end.
		os.Exit(m.Run())
	}
	os.Exit(leak.Run(m))
}
