package iam

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Keys are the access keys of a store in memory. The zero Keys holds none. Finding one
// waits for nothing; changes are made one after another.
type Keys struct {
	table atomic.Pointer[map[string]AccessKey] // never changed, only replaced; nil: none
	mu    sync.Mutex                           // held while it is replaced
}

// Find returns the key of that id, secret included.
func (ks *Keys) Find(id string) (AccessKey, bool) {
	t := ks.table.Load()
	if t == nil {
		return AccessKey{}, false
	}
	k, ok := (*t)[id]
	return k, ok
}

// All returns all keys, the oldest first, without their secrets.
func (ks *Keys) All() []AccessKey {
	var out []AccessKey
	if t := ks.table.Load(); t != nil {
		for _, k := range *t {
			k.Secret = ""
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b AccessKey) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Set adds a key or replaces the one of its id.
func (ks *Keys) Set(k AccessKey) { ks.change(func(t map[string]AccessKey) { t[k.ID] = k }) }

// Drop takes a key away.
func (ks *Keys) Drop(id string) { ks.change(func(t map[string]AccessKey) { delete(t, id) }) }

// Reset makes these all the keys there are.
func (ks *Keys) Reset(all []AccessKey) {
	ks.change(func(t map[string]AccessKey) {
		clear(t)
		for _, k := range all {
			t[k.ID] = k
		}
	})
}

func (ks *Keys) change(fn func(map[string]AccessKey)) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	next := map[string]AccessKey{}
	if t := ks.table.Load(); t != nil {
		next = maps.Clone(*t)
	}
	fn(next)
	ks.table.Store(&next)
}
