package programs

import (
	"os"
	"path/filepath"
	"testing"

	"pail/integration/trial"
)

// TestGoBuild builds, tests and runs a program in the mount. The linker maps its output.
func TestGoBuild(t *testing.T) {
	needs(t, "go")
	m := newMount(t)
	for name, body := range map[string]string{
		"go.mod":           "module hello\n\ngo 1.21\n",
		"main.go":          "package main\n\nimport \"hello/greet\"\n\nfunc main() { println(greet.Hello(\"mount\")) }\n",
		"greet/greet.go":   "package greet\n\nfunc Hello(s string) string { return \"hello, \" + s }\n",
		"greet/a_test.go":  "package greet\n\nimport \"testing\"\n\nfunc TestHello(t *testing.T) {\n\tif Hello(\"x\") != \"hello, x\" {\n\t\tt.Fatal()\n\t}\n}\n",
		"greet/deep/z.txt": "not Go\n",
	} {
		path := m.path(filepath.Join("src", name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cache := "" // the machine's, so that only what is ours is built
	if trial.Soak() {
		cache = `export GOCACHE="$PWD/cache"`
	}
	m.sh(cache + `
		mkdir tmp; export GOTMPDIR="$PWD/tmp" CGO_ENABLED=0 GOFLAGS=-buildvcs=false; cd src
		go vet ./... && go test ./... && go build -o ../hello . && [ "$(../hello 2>&1)" = 'hello, mount' ]
		sed -i 's/hello, /goodbye, /' greet/greet.go && go build -o ../hello . && [ "$(../hello 2>&1)" = 'goodbye, mount' ]
		go build -o ../hello . && gofmt -l . && [ -z "$(ls -A ../tmp)" ]`)
}

// TestCBuild builds a program with make, several compilers at once, changes a header and builds again.
func TestCBuild(t *testing.T) {
	needs(t, "cc", "make")
	m := newMount(t)
	m.sh(`
		mkdir inc lib
		echo '#define GREETING "hello"' > inc/g.h
		printf '#include "g.h"\nconst char *greeting(void) { return GREETING; }\n' > lib/a.c
		printf 'int answer(void) { return 42; }\n' > lib/b.c
		printf '#include <stdio.h>\nextern const char *greeting(void);\nextern int answer(void);\nint main(void) { printf("%%s %%d\\n", greeting(), answer()); return 0; }\n' > main.c
		printf 'prog: main.o lib/a.o lib/b.o\n\tcc -o $@ $^\n%%.o: %%.c inc/g.h\n\tcc -Iinc -c -o $@ $<\n' > Makefile
		make -s -j4 > log 2>&1; [ "$(./prog)" = 'hello 42' ]
		make | grep -q 'up to date'
		sed -i s/hello/goodbye/ inc/g.h; make -s -j4; [ "$(./prog)" = 'goodbye 42' ]
		cp prog copied; mv copied moved; [ "$(./moved)" = 'goodbye 42' ]`)
	// What runs cannot be written, and what is written cannot be run.
	m.sh(`
		cp "$(command -v sleep)" busy; ./busy 60 & pid=$!
		until [ "$(readlink /proc/$pid/exe)" = "$PWD/busy" ]; do :; done
		! sh -c 'echo x > busy' 2>err; grep -q 'Text file busy' err
		rm busy; cp "$(command -v sleep)" busy; kill $pid
		exec 3>> busy; ! ./busy 0 2>err; grep -q 'Text file busy' err; exec 3>&-; ./busy 0`)
}
