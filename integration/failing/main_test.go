package failing

import (
	"os"
	"testing"

	"pail/integration/leak"
	"pail/integration/powercut"
)

func TestMain(m *testing.M) {
	powercut.Main()
	readerMain()
	os.Exit(leak.Run(m))
}
