package clients

import (
	_ "embed"
	"testing"
)

var (
	//go:embed testdata/js_client.mjs
	jsClient string
	//go:embed testdata/package.json
	jsPackage string
)

func TestJavaScriptSDK(t *testing.T) {
	need(t, "node")
	need(t, "npm")
	r := newRig(t)
	r.write("package.json", jsPackage)
	r.write("client.mjs", jsClient)
	r.run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
	t.Log(r.run("node", "client.mjs"))
}
