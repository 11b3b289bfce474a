package fs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pail/versioning"
)

// before says which ops must have happened before which. Each happens at one moment between
// its beginning and its end, and a client does one thing after another.
//
// What a mount finds by a name is only as true as the kernel's caches, which know of a change
// before whoever made it gets his answer: until then a program may still find under one name
// what was, and under another what is, though S3 shows all of it. So the moment of such an
// operation may be as early as the beginning of any change that was under way when it began;
// but what one name stands for is found in its order.
func before(ops []operation) [][]bool {
	begun := make([]int64, len(ops))
	for i := range ops {
		begun[i] = ops[i].begun
		for _, other := range ops {
			if ops[i].byName() && other.changes() && other.begun < ops[i].begun && ops[i].begun < other.ended {
				begun[i] = min(begun[i], other.begun)
			}
		}
	}
	out := make([][]bool, len(ops))
	for i := range ops {
		out[i] = make([]bool, len(ops))
		for j := range ops {
			out[i][j] = ops[i].ended <= begun[j] || ops[i].byName() && ops[j].byName() && ops[i].shares(&ops[j]) && ops[i].ended <= ops[j].begun
		}
	}
	return out
}

// shares says whether two operations are about one name, or one listing.
func (d *operation) shares(other *operation) bool {
	if d.op == opNames || other.op == opNames {
		return d.op == other.op && d.key == other.key
	}
	return d.key == other.key || d.key == other.to || d.to == other.key || d.to != "" && d.to == other.to
}

// byName says that an operation finds a file on the mount by its name.
func (d *operation) byName() bool {
	return slices.Contains([]string{opOpen, opTruncate, opCreate, opReader, opStat, opUnlink, opRename, opNames}, d.op)
}

// changes says that an operation may change what names stand for on the mount.
func (d *operation) changes() bool {
	return slices.Contains([]string{
		opPut, opPutNew, opPutIf, opDelete, opDeleteOld, opCopy, opMove, opOpen, opTruncate, opCreate, opClose, opUnlink, opRename,
	}, d.op)
}

// An explanation looks for an order of ops in which each answers what it did (Wing and Gong,
// "Testing and Verifying Concurrent Objects"). A set of ops that was done and the state that
// it left are looked at once (Lowe, "Testing for Linearizability").
type explanation struct {
	ops    []operation
	before [][]bool
	seen   map[string]bool
	most   []int // the longest order that was found
}

// explain returns an order of the ops that explains them; if there is none, the longest of
// some of them, and false.
func explain(start *bucketState, ops []operation) (order []int, ok bool) {
	e := &explanation{ops: ops, before: before(ops), seen: map[string]bool{}}
	ok = e.search(start, nil)
	return e.most, ok
}

func (e *explanation) search(b *bucketState, done []int) bool {
	if len(done) > len(e.most) {
		e.most = slices.Clone(done)
	}
	if len(done) == len(e.ops) {
		return true
	}
	is := make([]bool, len(e.ops))
	for _, i := range done {
		is[i] = true
	}
	where := fmt.Sprint(is, b.text())
	if e.seen[where] {
		return false
	}
	e.seen[where] = true
	for i := range e.ops {
		if is[i] || e.waits(i, is) {
			continue
		}
		if next := b.apply(&e.ops[i]); next != nil && e.search(next, append(done, i)) {
			return true
		}
	}
	return false
}

// waits says whether something that was not done yet must come before.
func (e *explanation) waits(i int, is []bool) bool {
	for j := range e.ops {
		if !is[j] && j != i && e.before[j][i] {
			return true
		}
	}
	return false
}

// told is a history for people: in the order that explains most of it, and what is left.
func told(ops []operation, order []int) string {
	var b strings.Builder
	done := map[int]bool{}
	for _, i := range order {
		fmt.Fprintln(&b, ops[i])
		done[i] = true
	}
	fmt.Fprintln(&b, "and no order explains also")
	for i, d := range ops {
		if !done[i] {
			fmt.Fprintln(&b, d)
		}
	}
	return b.String()
}

// TestExplain: histories that can be explained, and such as differ from them in one answer or
// in when something was done, and cannot.
func TestExplain(t *testing.T) {
	put := operation{n: 1, client: 1, op: opPut, key: "a", body: "one", made: "1", etag: "e1", begun: 1, ended: 4}
	get := operation{n: 2, client: 2, op: opGet, key: "a", got: "one", made: "1", etag: "e1", begun: 2, ended: 3}
	none := operation{n: 2, client: 2, op: opGet, key: "a", failed: missing, begun: 2, ended: 3}
	at := func(d operation, n, client int, begun, ended int64) operation {
		d.n, d.client, d.begun, d.ended = n, client, begun, ended
		return d
	}
	lost := at(operation{op: opPut, key: "a", body: "two", made: "2", etag: "e2"}, 2, 2, 2, 3)
	fresh := func(client int, made string) operation {
		return at(operation{op: opPutNew, key: "a", body: "new", made: made, etag: "e" + made}, client, client, int64(client), 9)
	}
	stat := operation{n: 3, client: 3, op: opStat, key: "a", size: 3}
	gone := operation{n: 3, client: 3, op: opStat, key: "a", failed: missing}
	for name, c := range map[string]struct {
		ops []operation
		ok  bool
	}{
		"a get during a put finds it":                {[]operation{put, get}, true},
		"or does not":                                {[]operation{put, none}, true},
		"after the put it finds it":                  {[]operation{put, at(none, 2, 2, 5, 6)}, false},
		"it finds nothing that nobody wrote":         {[]operation{put, at(operation{op: opGet, key: "a", got: "two", made: "1", etag: "e1"}, 2, 2, 2, 3)}, false},
		"what was found stays":                       {[]operation{put, get, at(none, 3, 3, 3, 4)}, false},
		"a condition has one winner":                 {[]operation{fresh(1, "1"), fresh(2, "2")}, false},
		"and the others are told":                    {[]operation{fresh(1, "1"), at(operation{op: opPutNew, key: "a", body: "x", failed: condition}, 2, 2, 2, 9)}, true},
		"nobody loses without a winner":              {[]operation{at(operation{op: opPutNew, key: "a", body: "x", failed: condition}, 1, 1, 1, 9)}, false},
		"no version is lost":                         {[]operation{put, lost, at(operation{op: opVersions, key: "a", versions: []seenVersion{{ID: "2", ETag: "e2"}}}, 3, 3, 5, 6)}, false},
		"versions are in the order of commits":       {[]operation{put, lost, at(operation{op: opVersions, key: "a", versions: []seenVersion{{ID: "1", ETag: "e1"}, {ID: "2", ETag: "e2"}}}, 3, 3, 5, 6)}, true},
		"a mount may be late during the put":         {[]operation{put, get, at(gone, 3, 3, 3, 4)}, true},
		"but not after it":                           {[]operation{put, at(gone, 3, 3, 5, 6)}, false},
		"nor behind what it has shown":               {[]operation{put, at(stat, 3, 3, 2, 3), at(gone, 4, 4, 3, 4)}, false},
		"though it may be late with another name":    {[]operation{put, at(stat, 3, 3, 2, 3), at(operation{op: opNames}, 4, 3, 3, 4)}, true},
		"nor may it be early":                        {[]operation{at(put, 1, 1, 3, 4), at(stat, 3, 3, 1, 2)}, false},
		"a rename is one step":                       {[]operation{put, at(operation{op: opMove, key: "a", to: "b"}, 2, 2, 5, 9), at(operation{op: opList, names: []string{"a", "b"}, versions: []seenVersion{{ID: "1", ETag: "e1"}, {ID: "2", ETag: "e1"}}}, 3, 3, 6, 7)}, false},
		"before which there is one key":              {[]operation{put, at(operation{op: opMove, key: "a", to: "b"}, 2, 2, 5, 9), at(operation{op: opList, names: []string{"a"}, versions: []seenVersion{{ID: "1", ETag: "e1"}}}, 3, 3, 6, 7)}, true},
		"what is written is not published":           {[]operation{at(operation{op: opCreate, key: "a"}, 1, 1, 1, 2), at(operation{op: opWrite, handle: 1, body: "one"}, 2, 1, 3, 4), at(operation{op: opGet, key: "a", got: "one", made: "1", etag: "e1"}, 3, 2, 5, 6)}, false},
		"until it is closed":                         {[]operation{at(operation{op: opCreate, key: "a"}, 1, 1, 1, 2), at(operation{op: opWrite, handle: 1, body: "one"}, 2, 1, 3, 4), at(operation{op: opClose, handle: 1}, 3, 1, 5, 6), at(operation{op: opGet, key: "a", got: "one", made: "1", etag: "e1"}, 4, 2, 7, 8)}, true},
		"a new file is in the way of conditions":     {[]operation{at(operation{op: opCreate, key: "a"}, 1, 1, 1, 2), at(operation{op: opPutNew, key: "a", failed: conflict}, 2, 2, 3, 4)}, true},
		"an id is that of one version":               {[]operation{put, at(operation{op: opPut, key: "a", body: "x", made: "1", etag: "e2"}, 2, 2, 5, 6)}, false},
		"copies have the MD5 of what they copy":      {[]operation{put, at(operation{op: opCopy, key: "a", to: "b", made: "2", etag: "e2"}, 2, 2, 5, 6)}, false},
		"reading goes on in what was opened":         {[]operation{put, at(operation{op: opReader, key: "a"}, 3, 3, 5, 6), at(operation{op: opUnlink, key: "a"}, 4, 2, 7, 8), at(operation{op: opRead, handle: 3, got: "one"}, 5, 3, 9, 10)}, true},
		"tags are those of the version that has got": {[]operation{put, at(operation{op: opSetTags, key: "a", body: "t"}, 2, 2, 5, 6), at(lost, 3, 2, 7, 8), at(operation{op: opTags, key: "a", got: "t"}, 4, 2, 9, 10)}, false},
	} {
		if order, ok := explain(newBucketState(versioning.Enabled), c.ops); ok != c.ok {
			t.Errorf("%s: explained %v\n%s", name, ok, told(c.ops, order))
		}
	}
}
