package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/trail"
	"pail/versioning"
)

// logWriter is the policy that lets the log of the bucket "src" be delivered to "logs".
func logWriter(source string) string {
	return statements(grants("Allow", `{"Service":"logging.s3.amazonaws.com"}`, "s3:PutObject", "arn:aws:s3:::logs/l/*",
		`{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::`+source+`"},"StringEquals":{"aws:SourceAccount":"`+Account+`"}}`))
}

// logStore is a store whose bucket "src" logs to "logs/l/", which takes it if it is told so.
func logStore(t *testing.T, o Options, granted bool) (*Store, *Session) {
	t.Helper()
	s, _ := openTest(t, o)
	se := s.As(Owner(), RequestContext{}) // of no door, and so told of nowhere
	mustBucket(t, se, "src", versioning.Unversioned)
	mustBucket(t, se, "logs", versioning.Unversioned)
	if granted {
		if err := se.SetBucketPolicy(context.Background(), "logs", logWriter("src"), false); err != nil {
			t.Fatal(err)
		}
	}
	if err := se.SetLogging(context.Background(), "src", Logging{Target: "logs", Prefix: "l/"}); err != nil {
		t.Fatal(err)
	}
	return s, se
}

// logRequest logs a request as a door does.
func logRequest(t *testing.T, s *Store, key string, at time.Time) {
	t.Helper()
	e := BeginLog(s.As(Owner(), RequestContext{Door: DoorS3, RequestID: "R", Time: at}), "src")
	if e == nil {
		t.Fatal("the bucket does not log")
	}
	e.Record.Operation, e.Record.Key, e.Record.RequestURI, e.Record.Status = "REST.GET.OBJECT", key, "GET /src/"+key+" HTTP/1.1", 200
	e.End()
}

func deliverLog(t *testing.T, se *Session, bucket string) LogStatus {
	t.Helper()
	st, err := se.DeliverLog(context.Background(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// logged are the log objects in a bucket, by their keys, and what operations and keys they tell
// of, in the order of the log.
func logged(t *testing.T, se *Session, bucket string) (keys []string, told []string) {
	t.Helper()
	p, err := se.List(context.Background(), bucket, ListInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range p.Objects {
		if !strings.Contains(o.Key, "-") {
			continue // no log object
		}
		keys = append(keys, o.Key)
		for line := range strings.Lines(readAll(t, se, bucket, o.Key, "")) {
			f := strings.Fields(line)
			if len(f) < 20 || !strings.HasSuffix(line, "\n") {
				t.Fatalf("no record: %q", line)
			}
			told = append(told, f[7]+" "+f[8])
		}
	}
	return keys, told
}

func wantTold(t *testing.T, se *Session, bucket string, want ...string) []string {
	t.Helper()
	keys, told := logged(t, se, bucket)
	if !slices.Equal(told, want) {
		t.Errorf("the log of %s tells\n%s\nwant\n%s", bucket, strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	return keys
}

// TestAccessLogIsDelivered delivers what was logged in the order in which requests came, once,
// under the keys that the configuration asks for.
func TestAccessLogIsDelivered(t *testing.T) {
	clock := newTestClock() // 2026-01-01 10:30
	s, se := logStore(t, Options{Now: clock.now}, true)
	logRequest(t, s, "b", clock.now())
	logRequest(t, s, "a", clock.now().Add(-time.Hour))
	st := deliverLog(t, se, "src")
	if st.Failed != nil || st.Waiting != 0 || st.Records != 2 || !st.Delivered.Equal(clock.now()) {
		t.Errorf("%+v", st)
	}
	keys := wantTold(t, se, "logs", "REST.GET.OBJECT a", "REST.GET.OBJECT b")
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "l/2026-01-01-10-30-00-") || len(keys[0]) != len("l/2026-01-01-10-30-00-0123456789ABCDEF") {
		t.Errorf("keys %q", keys)
	}
	o, err := se.Head(context.Background(), "logs", keys[0], "")
	if err != nil || o.Principal != "logging.s3.amazonaws.com" || o.Headers.ContentType != "text/plain" {
		t.Errorf("%+v %v", o, err)
	}
	deliverLog(t, se, "src")
	wantTold(t, se, "logs", "REST.GET.OBJECT a", "REST.GET.OBJECT b")

	// As the target encrypts what is put there.
	if err := se.SetBucketEncryption(context.Background(), "logs", BucketEncryption{Mode: ModeS3}); err != nil {
		t.Fatal(err)
	}
	clock.pass(time.Second)
	logRequest(t, s, "e", clock.now())
	deliverLog(t, se, "src")
	keys = wantTold(t, se, "logs", "REST.GET.OBJECT a", "REST.GET.OBJECT b", "REST.GET.OBJECT e")
	if o, err := se.Head(context.Background(), "logs", keys[1], ""); err != nil || o.Encryption.Mode != ModeS3 {
		t.Errorf("%+v %v", o, err)
	}
	clock.pass(-time.Second)

	// By the day of the request: an object for each.
	for p, want := range map[trail.Partition][]string{
		trail.PartitionEvent:    {"l/000000000000/us-east-1/src/2025/12/31/2025-12-31-00-00-00-", "l/000000000000/us-east-1/src/2026/01/01/2026-01-01-00-00-00-"},
		trail.PartitionDelivery: {"l/000000000000/us-east-1/src/2026/01/01/2026-01-01-10-30-00-"},
	} {
		if err := se.SetLogging(context.Background(), "src", Logging{Target: "logs", Prefix: "l/", Partition: p}); err != nil {
			t.Fatal(err)
		}
		before, _ := logged(t, se, "logs")
		logRequest(t, s, "c", clock.now().Add(-11*time.Hour))
		logRequest(t, s, "d", clock.now())
		if st := deliverLog(t, se, "src"); st.Failed != nil || st.Records != 2 {
			t.Errorf("%+v", st)
		}
		after, _ := logged(t, se, "logs")
		var fresh []string
		for _, k := range after {
			if !slices.Contains(before, k) {
				fresh = append(fresh, k[:len(k)-16])
			}
		}
		if !slices.Equal(fresh, want) {
			t.Errorf("partition %d: %q, want %q", p, fresh, want)
		}
	}
}

// TestAccessLogTakesAGrant has a target refuse logs until it lets the service in for this
// bucket, by its policy or by its ACL; what was refused waits.
func TestAccessLogTakesAGrant(t *testing.T) {
	ctx := context.Background()
	s, se := logStore(t, Options{}, false)
	logRequest(t, s, "a", s.now())
	refused := func(what string) {
		t.Helper()
		if st := deliverLog(t, se, "src"); !fault.Is(st.Failed, fault.AccessDenied) || st.Waiting == 0 || st.Since.IsZero() {
			t.Errorf("%s: %+v", what, st)
		}
		wantTold(t, se, "logs")
	}
	refused("no grant")
	for what, policy := range map[string]string{
		"another bucket's log": logWriter("other"),
		"another service":      strings.Replace(logWriter("src"), "logging.s3", "cloudtrail", 1),
		"another prefix":       strings.Replace(logWriter("src"), "logs/l/", "logs/m/", 1),
		"another account":      strings.Replace(logWriter("src"), `"aws:SourceAccount":"`+Account, `"aws:SourceAccount":"999999999999`, 1),
		"an explicit deny": statements(grants("Allow", `{"Service":"logging.s3.amazonaws.com"}`, "s3:PutObject", "arn:aws:s3:::logs/*", ""),
			grants("Deny", `"*"`, "s3:PutObject", "arn:aws:s3:::logs/*", "")),
	} {
		if err := se.SetBucketPolicy(ctx, "logs", policy, false); err != nil {
			t.Fatal(err)
		}
		refused(what)
	}
	if err := se.SetBucketPolicy(ctx, "logs", logWriter("src"), false); err != nil {
		t.Fatal(err)
	}
	if st := deliverLog(t, se, "src"); st.Failed != nil || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
	wantTold(t, se, "logs", "REST.GET.OBJECT a")

	// By the group of log delivery. The grants of the configuration are those of the objects.
	if err := se.DeleteBucketPolicy(ctx, "logs"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		se.SetOwnership(ctx, "logs", OwnerPreferred), se.SetBucketACL(ctx, "logs", ACLInput{Canned: "log-delivery-write"}),
		se.SetLogging(ctx, "src", Logging{Target: "logs", Prefix: "acl-", Grants: []access.Grant{{Grantee: access.Grantee{Group: access.AuthenticatedUsers}, Permission: access.Read}}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	logRequest(t, s, "b", s.now())
	if st := deliverLog(t, se, "src"); !fault.Is(st.Failed, fault.AccessDenied) {
		t.Errorf("a public grant under Block Public Access: %+v", st)
	}
	if err := se.DeletePublicAccess(ctx, "logs"); err != nil {
		t.Fatal(err)
	}
	if st := deliverLog(t, se, "src"); st.Failed != nil {
		t.Fatalf("%+v", st)
	}
	keys := wantTold(t, se, "logs", "REST.GET.OBJECT b", "REST.GET.OBJECT a")
	a, err := se.ObjectACL(ctx, "logs", keys[0], "")
	if err != nil || a.Owner != CanonicalID(Account) || len(a.Grants) != 2 || a.Grants[1].Grantee.Group != access.AuthenticatedUsers {
		t.Errorf("%+v %v", a, err)
	}
}

// TestAccessLogTellsACLs: what only an ACL has allowed says so, and what a policy allows does not.
func TestAccessLogTellsACLs(t *testing.T) {
	ctx := context.Background()
	s, se := logStore(t, Options{}, true)
	for _, err := range []error{
		se.SetOwnership(ctx, "src", OwnerWriter), se.DeletePublicAccess(ctx, "src"), se.SetBucketACL(ctx, "src", ACLInput{Canned: "public-read"}),
		se.SetBucketPolicy(ctx, "src", statements(grants("Allow", `"*"`, "s3:GetBucketLocation", "arn:aws:s3:::src", "")), false),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, do := range []func(*Session) error{
		func(se *Session) error { _, err := se.List(ctx, "src", ListInput{}); return err },
		func(se *Session) error { _, err := se.Location(ctx, "src"); return err },
	} {
		anybody := s.As(Anonymous(), RequestContext{Door: DoorS3})
		e := BeginLog(anybody, "src")
		if err := do(anybody); err != nil {
			t.Fatal(err)
		}
		e.Record.Operation = "REST.GET.X"
		e.End()
	}
	deliverLog(t, se, "src")
	keys := wantTold(t, se, "logs", "REST.GET.X -", "REST.GET.X -")
	lines := strings.Split(readAll(t, se, "logs", keys[0], ""), "\n")
	if !strings.HasSuffix(lines[0], " Yes -") || !strings.HasSuffix(lines[1], " - -") {
		t.Errorf("%q", lines)
	}
}

// TestAccessLogSurvivesKill opens what a kill(2) has left: all that was logged is delivered,
// once.
func TestAccessLogSurvivesKill(t *testing.T) {
	o := Options{Dir: filepath.Join(t.TempDir(), "store")}
	s, se := logStore(t, o, true)
	logRequest(t, s, "a", s.now())
	deliverLog(t, se, "src")
	logRequest(t, s, "b", s.now())
	f, err := s.As(Owner(), RequestContext{Door: DoorMount}).OpenFile(context.Background(), "src", "f", OpenFlags{Write: true, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(context.Background(), []byte("12345"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(o.Dir)); err != nil { // as kill(2) leaves it
		t.Fatal(err)
	}
	o.Dir = dir
	s2 := reopened(t, o)
	se2 := s2.As(Owner(), RequestContext{})
	for range 2 {
		deliverLog(t, se2, "src")
		_, told := logged(t, se2, "logs")
		slices.Sort(told)
		if want := []string{"MOUNT.PUT.OBJECT f", "REST.GET.OBJECT a", "REST.GET.OBJECT b"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	}
	if problems, err := s2.Check(context.Background(), FsckOptions{}); err != nil || len(problems) != 0 {
		t.Errorf("%+v %v", problems, err)
	}
}

// TestAccessLogAtShutdown closes the store: what waits is delivered, and what cannot be is there
// afterwards.
func TestAccessLogAtShutdown(t *testing.T) {
	for _, granted := range []bool{true, false} {
		o := Options{Dir: filepath.Join(t.TempDir(), "store")}
		s, _ := logStore(t, o, granted)
		logRequest(t, s, "a", s.now())
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		s2 := reopened(t, o)
		se := s2.As(Owner(), RequestContext{})
		if !granted {
			wantTold(t, se, "logs")
			if st, err := se.LogStatus(context.Background(), "src"); err != nil || st.Waiting == 0 {
				t.Errorf("%+v %v", st, err)
			}
			if err := se.SetBucketPolicy(context.Background(), "logs", logWriter("src"), false); err != nil {
				t.Fatal(err)
			}
			deliverLog(t, se, "src")
		}
		wantTold(t, se, "logs", "REST.GET.OBJECT a")
	}
}

// TestAccessLogOfAMount tells what a mount does and is denied.
func TestAccessLogOfAMount(t *testing.T) {
	ctx := context.Background()
	s, se := logStore(t, Options{}, true)
	m := actOnMount(t, s, "src", "12345")
	f, err := m.OpenFile(ctx, "src", "d/g", OpenFlags{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(ctx, make([]byte, 3), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.ReadDir(ctx, "src", "d/", ReadDirInput{Limit: 10}); err != nil {
		t.Fatal(err)
	}
	if err := m.Unlink(ctx, "src", "d/g"); err != nil {
		t.Fatal(err)
	}
	stranger := s.As(Anonymous(), RequestContext{Door: DoorMount})
	if err := stranger.Unlink(ctx, "src", "d/"); err == nil {
		t.Fatal("a stranger may delete")
	}
	if _, err := s.As(Owner(), RequestContext{Door: DoorControl, UID: 7}).Put(ctx, "src", "c", PutInput{Body: strings.NewReader("x"), Size: 1}); err != nil {
		t.Fatal(err)
	}
	deliverLog(t, se, "src")
	keys := wantTold(t, se, "logs", "MOUNT.PUT.OBJECT f", "MOUNT.PUT.OBJECT d/", "MOUNT.RENAME.OBJECT d/g", "MOUNT.GET.OBJECT d/g",
		"MOUNT.GET.BUCKET d/", "MOUNT.DELETE.OBJECT d/g", "MOUNT.DELETE.OBJECT d/", "CLI.PUT.OBJECT c")
	text := readAll(t, se, "logs", keys[0], "")
	lines := strings.Split(text, "\n")
	owner := CanonicalID(Account)
	for i, parts := range map[int][2]string{
		0: {owner + " src [", `MOUNT.PUT.OBJECT f - - - - 5 - - - "cp (pid 9, uid 7, gid 8)" - - - - - - - - - -`},
		3: {" - " + owner + " ", `MOUNT.GET.OBJECT d/g - - - 3 5 `},
		6: {" - - ", "MOUNT.DELETE.OBJECT d/ - - AccessDenied - - - - - "},
		7: {"", `CLI.PUT.OBJECT c - - - - 1 - - - "pail (uid 7)" `},
	} {
		if !strings.Contains(lines[i], parts[0]) || !strings.Contains(lines[i], parts[1]) {
			t.Errorf("line %d is %q, want %q and %q in it", i, lines[i], parts[0], parts[1])
		}
	}
}

// TestAccessLogOfLifecycles tells what lifecycles end, as S3 names it.
func TestAccessLogOfLifecycles(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	s, se := logStore(t, Options{Now: clock.now}, true)
	mustBucket(t, se, "kept", versioning.Enabled)
	if err := se.SetLogging(ctx, "kept", Logging{Target: "logs", Prefix: "l/kept-"}); err != nil {
		t.Fatal(err)
	}
	if err := se.SetBucketPolicy(ctx, "logs", logWriter("*"), false); err != nil {
		t.Fatal(err)
	}
	one := int32(1)
	rule := versioning.LifecycleRule{Status: "Enabled", Filter: &versioning.LifecycleFilter{}, Expiration: &versioning.LifecycleExpiration{Days: &one}, AbortUploadsAfter: &one}
	for _, bucket := range []string{"src", "kept"} {
		setLifecycle(t, se, bucket, rule)
		if _, err := se.Put(ctx, bucket, "k", PutInput{Body: strings.NewReader("12345"), Size: 5}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := se.CreateUpload(ctx, "src", "u", PutInput{}); err != nil {
		t.Fatal(err)
	}
	clock.pass(3 * day)
	if _, err := s.RunLifecycles(ctx); err != nil {
		t.Fatal(err)
	}
	deliverLog(t, se, "src")
	deliverLog(t, se, "kept")
	keys := wantTold(t, se, "logs", "S3.EXPIRE.OBJECT k", "S3.DELETE.UPLOAD u", "S3.CREATE.DELETEMARKER k")
	if text := readAll(t, se, "logs", keys[0], ""); !strings.Contains(text, " - AmazonS3 ") || !strings.Contains(text, "S3.EXPIRE.OBJECT k - - - - 5 - - - - ") {
		t.Errorf("%s", text)
	}
}

// TestAccessLogOfItself has a log go to its own bucket: its deliveries are told, and come to an
// end.
func TestAccessLogOfItself(t *testing.T) {
	ctx := context.Background()
	s, _ := openTest(t, Options{})
	se := s.As(Owner(), RequestContext{})
	mustBucket(t, se, "src", versioning.Unversioned)
	for _, err := range []error{
		se.SetBucketPolicy(ctx, "src", statements(grants("Allow", `{"Service":"logging.s3.amazonaws.com"}`, "s3:PutObject", "arn:aws:s3:::src/*", "")), false),
		se.SetLogging(ctx, "src", Logging{Target: "src", Prefix: "log-"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	logRequest(t, s, "a", s.now())
	for i := range 5 {
		deliverLog(t, se, "src")
		keys, told := logged(t, se, "src")
		want := min(i+1, 2)
		if len(keys) != want || len(told) != want {
			t.Fatalf("after %d deliveries: %q %q", i+1, keys, told)
		}
	}
	if st, err := se.LogStatus(ctx, "src"); err != nil || st.Waiting != 0 || st.Records != 2 {
		t.Errorf("%+v %v", st, err)
	}
}

// TestAccessLogGoesWhereItWasTo has a log be sent elsewhere, ended, and its bucket deleted: what
// there is of it goes where it was to go, or is given up where that takes nothing.
func TestAccessLogGoesWhereItWasTo(t *testing.T) {
	ctx := context.Background()
	s, se := logStore(t, Options{}, true)
	e := BeginLog(s.As(Owner(), RequestContext{Door: DoorS3}), "src")
	e.Record.Operation, e.Record.Key = "REST.DELETE.BUCKET", "-"
	logRequest(t, s, "a", s.now())
	mustBucket(t, se, "shut", versioning.Unversioned)
	if err := se.SetLogging(ctx, "src", Logging{Target: "shut"}); err != nil {
		t.Fatal(err)
	}
	logRequest(t, s, "b", s.now())
	if err := se.DeleteBucket(ctx, "src"); err != nil {
		t.Fatal(err)
	}
	if BeginLog(s.As(Owner(), RequestContext{Door: DoorS3}), "src") != nil {
		t.Error("a bucket that is gone logs")
	}
	all := func(*logQueue) bool { return true }
	if err := s.logs.deliver(ctx, all); err != nil {
		t.Fatal(err)
	}
	if n := len(s.logs.all()); n != 2 {
		t.Fatalf("%d queues, one of them with a request on its way", n)
	}
	e.End()
	s.logs.mu.Lock()
	for _, q := range s.logs.queues {
		q.left = q.left.Add(-2 * logLinger)
	}
	s.logs.mu.Unlock()
	if err := s.logs.deliver(ctx, all); err != nil {
		t.Fatal(err)
	}
	_, told := logged(t, se, "logs")
	slices.Sort(told)
	if want := []string{"REST.DELETE.BUCKET -", "REST.GET.OBJECT a"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	wantTold(t, se, "shut")
	if n := len(s.logs.all()); n != 0 {
		t.Errorf("%d queues are left", n)
	}
	if entries, err := os.ReadDir(filepath.Join(s.opts.Dir, logDir)); err != nil || len(entries) != 0 {
		t.Errorf("%v %v", entries, err)
	}
}

// TestLoggingIsChecked puts what S3 refuses.
func TestLoggingIsChecked(t *testing.T) {
	ctx := context.Background()
	s, se := logStore(t, Options{}, true)
	for _, o := range []struct {
		name string
		BucketOptions
	}{{"locked", BucketOptions{ObjectLock: true}}, {"far", BucketOptions{Region: "eu-west-1"}}, {"acls", BucketOptions{Ownership: OwnerWriter}}} {
		if _, err := se.CreateBucket(ctx, o.name, o.BucketOptions); err != nil {
			t.Fatal(err)
		}
	}
	root, err := se.CreateAccount(ctx, "other", "111122223333")
	_ = root
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.As(RootPrincipal("111122223333"), RequestContext{}).CreateBucket(ctx, "foreign", BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	grant := func(p access.Permission, who access.Grantee) []access.Grant {
		return []access.Grant{{Grantee: who, Permission: p}}
	}
	group := access.Grantee{Group: access.AuthenticatedUsers}
	for _, c := range []struct {
		to   Logging
		want fault.Kind
	}{
		{Logging{Target: "none"}, fault.InvalidLogTarget},
		{Logging{Target: "locked"}, fault.InvalidLogTarget},
		{Logging{Target: "foreign"}, fault.InvalidLogTarget},
		{Logging{Target: "far"}, fault.LogTargetElsewhere},
		{Logging{Target: "logs", Prefix: strings.Repeat("p", 1000)}, fault.InvalidArgument},
		{Logging{Target: "logs", Prefix: "\xff"}, fault.InvalidArgument},
		{Logging{Target: "logs", Partition: 99}, fault.MalformedConfig},
		{Logging{Target: "logs", Grants: grant(access.Read, group)}, fault.ACLsDisabled},
		{Logging{Target: "acls", Grants: grant(access.ReadACP, group)}, fault.MalformedConfig},
		{Logging{Target: "acls", Grants: grant(access.Read, access.Grantee{CanonicalUser: "nobody"})}, fault.InvalidArgument},
		{Logging{Target: "acls", Grants: grant(access.Read, access.Grantee{Email: "a@b"})}, fault.UnresolvableGrant},
		{Logging{Target: "acls", Grants: grant(access.Read, group)}, fault.None},
		{Logging{Target: "src"}, fault.None},
	} {
		if err := se.SetLogging(ctx, "src", c.to); fault.KindOf(err) != c.want {
			t.Errorf("%+v: %v, want %v", c.to, err, c.want)
		}
	}
	// What is there already changes nothing.
	had := s.logs.queueOf("src")
	if err := se.SetLogging(ctx, "src", Logging{Target: "src"}); err != nil || s.logs.queueOf("src") != had {
		t.Errorf("another queue: %v", err)
	}
	if err := se.SetLogging(ctx, "src", Logging{}); err != nil {
		t.Fatal(err)
	}
	if l, err := se.Logging(ctx, "src"); err != nil || l.Target != "" {
		t.Errorf("%+v %v", l, err)
	}
}

func BenchmarkAccessLog(b *testing.B) {
	for _, on := range []bool{false, true} {
		o := Options{Dir: b.TempDir() + "/s"}
		if err := Create(o); err != nil {
			b.Fatal(err)
		}
		s, err := Open(context.Background(), o)
		if err != nil {
			b.Fatal(err)
		}
		ctx := context.Background()
		se := s.As(Owner(), RequestContext{Door: DoorS3, UserAgent: "aws-cli/2.15.0", RequestID: "3E57427F3EXAMPLE"})
		for _, n := range []string{"data", "logs"} {
			if _, err := se.CreateBucket(ctx, n, BucketOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		if on {
			policy := statements(grants("Allow", `{"Service":"logging.s3.amazonaws.com"}`, "s3:PutObject", "arn:aws:s3:::logs/*", ""))
			if err := se.SetBucketPolicy(ctx, "logs", policy, false); err != nil {
				b.Fatal(err)
			}
			if err := se.SetLogging(ctx, "data", Logging{Target: "logs"}); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("record/%v", on), func(b *testing.B) {
			for b.Loop() {
				e := BeginLog(se, "data")
				if e != nil {
					e.Record.Operation, e.Record.Key, e.Record.RequestURI, e.Record.Status = "REST.GET.OBJECT", "some/key", "GET /data/some/key HTTP/1.1", 200
				}
				e.End()
			}
		})
		_ = s.Close(ctx)
	}
}
