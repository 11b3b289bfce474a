package store_test

import (
	"maps"
	"slices"
	"strings"

	"pail/store/fault"
	"pail/versioning"
)

// exchange is what RENAME_EXCHANGE does to two files, two directories, or one of each.
func (m *reference) exchange(a, b string) fault.Kind {
	aDir, bDir := a == "" || strings.HasSuffix(a, "/"), strings.HasSuffix(b, "/")
	switch {
	case b == "":
		return fault.InvalidKey
	case a == b:
		return fault.None
	case a == "":
		return fault.Busy
	case aDir && bDir:
		return m.exchangeDirs(a, b)
	case aDir:
		return m.exchangeWithDir(b, a)
	case bDir:
		return m.exchangeWithDir(a, b)
	}
	return m.exchangeFiles(a, b)
}

func (m *reference) exchangeFiles(a, b string) fault.Kind {
	keys := [2]string{a, b}
	var live [2]*refVersion // of files that are not new
	var open [2]*refInode
	for i, key := range keys {
		if open[i] = m.claims[key]; open[i] != nil {
			continue
		}
		if live[i] = m.head(key); live[i] == nil {
			return fault.NoSuchKey
		}
		if n := m.opened(live[i].ino); n != nil && n.key == key && n.linked {
			open[i] = n
		}
	}
	for i, key := range keys {
		switch other := live[1-i]; {
		case other != nil:
			m.push(key, other.renamed(), true)
		case live[i] != nil:
			m.remove(key, true)
		}
	}
	names := map[*refInode]string{}
	for i, n := range open {
		if n != nil {
			names[n] = keys[1-i]
		}
	}
	for n, key := range names {
		n.key = key
	}
	m.rekey(func(key string) string { return key })
	return fault.None
}

func (m *reference) exchangeDirs(a, b string) fault.Kind {
	switch {
	case strings.HasPrefix(a, b) || strings.HasPrefix(b, a):
		return fault.SubdirOfItself
	case m.dirs[a] == nil || m.dirs[b] == nil:
		return fault.NoSuchKey
	}
	across := func(key string) string {
		if rest, ok := strings.CutPrefix(key, a); ok {
			return b + rest
		}
		if rest, ok := strings.CutPrefix(key, b); ok {
			return a + rest
		}
		return key
	}
	dirs := map[string]*refDir{}
	for path, d := range m.dirs {
		dirs[across(path)] = d
	}
	m.dirs = dirs
	live := map[string]*refVersion{}
	for key := range m.keys {
		if v := m.head(key); v != nil && across(key) != key {
			live[key] = v
		}
	}
	for key, v := range live {
		m.stack(across(key), v.renamed())
	}
	for key := range live {
		switch {
		case live[across(key)] != nil:
		case m.state == versioning.Unversioned:
			delete(m.keys, key)
		default:
			m.stack(key, &refVersion{marker: true})
		}
	}
	m.rekey(across)
	return fault.None
}

func (m *reference) exchangeWithDir(file, dir string) fault.Kind {
	name := strings.TrimSuffix(dir, "/")
	live, claim := m.head(file), m.claims[file]
	switch {
	case strings.HasPrefix(file, dir):
		return fault.SubdirOfItself
	case name == "":
		return fault.InvalidKey
	case m.head(name) != nil || m.claims[name] != nil:
		return fault.Exists
	case live == nil && claim == nil, m.dirs[dir] == nil:
		return fault.NoSuchKey
	case m.dirs[file+"/"] != nil:
		return fault.Exists
	}
	if claim != nil {
		m.removeFrom(file, false)
		claim.key = name
		m.rekey(func(key string) string { return key })
	} else {
		n := m.opened(live.ino)
		m.push(name, live.renamed(), true)
		if m.state == versioning.Unversioned {
			delete(m.keys, file)
		} else {
			m.stack(file, &refVersion{marker: true})
		}
		if n != nil && n.key == file && n.linked {
			n.key = name
		}
	}
	return m.renameDir(dir, file+"/", true)
}

// below lists some of the keys below a directory as they were and will be.
func (r *modelRun) below(from, to string) (keys []string) {
	for _, key := range slices.Collect(maps.Keys(r.m.keys)) {
		if strings.HasPrefix(key, from) && r.rng.IntN(3) == 0 {
			keys = append(keys, key, to+key[len(from):])
		}
	}
	return keys
}

func (r *modelRun) opExchange() {
	pick := func() string {
		if r.rng.IntN(2) == 0 {
			return r.newDir()
		}
		return r.fileKey()
	}
	a, b := pick(), pick()
	r.note("exchange %q %q", a, b)
	keys := []string{a, b}
	if aDir, bDir := strings.HasSuffix(a, "/"), strings.HasSuffix(b, "/"); aDir || bDir {
		keys = append(keys, r.below(dirNamed(a), dirNamed(b))...)
		keys = append(keys, r.below(dirNamed(b), dirNamed(a))...)
		keys = append(keys, strings.TrimSuffix(a, "/"), strings.TrimSuffix(b, "/"), dirNamed(a), dirNamed(b))
	}
	err := r.exchange(a, b)
	r.want(err, r.m.exchange(a, b))
	r.check(slices.DeleteFunc(keys, func(s string) bool { return s == "" })...)
}

func dirNamed(key string) string { return strings.TrimSuffix(key, "/") + "/" }
