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
	install := []string{"install", "--no-audit", "--no-fund", "--loglevel=error"}
	for range 2 { // a registry on a busy network
		if _, err := r.try("npm", install...); err == nil {
			break
		}
	}
	r.run("npm", install...)
	t.Log(r.run("node", "client.mjs"))
}
