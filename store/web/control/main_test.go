package control

import (
	"os"
	"testing"

	"pail/integration/leak"
)

func TestMain(m *testing.M) {
	if os.Getenv(stuckEnv) != "" {
		os.Exit(m.Run()) // leak.Run keeps the first thread, which is to end
	}
	os.Exit(leak.Run(m))
}
