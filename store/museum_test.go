package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pail/store/checksum"
	"pail/store/cors"
	"pail/store/event"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/keyring"
	"pail/store/kms"
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

func newMuseum(t *testing.T, dir string) *museum { return newMuseumUnder(t, dir, nil) }

// museumKey is the customer's key of what begins with mine/ in a museum under a master key.
func museumKey(_, key string) *CustomerKey {
	if !strings.HasPrefix(key, "mine/") {
		return nil
	}
	k, _ := NewCustomerKey(bytes.Repeat([]byte{9}, 32))
	return k
}

// newMuseumUnder is a museum in a store with a master key, under which also keys of other kinds
// encrypt something; nil: without one.
func newMuseumUnder(t *testing.T, dir string, master *keyring.Master) *museum {
	ctx := context.Background()
	m := &museum{t: t, want: map[[3]string]string{}}
	o := Options{Dir: dir, NewMasterKey: master, InlineMax: 64, SettleAfter: -1, MinPartSize: -1, MemTableSize: 1 << 20, VerifyReads: true,
		tuning: tuning{movedInline: -1, moveDelay: time.Hour},
		Now:    func() time.Time { return time.Now().Add(-time.Duration(m.back.Load())) }}
	rc := RequestContext{Door: DoorMount}
	if master != nil {
		_, with := withChosen(t, Options{})
		o.MasterKey, rc.CustomerKey = with.MasterKey, museumKey
	}
	m.ok(Create(o))
	s, err := Open(ctx, o)
	m.ok(err)
	t.Cleanup(func() { _ = s.Close(ctx) })
	m.s, m.se = s, s.As(Owner(), rc)
	_, err = s.OpenCursor(ctx, "reader")
	m.ok(err)
	_, err = m.se.CreateAccessKey(ctx, "", iam.Given{})
	m.ok(err)
	m.identities()
	m.kms()
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
	_, err = m.se.Copy(ctx, Source{Bucket: "kept", Key: "small"}, "bare", "shared-small", CopyInput{})
	m.ok(err)
	_, err = m.se.Copy(ctx, Source{Bucket: "kept", Key: "large"}, "bare", "shared-large", CopyInput{})
	m.ok(err)
	m.configured()
	if master != nil {
		m.encrypted()
	}
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

// encrypted makes an object of each size under each kind of key, and an upload.
func (m *museum) encrypted() {
	ctx := context.Background()
	mustBucket(m.t, m.se, "sealed", versioning.Enabled)
	on := true
	for i, c := range []struct {
		key string
		in  EncryptionInput
	}{
		{"s3", EncryptionInput{Mode: ModeS3}},
		{"kms", EncryptionInput{Mode: ModeKMS, KMSKey: "alias/museum", Context: map[string]string{"a": "b"}}},
		{"bucket-key", EncryptionInput{Mode: ModeKMS, KMSKey: "alias/museum", BucketKey: &on}},
		{"managed", EncryptionInput{Mode: ModeKMS}},
		{"mine/c", EncryptionInput{Customer: museumKey("sealed", "mine/c")}},
	} {
		for size, n := range map[string]int{"small": 20 + i, "large": 140_000 + i} {
			_, err := m.se.Put(ctx, "sealed", c.key+"-"+size, PutInput{Body: strings.NewReader(letters(n, uint64(n))), Size: int64(n), Encryption: c.in})
			m.ok(err)
		}
	}
	_, err := m.se.Copy(ctx, Source{Bucket: "sealed", Key: "s3-large"}, "sealed", "shared", CopyInput{Encryption: EncryptionInput{Mode: ModeKMS, KMSKey: "alias/museum"}})
	m.ok(err)
	id, err := m.se.CreateUpload(ctx, "sealed", "up", PutInput{Encryption: EncryptionInput{Mode: ModeKMS, KMSKey: "alias/museum"}})
	m.ok(err)
	_, err = m.se.UploadPart(ctx, "sealed", "up", id, 1, PartInput{Body: strings.NewReader(letters(150_000, 3)), Size: 150_000})
	m.ok(err)
	m.ok(m.se.SetBucketEncryption(ctx, "sealed", BucketEncryption{Mode: ModeKMS, KMSKey: "alias/museum", BucketKey: true}))
}

// identities makes one identity of each kind.
func (m *museum) identities() {
	ctx := context.Background()
	for _, err := range []error{
		second(m.se.CreateAccount(ctx, "other", "111122223333")),
		second(m.se.CreateUser(ctx, iam.NewUser{Name: "alice", Path: "/staff/", Tags: []iam.Tag{{Key: "team", Value: "ops"}}})),
		second(m.se.CreateAccessKey(ctx, "alice", iam.Given{})),
		m.se.PutUserPolicy(ctx, "alice", "get", allowGet),
		second(m.se.CreateGroup(ctx, "readers", "")),
		m.se.AddUserToGroup(ctx, "readers", "alice"),
		m.se.AttachGroupPolicy(ctx, "readers", s3ReadOnly),
		second(m.se.CreateRole(ctx, iam.NewRole{Name: "reader", Trust: trustAll})),
		second(m.se.CreatePolicy(ctx, iam.NewPolicy{Name: "limit", Text: allowGet})),
		m.se.PutUserPermissionsBoundary(ctx, "alice", "arn:aws:iam::000000000000:policy/limit"),
		second(m.se.CreateVirtualMFADevice(ctx, "phone", "", nil)),
		second(m.se.GetSessionToken(ctx, 0, "", "")),
	} {
		m.ok(err)
	}
	for _, k := range m.s.keys.All() {
		m.s.NoteUse(k.ID, "s3")
	}
	m.ok(m.s.keepUses(ctx, 0))
}

// kms makes a key, an alias and a grant.
func (m *museum) kms() {
	ctx := context.Background()
	k, err := m.se.KMSCreateKey(ctx, kms.NewKey{Tags: []kms.Tag{{Key: "a", Value: "b"}}})
	m.ok(err)
	m.ok(m.se.KMSCreateAlias(ctx, "alias/museum", k.ID))
	_, err = m.se.KMSCreateKeyService(ctx, kms.NewService{Name: "vault", Kind: kms.Transit, URL: "https://vault.example.com", Secret: "token"})
	m.ok(err)
	_, err = m.se.KMSCreateGrant(ctx, k.ID, kms.NewGrant{
		Grantee: "arn:aws:iam::000000000000:user/staff/alice", Operations: []string{"Decrypt"}, Equals: map[string]string{"a": "b"},
	}, nil, false)
	m.ok(err)
}

func second[T any](_ T, err error) error { return err }

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
	m.ok(second(m.se.CreateAccessPoint(ctx, "way-in", NewAccessPoint{Bucket: "kept", VPC: "vpc-lab"})))
	m.ok(m.se.SetAccessPointPolicy(ctx, "way-in", pointPolicy("way-in", "s3:GetObject")))
	m.ok(second(m.se.CreateAccessPoint(ctx, "plain-way", NewAccessPoint{Bucket: "bare"})))
	_, err := m.s.update(ctx, author{}, durable, func(t *txn) error {
		return t.put(table.Trail(t.tx.NextID()), &record.TrailEvent{Schema: record.Schema, Json: []byte("{}"), TimeNs: 1})
	})
	m.ok(err)
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
	_, err = m.se.Copy(ctx, Source{Bucket: "bare", Key: "fragmented"}, "bare", "fragmented2", CopyInput{})
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
	_, err = m.se.Copy(ctx, Source{Bucket: "kept", Key: "joined"}, "kept", "joined-too", CopyInput{})
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

// messageAt is the record that stands at a key, nil if what stands there is none.
func messageAt(k []byte) record.Record {
	if k[0] == 'r' && k[1] != 'k' {
		return new(record.Identity)
	}
	return messages()[k[0]]
}

// messages are the records of each table that is made of them; of identities the access keys.
func messages() map[byte]record.Record {
	return map[byte]record.Record{
		'b': new(record.Bucket), 'h': new(record.Version), 'd': new(record.Version), 'v': new(record.Version),
		'n': new(record.Dir), 'x': new(record.Dir), 'l': new(record.Blob), 'e': new(record.ExtentList),
		'p': new(record.Pending), 'w': new(record.Draft), 'u': new(record.Upload), 'q': new(record.Part),
		'a': new(record.Patch), 'm': new(record.Move), 'f': new(record.Change), 'c': new(record.Cursor), 'r': new(record.AccessKey),
		'o': new(record.ConfigPiece), 'j': new(record.Event), 'z': new(record.TrailEvent),
		'A': new(record.AccessPoint), 'K': new(record.Kms),
	}
}
