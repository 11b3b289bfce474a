package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// module is the name under which the rooms import each other.
const module = "pail"

// A rule says of a room (a folder and all below it) what it never imports: other rooms
// of this module, or packages from outside.
type rule struct {
	room   string
	except []string // rooms below it to which the rule does not apply
	never  []string
	why    string
}

var rules = []rule{
	{"fs", nil, []string{"pail/store/web", "pail/store/internal", "github.com/dgraph-io/badger", "net/http", "pail/cmd"},
		"the mount sees data only through sessions"},
	{"store/web", nil, []string{"pail/fs", "pail/store/internal", "github.com/dgraph-io/badger", "github.com/hanwen/go-fuse", "pail/cmd"},
		"listeners see data only through sessions"},
	{"store", []string{"store/web"}, []string{"net/http", "github.com/hanwen/go-fuse", "pail/fs", "pail/cmd", "pail/store/web"},
		"the store knows no door"},
	{"store", []string{"store/web", "store/internal/meta"}, []string{"github.com/dgraph-io/badger"},
		"one room knows the engine"},
	{"store/fault", nil, []string{"pail/"}, "failures are a leaf that everyone may import"},
	{"store/checksum", nil, []string{"pail/", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "checksums are a leaf that everyone may import"},
	{"store/work", nil, []string{"pail/"}, "jobs know nothing of what they do"},
	{"store/internal", nil, []string{"pail/fs", "pail/cmd", "pail/store/web", "pail/store/work", "pail/versioning"},
		"no rule of S3 or POSIX lives below the engine's interface"},
	{"versioning", nil, []string{"pail/", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "pure rules touch no disk, no clock, no network"},
	{"crypto", nil, []string{"pail/", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "keys and streams do no I/O"},
	{"store/kms", nil, []string{"pail/store/internal", "pail/store/web", "pail/fs", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "the rules of keys are pure"},
	{"store/access", nil, []string{"pail/", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "the evaluator is pure"},
	{"store/keyring", nil, []string{"pail/store", "pail/versioning", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "keys do no I/O"},
	{"store/cors", nil, []string{"pail/", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "rules of origins are pure"},
	{"store/site", nil, []string{"pail/", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "rules of websites are pure"},
	{"store/event", nil, []string{"pail/", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "rules of notifications are pure"},
	{"store/trail", nil, []string{"pail/", "os", "io/fs", "net/http", "syscall", "path/filepath"}, "what records look like is pure"},
	{"fs/names", nil, []string{"pail/", "os", "syscall"}, "names are a codec"},
}

// tops are the folders of the house.
var tops = map[string]bool{"cmd": true, "fs": true, "store": true, "crypto": true, "versioning": true, "integration": true, "bin": true}

func TestArrowsPointOneWay(t *testing.T) {
	root := moduleRoot(t)
	seen := 0
	for dir, imports := range importsBelow(t, root) {
		for imp := range imports {
			seen++
			for _, r := range rules {
				if within(dir, r.room) && !anyWithin(dir, r.except) && forbidden(imp, r) {
					t.Errorf("%s imports %s: %s", dir, imp, r.why)
				}
			}
		}
	}
	if seen < 100 {
		t.Fatalf("only %d imports were found below %s", seen, root)
	}
}

func forbidden(imp string, r rule) bool {
	if imp == module+"/store/fault" && r.room != "versioning" && r.room != "crypto" {
		return false // a leaf that anyone may import
	}
	for _, n := range r.never {
		own := module + "/" + r.room
		if imp == own || strings.HasPrefix(imp, own+"/") {
			return false // a room may import its own rooms
		}
		if imp == strings.TrimSuffix(n, "/") || strings.HasPrefix(imp, strings.TrimSuffix(n, "/")+"/") {
			return true
		}
	}
	return false
}

func TestTopLevelHoldsTheHouseOnly(t *testing.T) {
	root := moduleRoot(t)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !tops[e.Name()] {
			t.Errorf("%s/ is not a room of the house", e.Name())
		}
	}
}

// TestEveryPackageSaysWhatItIsFor demands a package comment in each package.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	root := moduleRoot(t)
	documented := map[string]bool{}
	walk(t, root, func(dir, file string) {
		if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, ".pb.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, dir, file), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		documented[dir] = documented[dir] || f.Doc != nil
	})
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no doc", dir)
		}
	}
}

func importsBelow(t *testing.T, root string) map[string]map[string]bool {
	t.Helper()
	out := map[string]map[string]bool{}
	walk(t, root, func(dir, file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, dir, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		if out[dir] == nil {
			out[dir] = map[string]bool{}
		}
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			out[dir][path] = true
		}
	})
	return out
}

// walk calls fn with every Go file below root: its folder and its name. Modules of their own
// are others' code.
func walk(t *testing.T, root string, fn func(dir, file string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata" || rel == "bin" {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") {
			fn(filepath.ToSlash(filepath.Dir(rel)), filepath.Base(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func within(dir, room string) bool { return dir == room || strings.HasPrefix(dir, room+"/") }

func anyWithin(dir string, rooms []string) bool {
	for _, r := range rooms {
		if within(dir, r) {
			return true
		}
	}
	return false
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}
