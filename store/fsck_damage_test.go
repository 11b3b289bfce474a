package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"pail/integration/leak"
	"pail/integration/trial"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

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
	silent := map[byte]bool{'a': true, 'c': true, 'f': true, 't': true, 'x': true, 's': true, 'p': true, 'r': true, 'o': true, 'j': true, 'z': true, 'K': true, 'A': true}
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
		msg := messageAt(k)
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
		{"access key", 'r', isKey, func(r record.Record) { r.(*record.AccessKey).Id = "OTHER" }, ProblemRecordWrong},
		{"secret key", 'r', isKey, func(r record.Record) { r.(*record.AccessKey).Secret = "short" }, ProblemRecordWrong},
		{"user", 'r', identityIs[*record.Identity_User], func(r record.Record) { r.(*record.Identity).GetUser().Id = "AIDAOTHER" }, ProblemRecordWrong},
		{"name of a user", 'r', identityIs[*record.Identity_User], func(r record.Record) { r.(*record.Identity).GetUser().Name = "a/b" }, ProblemRecordWrong},
		{"group of a user", 'r', identityIs[*record.Identity_User], func(r record.Record) { r.(*record.Identity).GetUser().Groups[0] = "AGPANONE" }, ProblemRecordWrong},
		{"boundary", 'r', identityIs[*record.Identity_User], func(r record.Record) { r.(*record.Identity).GetUser().Boundary += "x" }, ProblemRecordWrong},
		{"account of a role", 'r', identityIs[*record.Identity_Role], func(r record.Record) { r.(*record.Identity).GetRole().Account = "999999999999" }, ProblemRecordWrong},
		{"policy of a group", 'r', identityIs[*record.Identity_Group], func(r record.Record) { r.(*record.Identity).GetGroup().Attached[0] += "x" }, ProblemRecordWrong},
		{"version of a policy", 'r', identityIs[*record.Identity_Policy], func(r record.Record) { r.(*record.Identity).GetPolicy().Default = 7 }, ProblemRecordWrong},
		{"MFA device", 'r', identityIs[*record.Identity_Device], func(r record.Record) { r.(*record.Identity).GetDevice().Seed = nil }, ProblemRecordWrong},
		{"holder of a device", 'r', identityIs[*record.Identity_Device], func(r record.Record) { r.(*record.Identity).GetDevice().Holder = "AIDANONE" }, ProblemRecordWrong},
		{"secret of tokens", 'r', identityIs[*record.Identity_Secret], func(r record.Record) { r.(*record.Identity).GetSecret().Key = nil }, ProblemRecordWrong},
		{"last use", 'r', identityIs[*record.Identity_LastUse], func(r record.Record) { r.(*record.Identity).GetLastUse().Id += "x" }, ProblemRecordWrong},
		{"key", 'K', kmsIs[*record.Kms_Key], func(r record.Record) { r.(*record.Kms).GetKey().Id += "x" }, ProblemRecordWrong},
		{"state of a key", 'K', kmsIs[*record.Kms_Key], func(r record.Record) { r.(*record.Kms).GetKey().State = 0 }, ProblemRecordWrong},
		{"material of a key", 'K', kmsIs[*record.Kms_Key], func(r record.Record) { r.(*record.Kms).GetKey().Materials[0].Sealed = nil }, ProblemRecordWrong},
		{"key of an alias", 'K', kmsIs[*record.Kms_Alias], func(r record.Record) { r.(*record.Kms).GetAlias().Target += "x" }, ProblemRecordWrong},
		{"secret of a key service", 'K', kmsIs[*record.Kms_Service], func(r record.Record) { r.(*record.Kms).GetService().Sealed = nil }, ProblemRecordWrong},
		{"key of a grant", 'K', kmsIs[*record.Kms_Grant], func(r record.Record) { r.(*record.Kms).GetGrant().Key += "x" }, ProblemRecordWrong},
		{"operation of a grant", 'K', kmsIs[*record.Kms_Grant], func(r record.Record) { r.(*record.Kms).GetGrant().Operations[0] = "Sign" }, ProblemRecordWrong},
		{"pieces", 'o', nil, func(r record.Record) { r.(*record.ConfigPiece).Pieces++ }, ProblemRecordWrong},
		{"a piece cut off", 'o', nil, func(r record.Record) { p := r.(*record.ConfigPiece); p.Data = p.Data[:len(p.Data)-3] }, ProblemRecordWrong},
		{"name of an access point", 'A', nil, func(r record.Record) { r.(*record.AccessPoint).Name += "x" }, ProblemRecordWrong},
		{"bucket of an access point", 'A', nil, func(r record.Record) { r.(*record.AccessPoint).Bucket += "x" }, ProblemRecordWrong},
		{"alias of an access point", 'A', nil, func(r record.Record) { r.(*record.AccessPoint).Alias = "bucket" }, ProblemRecordWrong},
		{"network of an access point", 'A', nil, func(r record.Record) { r.(*record.AccessPoint).Vpc = "lab" }, ProblemRecordWrong},
		{"tags of an access point", 'A', nil, func(r record.Record) { r.(*record.AccessPoint).Tags = map[string]string{"": "x"} }, ProblemRecordWrong},
		{"number of an access point", 'A', nil, func(r record.Record) { r.(*record.AccessPoint).Id = 1 << 40 }, ProblemRecordWrong},
		{"policy of an access point", 'A', nil, func(r record.Record) { p := r.(*record.AccessPoint); p.Policied = !p.Policied }, ProblemRecordWrong},
		{"predecessor", 'p', nil, func(r record.Record) { r.(*record.Pending).Predecessor.Seq = 1 << 40 }, ProblemRecordWrong},
	}
}

func isKey(r record.Record) bool { _, ok := r.(*record.AccessKey); return ok }

// identityIs says whether a record is of an identity of one kind.
func identityIs[T any](r record.Record) bool {
	i, ok := r.(*record.Identity)
	if !ok {
		return false
	}
	_, ok = any(i.What).(T)
	return ok
}

// kmsIs says whether a record is of one kind of what the key management service keeps.
func kmsIs[T any](r record.Record) bool {
	k, ok := r.(*record.Kms)
	if !ok {
		return false
	}
	_, ok = any(k.What).(T)
	return ok
}

// Records that parse and say something that is not so.
func TestFsckFindsWrongRecords(t *testing.T) {
	m := newMuseum(t, quickDir(t)+"/store")
	keys, values := m.records()
	for _, c := range wrongRecords() {
		for i, k := range keys {
			msg := messageAt(k)
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
	r := rand.New(rand.NewPCG(trial.Seed(t), 0))
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
		case k != fault.Damaged && k != fault.NoSuchStore && k != fault.NewerFormat && !(file == masterName && k == fault.AccessDenied):
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
