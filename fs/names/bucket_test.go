package names_test

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"pail/fs/names"
	"pail/store/fault"
)

// A bucket is what a store knows, as two sets. It resolves and lists the way the
// package comment tells fs to.
type bucket struct {
	keys map[string]bool
	dirs map[string]bool // "a/", "a/b/", ...
}

func newBucket(keys []string) bucket {
	b := bucket{map[string]bool{}, map[string]bool{}}
	for _, key := range keys {
		b.keys[key] = true
		for i := range len(key) {
			if key[i] == '/' {
				b.dirs[key[:i+1]] = true
			}
		}
	}
	return b
}

// walk looks a path up component by component.
func (b bucket) walk(path []string) (kind names.Kind, key string, err error) {
	p := names.Root("")
	for i, name := range path {
		t, err := p.Resolve(name)
		if err != nil {
			return 0, "", err
		}
		if t.Kind == names.Part {
			p = t.Enter()
			continue
		}
		key := p.Dir + t.Segment
		kind, ok := t.Pick(b.dirs[key+"/"], b.keys[key])
		switch {
		case !ok:
			return 0, "", fault.NoSuchKey
		case kind == names.File && i < len(path)-1:
			return 0, "", fault.NotDirectory
		case kind == names.File:
			return kind, key, nil
		}
		p = t.Enter()
	}
	if p.IsPart() {
		return names.Part, p.Dir, nil
	}
	return names.Dir, p.Dir, nil
}

// segments returns the segments in a directory in byte order.
func (b bucket) segments(dir string) []string {
	set := map[string]bool{}
	for key := range b.keys {
		if rest, ok := strings.CutPrefix(key, dir); ok && key != "" {
			segment, _, _ := strings.Cut(rest, "/")
			set[segment] = true
		}
	}
	var all []string
	for s := range set {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// list walks the tree as READDIR would show it and notes each file's key.
func (b bucket) list(t *rapid.T, p names.Place, path string, files map[string]string) {
	seen := map[string]bool{}
	last := ""
	show := func(segment string, kind names.Kind, shadowed bool) {
		name, part, ok := p.Component(segment, kind, shadowed)
		if !ok || part && name == last {
			return
		}
		if seen[name] {
			t.Fatalf("%q comes twice in %+v", name, p)
		}
		seen[name] = true
		target, err := p.Resolve(name)
		if err != nil {
			t.Fatalf("%q is listed in %+v but %v", name, p, err)
		}
		switch {
		case part:
			last = name
			b.list(t, target.Enter(), path+name+"/", files)
		case kind == names.Dir:
			b.list(t, target.Enter(), path+name+"/", files)
		default:
			files[path+name] = p.Dir + segment
		}
	}
	for _, s := range b.segments(p.Dir) {
		hasDir := b.dirs[p.Dir+s+"/"]
		if hasDir {
			show(s, names.Dir, false)
		}
		if b.keys[p.Dir+s] {
			show(s, names.File, hasDir)
		}
	}
}

// genSegment makes segments of the kinds that are hard to name.
func genSegment() *rapid.Generator[string] {
	long := rapid.Custom(func(t *rapid.T) string {
		// Few characters and lengths near the limits, so that parts are shared.
		unit := rapid.SampledFrom([]string{"x", "é", "€", "😀", "%", "\x00"}).Draw(t, "unit")
		n := rapid.SampledFrom([]int{117, 118, 119, 120, 121, 122, 123, 133, 134, 240, 243, 244, 245, 246, 255, 256, 366, 489}).Draw(t, "n")
		head := strings.Repeat(rapid.SampledFrom([]string{"x", "x", "w"}).Draw(t, "head"), n-min(n, rapid.IntRange(0, 8).Draw(t, "tail")))
		for len(head) < n {
			head += unit
		}
		return head + rapid.SampledFrom([]string{"", "x", "y", "é", "%", "\x00"}).Draw(t, "end")
	})
	odd := rapid.SampledFrom([]string{"", ".", "..", "...", ".versions", "@x", "a", "b", "%", "%%", "%0", "a%0", "\x00", "a\x00%",
		"%pail-", "%pail-file-", "%pail-file-a", "%pail-dir-", "%pail-dir-..", "%pail-part-", "%pail-name-a", "%pail-x", "%%pail-"})
	return rapid.OneOf(odd, odd, odd, long, rapid.StringN(0, 20, 60).Filter(func(s string) bool { return !strings.Contains(s, "/") }))
}

func genKey() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		n := rapid.IntRange(1, 4).Draw(t, "depth")
		parts := make([]string, n)
		for i := range parts {
			parts[i] = genSegment().Draw(t, "segment")
		}
		return strings.Join(parts, "/")
	}).Filter(func(s string) bool { return s != "" && len(s) <= 1024 })
}
