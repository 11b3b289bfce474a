package clients

import (
	_ "embed"
	"testing"
)

//go:embed testdata/boto3_client.py
var boto3 string

func TestBoto3(t *testing.T) {
	need(t, "/usr/bin/python3")
	r := newRig(t)
	r.write("client.py", boto3)
	t.Log(r.run("/usr/bin/python3", "client.py"))
}
