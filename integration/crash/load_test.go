package crash

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"pail/versioning"
)

// sharedBuckets are used by several workers, each in its own directory.
var sharedBuckets = map[string]versioning.State{
	"plain": versioning.Unversioned, "kept": versioning.Enabled, "halted": versioning.Suspended,
	rivalBucket: versioning.Enabled,
}

// homeOf is where a worker works: its kind is "KIND" or "KIND@BUCKET", the latter in a
// bucket that it shares.
func homeOf(w int, kind string) home {
	kind, shared, _ := strings.Cut(kind, "@")
	if shared != "" {
		return home{w, shared, fmt.Sprintf("w%d/", w), sharedBuckets[shared], kind}
	}
	if kind == "rival" {
		return home{w, rivalBucket, fmt.Sprintf("w%d/", w), versioning.Enabled, kind}
	}
	return home{w, fmt.Sprintf("bucket-%d", w), "", versioning.Unversioned, kind}
}

// loads say how often each op is chosen, by kind of load.
var loads = map[string]map[op]int{
	"s3": {
		opPut: 30, opParts: 6, opCopy: 10, opRestore: 6, opDelete: 10, opForget: 6, opTags: 4, opEncrypt: 8,
		opState: 3, opSave: 6, opSync: 1, opBegin: 6, opPart: 12, opPartCopy: 8, opComplete: 6, opAbort: 2,
		opSetting: 2, opReset: 1, opLabel: 2, opRetag: 2, opDescribe: 3, opRekey: 8,
		opCORS: 2, opNoCORS: 1, opWebsite: 2, opNoWebsite: 1, opLifecycle: 2, opNoLifecycle: 1, opPolicy: 3, opNoPolicy: 1, opBlock: 2, opNoBlock: 1, opOwnership: 2, opNoOwnership: 2, opACL: 2, opNoACL: 1, opQuota: 3, opNoQuota: 1, opLock: 1, opNotify: 3, opHook: 3, opUnhook: 2,
		opAccessKey: 2, opRootKey: 2, opKeyActive: 2, opDropKey: 1, opUser: 2, opTagUser: 2, opDropUser: 1,
	},
	"mount": {
		opOpen: 14, opWrite: 40, opTruncate: 5, opPunch: 4, opFsync: 10, opFlush: 7, opClose: 14,
		opSave: 14, opUnlink: 6, opRename: 12, opExchange: 10, opMkdir: 5, opRmdir: 3, opMode: 4, opSync: 1,
		opTemp: 5, opReopen: 2, opAllocate: 2, opZero: 3, opRange: 12, opOwner: 3, opTimes: 4, opOwn: 2,
		opRetag: 3, opDescribe: 3, opXattr: 6, opSymlink: 3,
	},
	"mixed": {
		opPut: 10, opParts: 2, opCopy: 5, opRestore: 3, opDelete: 5, opForget: 3, opTags: 2, opState: 2, opEncrypt: 8,
		opOpen: 8, opWrite: 24, opTruncate: 3, opPunch: 2, opFsync: 5, opFlush: 4, opClose: 8,
		opSave: 10, opUnlink: 4, opRename: 10, opExchange: 3, opMkdir: 4, opRmdir: 2, opMode: 3, opSync: 1,
		opBegin: 2, opPart: 4, opPartCopy: 3, opComplete: 2, opAbort: 1, opSetting: 1, opReset: 1, opLabel: 1,
		opTemp: 3, opReopen: 1, opAllocate: 1, opZero: 2, opRange: 8, opOwner: 2, opTimes: 3, opOwn: 1,
		opRetag: 3, opDescribe: 3, opXattr: 4, opSymlink: 2, opRekey: 6,
		opLifecycle: 1, opQuota: 2, opNoQuota: 1, opNotify: 1, opHook: 1, opAccessKey: 1, opRootKey: 1, opKeyActive: 1, opUser: 1, opTagUser: 1,
	},
	"past": { // everything can be had back
		opPut: 10, opSave: 20, opTemp: 3, opSymlink: 3, opDelete: 8, opUnlink: 8, opRename: 8, opMkdir: 6, opRmdir: 4,
		opDescribe: 3, opMark: 5, opGoBack: 5,
	},
	"shelf": { // a bucket that is emptied, deleted and made again
		opPut: 8, opSave: 8, opDelete: 10, opUnlink: 4, opForget: 30, opBegin: 2, opPart: 2, opAbort: 8, opDrop: 40,
		opState: 2, opSetting: 3, opReset: 2, opLabel: 4,
		opCORS: 3, opNoCORS: 1, opWebsite: 3, opNoWebsite: 1, opLifecycle: 3, opNoLifecycle: 1, opPolicy: 4, opNoPolicy: 1, opBlock: 2, opNoBlock: 1, opOwnership: 2, opNoOwnership: 1, opACL: 2, opNoACL: 1, opQuota: 3, opNoQuota: 1, opLock: 1, opNotify: 5, opHook: 3, opUnhook: 6,
	},
	"pieces": { // large files, changed here and there: see fillPieces
		opOpen: 12, opWrite: 44, opTruncate: 3, opPunch: 6, opFsync: 3, opFlush: 8, opClose: 14,
		opSave: 4, opPut: 2, opParts: 3, opCopy: 6, opRestore: 3, opForget: 8, opDelete: 2,
		opUnlink: 1, opRename: 2, opSync: 1, opCompact: 12, opEncrypt: 6, opRange: 8, opZero: 2, opPartCopy: 3, opBegin: 2, opComplete: 2,
	},
	"quiet": { // nothing that syncs
		opOpen: 10, opWrite: 20, opFlush: 5, opClose: 12, opSave: 30, opUnlink: 5, opMkdir: 5,
	},
	"move": { // once its directory is full
		opRename: 14, opSave: 40, opUnlink: 10, opOpen: 4, opWrite: 8, opFsync: 4, opClose: 5, opDelete: 3, opSync: 3,
	},
}

// A generator thinks up acts that are possible in a model.
type generator struct {
	home home
	m    *model
	rng  *rand.Rand
	plan plan
	ops  []op // each as often as it is to be chosen
	big  int  // files with which a "move" load begins
}

func newGenerator(h home, m *model, p plan, rng *rand.Rand) *generator {
	g := &generator{home: h, m: m, rng: rng, plan: p, big: 210 + rng.IntN(120)}
	for _, o := range slices.Sorted(maps.Keys(loads[h.kind])) {
		for range loads[h.kind][o] {
			g.ops = append(g.ops, o)
		}
	}
	return g
}

// next returns an act that is possible now.
func (g *generator) next() act {
	if a, ok := g.prelude(); ok {
		return a
	}
	for {
		a := act{Op: g.ops[g.rng.IntN(len(g.ops))], Bucket: g.home.bucket}
		if g.fill(&a) {
			return a
		}
	}
}

// close closes a file that is open.
func (g *generator) close() act {
	return act{Op: opClose, Bucket: g.home.bucket, Handle: slices.Min(slices.Collect(maps.Keys(g.m.open)))}
}

// prelude is what a worker does first.
func (g *generator) prelude() (act, bool) {
	b := g.m.buckets[g.home.bucket]
	switch {
	case b == nil:
		a := act{Op: opBucket, Bucket: g.home.bucket}
		if g.rng.IntN(2) == 0 || g.home.kind == "past" {
			a.State = versioning.Enabled
		}
		return a, true
	case !g.home.own() && !b.dirs[g.home.prefix].explicit:
		return act{Op: opMkdir, Bucket: g.home.bucket, Key: g.home.prefix}, true
	case g.home.kind == "move" && g.big > 0:
		big := g.home.prefix + "d1/"
		if !b.dirs[big].explicit {
			return act{Op: opMkdir, Bucket: g.home.bucket, Key: big}, true
		}
		g.big--
		return act{Op: opSave, Bucket: g.home.bucket, Key: fmt.Sprintf("%sn%d", big, g.big), Len: 1 + g.rng.Int64N(300), Mode: 0o600}, true
	}
	return act{}, false
}

// dirNames are the directories that there may be.
var dirNames = []string{"", "d1/", "d2/", "d3/", "d1/s/", "d2/s/"}

func (g *generator) anyDir() string {
	return g.home.prefix + dirNames[g.rng.IntN(len(dirNames))]
}

// place is a key in a directory that exists, unless anywhere is set.
func (g *generator) place(anywhere bool) string {
	for {
		dir := g.anyDir()
		if g.home.kind == "shelf" {
			dir = ""
		}
		if _, ok := g.m.buckets[g.home.bucket].dirs[dir]; ok || anywhere || dir == "" {
			return fmt.Sprintf("%sf%d", dir, g.rng.IntN(4))
		}
	}
}

// pick returns a key for which fits holds.
func (g *generator) pick(fits func(key string) bool) (string, bool) {
	var keys []string
	b := g.m.buckets[g.home.bucket]
	for key := range b.keys {
		if fits(key) {
			keys = append(keys, key)
		}
	}
	for _, f := range g.m.open {
		if f.claim && b.keys[f.key] == nil && fits(f.key) {
			keys = append(keys, f.key)
		}
	}
	if len(keys) == 0 {
		return "", false
	}
	slices.Sort(keys)
	return keys[g.rng.IntN(len(keys))], true
}

// size is a length of one of the classes that the store treats differently.
func (g *generator) size() int64 {
	if g.home.kind == "pieces" {
		return 100<<10 + g.rng.Int64N(900<<10)
	}
	inline := int64(g.plan.InlineMax)
	switch n := g.rng.IntN(20); {
	case n < 7:
		return 1 + g.rng.Int64N(inline)
	case n < 10:
		return inline + g.rng.Int64N(3)
	case n < 17:
		return inline + 1 + g.rng.Int64N(100<<10)
	case n < 19:
		return 128<<10 + g.rng.Int64N(400<<10)
	}
	return 1<<20 + g.rng.Int64N(2<<20)
}

// fill completes an act; false if there is none of that kind now.
func (g *generator) fill(a *act) bool {
	b := g.m.buckets[g.home.bucket]
	switch a.Op {
	case opState:
		a.State = []versioning.State{versioning.Enabled, versioning.Suspended}[g.rng.IntN(2)]
		return g.home.own() && a.State != b.state && !b.locked() && (b.state != versioning.Unversioned || g.rng.IntN(4) == 0)
	case opPut, opParts:
		a.Key, a.Len = g.place(true), g.size()
		if g.rng.IntN(4) == 0 {
			a.Tags = map[string]string{"t": fmt.Sprint(g.rng.IntN(100))}
		}
		return true
	case opCopy, opRestore, opForget, opTags, opEncrypt:
		return g.fillVersion(a, b)
	case opBegin, opPart, opPartCopy, opComplete, opAbort:
		return g.fillUpload(a, b)
	case opDrop, opSetting, opReset, opLabel, opCORS, opNoCORS, opWebsite, opNoWebsite, opLifecycle, opNoLifecycle, opPolicy, opNoPolicy, opBlock, opNoBlock, opOwnership, opNoOwnership, opACL, opNoACL, opQuota, opNoQuota, opLock, opNotify:
		return g.fillBucket(a, b)
	case opAccessKey, opRootKey, opKeyActive, opDropKey, opUser, opTagUser, opDropUser, opHook, opUnhook:
		return g.fillAccount(a)
	case opRekey:
		var ok bool
		a.Key, ok = g.pick(func(key string) bool { return b.live(key) != nil })
		a.To = g.place(true)
		return ok && a.Key != a.To
	case opMark, opGoBack:
		return g.fillPast(a, b)
	case opDelete:
		a.Key, a.Keep = g.place(true), g.rng.IntN(6) == 0
		return g.rng.IntN(3) == 0 || b.live(a.Key) != nil
	case opTemp, opSymlink:
		a.Key, a.Mode, a.Len, a.To = g.place(false), 0o640, g.size(), fmt.Sprintf("../%x", g.rng.Uint64())
		return b.live(a.Key) == nil && g.m.claimant(g.home.bucket, a.Key) == nil
	case opSave, opOpen:
		a.Key, a.Mode, a.Trunc = g.place(false), []uint32{0o600, 0o644, 0o755}[g.rng.IntN(3)], g.rng.IntN(3) == 0
		if a.Op == opSave {
			a.Len = g.size()
		}
		if head := b.live(a.Key); head != nil && head.body.link != "" {
			return false
		}
		return !g.m.named(g.home.bucket, a.Key) && (a.Op == opSave || len(g.m.open) < 4)
	case opMode, opOwner, opTimes, opOwn, opRetag, opDescribe, opXattr:
		return g.fillAttr(a, b)
	case opWrite, opTruncate, opPunch, opFsync, opFlush, opClose, opReopen, opAllocate, opZero, opRange:
		return g.fillFile(a)
	case opSync, opCompact:
		return true
	}
	return g.fillName(a, b)
}

// fillVersion chooses an old version, or the current one.
func (g *generator) fillVersion(a *act, b *bucket) bool {
	key, ok := g.pick(func(key string) bool { return len(b.keys[key]) > 0 })
	if !ok {
		return false
	}
	vs := b.keys[key]
	v := vs[g.rng.IntN(len(vs))]
	if v.name() == "" || v.marker && a.Op != opForget {
		return false
	}
	a.Key, a.Version = key, v.name()
	switch a.Op {
	case opCopy:
		a.To = g.place(true)
		return a.To != a.Key
	case opTags:
		a.Tags = map[string]string{"u": fmt.Sprint(g.rng.IntN(100))}
	case opEncrypt:
		a.Keep = g.rng.IntN(2) == 0
	}
	return true
}

// fillFile chooses an open file and what to do to it.
func (g *generator) fillFile(a *act) bool {
	if len(g.m.open) == 0 {
		return false
	}
	handles := slices.Sorted(maps.Keys(g.m.open))
	a.Handle = handles[g.rng.IntN(len(handles))]
	f := g.m.open[a.Handle]
	size := f.body.size
	if g.home.kind == "pieces" && (a.Op == opWrite || a.Op == opPunch) {
		return g.fillPieces(a, size)
	}
	switch a.Op {
	case opWrite:
		a.Len = g.size()
		switch g.rng.IntN(4) {
		case 0:
			a.Off = size // append
		case 1:
			a.Off = g.rng.Int64N(size + 1) // within
			a.Len = min(a.Len, 5000)
		case 2:
			a.Off = g.rng.Int64N(2*size + 30_000) // perhaps behind a hole
			a.Len = min(a.Len, 50_000)
		}
	case opTruncate:
		a.Len = g.rng.Int64N(2*size + 10)
	case opPunch:
		a.Off, a.Len = g.rng.Int64N(size+1), g.rng.Int64N(size+1)
		return a.Off < size && a.Len > 0
	case opAllocate:
		a.Off = g.rng.Int64N(size + 1)
		a.Len = size - a.Off + 1 + g.rng.Int64N(20_000)
	case opZero:
		a.Off, a.Len, a.Keep = g.rng.Int64N(size+1), 1+g.rng.Int64N(20_000), g.rng.IntN(2) == 0
		return a.Off < size
	case opRange:
		return g.fillRange(a, f)
	}
	return true
}

// fillPieces chooses a place in a large file: to be overwritten with what makes it more
// pieces, or with a piece that compaction leaves where it is; or to be punched, seldom so
// much of it that its content file is mostly dead.
func (g *generator) fillPieces(a *act, size int64) bool {
	if size == 0 {
		a.Len = g.size()
		return a.Op == opWrite
	}
	a.Off = g.rng.Int64N(size)
	switch n := g.rng.IntN(10); {
	case n == 0:
		a.Len = 256<<10 + g.rng.Int64N(64<<10)
	case n < 3:
		a.Len = 1 + g.rng.Int64N(100)
	default:
		a.Len = 1 + g.rng.Int64N(20<<10)
	}
	if a.Op == opPunch {
		a.Len = min(a.Len, size-a.Off)
	}
	return true
}

// fillName completes acts on names.
func (g *generator) fillName(a *act, b *bucket) bool {
	at := g.home.bucket
	there := func(key string) bool { return b.live(key) != nil || g.m.claimant(at, key) != nil }
	var ok bool
	switch a.Op {
	case opMkdir:
		a.Key = g.anyDir()
		_, exists := b.dirs[a.Key]
		_, parent := b.dirs[dirOf(strings.TrimSuffix(a.Key, "/"))]
		return a.Key != g.home.prefix && !exists && parent
	case opRmdir:
		a.Key = g.thereDir(b)
		return a.Key != g.home.prefix && g.isEmptyDir(b, a.Key)
	case opUnlink:
		a.Key, ok = g.pick(there)
		return ok
	case opExchange:
		if g.rng.IntN(2) == 0 {
			for tries := 0; tries < 8 && !g.canSwap(a.Key, a.To); tries++ {
				a.Key, a.To = g.thereDir(b), g.thereDir(b)
			}
			return g.canSwap(a.Key, a.To)
		}
		single := func(key string) bool { return b.live(key) != nil && g.m.claimant(at, key) == nil }
		a.Key, _ = g.pick(single)
		a.To, ok = g.pick(single)
		return ok && a.Key != a.To
	}
	if g.home.kind != "move" && g.rng.IntN(4) > 0 {
		a.Key, ok = g.pick(there)
		a.To = g.place(false)
		if g.home.kind == "past" { // what comes back is never what is there already
			a.To = fmt.Sprintf("%sr%d", dirOf(a.To), g.rng.Uint64())
		}
		return ok && a.Key != a.To
	}
	a.Key, a.To = g.thereDir(b), g.anyDir()
	_, to := b.dirs[a.To]
	_, parent := b.dirs[dirOf(strings.TrimSuffix(a.To, "/"))]
	return a.Key != g.home.prefix && a.To != g.home.prefix && !strings.HasPrefix(a.To, a.Key) &&
		parent && (!to || g.isEmptyDir(b, a.To))
}

// isEmptyDir says whether a directory can be removed.
func (g *generator) isEmptyDir(b *bucket, dir string) bool {
	if _, ok := b.dirs[dir]; !ok || b.occupied(dir) {
		return false
	}
	for _, f := range g.m.open {
		if f.claim && strings.HasPrefix(f.key, dir) {
			return false
		}
	}
	return true
}
