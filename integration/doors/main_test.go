package doors

import (
	"testing"

	"pail/integration/program"
)

func TestMain(m *testing.M) { program.Main(m) }
