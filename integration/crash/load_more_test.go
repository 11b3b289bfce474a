package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pail/versioning"
)

// fillUpload completes acts on uploads that go on for several.
func (g *generator) fillUpload(a *act, b *bucket) bool {
	if a.Op == opBegin {
		a.Key, a.Tags = g.place(true), map[string]string{"t": fmt.Sprint(g.rng.IntN(100))}
		return len(b.uploads) < 3
	}
	if len(b.uploads) == 0 {
		return false
	}
	begun := slices.Sorted(maps.Keys(b.uploads))
	a.Handle, a.Part = begun[g.rng.IntN(len(begun))], 1+g.rng.IntN(4)
	switch a.Op {
	case opPart:
		a.Len = g.size()
	case opPartCopy:
		return g.fillSource(a, b)
	case opComplete:
		a.Part = 0
		return len(b.uploads[a.Handle].parts) > 0
	case opAbort:
		a.Part = 0
	}
	return true
}

// fillSource chooses a version and a range of it to copy.
func (g *generator) fillSource(a *act, b *bucket) bool {
	key, ok := g.pick(func(key string) bool {
		return slices.ContainsFunc(b.keys[key], func(v *version) bool { return v.body.size > 0 && v.name() != "" })
	})
	if !ok {
		return false
	}
	v := b.keys[key][g.rng.IntN(len(b.keys[key]))]
	if v.marker || v.name() == "" || v.body.size == 0 || v.body.link != "" {
		return false
	}
	a.Key, a.Version = key, v.name()
	a.From = g.rng.Int64N(v.body.size) / cell * cell
	a.Len = 1 + g.rng.Int64N(v.body.size-a.From)
	return true
}

// fillRange chooses what to copy into an open file, and where to.
func (g *generator) fillRange(a *act, dst *inode) bool {
	if g.rng.IntN(3) > 0 {
		if !g.fillSource(a, g.m.buckets[g.home.bucket]) {
			return false
		}
	} else {
		handles := slices.Sorted(maps.Keys(g.m.open))
		a.Source = handles[g.rng.IntN(len(handles))]
		size := g.m.open[a.Source].body.size
		if size == 0 {
			return false
		}
		a.From = g.rng.Int64N(size)
		a.Len = 1 + g.rng.Int64N(size-a.From)
	}
	a.Off = g.rng.Int64N(dst.body.size + 20_000)
	if g.rng.IntN(3) == 0 {
		a.Off = dst.body.size // append
	}
	return a.Source != a.Handle || a.From+a.Len <= a.Off || a.Off+a.Len <= a.From
}

// fillBucket completes acts on the bucket itself, which are for those who have their own.
func (g *generator) fillBucket(a *act, b *bucket) bool {
	if !g.home.own() {
		return false
	}
	switch a.Op {
	case opDrop:
		return len(b.uploads) == 0 && len(g.m.open) == 0 && b.isEmpty()
	case opOwnership: // ACLs cannot be disabled while there is one
		return b.configs[kindACL] == ""
	case opACL:
		return b.configs[kindOwnership] != ""
	case opNoACL:
		return b.configs[kindACL] != ""
	case opLock:
		return b.state == versioning.Enabled
	case opSetting:
		a.Values = [][]string{{"f0"}, {"f[12]", "*.bak"}, {"f?"}}[g.rng.IntN(3)]
	case opLabel:
		a.Tags = map[string]string{"l": fmt.Sprint(g.rng.IntN(100))}
		a.Keep = g.rng.IntN(2) == 0
	case opNotify:
		hooks := slices.Sorted(maps.Keys(g.m.account.hooks))
		if n := g.rng.IntN(len(hooks) + 1); n < len(hooks) {
			a.Key = hooks[n]
		}
	}
	return true
}

// fillAccount completes acts on access keys, users and webhooks.
func (g *generator) fillAccount(a *act) bool {
	a.Key = fmt.Sprintf("%s%d", ownName(g.home.worker), g.rng.IntN(4))
	key, isKey := g.m.account.keys[a.Key]
	_, isHook := g.m.account.hooks[a.Key]
	_, isUser := g.m.account.users[a.Key]
	switch a.Op {
	case opAccessKey:
		return !isKey
	case opRootKey:
		return g.home.worker == 0
	case opKeyActive:
		a.Keep = key.inactive
		return isKey
	case opDropKey:
		return isKey
	case opUser:
		return !isUser
	case opTagUser, opDropUser:
		return isUser
	case opHook:
		return !isHook
	}
	for _, b := range g.m.buckets {
		isHook = isHook && b.tells != a.Key
	}
	return isHook
}

// isEmpty says whether a bucket holds nothing.
func (b *bucket) isEmpty() bool {
	for _, vs := range b.keys {
		if len(vs) > 0 {
			return false
		}
	}
	for name, d := range b.dirs {
		if name != "" && d.explicit {
			return false
		}
	}
	return true
}

// fillPast completes going back in time.
func (g *generator) fillPast(a *act, b *bucket) bool {
	if a.Op == opMark {
		return len(b.marks) < 5
	}
	if len(b.marks) == 0 || b.state != versioning.Enabled {
		return false
	}
	marks := slices.Sorted(maps.Keys(b.marks))
	a.Key, a.Handle = g.home.prefix, marks[g.rng.IntN(len(marks))]
	return true
}

// fillAttr completes acts on what stands beside the bytes, of files by name or by handle
// and of directories.
func (g *generator) fillAttr(a *act, b *bucket) (ok bool) {
	a.Mode = []uint32{0o600, 0o644, 0o755}[g.rng.IntN(3)]
	dir := a.Op == opOwn || (a.Op == opMode || a.Op == opXattr) && g.rng.IntN(3) == 0
	switch {
	case dir:
		a.Key = g.anyDir()
		d, there := b.dirs[a.Key]
		if a.Op == opXattr && there && d.xattr != nil && *d.xattr != "" {
			a.Trunc = g.rng.IntN(3) == 0
		}
		return there && a.Key != "" && (a.Op != opOwn || d.explicit)
	case len(g.m.open) > 0 && g.rng.IntN(3) == 0:
		handles := slices.Sorted(maps.Keys(g.m.open))
		a.Handle = handles[g.rng.IntN(len(handles))]
		return true
	}
	a.Key, ok = g.pick(func(key string) bool { return b.live(key) != nil || g.m.claimant(g.home.bucket, key) != nil })
	return ok
}

// thereDir is a directory that exists.
func (g *generator) thereDir(b *bucket) string {
	var dirs []string
	for dir := range b.dirs {
		if strings.HasPrefix(dir, g.home.prefix) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return dirs[g.rng.IntN(len(dirs))]
}

// canSwap says whether two directories may be exchanged.
func (g *generator) canSwap(x, y string) bool {
	return x != g.home.prefix && y != g.home.prefix && x != "" && y != "" && !strings.HasPrefix(x, y) && !strings.HasPrefix(y, x)
}
