package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"pail/integration/leak"
	"pail/store/checksum"
	"pail/store/cors"
	"pail/store/event"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/site"
	"pail/versioning"
)

// A museum is a store with at least one record of every kind and one content of every
// class, and what each version of it reads as.
type museum struct {
	t    *testing.T
	s    *Store
	se   *Session
	file *File        // open, with a draft that was fsynced
	back atomic.Int64 // by how much the clock was set back
	want map[[3]string]string
}

func (m *museum) ok(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func letters(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(r.IntN(26))
	}
	return string(b)
}

func newMuseum(t *testing.T, dir string) *museum {
	ctx := context.Background()
	m := &museum{t: t, want: map[[3]string]string{}}
	o := Options{Dir: dir, InlineMax: 64, SettleAfter: -1, MinPartSize: -1, MemTableSize: 1 << 20, VerifyReads: true,
		tuning: tuning{movedInline: -1, moveDelay: time.Hour},
		Now:    func() time.Time { return time.Now().Add(-time.Duration(m.back.Load())) }}
	m.ok(Create(o))
	s, err := Open(ctx, o)
	m.ok(err)
	t.Cleanup(func() { _ = s.Close(ctx) })
	m.s, m.se = s, s.As(Owner(), RequestContext{Door: DoorMount})
	_, err = s.OpenCursor(ctx, "reader")
	m.ok(err)
	_, err = m.se.CreateAccessKey(ctx, iam.Given{})
	m.ok(err)
	mustBucket(t, m.se, "kept", versioning.Enabled)
	mustBucket(t, m.se, "bare", versioning.Unversioned)
	for i, key := range []string{"small", "large", "d/e/small", "d/e/large", "gone", "gone/too/x"} {
		for j := range 3 {
			n := 20 + j
			if strings.HasSuffix(key, "large") {
				n = 140_000 + j
			}
			put(t, m.se, "kept", key, letters(n, uint64(10*i+j)))
		}
		put(t, m.se, "bare", key, letters(100+i, uint64(100+i)))
	}
	for _, key := range []string{"gone", "gone/too/x"} {
		_, err := m.se.Delete(ctx, "kept", key, DeleteOptions{})
		m.ok(err)
	}
	m.back.Store(int64(time.Hour))
	mustMkdir(t, m.se, "bare", "made/", "made/deep/")
	_, err = m.se.Copy(ctx, Source{"kept", "small", ""}, "bare", "shared-small", CopyInput{})
	m.ok(err)
	_, err = m.se.Copy(ctx, Source{"kept", "large", ""}, "bare", "shared-large", CopyInput{})
	m.ok(err)
	m.configured()
	m.fragmented()
	m.upload()
	m.joined()
	m.ok(s.Sync(ctx))
	put(t, m.se, "bare", "large", letters(120, 7)) // leaves garbage
	m.pending()
	m.draft()
	m.ledger("kept", "bare")
	put(t, m.se, "bare", "from/f", "f")
	put(t, m.se, "bare", "from/g/h", "h")
	m.ok(m.se.Rename(ctx, Path{"bare", "from/"}, Path{"bare", "to/"}, RenameFlags{}))
	return m
}

// configured gives a bucket configurations, one of them in several pieces, and has a webhook
// wait to be told of that.
func (m *museum) configured() {
	ctx := context.Background()
	m.ok(m.se.SetCORS(ctx, "kept", cors.Config{Rules: []cors.Rule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}}))
	index := "index.html"
	m.ok(m.se.SetWebsite(ctx, "bare", site.Config{Index: &index}))
	var l versioning.Lifecycle
	days := int32(10_000)
	for i := range 300 {
		prefix := fmt.Sprint(strings.Repeat("p", 300), i)
		l.Rules = append(l.Rules, versioning.LifecycleRule{
			Status: versioning.LifecycleEnabled, Filter: &versioning.LifecycleFilter{Prefix: &prefix},
			Expiration: &versioning.LifecycleExpiration{Days: &days},
		})
	}
	m.ok(m.se.SetLifecycle(ctx, "kept", l))
	hook, err := m.se.AddWebhook(ctx, "hook", "http://127.0.0.1:1/")
	m.ok(err)
	m.ok(m.se.SetNotifications(ctx, "kept", event.Config{Targets: []event.Target{{Service: event.Queue, ARN: hook.ARN, Events: []string{event.TaggingDelete}}}}))
}

// fragmented makes a content whose extents are in a list of their own, shared by two.
func (m *museum) fragmented() {
	ctx := context.Background()
	put(m.t, m.se, "bare", "fragmented", letters(8000, 1))
	f, err := m.se.OpenFile(ctx, "bare", "fragmented", OpenFlags{Write: true})
	m.ok(err)
	for i := range int64(100) {
		_, err := f.WriteAt(ctx, []byte("ZZ"), i*80)
		m.ok(err)
	}
	m.ok(f.Close(ctx))
	m.ok(m.s.Sync(ctx))
	_, err = m.se.Copy(ctx, Source{"bare", "fragmented", ""}, "bare", "fragmented2", CopyInput{})
	m.ok(err)
}

func (m *museum) upload() {
	ctx := context.Background()
	for i := range 2 {
		id, err := m.se.CreateUpload(ctx, "kept", "upload", PutInput{})
		m.ok(err)
		for n := 1; n <= 2; n++ {
			_, err := m.se.UploadPart(ctx, "kept", "upload", id, n, PartInput{Body: strings.NewReader(letters(200, uint64(n))), Size: 200})
			m.ok(err)
		}
		if i == 0 {
			m.ok(m.se.AbortUpload(ctx, "kept", "upload", id)) // leaves a note that its parts are to go
		}
	}
}

// joined makes an object of parts whose checksums are kept beside its content, shared by two.
func (m *museum) joined() {
	ctx := context.Background()
	a := checksum.SHA1
	id, err := m.se.CreateUpload(ctx, "kept", "joined", PutInput{Sums: Sums{Algorithm: a}})
	m.ok(err)
	var parts []CompletedPart
	for n := 1; n <= 3; n++ {
		body := letters(200, uint64(n))
		p, err := m.se.UploadPart(ctx, "kept", "joined", id, n, PartInput{Body: strings.NewReader(body), Size: 200, Sums: Sums{Algorithm: a}})
		m.ok(err)
		parts = append(parts, CompletedPart{Number: n, ETag: p.ETag, Algorithm: a, Value: a.Sum([]byte(body))})
	}
	_, err = m.se.CompleteUpload(ctx, "kept", "joined", id, parts, CompleteInput{})
	m.ok(err)
	_, err = m.se.Copy(ctx, Source{"kept", "joined", ""}, "kept", "joined-too", CopyInput{})
	m.ok(err)
}

// pending publishes what is not on disk yet, in place of another content.
func (m *museum) pending() {
	ctx := context.Background()
	f, err := m.se.OpenFile(ctx, "bare", "d/e/large", OpenFlags{Write: true, Truncate: true})
	m.ok(err)
	_, err = f.WriteAt(ctx, []byte(letters(500, 8)), 0)
	m.ok(err)
	m.ok(f.Close(ctx))
}

func (m *museum) draft() {
	ctx := context.Background()
	f, err := m.se.OpenFile(ctx, "bare", "fragmented", OpenFlags{Write: true})
	m.ok(err)
	_, err = f.WriteAt(ctx, []byte("draft"), 5)
	m.ok(err)
	m.ok(f.Sync(ctx))
	m.file = f
}

// ledger notes what every version reads as now.
func (m *museum) ledger(buckets ...string) {
	ctx := context.Background()
	for _, b := range buckets {
		page, err := m.se.ListVersions(ctx, b, ListVersionsInput{})
		m.ok(err)
		for _, o := range page.Versions {
			if !o.DeleteMarker {
				m.want[[3]string{b, o.Key, o.VersionID}] = readAll(m.t, m.se, b, o.Key, o.VersionID)
			}
		}
	}
	if len(m.want) < 20 {
		m.t.Fatalf("only %d versions", len(m.want))
	}
}

// judge reads everything: right bytes or a failure. Which versions could not be read,
// and whether each failure was one that says so.
func (m *museum) judge(se *Session) (lost []string) {
	m.t.Helper()
	for id, want := range m.want {
		got, err := tryRead(se, id)
		switch {
		case err == nil && got != want:
			m.t.Errorf("%v reads %d wrong bytes", id, len(got))
		case err != nil:
			lost = append(lost, fmt.Sprint(id, ": ", err))
			switch fault.KindOf(err) {
			case fault.Damaged, fault.NewerFormat, fault.NoSuchKey, fault.NoSuchVersion, fault.NoSuchBucket, fault.MethodNotAllowed:
			default:
				m.t.Errorf("%v fails with kind %v: %v", id, fault.KindOf(err), err)
			}
		}
	}
	return lost
}

func tryRead(se *Session, id [3]string) (string, error) {
	r, err := se.Get(context.Background(), id[0], id[1], id[2])
	if err != nil {
		return "", err
	}
	defer r.Close()
	var b bytes.Buffer
	_, err = r.WriteTo(&b)
	return b.String(), err
}

func (m *museum) check(deep bool) []Problem {
	m.t.Helper()
	found, err := m.s.Check(context.Background(), FsckOptions{Deep: deep})
	m.ok(err)
	for _, p := range found {
		if p.Kind == "" || p.Where == "" || p.What == "" || p.Advice+p.Repair == "" || strings.Contains(p.String(), "\n") {
			m.t.Errorf("not one whole line: %q", p)
		}
	}
	return found
}

// set writes a record, or deletes it.
func (m *museum) set(k, v []byte, there bool) {
	m.t.Helper()
	_, err := m.s.db.Update(context.Background(), meta.UpdateOptions{}, func(tx *meta.Tx) error {
		if there {
			tx.Set(k, v)
		} else {
			tx.Delete(k)
		}
		return nil
	})
	m.ok(err)
}

func (m *museum) records() (keys, values [][]byte) {
	v := m.s.db.View()
	defer v.Close()
	it := v.Scan(meta.ScanOptions{})
	defer it.Close()
	for it.Next() {
		keys, values = append(keys, bytes.Clone(it.Key())), append(values, bytes.Clone(it.Value()))
	}
	m.ok(it.Err())
	return keys, values
}

// messages are the records of each table that is made of them.
func messages() map[byte]record.Record {
	return map[byte]record.Record{
		'b': new(record.Bucket), 'h': new(record.Version), 'd': new(record.Version), 'v': new(record.Version),
		'n': new(record.Dir), 'x': new(record.Dir), 'l': new(record.Blob), 'e': new(record.ExtentList),
		'p': new(record.Pending), 'w': new(record.Draft), 'u': new(record.Upload), 'q': new(record.Part),
		'a': new(record.Patch), 'm': new(record.Move), 'f': new(record.Change), 'c': new(record.Cursor), 'r': new(record.AccessKey),
		'o': new(record.ConfigPiece), 'j': new(record.Event),
	}
}

// Every record is damaged in turn.
func TestFsckFindsDamagedRecords(t *testing.T) {
	m := newMuseum(t, quickDir(t)+"/store")
	if found := m.check(true); len(found) > 0 {
		t.Fatalf("before any damage: %v", found)
	}
	if lost := m.judge(m.se); len(lost) > 0 {
		t.Fatalf("before any damage: %v", lost)
	}
	tables := map[byte]int{}
	// What nothing else tells of: that a record of these is missing cannot be found.
	silent := map[byte]bool{'a': true, 'c': true, 'f': true, 't': true, 'x': true, 's': true, 'p': true, 'r': true, 'o': true, 'j': true}
	keys, values := m.records()
	// Nor does anything tell how many regions of a draft there should be.
	var region []byte
	for i, k := range keys {
		if d := new(record.Draft); k[0] == 'w' {
			m.ok(record.Unmarshal(values[i], d))
			region = table.ExtentListOf(d.List)
		}
	}
	for i, k := range keys {
		was := values[i]
		tables[k[0]]++
		try := func(what string, v []byte, there, must bool) {
			t.Helper()
			m.set(k, v, there)
			found := m.check(false)
			if len(found) == 0 && must {
				t.Errorf("%s: record %q was not found", what, k)
			}
			m.judge(m.se)
			m.set(k, was, true)
		}
		msg := messages()[k[0]]
		try("garbage", []byte{0xff, 0xfe, 0xfd}, true, k[0] != 'g' && k[0] != 's')
		try("missing", nil, false, !silent[k[0]] && !bytes.HasPrefix(k, region))
		if msg == nil {
			continue
		}
		m.ok(record.Unmarshal(was, msg))
		r := msg.ProtoReflect()
		r.Set(r.Descriptor().Fields().ByName("schema"), protoreflect.ValueOfUint32(99))
		newer, err := proto.Marshal(msg)
		m.ok(err)
		try("newer", newer, true, true)
	}
	for _, c := range tableChecks() {
		if tables[c.first] == 0 {
			t.Errorf("the museum has no record of table %q", c.first)
		}
	}
	if found := m.check(true); len(found) > 0 {
		t.Fatalf("after all was put back: %v", found)
	}
	m.ok(m.file.Close(context.Background()))
}

// A wrongRecord is a way in which a record of a table is made to say what is not so.
type wrongRecord struct {
	name  string
	table byte
	which func(record.Record) bool // nil: all
	do    func(record.Record)
	kind  string // of the problem that it is; "": any
}

func wrongRecords() []wrongRecord {
	version := func(fn func(v *record.Version)) func(record.Record) {
		return func(r record.Record) { fn(r.(*record.Version)) }
	}
	dir := func(fn func(d *record.Dir)) func(record.Record) { return func(r record.Record) { fn(r.(*record.Dir)) } }
	counts := func(r record.Record) bool { return r.(*record.Blob).Refs > 0 }
	return []wrongRecord{
		{"noncurrent", 'h', nil, version(func(v *record.Version) { v.Noncurrent++ }), ProblemChain},
		{"turned", 'h', nil, version(func(v *record.Version) { v.Turns = append(v.Turns, v.Seq+1) }), ProblemChain},
		{"turned back", 'v', nil, version(func(v *record.Version) { v.Turns = append(v.Turns, v.Seq) }), ProblemChain},
		{"null", 'h', nil, version(func(v *record.Version) { v.NullSeq = v.Seq + 1 }), ProblemChain},
		{"number", 'h', nil, version(func(v *record.Version) { v.NextNumber = v.Number }), ProblemChain},
		{"head is a marker", 'h', nil, version(func(v *record.Version) { v.Marker, v.Content = true, nil }), ProblemRecordWrong},
		{"future", 'h', nil, version(func(v *record.Version) { v.Seq += 1 << 40 }), ProblemRecordWrong},
		{"size", 'h', nil, version(func(v *record.Version) { v.Size++ }), ProblemContent},
		{"size", 'v', nil, version(func(v *record.Version) { v.Size++ }), ProblemContent},
		{"inode", 'h', nil, version(func(v *record.Version) { v.Ino = 1 << 50 }), ProblemRecordWrong},
		{"time", 'v', nil, version(func(v *record.Version) { v.TimeNs += 1e18 }), ProblemChain},
		{"seq", 'v', nil, version(func(v *record.Version) { v.Seq-- }), ProblemRecordWrong},
		{"tags", 'h', nil, version(func(v *record.Version) { v.Tags = map[string]string{"a&b": ""} }), ProblemRecordWrong},
		{"metadata", 'v', nil, version(func(v *record.Version) { v.Metadata = map[string]string{"A": ""} }), ProblemRecordWrong},
		{"headers", 'h', nil, version(func(v *record.Version) { v.Headers = &record.Headers{Expires: "\n"} }), ProblemRecordWrong},
		{"xattrs", 'h', nil, version(func(v *record.Version) { v.Xattrs = map[string][]byte{"user.x": make([]byte, MaxXattrValues+1)} }), ProblemRecordWrong},
		{"tags of a marker", 'd', func(r record.Record) bool { return r.(*record.Version).Marker }, version(func(v *record.Version) { v.Tags = map[string]string{"a": ""} }), ProblemRecordWrong},
		{"xattrs", 'n', nil, dir(func(d *record.Dir) { d.Xattrs = map[string][]byte{"": nil} }), ProblemRecordWrong},
		{"labels", 'w', nil, func(r record.Record) { r.(*record.Draft).Version.Tags = map[string]string{"": ""} }, ProblemRecordWrong},
		{"labels", 'u', nil, func(r record.Record) { r.(*record.Upload).Version.Tags = map[string]string{"": ""} }, ProblemRecordWrong},
		{"tags", 'b', nil, func(r record.Record) { r.(*record.Bucket).Tags = map[string]string{"": ""} }, ProblemRecordWrong},
		{"two nulls", 'v', nil, version(func(v *record.Version) { v.Null = true }), ProblemChain},
		{"live", 'd', nil, version(func(v *record.Version) { v.Marker = false }), ProblemRecordWrong},
		{"children", 'n', nil, dir(func(d *record.Dir) { d.Children++ }), ProblemDirCount},
		{"explicit", 'n', func(r record.Record) bool { return r.(*record.Dir).Ino > 4 }, dir(func(d *record.Dir) { d.Explicit = !d.Explicit }), ProblemDirExplicit},
		{"reach", 'n', func(r record.Record) bool { return r.(*record.Dir).Reach > 2 }, dir(func(d *record.Dir) { d.Reach = 2 }), ProblemDirReach},
		{"references up", 'l', counts, func(r record.Record) { r.(*record.Blob).Refs++ }, ProblemRefs},
		{"references down", 'l', counts, func(r record.Record) { r.(*record.Blob).Refs-- }, ProblemRefs},
		{"seal", 'l', func(r record.Record) bool { return r.(*record.Blob).Sum != 0 }, func(r record.Record) { r.(*record.Blob).Sum++ }, ProblemDamaged},
		{"length of extents", 'e', nil, func(r record.Record) { r.(*record.ExtentList).Extents[0].Len++ }, ""},
		{"blob of extents", 'e', nil, func(r record.Record) { r.(*record.ExtentList).Extents[0].Blob = 1 << 40 }, ""},
		{"draft's size", 'w', nil, func(r record.Record) { r.(*record.Draft).Version.Ino++ }, ProblemDraft},
		{"part", 'q', nil, func(r record.Record) { r.(*record.Part).Number++ }, ProblemRecordWrong},
		{"upload", 'u', nil, func(r record.Record) { r.(*record.Upload).Number++ }, ProblemRecordWrong},
		{"rename", 'm', nil, func(r record.Record) { r.(*record.Move).Bucket = 1 << 40 }, ProblemRecordWrong},
		{"cursor", 'c', nil, func(r record.Record) { r.(*record.Cursor).Name = "other" }, ProblemRecordWrong},
		{"bucket", 'b', nil, func(r record.Record) { r.(*record.Bucket).Id++ }, ProblemBucket},
		{"access key", 'r', nil, func(r record.Record) { r.(*record.AccessKey).Id = "OTHER" }, ProblemRecordWrong},
		{"secret key", 'r', nil, func(r record.Record) { r.(*record.AccessKey).Secret = "short" }, ProblemRecordWrong},
		{"pieces", 'o', nil, func(r record.Record) { r.(*record.ConfigPiece).Pieces++ }, ProblemRecordWrong},
		{"a piece cut off", 'o', nil, func(r record.Record) { p := r.(*record.ConfigPiece); p.Data = p.Data[:len(p.Data)-3] }, ProblemRecordWrong},
		{"predecessor", 'p', nil, func(r record.Record) { r.(*record.Pending).Predecessor.Seq = 1 << 40 }, ProblemRecordWrong},
	}
}

// Records that parse and say something that is not so.
func TestFsckFindsWrongRecords(t *testing.T) {
	m := newMuseum(t, quickDir(t)+"/store")
	keys, values := m.records()
	for _, c := range wrongRecords() {
		for i, k := range keys {
			msg := messages()[k[0]]
			if k[0] != c.table {
				continue
			}
			m.ok(record.Unmarshal(values[i], msg))
			if c.which != nil && !c.which(msg) {
				continue
			}
			c.do(msg)
			b, err := record.Marshal(msg)
			m.ok(err)
			m.set(k, b, true)
			found := m.check(false)
			hit := false
			for _, p := range found {
				hit = hit || c.kind == "" || p.Kind == c.kind
			}
			if !hit {
				t.Errorf("%s: record %q: no %s but %v", c.name, k, c.kind, found)
			}
			m.judge(m.se)
			m.set(k, values[i], true)
		}
	}
	m.ok(m.file.Close(context.Background()))
}

// Two files of one inode number are both named.
func TestFsckFindsInodeTwice(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	put(t, se, "bkt", "f", "f")
	put(t, se, "bkt", "d/g", "g")
	f, err := se.Head(ctx, "bkt", "f", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.update(ctx, author{}, visible, func(t *txn) error {
		b, err := t.bucket("bkt")
		if err != nil {
			return err
		}
		v, err := t.versionAt(table.Head(b.Id, "d/g"))
		if err != nil {
			return err
		}
		v.Ino = f.Ino
		return t.put(table.Head(b.Id, "d/g"), v)
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Fsck(ctx, nil)
	if err != nil || len(found) != 2 || found[0].Kind != ProblemInode || found[0].Where != "bkt/d/g" || found[1].Where != "bkt/f" {
		t.Errorf("found %v, %v", found, err)
	}
}

// Files on disk are damaged while nobody has the store open. What Open accepts, fsck
// finds; what neither notices has lost nothing; reads never give wrong bytes.
func TestFsckFindsDamagedFiles(t *testing.T) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(seedOf(t), 0))
	m := newMuseum(t, quickDir(t)+"/store")
	m.ok(m.file.Close(ctx))
	m.want[[3]string{"bare", "fragmented", "null"}] = readAll(t, m.se, "bare", "fragmented", "") // the draft is published
	m.ok(m.s.Close(ctx))
	dir := m.s.opts.Dir
	var files []string
	m.ok(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != lockName {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, rel)
		}
		return err
	}))
	var contents []string
	for _, f := range files {
		if strings.HasPrefix(f, blobDir) {
			contents = append(contents, f)
		}
	}
	outcomes := map[string]int{}
	r.Shuffle(len(contents), func(i, j int) { contents[i], contents[j] = contents[j], contents[i] })
	for _, file := range files {
		if strings.HasPrefix(file, blobDir) && slices.Index(contents, file) >= 6 {
			continue // those are enough
		}
		for _, how := range []string{"flip", "flip", "truncate", "delete", "swap"} {
			copied := quickDir(t) + "/store"
			m.ok(copyTree(dir, copied))
			if !damageFile(t, r, copied, file, how, contents) {
				continue
			}
			outcome := m.after(copied, file)
			if strings.HasPrefix(file, blobDir) && outcome != "found" {
				t.Errorf("%s of %s was %s", how, file, outcome)
			}
			outcomes[outcome]++
			m.ok(os.RemoveAll(copied))
		}
	}
	t.Logf("%v", outcomes)
	if outcomes["refused"] == 0 || outcomes["found"] == 0 {
		t.Errorf("outcomes are %v", outcomes)
	}
}

func seedOf(t *testing.T) uint64 {
	seed := *fsckSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-fsckseed=%d", seed)
	return seed
}

// damageFile damages one file; false says that this one cannot be damaged so.
func damageFile(t *testing.T, r *rand.Rand, dir, file, how string, contents []string) bool {
	t.Helper()
	path := filepath.Join(dir, file)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch how {
	case "flip":
		end := len(bytes.TrimRight(b, "\x00")) // what is behind is room for later
		if end == 0 {
			return false
		}
		at := r.IntN(end)
		b[at] ^= 1 << r.IntN(8)
		err = os.WriteFile(path, b, 0o600)
	case "truncate":
		if len(b) == 0 {
			return false
		}
		err = os.Truncate(path, int64(r.IntN(len(b))))
	case "delete":
		err = os.Remove(path)
	case "swap":
		if !strings.HasPrefix(file, blobDir) || len(contents) < 2 {
			return false
		}
		other := contents[r.IntN(len(contents))]
		if other == file {
			return false
		}
		var c []byte
		if c, err = os.ReadFile(filepath.Join(dir, other)); err == nil {
			err = errors.Join(os.WriteFile(path, c, 0o600), os.WriteFile(filepath.Join(dir, other), b, 0o600))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// after opens a damaged store and says what became of it: "refused", "found", or
// "harmless" if everything is still there.
func (m *museum) after(dir, file string) string {
	m.t.Helper()
	ctx := context.Background()
	o := m.s.opts
	o.Dir = dir
	var s *Store
	var err error
	leak.Excuse(func() error { // badger keeps what it had begun when it cannot open
		s, err = Open(ctx, o)
		return err
	})
	if err != nil {
		switch k := fault.KindOf(err); {
		case strings.Contains(err.Error(), "\n"):
			m.t.Errorf("%s: the sentence has several lines: %v", file, err)
		case k != fault.Damaged && k != fault.NoSuchStore && k != fault.NewerFormat:
			m.t.Errorf("%s: refused with kind %v: %v", file, k, err)
		}
		return "refused"
	}
	defer s.Close(ctx)
	lost := m.judge(s.As(Owner(), RequestContext{}))
	found, err := s.Check(ctx, FsckOptions{Deep: true})
	m.ok(err)
	switch {
	case len(found) > 0:
		return "found"
	case len(lost) > 0:
		m.t.Errorf("%s: nobody noticed that this is gone: %v", file, lost)
	}
	return "harmless"
}
