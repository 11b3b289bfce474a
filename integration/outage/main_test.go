package outage

import (
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
