package crash

import (
	"os"
	"testing"

	"pail/integration/leak"
	"pail/integration/powercut"
)

func TestMain(m *testing.M) {
	powercut.Main()
	writerMain()
	os.Exit(leak.Run(m))
}
