package clients

import (
	"fmt"
	"os"
	"testing"

	"pail/integration/program"
)

func TestMain(m *testing.M) {
	if os.Getenv("PAIL_CLIENTS") == "" {
		fmt.Println("the clients of others: make clients")
		return
	}
	program.Main(m)
}
