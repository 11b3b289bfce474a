package fs

import (
	"sync"
	"time"

	"pail/store"
	"pail/store/fault"
)

// An open(2) is a lookup and an OPEN of what it found. Where somebody else, the other door
// or the mount beside, has replaced that in between, the kernel looks once more, and if
// that is replaced as well, the program gets ESTALE. So after the first time what is looked
// up under that name is kept, for as long as an OPEN may be on its way.

// contendedFor is for how long a name counts as contended, and what is found there is kept.
const contendedFor = 2 * time.Second

// contendedNames are those under which an OPEN lately came too late.
type contendedNames struct {
	mu    sync.Mutex // guards until
	until map[spot]time.Time
}

func (c *contendedNames) note(at spot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for s, until := range c.until {
		if now.After(until) {
			delete(c.until, s)
		}
	}
	if c.until == nil {
		c.until = map[spot]time.Time{}
	}
	c.until[at] = now.Add(contendedFor)
}

func (c *contendedNames) has(at spot) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.until[at]
	return ok && time.Now().Before(until)
}

// holdFound keeps a file that the kernel is about to be told of, if its name is contended.
// It returns false if something else has the name by now, and takes back that the kernel
// knows of it. f.tree is held.
func (f *filesystem) holdFound(se *store.Session, at spot, got found) bool {
	if got.kind != kindObject || !f.contended.has(at) {
		return true
	}
	file, err := f.openStanding(se, got.id, store.OpenFlags{})
	switch {
	case fault.Is(err, fault.StaleHandle):
		f.Forget(got.id, 1)
		return false
	case err != nil: // an OPEN will meet it as well
	case f.relics.keep(got.id, file):
		time.AfterFunc(contendedFor, func() { f.forgetRelic(got.id) })
	default:
		_ = file.Close(f.ctx)
	}
	return true
}
