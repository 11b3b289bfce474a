package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDecodersAreFuzzed: whatever takes apart bytes that come from disk or from outside has a
// fuzz target, or it is written down why not. Decoders are found by what they call; those that
// do it by hand are in the list besides.
func TestDecodersAreFuzzed(t *testing.T) {
	root := moduleRoot(t)
	found, targets, all := decodersBelow(t, root)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, listed := decoders[name]; !listed {
			t.Errorf("%s takes bytes apart (%s); put it into the list of decoders, with its fuzz target", name, found[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(decoders)) {
		target := decoders[name]
		if !all[name] {
			t.Errorf("%s is in the list of decoders and nowhere else", name)
		}
		if strings.Contains(target, " ") {
			continue // a reason
		}
		if !strings.Contains(target, ".") {
			target = name[:strings.IndexByte(name, '.')] + "." + target
		}
		if !targets[target] {
			t.Errorf("%s has no fuzz target %s", name, target)
		}
	}
	if len(found) < 50 || len(targets) < 50 {
		t.Fatalf("only %d decoders and %d fuzz targets were found", len(found), len(targets))
	}
}

// decodersBelow returns the functions that call what decodes, and what that is; the fuzz
// targets; and all functions. They are named by directory and name: store/web.ParseAddress,
// store/web/sigv4.chunkReader.parseLine.
func decodersBelow(t *testing.T, root string) (found map[string]string, targets, all map[string]bool) {
	t.Helper()
	found, targets, all = map[string]string{}, map[string]bool{}, map[string]bool{}
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			if rel == "integration" || rel == "store/internal/badger" || rel != "." && !tops[strings.Split(rel, string(filepath.Separator))[0]] {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := filepath.ToSlash(filepath.Dir(rel)) + "." + receiver(fn) + fn.Name.Name
			if strings.HasSuffix(path, "_test.go") {
				targets[name] = strings.HasPrefix(fn.Name.Name, "Fuzz")
				continue
			}
			all[name] = true
			if what := decodes(fn); what != "" {
				found[name] = what
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(targets, func(_ string, is bool) bool { return !is })
	return found, targets, all
}

// receiver is the type of a method with a dot behind it.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	at := fn.Recv.List[0].Type
	if star, ok := at.(*ast.StarExpr); ok {
		at = star.X
	}
	if of, ok := at.(*ast.IndexExpr); ok {
		at = of.X
	}
	return at.(*ast.Ident).Name + "."
}

// primitives are the functions that decoders are made of.
var primitives = map[string]bool{
	"json.Unmarshal": true, "json.NewDecoder": true, "xml.Unmarshal": true, "xml.NewDecoder": true, "proto.Unmarshal": true,
	"binary.Uvarint": true, "binary.Varint": true, "binary.Read": true,
	"strconv.ParseInt": true, "strconv.ParseUint": true, "strconv.Atoi": true, "strconv.ParseFloat": true, "strconv.ParseBool": true, "strconv.Unquote": true,
	"hex.DecodeString": true, "hex.Decode": true, "url.Parse": true, "url.ParseQuery": true, "url.PathUnescape": true, "url.QueryUnescape": true,
	"time.Parse": true, "time.ParseInLocation": true, "time.ParseDuration": true, "http.ParseTime": true, "mime.ParseMediaType": true,
	"multipart.NewReader": true, "tls.LoadX509KeyPair": true, "x509.ParseCertificate": true, "pem.Decode": true,
	"fmt.Sscan": true, "fmt.Sscanf": true, "fmt.Fscan": true, "gob.NewDecoder": true, "net.SplitHostPort": true, "netip.ParseAddr": true,
}

// methods are what decodes as a method, whatever of: binary.BigEndian.Uint32(b) is one. The
// number is that of its arguments.
var methods = map[string]int{"Uint16": 1, "Uint32": 1, "Uint64": 1, "DecodeString": 1, "DecodeHeader": 1}

// decodes says what decoding function a function calls, "" for none.
func decodes(fn *ast.FuncDecl) (what string) {
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := sel.X.(*ast.Ident); ok && primitives[of.Name+"."+sel.Sel.Name] {
			what = of.Name + "." + sel.Sel.Name
		}
		if n, ok := methods[sel.Sel.Name]; ok && n == len(call.Args) {
			what = sel.Sel.Name
		}
		return true
	})
	return what
}
