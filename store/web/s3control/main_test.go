package s3control

import (
	"os"
	"testing"

	"pail/integration/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Run(m)) }
