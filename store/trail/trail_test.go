package trail

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// events are one of each kind of record.
func events() map[string]Event {
	root := Identity{Type: "Root", PrincipalID: "000000000000", ARN: "arn:aws:iam::000000000000:root", Account: "000000000000", AccessKey: "AKIAEXAMPLE"}
	return map[string]Event{
		"put": {
			ID: "00000000-0000-4000-8000-000000000001", Time: at("2026-11-27T10:00:00Z"), Source: SourceS3, Name: "PutObject", Region: "eu-west-1",
			Account: "000000000000", Who: root, SourceIP: "192.0.2.7", UserAgent: "aws-cli/2", RequestID: "FNQMP9GW6T92Y09S",
			Bucket: "photos", Key: "2026/é\n\"x\".jpg", Owner: "000000000000",
			Parameters: []Field{{"Host", "photos.example.com"}, {"x-amz-storage-class", "STANDARD"}},
			Response:   []Field{{"x-amz-version-id", "v1"}},
			Additional: []Field{{"SignatureVersion", "SigV4"}, {"CipherSuite", "TLS_AES_128_GCM_SHA256"}, {"bytesTransferredIn", int64(21838)}, {"bytesTransferredOut", int64(0)}},
			Data:       true, TLS: TLS{"TLSv1.3", "TLS_AES_128_GCM_SHA256", "photos.example.com"},
		},
		"denied": {
			ID: "00000000-0000-4000-8000-000000000002", Time: at("2026-11-27T10:00:01Z"), Source: SourceS3, Name: "GetObject", Region: "us-east-1",
			Account: "000000000000", Who: Identity{Type: "AWSAccount", Account: "ANONYMOUS_PRINCIPAL"}, SourceIP: "2001:db8::1", UserAgent: "curl/8",
			RequestID: "1", Bucket: "photos", Key: "a", Owner: "000000000000", ErrorCode: "AccessDenied", ErrorMessage: "Access Denied", ReadOnly: true, Data: true,
		},
		"mount": {
			ID: "00000000-0000-4000-8000-000000000003", Time: at("2026-11-27T10:00:02Z"), Source: SourceS3, Name: "RenameObject", Region: "us-east-1",
			Account: "000000000000", Who: Identity{Type: "IAMUser", PrincipalID: "AIDAEXAMPLE", ARN: "arn:aws:iam::000000000000:user/alice", Account: "000000000000", UserName: "alice"},
			SourceIP: "127.0.0.1", UserAgent: "pail", Bucket: "photos", Key: "new/", Other: "old/", Prefix: true, Owner: "000000000000",
			Parameters: []Field{{"key", "new/"}, {"x-amz-rename-source", "/photos/old/"}},
			Additional: []Field{{"door", "mount"}, {"uid", uint32(1000)}, {"gid", uint32(100)}, {"pid", int64(4711)}, {"comm", "mv"}}, Data: true,
		},
		"role": {
			ID: "00000000-0000-4000-8000-000000000004", Time: at("2026-11-27T10:00:03Z"), Source: SourceS3, Name: "DeleteObjects", Region: "us-east-1",
			Account: "000000000000", SourceIP: "192.0.2.7", UserAgent: strings.Repeat("é", 600), RequestID: "2", Bucket: "photos", Owner: "000000000000", Data: true,
			Who: Identity{
				Type: "AssumedRole", PrincipalID: "AROAEXAMPLE:job", ARN: "arn:aws:sts::000000000000:assumed-role/backup/job", Account: "000000000000", AccessKey: "ASIAEXAMPLE",
				Issuer: Issuer{"Role", "AROAEXAMPLE", "arn:aws:iam::000000000000:role/backup", "000000000000", "backup"}, Issued: at("2026-11-27T09:00:00Z"), MFA: true, Source: "ci",
			},
		},
		"service": {
			ID: "00000000-0000-4000-8000-000000000005", Time: at("2026-11-27T10:00:04Z"), Source: SourceS3, Name: "DeleteObject", Region: "us-east-1",
			Account: "000000000000", Who: Identity{Type: "AWSService", InvokedBy: "s3.amazonaws.com"}, SourceIP: "s3.amazonaws.com", UserAgent: "s3.amazonaws.com",
			Bucket: "photos", Key: "old", Owner: "000000000000", Data: true, Service: true,
		},
		"management": {
			ID: "00000000-0000-4000-8000-000000000006", Time: at("2026-11-27T10:00:05Z"), Source: SourceS3, Name: "ListBuckets", Region: "us-east-1",
			Account: "000000000000", Who: root, SourceIP: "192.0.2.7", UserAgent: "aws-cli/2", RequestID: "3", ReadOnly: true,
			Parameters: []Field{{"Host", "localhost:9000"}},
		},
	}
}

// The records are as testdata has them, and JSON.
func TestRecords(t *testing.T) {
	for name, e := range events() {
		got := e.AppendJSON(nil)
		var any map[string]any
		if err := json.Unmarshal(got, &any); err != nil {
			t.Errorf("%s: %v: %s", name, err, got)
			continue
		}
		var pretty bytes.Buffer
		_ = json.Indent(&pretty, got, "", "  ")
		pretty.WriteByte('\n')
		path := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pretty.Bytes(), want) {
			t.Errorf("%s is\n%s, want\n%s", name, pretty.Bytes(), want)
		}
	}
}

// FuzzQuoted: any string in a record is what it was, but for what is not UTF-8.
func FuzzQuoted(f *testing.F) {
	for _, s := range []string{"", "a\x00b", "\u2028\u2029", "\xff\xfe", `"\`, "\t\r\n\x1f\x7f", "日本"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		b := appendQuoted(nil, s)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); got != want && len(got) != len([]byte(string([]rune(s)))) {
			t.Fatalf("%q came back as %q", s, got)
		}
		if bytes.ContainsAny(b, "\n\r") {
			t.Fatalf("a line ends inside of %q", b)
		}
	})
}

func TestSelectors(t *testing.T) {
	put, get, list, make := KindOf("PutObject"), KindOf("GetObject"), KindOf("ListBuckets"), KindOf("CreateBucket")
	for _, c := range []struct {
		s    Selector
		k    Kind
		b    string
		keys []string
		want bool
	}{
		{Selector{Management: All}, list, "", nil, true},
		{Selector{Management: All}, put, "b", []string{"k"}, false},
		{Selector{Management: Write}, list, "", nil, false},
		{Selector{Management: Write}, make, "b", nil, true},
		{Selector{Management: Read}, make, "b", nil, false},
		{Selector{Data: Read}, get, "b", []string{"k"}, true},
		{Selector{Data: Read}, put, "b", []string{"k"}, false},
		{Selector{Data: All, Prefixes: []string{"arn:aws:s3:::b/x/"}}, put, "b", []string{"x/1"}, true},
		{Selector{Data: All, Prefixes: []string{"arn:aws:s3:::b/x/"}}, put, "b", []string{"y", "x/1"}, true},
		{Selector{Data: All, Prefixes: []string{"arn:aws:s3:::b/x/"}}, put, "b", []string{"y", ""}, false},
		{Selector{Data: All, Prefixes: []string{"arn:aws:s3:::b/x/"}}, put, "bb", []string{"x/1"}, false},
		{Selector{Data: All, Prefixes: []string{"arn:aws:s3:::b/"}}, KindOf("ListObjectsV2"), "b", []string{""}, true},
		{Selector{Data: All, Prefixes: []string{"arn:aws:s3:::"}}, put, "any", []string{"k"}, true},
	} {
		if err := c.s.Check(); err != nil {
			t.Errorf("%+v: %v", c.s, err)
		}
		if got := c.s.Has(c.k, c.b, c.keys...); got != c.want {
			t.Errorf("%+v has %s of %s %q: %v", c.s, c.k.Name, c.b, c.keys, got)
		}
	}
	for _, bad := range []Selector{{}, {Data: 9}, {Data: All, Prefixes: []string{"b/x"}}, {Data: All, Prefixes: []string{"arn:aws:s3:::b"}}} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestNames(t *testing.T) {
	p := Place{Prefix: "a/b", Account: "000000000000", Region: "us-east-1", Trail: "pail"}
	if got := p.NewLog(at("2026-01-02T03:04:05Z")); !strings.HasPrefix(got, "a/b/AWSLogs/000000000000/CloudTrail/us-east-1/2026/01/02/000000000000_CloudTrail_us-east-1_20260102T0304Z_") || len(got) != 130 {
		t.Errorf("a log file is %s (%d)", got, len(got))
	}
	if got, want := p.NewDigest(at("2026-01-02T03:04:05Z")), "a/b/AWSLogs/000000000000/CloudTrail-Digest/us-east-1/2026/01/02/000000000000_CloudTrail-Digest_us-east-1_pail_us-east-1_20260102T030405Z.json.gz"; got != want {
		t.Errorf("a digest is %s, want %s", got, want)
	}
	for name, ok := range map[string]bool{"pail": true, "a.b-c_d": true, "ab": false, "a..b": false, "-ab": false, "abé": false, strings.Repeat("a", 129): false} {
		if (CheckName(name) == nil) != ok {
			t.Errorf("the name %q: %v", name, CheckName(name))
		}
	}
}

// A digest that was signed verifies, and no other does.
func TestDigests(t *testing.T) {
	der, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseKey(der)
	if err != nil {
		t.Fatal(err)
	}
	sig := "00ff"
	d := &Digest{Account: "000000000000", Start: at("2026-01-01T00:00:00Z"), End: at("2026-01-01T01:00:00Z"), Bucket: "b", Object: "o", PreviousSignature: &sig}
	b, err := d.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(d.toSign("H")), "2026-01-01T01:00:00Z\nb/o\nH\n00ff"; got != want {
		t.Errorf("signed is %q, want %q", got, want)
	}
	signed, err := s.Sign(d, b)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseDigest(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := back.Verify(s.Public(), b, signed); err != nil {
		t.Error(err)
	}
	for i := range b {
		if c := bytes.Clone(b); true {
			c[i] ^= 1
			if back.Verify(s.Public(), c, signed) == nil {
				t.Fatalf("byte %d may be changed", i)
			}
		}
	}
	back.Object = "elsewhere"
	if back.Verify(s.Public(), b, signed) == nil {
		t.Error("a digest may stand elsewhere")
	}
}

// Whatever is done to the records of a file is told: each that was changed, taken away or
// added, with its place, and nothing of the others.
func TestCompare(t *testing.T) {
	record := func(n int) []byte {
		return fmt.Appendf(nil, `{"eventID":"id%d","eventName":"PutObject","eventTime":"2026-01-01T00:00:00Z"}`, n)
	}
	var all [][]byte
	for n := range 7 {
		all = append(all, record(n))
	}
	shorts := Shorts(all)
	for n := range all {
		changed := append([][]byte(nil), all...)
		changed[n] = record(100 + n)
		if got, want := Compare(shorts, changed), fmt.Sprintf("record %d of 7 was changed: now it is id%d (PutObject at 2026-01-01T00:00:00Z)", n+1, 100+n); len(got) != 1 || got[0] != want {
			t.Errorf("changed %d: %q", n, got)
		}
		missing := append(append([][]byte(nil), all[:n]...), all[n+1:]...)
		if got, want := Compare(shorts, missing), fmt.Sprintf("record %d of 7 is missing", n+1); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("missing %d: %q", n, got)
		}
		added := append(append(append([][]byte(nil), all[:n]...), record(50)), all[n:]...)
		if got := Compare(shorts, added); len(got) != 1 || !strings.Contains(got[0], fmt.Sprintf("id50 (PutObject at 2026-01-01T00:00:00Z) was added before record %d of 7", n+1)) {
			t.Errorf("added %d: %q", n, got)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		left := append([][]byte(nil), all...)
		gone := 0
		for range r.IntN(4) {
			at := r.IntN(len(left))
			left = append(left[:at:at], left[at+1:]...)
			gone++
		}
		if got := Compare(shorts, left); gone > 0 && len(got) != gone {
			t.Fatalf("%d are missing: %q", gone, got)
		}
	}
	swapped := append([][]byte{all[1], all[0]}, all[2:]...)
	if got := Compare(shorts, swapped); len(got) == 0 {
		t.Error("another order is not told")
	}
}

// FuzzLogFile takes any bytes for a log file, a digest and what a digest says of records:
// nothing panics, and what was composed splits into what it was composed of.
func FuzzLogFile(f *testing.F) {
	f.Add([]byte(`{"Records":[{"eventID":"a"},1]}`), "AAAAAAAAAAA=")
	f.Add([]byte(`{"logFiles":[{"newestEventTime":null}]}`), "")
	f.Fuzz(func(t *testing.T, b []byte, shorts string) {
		_, _ = Unpack(b)
		_, _ = ParseDigest(b)
		_, _ = ParseKey(b)
		_, _ = ParseWhich(shorts)
		_ = new(Digest).Verify(b, b, shorts)
		records, err := Split(b)
		if err != nil {
			return
		}
		_ = Compare(shorts, records)
		_ = Join([]string{shorts, ""})
		again, err := Split(Compose(records))
		if err != nil || len(again) != len(records) {
			t.Fatalf("%d records became %d: %v", len(records), len(again), err)
		}
		packed, err := Pack(b)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Unpack(packed); err != nil || !bytes.Equal(back, b) {
			t.Fatalf("packed and unpacked it is another: %v", err)
		}
	})
}

// FuzzFrames: what was framed comes back, and any bytes are frames or refused.
func FuzzFrames(f *testing.F) {
	f.Add(uint64(0), []byte("{}"), []byte("tail"))
	f.Add(uint64(7), []byte(""), AppendFrame(nil, 1, []byte("x")))
	f.Fuzz(func(t *testing.T, number uint64, record, tail []byte) {
		b := AppendFrame(nil, number, record)
		n, r, size, err := CutFrame(append(b, tail...))
		if err != nil || n != number || !bytes.Equal(r, record) || size != len(b) {
			t.Fatalf("%d %q came back as %d %q: %v", number, record, n, r, err)
		}
		if _, _, size, err := CutFrame(b[:len(b)-1]); err == nil && size != 0 {
			t.Fatal("a part of a frame is one")
		}
		for rest := tail; ; {
			n, r, size, err := CutFrame(rest)
			if err != nil || size == 0 {
				return
			}
			if !bytes.Equal(AppendFrame(nil, n, r), rest[:size]) {
				t.Fatalf("%q is not what it was read as", rest[:size])
			}
			rest = rest[size:]
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	e := events()["put"]
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}
