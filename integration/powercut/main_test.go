package powercut

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	Main()
	if runClient() {
		return
	}
	os.Exit(m.Run()) // not leak.Run: badger leaves goroutines and files where opening fails
}
