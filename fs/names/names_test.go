package names_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"pail/fs/names"
	"pail/store/fault"
)

// TestTable is the table of the package comment, both ways.
func TestTable(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		key      string
		shadowed bool
		path     string
	}{
		{"a/b", false, "a/b"},
		{"a/b", true, "a/%pail-file-b"},
		{"a//b", false, "a/%pail-dir-/b"},
		{"a/", false, "a/%pail-file-"},
		{"/", false, "%pail-dir-/%pail-file-"},
		{"a/../b", false, "a/%pail-dir-../b"},
		{"a/.", false, "a/%pail-file-."},
		{"a/.versions", false, "a/%pail-file-.versions"},
		{".versions/a", false, "%pail-dir-.versions/a"},
		{"x\x00y%", false, "%pail-file-x%0y%%"},
		{"%pail-x", false, "%pail-file-%%pail-x"},
		{"%pail-file-b", false, "%pail-file-%%pail-file-b"},
		{"%pail", false, "%pail"},
		{"100%/%20/a:b", false, "100%/%20/a:b"},
		{"@now/a\nb", false, "@now/a\nb"},
		{x(255), false, x(255)},
		{x(255), true, "%pail-part-" + x(122) + "/%pail-file-" + x(133)},
		{x(244), true, "%pail-file-" + x(244)},
		{x(256) + "/b", false, "%pail-part-" + x(122) + "/%pail-dir-" + x(134) + "/b"},
		{x(300), false, "%pail-part-" + x(122) + "/%pail-file-" + x(178)},
		{x(121) + strings.Repeat("é", 100), false, "%pail-part-" + x(121) + "/%pail-file-" + strings.Repeat("é", 100)},
	}
	for _, tt := range tests {
		path := names.Path(tt.key, tt.shadowed)
		if got := strings.Join(path, "/"); got != tt.path {
			t.Errorf("%.60q: path %q, want %q", tt.key, got, tt.path)
		}
		b := newBucket([]string{tt.key})
		if tt.shadowed {
			b = newBucket([]string{tt.key, tt.key + "/c"})
		}
		if kind, key, err := b.walk(path); err != nil || kind != names.File || key != tt.key {
			t.Errorf("%q leads to %v %.60q, %v; want %.60q", tt.path, kind, key, err, tt.key)
		}
	}
}

func TestRefusals(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	part, err := names.Root("").Resolve("%pail-part-" + x(122))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		place names.Place
		name  string
		want  fault.Kind
	}{
		{names.Root(""), "a\xff", fault.InvalidKey},
		{names.Root(""), x(256), fault.NameTooLong},
		{names.Root(x(1000) + "/"), x(24), fault.KeyTooLong},
		{names.Root(x(1000) + "/"), "%pail-file-" + x(24), fault.KeyTooLong},
		{names.Root(x(1000) + "/"), "%pail-part-" + x(122), fault.KeyTooLong},
		{names.Root(x(1000) + "/"), x(23), fault.None},
		{names.Root(""), ".", fault.NoSuchKey},
		{names.Root(""), "", fault.NoSuchKey},
		{names.Root(""), "a/b", fault.NoSuchKey},
		{names.Root(""), "%pail-", fault.NoSuchKey},
		{names.Root(""), "%pail-x", fault.NoSuchKey},
		{names.Root(""), "%pail-dir-a", fault.NoSuchKey},   // a has a plain name
		{names.Root(""), "%pail-name-a", fault.NoSuchKey},  // only in .versions
		{names.Root(""), "%pail-file-", fault.NoSuchKey},   // the empty key
		{names.Root(""), "%pail-file-%1", fault.NoSuchKey}, // no such escape
		{names.Root(""), "%pail-file-a%", fault.NoSuchKey}, // cut short
		{names.Root(""), "%pail-file-a/b", fault.NoSuchKey},
		{names.Root(""), "%pail-file-a\x00", fault.NoSuchKey},
		{names.Root(""), "%pail-part-\x00" + x(121), fault.NoSuchKey},
		{names.Root(""), "%pail-part-" + x(121), fault.None},        // before a character of two bytes
		{names.Root(""), "%pail-part-" + x(118), fault.NoSuchKey},   // before nothing
		{names.Root(""), "%pail-part-" + x(123), fault.NoSuchKey},   // too much
		{part.Enter(), "%pail-file-" + x(123), fault.None},          // shadowed
		{part.Enter(), "%pail-dir-" + x(123), fault.NoSuchKey},      // plain
		{part.Enter(), "%pail-dir-" + x(134), fault.None},           // 256
		{part.Enter(), "%pail-file-" + x(122), fault.NoSuchKey},     // shadowed, but needs no part
		{part.Enter(), "%pail-file-", fault.NoSuchKey},              // nothing below
		{part.Enter(), "a", fault.NoSuchKey},                        // plain names are not in parts
		{part.Enter(), ".versions", fault.NoSuchKey},                // nor the history
		{names.Root("a/").Versions(), ".versions", fault.NoSuchKey}, // nor one in a history
		{names.Root("a/").Versions(), "%pail-file-.", fault.NoSuchKey},
		{names.Root("a/").Versions(), "%pail-name-.", fault.None},
	}
	for _, tt := range tests {
		_, err := tt.place.Resolve(tt.name)
		if got := fault.KindOf(err); got != tt.want {
			t.Errorf("%+v, %.40q: %v, want %v", tt.place, tt.name, err, tt.want)
		}
		_, err = tt.place.ResolveNew(tt.name)
		want := tt.want
		if want == fault.NoSuchKey {
			want = fault.InvalidArgument
		}
		if got := fault.KindOf(err); got != want {
			t.Errorf("new: %+v, %.40q: %v, want %v", tt.place, tt.name, err, want)
		}
	}
}

func TestHistoryPlaces(t *testing.T) {
	h, err := names.Root("d/").Resolve(".versions")
	if err != nil || h.Kind != names.History || h.Enter() != names.Root("d/").Versions() {
		t.Fatalf("%+v, %v", h, err)
	}
	m, err := h.Enter().Resolve("@-2h")
	if err != nil || m.Kind != names.Moment || m.Segment != "@-2h" {
		t.Errorf("%+v, %v", m, err)
	}
	for segment, want := range map[string]string{"a": "a", "@x": "%pail-name-@x", "": "%pail-name-", ".versions": "%pail-name-.versions"} {
		name, _, ok := h.Enter().Component(segment, names.Name, false)
		if !ok || name != want {
			t.Errorf("%q shows as %q, %v", segment, name, ok)
		}
		n, err := h.Enter().Resolve(name)
		if err != nil || n.Kind != names.Name || n.Segment != segment || n.Enter() != names.Root("d/"+segment+"/").Versions() {
			t.Errorf("%q is %+v, %v", name, n, err)
		}
	}
}

func TestCreates(t *testing.T) {
	tests := []struct {
		name      string
		kind      names.Kind
		hasDir    bool
		mayCreate bool
	}{
		{"a", names.File, false, true}, {"a", names.Dir, false, true},
		{"%pail-file-a", names.File, true, true}, {"%pail-file-a", names.File, false, false},
		{"%pail-file-..", names.File, false, true}, {"%pail-file-..", names.Dir, false, false},
		{"%pail-dir-..", names.Dir, false, true}, {"%pail-dir-..", names.File, false, false},
		{".versions", names.Dir, false, false}, {".versions", names.File, false, false},
	}
	for _, tt := range tests {
		target, err := names.Root("").ResolveNew(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.Creates(tt.kind, tt.hasDir); got != tt.mayCreate {
			t.Errorf("Creates(%q, %v, %v) = %v", tt.name, tt.kind, tt.hasDir, got)
		}
	}
}

// TestEveryKeyHasOnePath lists and walks random buckets.
func TestEveryKeyHasOnePath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(genKey(), 1, 25, rapid.ID[string]).Draw(t, "keys")
		b := newBucket(keys)
		paths := map[string]string{}
		for _, key := range keys {
			path := names.Path(key, b.dirs[key+"/"])
			for _, name := range path {
				if len(name) > 255 || name == "" || name == "." || name == ".." || name == ".versions" ||
					strings.ContainsAny(name, "/\x00") || !utf8.ValidString(name) {
					t.Fatalf("%q: component %q is not legal", key, name)
				}
			}
			joined := strings.Join(path, "/")
			if other, taken := paths[joined]; taken {
				t.Fatalf("%q and %q share the path %q", key, other, joined)
			}
			paths[joined] = key
			if kind, got, err := b.walk(path); err != nil || kind != names.File || got != key {
				t.Fatalf("%q leads to %v %q, %v; want %q", path, kind, got, err, key)
			}
		}
		for dir := range b.dirs {
			if kind, got, err := b.walk(names.DirPath(dir)); err != nil || kind != names.Dir || got != dir {
				t.Fatalf("%q leads to %v %q, %v", names.DirPath(dir), kind, got, err)
			}
		}
		listed := map[string]string{}
		b.list(t, names.Root(""), "", listed)
		if len(listed) != len(paths) {
			t.Fatalf("listing finds %d files, want %d\n%q\n%q", len(listed), len(paths), listed, paths)
		}
		for path, key := range paths {
			if listed[path] != key {
				t.Fatalf("listing has %q at %q, want %q", listed[path], path, key)
			}
		}
	})
}

// TestOnlyThatPath walks paths that were bent a little: what still leads somewhere
// is the one path of what it leads to.
func TestOnlyThatPath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(genKey(), 1, 8, rapid.ID[string]).Draw(t, "keys")
		b := newBucket(keys)
		key := rapid.SampledFrom(keys).Draw(t, "key")
		path := slices.Clone(names.Path(key, b.dirs[key+"/"]))
		for range rapid.IntRange(1, 2).Draw(t, "bends") {
			if len(path) == 0 {
				break
			}
			i := rapid.IntRange(0, len(path)-1).Draw(t, "component")
			path = bend(t, path, i)
		}
		kind, got, err := b.walk(path)
		if err != nil || kind == names.Part || len(path) == 0 {
			return
		}
		var want []string
		if kind == names.File {
			want = names.Path(got, b.dirs[got+"/"])
		} else {
			want = names.DirPath(got)
		}
		if !slices.Equal(path, want) {
			t.Fatalf("%q leads to %q, whose path is %q", path, got, want)
		}
	})
}

func bend(t *rapid.T, path []string, i int) []string {
	name := path[i]
	words := []string{"", "%pail-file-", "%pail-dir-", "%pail-part-", "%pail-name-"}
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0: // another word
		for _, w := range words[1:] {
			name = strings.TrimPrefix(name, w)
		}
		path[i] = rapid.SampledFrom(words).Draw(t, "word") + name
	case 1: // cut elsewhere
		if i+1 < len(path) {
			n := rapid.IntRange(0, min(len(name), 20)).Draw(t, "n")
			cut := len(name) - n
			path[i] = name[:cut]
			for _, w := range words[1:] {
				if rest, ok := strings.CutPrefix(path[i+1], w); ok {
					path[i+1] = w + name[cut:] + rest
					break
				}
			}
		}
	case 2: // leave one out
		path = slices.Delete(path, i, i+1)
	case 3: // another escape
		path[i] = strings.Replace(name, "%%", "%", 1)
	}
	return path
}

// FuzzResolve demands that what is read is what would be written.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"a", "%pail-file-..", "%pail-dir-%0", "%pail-part-", "%pail-name-@", "@x", ".versions"} {
		f.Add("", s, "x", false)
		f.Add("a/", strings.Repeat("%pail-part-", 12), s, true)
		f.Add("a/", "%pail-part-"+strings.Repeat("x", 122), "%pail-file-"+strings.Repeat("x", 140), false)
	}
	f.Fuzz(func(t *testing.T, dir, first, second string, history bool) {
		if dir != "" && !strings.HasSuffix(dir, "/") || !utf8.ValidString(dir) {
			return
		}
		p := names.Root(dir)
		if history {
			p = p.Versions()
		}
		for _, name := range []string{first, second} {
			target, err := p.Resolve(name)
			if err != nil {
				return
			}
			kind := target.Kind
			switch kind {
			case names.History, names.Moment:
				return
			case names.Part:
				// A segment whose spelling must go through here, if there is one:
				// parts may end early before a longer character.
				segment := p.Pending + target.Segment + "\U0010ffff" + strings.Repeat("y", 255)
				got, part, ok := p.Component(segment, names.Dir, false)
				if len(p.Dir)+len(p.Pending) < 700 && (!ok || !part || got != name) && !history {
					t.Fatalf("part %q in %+v is written %q, %v, %v", name, p, got, part, ok)
				}
				p = target.Enter()
				continue
			case names.Plain:
				kind = names.Dir
			}
			got, part, ok := p.Component(target.Segment, kind, target.Shadowed)
			if !ok || part || got != name {
				t.Fatalf("%q in %+v is %+v, which is written %q, %v, %v", name, p, target, got, part, ok)
			}
			p = target.Enter()
		}
	})
}
