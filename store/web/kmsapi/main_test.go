package kmsapi

import (
	"os"
	"testing"

	"pail/integration/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Run(m)) }
