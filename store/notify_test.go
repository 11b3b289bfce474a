package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pail/store/event"
	"pail/store/fault"
	"pail/versioning"
)

// An inbox is what webhooks have received, by their URLs.
type inbox struct {
	mu   sync.Mutex // guards what follows
	got  map[string][]string
	raw  []string
	fail map[string]bool // URLs that do not answer
	hang map[string]chan struct{}
}

// post is a Poster. It keeps what it is sent as TYPE KEY[ VERSION].
func (b *inbox) post(ctx context.Context, to string, body []byte) error {
	b.mu.Lock()
	hang, fail := b.hang[to], b.fail[to]
	b.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail {
		return errors.New("nobody is at home")
	}
	var m struct {
		Event   string
		Records []struct {
			EventName    string
			UserIdentity struct{ PrincipalID string }
			S3           struct {
				Object struct{ Key, VersionID, Sequencer string }
			}
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return err
	}
	got := m.Event
	if len(m.Records) == 1 {
		key, _ := url.QueryUnescape(m.Records[0].S3.Object.Key)
		got = m.Records[0].EventName + " " + key
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.got == nil {
		b.got = map[string][]string{}
	}
	b.got[to] = append(b.got[to], got)
	b.raw = append(b.raw, string(body))
	return nil
}

func (b *inbox) set(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn()
}

func (b *inbox) of(to string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got[to])
}

// waitFor waits until a webhook has received as many messages, and compares them.
func (b *inbox) waitFor(t *testing.T, to string, want ...string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); len(b.of(to)) < len(want) && time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
	}
	time.Sleep(10 * time.Millisecond) // for what should not come
	if got := b.of(to); !slices.Equal(got, want) {
		t.Fatalf("%s got\n%q, want\n%q", to, got, want)
	}
}

// hooked adds a webhook and has it told of some events of a bucket.
func hooked(t *testing.T, se *Session, name, bucket string, filters []event.Filter, events ...string) string {
	t.Helper()
	ctx := context.Background()
	to := "http://" + name + ".invalid/"
	h, err := se.AddWebhook(ctx, name, to)
	if err != nil {
		t.Fatal(err)
	}
	c, err := se.Notifications(ctx, bucket)
	if err != nil {
		t.Fatal(err)
	}
	more := event.Config{Targets: append(slices.Clone(c.Targets), event.Target{Service: event.Queue, ARN: h.ARN, Events: events, Filters: filters})}
	if err := se.SetNotifications(ctx, bucket, more); err != nil {
		t.Fatal(err)
	}
	return to
}

var everything = []string{"s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:LifecycleExpiration:*"}

func mustDo(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestEventsOfBothDoors does everything that there is an event for.
func TestEventsOfBothDoors(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	s, se := openTest(t, Options{Now: clock.now, MinPartSize: -1})
	mount := s.As(Owner(), RequestContext{Door: DoorMount})
	mustBucket(t, se, "kept", versioning.Enabled)
	mustBucket(t, se, "plain", versioning.Unversioned)
	in := &inbox{}
	s.SetPoster(in.post)
	to := map[string]string{
		"kept": hooked(t, se, "kept", "kept", nil, everything...), "plain": hooked(t, se, "plain", "plain", nil, everything...),
	}
	write := func(bucket, key, body string) {
		t.Helper()
		f, err := mount.OpenFile(ctx, bucket, key, OpenFlags{Write: true, Create: true, Truncate: true})
		mustDo(t, err)
		_, err = f.WriteAt(ctx, []byte(body), 0)
		mustDo(t, err, f.Close(ctx))
	}
	for _, bucket := range []string{"kept", "plain"} {
		removed := "ObjectRemoved:DeleteMarkerCreated "
		if bucket == "plain" {
			removed = "ObjectRemoved:Delete "
		}
		want := []string{"s3:TestEvent"}
		expect := func(events ...string) {
			t.Helper()
			want = append(want, events...)
			in.waitFor(t, to[bucket], want...)
		}
		expect()
		put(t, se, bucket, "a b", "x")
		expect("ObjectCreated:Put a b")
		_, err := se.Put(ctx, bucket, "form", PutInput{Body: strings.NewReader("x"), Size: 1, Form: true})
		mustDo(t, err)
		expect("ObjectCreated:Post form")
		_, err = se.Copy(ctx, Source{Bucket: bucket, Key: "a b"}, bucket, "copy", CopyInput{})
		mustDo(t, err)
		expect("ObjectCreated:Copy copy")
		id, err := se.CreateUpload(ctx, bucket, "big", PutInput{})
		mustDo(t, err)
		part, err := se.UploadPart(ctx, bucket, "big", id, 1, PartInput{Body: strings.NewReader("part"), Size: 4})
		mustDo(t, err)
		_, err = se.CompleteUpload(ctx, bucket, "big", id, []CompletedPart{{Number: 1, ETag: part.ETag}}, CompleteInput{})
		mustDo(t, err)
		expect("ObjectCreated:CompleteMultipartUpload big")
		mustDo(t, se.SetTags(ctx, bucket, "big", "", map[string]string{"k": "v"}))
		mustDo(t, se.SetTags(ctx, bucket, "big", "", nil))
		expect("ObjectTagging:Put big", "ObjectTagging:Delete big")
		_, err = se.Delete(ctx, bucket, "copy", DeleteOptions{})
		mustDo(t, err)
		expect(removed + "copy")
		if bucket == "kept" {
			_, err = se.Delete(ctx, bucket, "copy", DeleteOptions{Version: "1"})
			mustDo(t, err)
			expect("ObjectRemoved:Delete copy")
		}

		write(bucket, "file", "one")
		expect("ObjectCreated:Put file")
		mustDo(t, mount.Rename(ctx, Path{bucket, "file"}, Path{bucket, "moved"}, RenameFlags{}))
		expect(removed+"file", "ObjectCreated:Copy moved")
		_, err = mount.Mkdir(ctx, bucket, "d/", Attr{})
		mustDo(t, err)
		expect("ObjectCreated:Put d/")
		write(bucket, "d/f", "x")
		expect("ObjectCreated:Put d/f")
		mustDo(t, mount.Rename(ctx, Path{bucket, "d/"}, Path{bucket, "e/"}, RenameFlags{}))
		for end := time.Now().Add(30 * time.Second); len(in.of(to[bucket])) < len(want)+4 && time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		}
		got := in.of(to[bucket])[len(want):]
		moved := []string{removed + "d/", removed + "d/f", "ObjectCreated:Copy e/", "ObjectCreated:Copy e/f"}
		slices.Sort(moved)
		sorted := slices.Sorted(slices.Values(got))
		if !slices.Equal(sorted, moved) {
			t.Fatalf("a renamed directory was told as %q", got)
		}
		want = append(want, got...)
		mustDo(t, mount.Unlink(ctx, bucket, "e/f"))
		mustDo(t, mount.Rmdir(ctx, bucket, "e/"))
		expect(removed+"e/f", removed+"e/")
		if bucket == "plain" {
			continue
		}
		setLifecycle(t, se, bucket, lifecycleRule(versioning.LifecycleFilter{Prefix: p("form")}, func(r *versioning.LifecycleRule) {
			r.Expiration = &versioning.LifecycleExpiration{Days: p(int32(1))}
			r.Noncurrent = &versioning.NoncurrentExpiration{Days: p(int32(1))}
		}))
		clock.pass(3 * day)
		runLifecycles(t, s)
		expect("LifecycleExpiration:DeleteMarkerCreated form")
		clock.pass(3 * day)
		runLifecycles(t, s)
		expect("LifecycleExpiration:Delete form")
		clock.pass(3 * day)
		runLifecycles(t, s)
		expect("LifecycleExpiration:Delete form") // the marker
	}
	in.set(func() {
		if last := in.raw[0]; !strings.Contains(last, `"Service":"Amazon S3"`) {
			t.Errorf("%s", last)
		}
		sequencers := map[string]bool{}
		for _, raw := range in.raw {
			if _, after, ok := strings.Cut(raw, `"sequencer":"`); ok {
				if at := after[:20]; sequencers[at] {
					t.Errorf("two events have the place %s", at)
				} else {
					sequencers[at] = true
				}
			}
		}
	})
	fsckClean(t, s, true)
}

func TestEventsGoWhereTheyAreWanted(t *testing.T) {
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	mustBucket(t, se, "other", versioning.Unversioned)
	in := &inbox{}
	s.SetPoster(in.post)
	jpg := hooked(t, se, "jpg", "bkt", []event.Filter{{Name: "prefix", Value: "img/"}, {Name: "suffix", Value: ".jpg"}}, "s3:ObjectCreated:*")
	gone := hooked(t, se, "gone", "bkt", nil, "s3:ObjectRemoved:*")
	put(t, se, "other", "img/1.jpg", "x")
	put(t, se, "bkt", "img/1.png", "x")
	put(t, se, "bkt", "1.jpg", "x")
	put(t, se, "bkt", "img/1.jpg", "x")
	_, err := se.Delete(context.Background(), "bkt", "img/1.jpg", DeleteOptions{})
	mustDo(t, err)
	// The second configuration told the first webhook of itself once more.
	in.waitFor(t, jpg, "s3:TestEvent", "s3:TestEvent", "ObjectCreated:Put img/1.jpg")
	in.waitFor(t, gone, "s3:TestEvent", "ObjectRemoved:Delete img/1.jpg")
	mustDo(t, se.SetNotifications(context.Background(), "bkt", event.Config{}))
	put(t, se, "bkt", "img/2.jpg", "x")
	in.waitFor(t, jpg, "s3:TestEvent", "s3:TestEvent", "ObjectCreated:Put img/1.jpg")
}

// TestAWebhookThatDoesNotAnswerKeepsOnlyItselfWaiting: one fails, one hangs, one is told.
func TestAWebhookThatDoesNotAnswerKeepsOnlyItselfWaiting(t *testing.T) {
	s, se := openTest(t, Options{})
	for _, name := range []string{"fails", "hangs", "works"} {
		mustBucket(t, se, name, versioning.Unversioned)
	}
	fails := hooked(t, se, "fails", "fails", nil, "s3:ObjectCreated:*")
	hangs := hooked(t, se, "hangs", "hangs", nil, "s3:ObjectCreated:*")
	works := hooked(t, se, "works", "works", nil, "s3:ObjectCreated:*")
	wait := make(chan struct{})
	in := &inbox{fail: map[string]bool{fails: true}, hang: map[string]chan struct{}{hangs: wait}}
	s.SetPoster(in.post)
	want := []string{"s3:TestEvent"}
	for i := range 5 {
		for _, name := range []string{"fails", "hangs", "works"} {
			put(t, se, name, fmt.Sprint("k", i), "x")
		}
		want = append(want, fmt.Sprint("ObjectCreated:Put k", i))
		in.waitFor(t, works, want...)
	}
	if got := len(in.of(fails)) + len(in.of(hangs)); got != 0 {
		t.Errorf("%d messages were received by nobody", got)
	}
	hooks, err := se.Webhooks(context.Background())
	mustDo(t, err)
	for _, h := range hooks {
		if failing := h.Failed != nil; failing != (h.Name == "fails") || failing == h.Since.IsZero() {
			t.Errorf("%+v", h)
		}
		if h.Name != "works" && h.Waiting != 6 || h.Name == "works" && h.Waiting > 1 {
			t.Errorf("%s: %d are waiting", h.Name, h.Waiting)
		}
	}
	in.set(func() { in.fail = nil })
	close(wait)
	in.waitFor(t, fails, want...)
	in.waitFor(t, hangs, want...)
}

// TestEventsSurviveTheEndOfTheStore: an end that is clean, and one that is not, at which
// what was not received waits, in its order; and what was received and not yet forgotten may
// come again.
func TestEventsSurviveTheEndOfTheStore(t *testing.T) {
	ctx := context.Background()
	o := Options{Dir: t.TempDir() + "/store"}
	s, se := openTest(t, o)
	mustBucket(t, se, "bkt", versioning.Unversioned)
	to := hooked(t, se, "hook", "bkt", nil, "s3:ObjectCreated:*")
	want := []string{"s3:TestEvent"}
	for i := range 250 { // more than are read at once
		put(t, se, "bkt", fmt.Sprintf("k%03d", i), "x")
		want = append(want, fmt.Sprintf("ObjectCreated:Put k%03d", i))
	}
	crashed := filepath.Join(t.TempDir(), "crashed")
	snapshotStore(t, s, crashed)
	mustDo(t, s.Close(ctx))
	for _, dir := range []string{o.Dir, crashed} {
		in := &inbox{}
		s, _ := openTest(t, Options{Dir: dir})
		s.SetPoster(in.post)
		in.waitFor(t, to, want...)
		fsckClean(t, s, true)
		mustDo(t, s.Close(ctx))
		again := &inbox{}
		s, _ = openTest(t, Options{Dir: dir})
		s.SetPoster(again.post)
		again.waitFor(t, to)
	}
}

// TestAnEndAmidTheTelling ends the store while a webhook is being told, again and again: no
// event is lost, and the first time that each is received they come in their order.
func TestAnEndAmidTheTelling(t *testing.T) {
	ctx := context.Background()
	o := Options{Dir: t.TempDir() + "/store"}
	s, se := openTest(t, o)
	mustBucket(t, se, "bkt", versioning.Unversioned)
	to := hooked(t, se, "hook", "bkt", nil, "s3:ObjectCreated:*")
	want := []string{"s3:TestEvent"}
	for i := range 300 {
		put(t, se, "bkt", fmt.Sprintf("k%03d", i), "x")
		want = append(want, fmt.Sprintf("ObjectCreated:Put k%03d", i))
	}
	all := &inbox{}
	for round := 0; ; round++ {
		if round > 20 {
			t.Fatal("it never ends")
		}
		n := 0
		enough := make(chan struct{})
		s.SetPoster(func(ctx context.Context, to string, body []byte) error {
			if n++; n == 60 {
				close(enough)
			}
			return all.post(ctx, to, body)
		})
		select {
		case <-enough:
		case <-time.After(2 * time.Second):
		}
		mustDo(t, s.Close(ctx))
		s, _ = openTest(t, o)
		if n == 0 {
			break
		}
	}
	var first []string
	for _, got := range all.of(to) {
		if !slices.Contains(first, got) {
			first = append(first, got)
		}
	}
	if !slices.Equal(first, want) {
		t.Errorf("received\n%q", first)
	}
}

func TestARemovedWebhookIsToldNothingMore(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	to := hooked(t, se, "hook", "bkt", nil, "s3:ObjectCreated:*")
	put(t, se, "bkt", "k", "x")
	mustDo(t, se.SetNotifications(ctx, "bkt", event.Config{}), se.RemoveWebhook(ctx, "hook"))
	again := hooked(t, se, "hook", "bkt", nil, "s3:ObjectCreated:*")
	in := &inbox{}
	s.SetPoster(in.post)
	if to != again {
		t.Fatal("it has another address")
	}
	in.waitFor(t, again, "s3:TestEvent")
	put(t, se, "bkt", "l", "x")
	in.waitFor(t, again, "s3:TestEvent", "ObjectCreated:Put l")
	n := -1
	mustDo(t, s.view(func(sn *snap) (err error) {
		n, err = sn.countBelow(ctx, []byte{'j'})
		return err
	}))
	for end := time.Now().Add(30 * time.Second); n != 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		mustDo(t, s.view(func(sn *snap) (err error) {
			n, err = sn.countBelow(ctx, []byte{'j'})
			return err
		}))
	}
	if n != 0 {
		t.Errorf("%d events of nobody are left", n)
	}
}

func TestOldEventsAreDropped(t *testing.T) {
	clock := newTestClock()
	s, se := openTest(t, Options{Now: clock.now})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	to := hooked(t, se, "hook", "bkt", nil, "s3:ObjectCreated:*")
	put(t, se, "bkt", "old", "x")
	clock.pass(eventsKept + time.Second)
	put(t, se, "bkt", "new", "x")
	in := &inbox{}
	s.SetPoster(in.post)
	in.waitFor(t, to, "ObjectCreated:Put new")
}

// TestAFailedUpdateTellsNobody: an event is there exactly if its change is.
func TestAFailedUpdateTellsNobody(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	in := &inbox{}
	s.SetPoster(in.post)
	to := hooked(t, se, "hook", "bkt", nil, "s3:ObjectCreated:*")
	put(t, se, "bkt", "k", "x")
	_, err := se.Put(ctx, "bkt", "k", PutInput{Body: strings.NewReader("y"), Size: 1, Conditions: Conditions{IfNoneMatch: "*"}})
	if !fault.Is(err, fault.PreconditionFailed) {
		t.Fatal(err)
	}
	_, err = se.Put(ctx, "bkt", "short", PutInput{Body: io.LimitReader(&zeros{9}, 3), Size: 9})
	if err == nil {
		t.Fatal("a short body was stored")
	}
	put(t, se, "bkt", "last", "x")
	in.waitFor(t, to, "s3:TestEvent", "ObjectCreated:Put k", "ObjectCreated:Put last")
}
