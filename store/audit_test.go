package store

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/trail"
)

// auditStore is a store with a bucket "data" and a trail of everything to the bucket "logs"
// and to a file.
func auditStore(t *testing.T) (s *Store, o Options, file string) {
	t.Helper()
	return auditStoreAt(t, Options{Dir: filepath.Join(t.TempDir(), "store")})
}

func auditStoreAt(t *testing.T, o Options) (s *Store, _ Options, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "audit.jsonl")
	if err := Create(o); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, o)
	se := s.As(Owner(), RequestContext{Door: DoorControl})
	for _, name := range []string{"data", "logs"} {
		if _, err := se.CreateBucket(context.Background(), name, BucketOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := se.EnableTrail(context.Background(), TrailInput{Bucket: "logs", Prefix: "audit", File: file, Select: trail.Selector{Management: trail.All, Data: trail.All}})
	if err != nil {
		t.Fatal(err)
	}
	return s, o, file
}

func reopened(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// A told is a record as tests read it.
type told struct {
	EventID, EventName, ErrorCode, EventTime string
	ReadOnly                                 bool
	UserIdentity                             struct{ Type, InvokedBy, Arn string }
	RequestParameters                        map[string]any
	ResponseElements                         map[string]any
	AdditionalEventData                      map[string]any
}

// toldIn reads the file of a trail.
func toldIn(t *testing.T, file string) (out []told) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var r told
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		out = append(out, r)
	}
	return out
}

// names are the events in order of the file, with the key and the error.
func names(rs []told) string {
	var out []string
	for _, r := range rs {
		name := r.EventName
		if key, ok := r.RequestParameters["key"].(string); ok {
			name += " " + key
		}
		if r.ErrorCode != "" {
			name += " " + r.ErrorCode
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// do puts an object as an act.
func auditPut(t *testing.T, s *Store, key, body string) {
	t.Helper()
	se := s.As(Owner(), RequestContext{Door: DoorS3, RequestID: "R-" + key})
	ctx, act := BeginAct(context.Background(), se, Operation{Name: "PutObject", Bucket: "data", Key: key})
	_, err := se.Put(ctx, "data", key, PutInput{Body: strings.NewReader(body), Size: int64(len(body))})
	if err != nil {
		t.Fatal(err)
	}
	act.End(Outcome{})
}

func auditDeliver(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.As(Owner(), RequestContext{}).DeliverTrail(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func auditVerify(t *testing.T, s *Store) (TrailReport, []TrailProblem) {
	t.Helper()
	var found []TrailProblem
	rep, err := s.As(Owner(), RequestContext{}).VerifyTrail(context.Background(), func(p TrailProblem) error {
		found = append(found, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rep, found
}

// Every way of changing something is told of, once, and so are refusals.
func TestTrailTellsWhoDidWhat(t *testing.T) {
	s, _, file := auditStore(t)
	ctx := context.Background()
	auditPut(t, s, "a", "1")
	reader := s.As(Owner(), RequestContext{Door: DoorS3})
	rctx, act := BeginAct(ctx, reader, Operation{Name: "GetObject", Bucket: "data", Key: "a"})
	if _, err := reader.Head(rctx, "data", "a", ""); err != nil {
		t.Fatal(err)
	}
	act.End(Outcome{Additional: []trail.Field{{Name: "bytesTransferredOut", Value: int64(1)}}})

	m := actOnMount(t, s, "data", "x")
	if err := m.Rename(ctx, Path{"data", "d/"}, Path{"data", "e/"}, RenameFlags{}); err != nil {
		t.Fatal(err)
	}
	if err := m.Unlink(ctx, "data", "e/g"); err != nil {
		t.Fatal(err)
	}
	if err := m.Rmdir(ctx, "data", "e/"); err != nil {
		t.Fatal(err)
	}
	stranger := s.As(Anonymous(), RequestContext{Door: DoorMount})
	if err := stranger.Unlink(ctx, "data", "a"); err == nil {
		t.Fatal("a stranger may delete")
	}
	auditDeliver(t, s)
	got := toldIn(t, file)
	want := "GetObject a, DeleteObject a AccessDenied, PutObject a, PutObject f, PutObject d/, RenameObject d/g, RenameObject e/, DeleteObject e/g, DeleteObject e/"
	if names(got) != want {
		t.Fatalf("told: %s\nwant: %s", names(got), want)
	}
	if d := got[3].AdditionalEventData; d["comm"] != "cp" || d["pid"] != 9.0 || d["uid"] != 7.0 || d["gid"] != 8.0 || d["door"] != "mount" {
		t.Errorf("the mount's record says %v", d)
	}
	if rep, found := auditVerify(t, s); len(found) != 0 || rep.Records != 18 || rep.Digests != 2 {
		t.Errorf("%+v %v", rep, found)
	}
}

// What was acknowledged is there after the process was killed, and told once.
func TestTrailSurvives(t *testing.T) {
	s, o, file := auditStore(t)
	auditPut(t, s, "a", "1")
	auditPut(t, s, "b", "1")
	se := s.As(Owner(), RequestContext{Door: DoorS3})
	_, act := BeginAct(context.Background(), se, Operation{Name: "GetObject", Bucket: "data", Key: "a"})
	act.End(Outcome{Code: "NoSuchKey", Message: "no"})
	// An act that has committed and was not answered is there, too.
	ctx, _ := BeginAct(context.Background(), se, Operation{Name: "DeleteObject", Bucket: "data", Key: "b"})
	if _, err := se.Delete(ctx, "data", "b", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(o.Dir)); err != nil { // as kill(2) leaves it
		t.Fatal(err)
	}
	o.Dir = dir
	s2 := reopened(t, o)
	auditDeliver(t, s2)
	want := "GetObject a NoSuchKey, PutObject a, PutObject b, DeleteObject b"
	if got := names(toldIn(t, file)); got != want {
		t.Fatalf("told: %s\nwant: %s", got, want)
	}
	auditDeliver(t, s2)
	if got := names(toldIn(t, file)); got != want {
		t.Fatalf("told again: %s", got)
	}
}

// FuzzTrailFile takes any bytes for a file of digests and for the end of one: nothing panics,
// and nothing that nobody has signed is taken for a digest.
func FuzzTrailFile(f *testing.F) {
	der, err := trail.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	signer, err := trail.ParseKey(der)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"digest":{"logFiles":[{"offset":-1,"size":9}]},"signature":"00"}`+"\n"), "h")
	f.Add([]byte("{}\n\n{"), "")
	f.Fuzz(func(t *testing.T, b []byte, hash string) {
		_ = follows(b, hash, b)
		path := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(path+digestSuffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
		v := &verifier{public: signer.Public(), fn: func(TrailProblem) error { return nil }}
		out, err := v.fileDigests(&record.TrailChain{Place: path, Object: path + digestSuffix, Hash: hash})
		if err != nil || len(out) != 0 {
			t.Fatalf("%d digests that nobody has signed: %v", len(out), err)
		}
	})
}

// Each record that somebody changes, takes away or adds is found and named, in the bucket and
// in the file, and so is each file and each digest.
func TestTrailFindsTampering(t *testing.T) {
	s, _, file := auditStore(t)
	ctx := context.Background()
	for _, key := range []string{"a", "b", "c"} {
		auditPut(t, s, key, "1")
	}
	auditDeliver(t, s)
	auditPut(t, s, "d", "1")
	auditDeliver(t, s)
	if rep, found := auditVerify(t, s); len(found) != 0 || rep.Digests != 4 {
		t.Fatalf("%+v %v", rep, found)
	}
	se := s.As(Owner(), RequestContext{Door: DoorS3})
	finds := func(what, want string) {
		t.Helper()
		if _, found := auditVerify(t, s); len(found) != 1 || !strings.Contains(found[0].What, want) {
			t.Errorf("%s: %v", what, found)
		}
	}

	// The file: every record.
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		lines := bytes.SplitAfter(whole, []byte("\n"))
		changed := bytes.Clone(lines[i])
		at := bytes.Index(changed, []byte("PutObject"))
		changed[at] = 'G'
		write(bytes.Replace(whole, lines[i], changed, 1))
		finds("a changed line", "was changed")
	}
	write(append(bytes.Clone(whole), "{}\n"...))
	finds("an added line", "they were added")
	write(whole)

	// The bucket: every record of every log file, then each file and each digest.
	p, err := se.List(ctx, "logs", ListInput{})
	if err != nil {
		t.Fatal(err)
	}
	put := func(key string, b []byte, meta map[string]string) {
		t.Helper()
		if _, err := se.Put(ctx, "logs", key, PutInput{Body: bytes.NewReader(b), Size: int64(len(b)), Metadata: meta}); err != nil {
			t.Fatal(err)
		}
	}
	v := &verifier{ctx: ctx, owner: se}
	for _, o := range p.Objects {
		packed, was, err := v.object("logs", o.Key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := trail.Unpack(packed)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(o.Key, "Digest") {
			other, _ := trail.Pack(bytes.Replace(text, []byte("us-east-1"), []byte("us-east-2"), 1))
			put(o.Key, other, was.Metadata)
			if _, found := auditVerify(t, s); len(found) == 0 || !strings.Contains(found[0].What, "digest") {
				t.Errorf("a changed digest: %v", found)
			}
			if _, err := se.Delete(ctx, "logs", o.Key, DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			if _, found := auditVerify(t, s); len(found) == 0 || found[0].What != "this digest is missing" {
				t.Errorf("a missing digest: %v", found)
			}
			put(o.Key, packed, was.Metadata)
			continue
		}
		records, err := trail.Split(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			changed := append([][]byte(nil), records...)
			changed[i] = bytes.Replace(records[i], []byte("PutObject"), []byte("GetObject"), 1)
			other, _ := trail.Pack(trail.Compose(changed))
			put(o.Key, other, nil)
			finds("a changed record", "was changed: now it is")
			other, _ = trail.Pack(trail.Compose(append(append([][]byte(nil), records[:i]...), records[i+1:]...)))
			put(o.Key, other, nil)
			finds("a missing record", "is missing")
			other, _ = trail.Pack(trail.Compose(append(records[:i:i], append([][]byte{[]byte(`{"eventID":"x"}`)}, records[i:]...)...)))
			put(o.Key, other, nil)
			finds("an added record", "was added")
		}
		if _, err := se.Delete(ctx, "logs", o.Key, DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		finds("a missing log file", "this log file is missing")
		put(o.Key, packed, nil)
		put(o.Key+".more.gz", packed, nil)
		finds("an added log file", "no digest tells of this log file")
		if _, err := se.Delete(ctx, "logs", o.Key+".more.gz", DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, found := auditVerify(t, s); len(found) != 0 {
		t.Errorf("all is back in its place, and %v", found)
	}
}

// A delivery that was cut short between the file and the records is made good.
func TestTrailFileIsCutShort(t *testing.T) {
	s, o, file := auditStore(t)
	auditPut(t, s, "a", "1")
	auditDeliver(t, s)
	auditPut(t, s, "b", "1")
	d := &delivery{a: s.audit}
	rec, st, err := s.audit.records()
	if err != nil {
		t.Fatal(err)
	}
	d.c, d.st = &auditConfig{rec: rec}, st
	b := &batch{}
	rows, _, err := d.endedRows()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.takeRows(b, rows); err != nil {
		t.Fatal(err)
	}
	if err := d.toFile(b, proto.CloneOf(st)); err != nil || len(b.records) != 1 {
		t.Fatalf("%d records: %v", len(b.records), err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(o.Dir)); err != nil {
		t.Fatal(err)
	}
	o.Dir = dir
	s2 := reopened(t, o)
	auditDeliver(t, s2)
	if got, want := names(toldIn(t, file)), "PutObject a, PutObject b"; got != want {
		t.Errorf("told: %s, want %s", got, want)
	}
	if _, found := auditVerify(t, s2); len(found) != 0 {
		t.Error(found)
	}
}

// TestTrailTellsNoProbes has a mount ask what it may show: no denial of what nobody tried is told.
func TestTrailTellsNoProbes(t *testing.T) {
	s, _, file := auditStore(t)
	ctx := context.Background()
	auditPut(t, s, "a", "1")
	who := aUser(t, s, Account, "reader", statements(allows("s3:GetObject", "arn:aws:s3:::data/*")))
	m := s.As(who, RequestContext{Door: DoorMount})
	if r, err := m.Rights(ctx, Path{"data", "a"}); err != nil || !r.Read || r.Write {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := m.Rights(ctx, Path{"data", ""}); err != nil {
		t.Fatal(err)
	}
	if err := m.Unlink(ctx, "data", "a"); !fault.Is(err, fault.AccessDenied) {
		t.Fatal(err)
	}
	// A form's sender is known when its fields are.
	form := s.As(Anonymous(), RequestContext{Door: DoorS3})
	fctx, act := BeginAct(ctx, form, Operation{Name: "PostObject", Bucket: "data"})
	ActOf(fctx).Learn(s.As(Owner(), RequestContext{Door: DoorS3}), "AKIAX", "posted")
	act.End(Outcome{})
	ActOf(ctx).Learn(form, "", "") // of no act
	auditDeliver(t, s)
	told := toldIn(t, file)
	if got, want := names(told), "DeleteObject a AccessDenied, PostObject posted, PutObject a"; got != want {
		t.Errorf("told: %s\nwant: %s", got, want)
	}
}

// actOnMount writes the file f, makes the directory d and moves f to d/g, as a process of a
// mount does it, whose session it returns.
func actOnMount(t *testing.T, s *Store, bucket, text string) *Session {
	t.Helper()
	ctx := context.Background()
	m := s.As(Owner(), RequestContext{Door: DoorMount, UID: 7, GID: 8, Process: func() Process { return Process{PID: 9, GID: 8, Comm: "cp"} }})
	f, err := m.OpenFile(ctx, bucket, "f", OpenFlags{Write: true, Create: true, WriteOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(ctx, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Mkdir(ctx, bucket, "d/", Attr{Mode: 0o755}); err != nil {
		t.Fatal(err)
	}
	if err := m.Rename(ctx, Path{bucket, "f"}, Path{bucket, "d/g"}, RenameFlags{}); err != nil {
		t.Fatal(err)
	}
	return m
}
