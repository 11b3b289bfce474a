package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// Versions leave history through discard alone, which asks their locks. This is the list of
// all functions that take a version's record away or let go of a version otherwise; to add one
// is to say here why no lock can be meant.
func TestRemovalsAskLocks(t *testing.T) {
	allowed := map[string]string{
		"discard":            "asks",
		"takeAway":           "discard, or keepNoncurrent",
		"putVersion":         "a dead top is no version",
		"deleteNoncurrent":   "discard",
		"dropNoncurrentNull": "discard",
		"promote":            "the version becomes the top",
		"replaceTop":         "the other becomes the top; deleteVersion has discarded this one",
		"moveHead":           "the version moves, or stays below a marker",
		"bringHead":          "a dead top is no version",
		"leave":              "the version moves, or stays below a marker",
		"undo":               "it never was durable",
		"swapBack":           "it never was durable",
		"dropPending":        "a predecessor was discarded by the publish",
		"letGo":              "of what was discarded",
		"orderChain":         "a dead top beside a live head",
		"handOver":           "the content goes on",
		"handOverTop":        "the content goes on",
		"putPending":         "a predecessor was discarded by the publish",
		"salvageVersion":     "keepRest keeps it with its lock",
	}
	seen := map[string]bool{}
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !removes(fn) {
				continue
			}
			seen[fn.Name.Name] = true
			if allowed[fn.Name.Name] == "" {
				t.Errorf("%s: %s takes versions away and is not known to ask their locks", set.Position(fn.Pos()), fn.Name.Name)
			}
		}
	}
	for name := range allowed {
		if !seen[name] {
			t.Errorf("%s no longer takes versions away", name)
		}
	}
}

// removes says whether a function deletes the record of a version or touches what was
// discarded.
func removes(fn *ast.FuncDecl) (yes bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Delete" && len(n.Args) == 1 {
				yes = yes || ofVersion(n.Args[0], fn)
			}
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if sel, ok := l.(*ast.SelectorExpr); ok && sel.Sel.Name == "discarded" {
					yes = true
				}
			}
		}
		return true
	})
	return yes
}

// ofVersion says whether an expression is the place of a version's record, or may be: a name
// that the function has given to one, or the key of a scan.
func ofVersion(e ast.Expr, fn *ast.FuncDecl) bool {
	tables := []string{"Head", "Dead", "Noncurrent", "NoncurrentOf", "NoncurrentBelow"}
	names := func(n ast.Node) (yes bool) {
		ast.Inspect(n, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "table" && slices.Contains(tables, sel.Sel.Name) {
					yes = true
				}
			}
			return true
		})
		return yes
	}
	switch e.(type) {
	case *ast.Ident, *ast.CallExpr:
		if names(e) {
			return true
		}
		if id, ok := e.(*ast.Ident); ok && id.Name != "k" {
			return false
		}
		return names(fn.Body)
	}
	return names(e)
}
