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
	os.Exit(m.Run())
}
