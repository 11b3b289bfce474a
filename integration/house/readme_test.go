package house

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The README sets tests beside its promises, one promise a row: what it promises, the
// package, and the names of tests or scripts there. Each has to exist where it says.
func TestReadmeNamesTests(t *testing.T) {
	root := filepath.Join("..", "..")
	f, err := os.Open(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	row := regexp.MustCompile("^\\| .* \\| `([a-z/]+)`: (.*) \\|$")
	name := regexp.MustCompile("`([A-Za-z0-9_.]+)`")
	rows := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		m := row.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		rows++
		there := testsBelow(t, filepath.Join(root, m[1]))
		names := name.FindAllStringSubmatch(m[2], -1)
		if len(names) == 0 {
			t.Errorf("no test beside %q", lines.Text())
		}
		for _, n := range names {
			if !there[n[1]] {
				t.Errorf("%s has no %s", m[1], n[1])
			}
		}
	}
	if rows < 10 {
		t.Errorf("only %d promises were found", rows)
	}
}

// testsBelow returns the names of the tests and scripts in a package.
func testsBelow(t *testing.T, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	test := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && d.Name() != "testdata":
			return fs.SkipDir
		case strings.HasSuffix(path, ".txtar"):
			found[d.Name()] = true
		case strings.HasSuffix(path, "_test.go"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range test.FindAllSubmatch(b, -1) {
				found[string(m[1])] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return found
}
