package names_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pail/fs/names"
)

// FuzzRoundTrip takes a text for a key, whose path must lead back to it, and for a path,
// which, if it leads to a key, must be the one path of that.
func FuzzRoundTrip(f *testing.F) {
	x := strings.Repeat("x", 122)
	for _, s := range []string{
		"a/b", "a//b", "a/", "/", "..", "./.", ".versions/x", "\x00/%", "%pail-file-a", "a/%pail-file-", "%pail-dir-../%pail-file-.",
		"%pail-part-" + x + "/%pail-file-" + x, "%pail-part-" + x + "/%pail-dir-" + strings.Repeat("y", 134) + "/z", x + x + x + "/" + x,
		strings.Repeat("%", 300), strings.Repeat("\u00e9", 200), "%pail-file-%0%%", "%pail-file-%1", "a\xffb", strings.Repeat("/", 1024),
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, shadowed bool) {
		keyAndBack(t, s, shadowed)
		pathAndBack(t, strings.Split(s, "/"))
	})
}

func keyAndBack(t *testing.T, key string, shadowed bool) {
	if key == "" || len(key) > 1024 || !utf8.ValidString(key) {
		return
	}
	b := newBucket([]string{key})
	if shadowed {
		b.dirs[key+"/"] = true
	}
	path := names.Path(key, shadowed)
	for _, name := range path {
		if name == "" || name == "." || name == ".." || name == names.Versions || len(name) > 255 || strings.ContainsAny(name, "/\x00") || !utf8.ValidString(name) {
			t.Fatalf("%q is in the path %q of %q", name, path, key)
		}
	}
	if kind, got, err := b.walk(path); err != nil || kind != names.File || got != key {
		t.Fatalf("%q is at %q, which leads to %v %q, %v", key, path, kind, got, err)
	}
}

// pathAndBack follows a path as if all that it can stand for were there.
func pathAndBack(t *testing.T, path []string) {
	p := names.Root("")
	for i, name := range path {
		target, err := p.Resolve(name)
		_, newErr := p.ResolveNew(name)
		if (err == nil) != (newErr == nil) {
			t.Fatalf("%q in %+v can be looked up: %v, and made: %v", name, p, err, newErr)
		}
		if err != nil {
			return
		}
		var want []string
		switch target.Kind {
		case names.History:
			return
		case names.Part:
			p = target.Enter()
			continue
		case names.Plain, names.File:
			want = names.Path(p.Dir+target.Segment, target.Kind == names.File && target.Shadowed)
		default:
			want = names.DirPath(p.Dir + target.Segment + "/")
		}
		if !slices.Equal(path[:i+1], want) {
			t.Fatalf("%q leads to %q in %q, whose path is %q", path[:i+1], target.Segment, p.Dir, want)
		}
		if target.Kind == names.File {
			return
		}
		p = target.Enter()
	}
}
