package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pail/integration/trial"
	"pail/store"
	"pail/store/cors"
	"pail/store/event"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/keyring"
	"pail/store/kms"
	"pail/store/trail"
	"pail/versioning"
)

// A haystack is a store into which needles go: names, contents and secrets by which each is
// known again, of every kind that a store keeps.
type haystack struct {
	o       store.Options
	s       *store.Store
	se      *store.Session
	rng     *rand.Rand
	seed    uint64
	open    []*store.File
	keys    []string // in the bucket
	bucket  string
	removed int
}

// needle is the text of a needle: it is the same for the same seed. It has no letters but
// small ones, so that it fits anywhere, and is not known before.
func needle(seed uint64, kind string) string {
	r := rand.New(rand.NewPCG(seed, uint64(len(kind))))
	for _, c := range kind {
		r = rand.New(rand.NewPCG(r.Uint64(), uint64(c)))
	}
	return fmt.Sprintf("ndl%s%012x", kind, r.Uint64()>>16)
}

// needleKinds are the needles of a run. Contents have them before the kill and after it.
func needleKinds() []string {
	kinds := []string{
		"bucket", "bucketsid", "buckettag", "origin", "prefix", "webhook", "address", "user", "usertag", "userpolicy",
		"role", "roletext", "group", "policy", "secret", "alias", "kmstext", "kmstag", "point", "account", "accesslog", "audit",
	}
	contents := []string{
		"dir", "subdir", "small", "smallkey", "large", "largekey", "moved", "gone", "tag", "metadata", "xattr", "link",
		"uploadkey", "part", "draftkey", "draft", "patch", "unsynced", "oldversion", "movedir", "directoryattr",
	}
	for half := range 2 {
		for _, k := range contents {
			kinds = append(kinds, k+strconv.Itoa(half))
		}
	}
	return kinds
}

// plainText is a document of IAM with a needle in it.
func plainText(id, principal, action, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"` + id + `","Effect":"Allow",` + principal + `"Action":"` + action + `"` + resource + `}]}`
}

// settings puts needles into what is no object.
func (h *haystack) settings(ctx context.Context) error {
	n := func(kind string) string { return needle(h.seed, kind) }
	h.bucket = n("bucket")
	var key *kms.Key
	const resource = `,"Resource":"*"`
	steps := []func() error{
		func() error {
			_, err := h.se.CreateBucket(ctx, h.bucket, store.BucketOptions{Versioning: versioning.Enabled})
			return err
		},
		func() error { _, err := h.se.CreateBucket(ctx, "logs", store.BucketOptions{}); return err },
		func() error {
			return h.se.SetBucketPolicy(ctx, h.bucket, plainText(n("bucketsid"), `"Principal":{"AWS":"`+store.Account+`"},`, "s3:GetObject", `,"Resource":"arn:aws:s3:::`+h.bucket+`/*"`), false)
		},
		func() error { return h.se.SetBucketTags(ctx, h.bucket, map[string]string{"tag": n("buckettag")}) },
		func() error {
			return h.se.SetCORS(ctx, h.bucket, cors.Config{Rules: []cors.Rule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"https://" + n("origin")}}}})
		},
		func() error {
			prefix, days := n("prefix"), int32(1000)
			return h.se.SetLifecycle(ctx, h.bucket, versioning.Lifecycle{Rules: []versioning.LifecycleRule{{
				ID: "rule", Status: versioning.LifecycleEnabled, Filter: &versioning.LifecycleFilter{Prefix: &prefix}, AbortUploadsAfter: &days,
			}}})
		},
		func() error {
			w, err := h.se.AddWebhook(ctx, n("webhook"), "http://127.0.0.1:1/"+n("address"))
			if err != nil {
				return err
			}
			return h.se.SetNotifications(ctx, h.bucket, event.Config{Targets: []event.Target{{ID: "t", Service: event.Queue, ARN: w.ARN, Events: []string{"s3:ObjectCreated:*"}}}})
		},
		func() error {
			_, err := h.se.CreateUser(ctx, iam.NewUser{Name: n("user"), Tags: []iam.Tag{{Key: "tag", Value: n("usertag")}}})
			return err
		},
		func() error {
			return h.se.PutUserPolicy(ctx, n("user"), "inline", plainText(n("userpolicy"), "", "s3:*", resource))
		},
		func() error {
			_, err := h.se.CreateAccessKey(ctx, n("user"), iam.Given{ID: "AKIAAAAAAAAAAAAAAAAA", Secret: n("secret")})
			return err
		},
		func() error {
			_, err := h.se.CreateRole(ctx, iam.NewRole{Name: n("role"), Trust: plainText("Trust", `"Principal":{"AWS":"`+store.Account+`"},`, "sts:AssumeRole", ""), Description: n("roletext")})
			return err
		},
		func() error { _, err := h.se.CreateGroup(ctx, n("group"), "/"); return err },
		func() error {
			_, err := h.se.CreatePolicy(ctx, iam.NewPolicy{Name: n("policy"), Text: plainText("Sid", "", "s3:*", resource)})
			return err
		},
		func() (err error) {
			key, err = h.se.KMSCreateKey(ctx, kms.NewKey{Description: n("kmstext"), Tags: []kms.Tag{{Key: "tag", Value: n("kmstag")}}})
			return err
		},
		func() error { return h.se.KMSCreateAlias(ctx, "alias/"+n("alias"), key.ID) },
		func() error {
			_, err := h.se.CreateAccessPoint(ctx, n("point"), store.NewAccessPoint{Bucket: h.bucket})
			return err
		},
		func() error { return h.se.CreateAccountAlias(ctx, n("account")) },
		func() error {
			_, err := h.se.EnableTrail(ctx, store.TrailInput{Bucket: "logs", Select: trail.Selector{Management: trail.All, Data: trail.All}})
			return err
		},
		func() error { return h.se.SetLogging(ctx, h.bucket, store.Logging{Target: "logs", Prefix: "l/"}) },
		func() error {
			_, act := store.BeginAct(ctx, h.se, store.Operation{Name: "GetObject", Bucket: h.bucket, Key: n("audit")})
			act.End(store.Outcome{Code: "NoSuchKey", Message: "no"})
			e := store.BeginLog(h.s.As(store.Owner(), store.RequestContext{Door: store.DoorS3, RequestID: "R", Time: time.Now()}), h.bucket)
			if e == nil {
				return errors.New("the bucket does not log")
			}
			e.Record.Operation, e.Record.Key, e.Record.Status = "REST.GET.OBJECT", n("accesslog"), 404
			e.End()
			return nil
		},
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("setting %d: %w", i, err)
		}
	}
	return nil
}

func (h *haystack) put(ctx context.Context, key, body string, in store.PutInput) error {
	in.Body, in.Size = strings.NewReader(body), int64(len(body))
	_, err := h.se.Put(ctx, h.bucket, key, in)
	h.keys = append(h.keys, key)
	return err
}

// contents puts needles into objects, files, uploads and drafts, which stay open.
func (h *haystack) contents(ctx context.Context, half int) error {
	n := func(kind string) string { return needle(h.seed, kind+strconv.Itoa(half)) }
	long := func(s string) string { return strings.Repeat(s+" ", 100_000/len(s)) }
	dir := n("dir") + "/" + n("subdir") + "/"
	write := func(key string, sync bool, pieces ...string) error {
		f, err := h.se.OpenFile(ctx, h.bucket, key, store.OpenFlags{Write: true, Create: true, Attr: store.Attr{Mode: 0o600}})
		if err != nil {
			return err
		}
		h.open = append(h.open, f)
		for i, p := range pieces {
			if _, err := f.WriteAt(ctx, []byte(p), int64(i)*200_000); err != nil {
				return err
			}
			if sync {
				if err := f.Sync(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	}
	steps := []func() error{
		func() error {
			_, err := h.se.Mkdir(ctx, h.bucket, n("dir")+"/", store.Attr{Mode: 0o700})
			return err
		},
		func() error { _, err := h.se.Mkdir(ctx, h.bucket, dir, store.Attr{Mode: 0o700}); return err },
		func() error {
			return h.put(ctx, dir+n("smallkey"), n("small"), store.PutInput{Tags: map[string]string{"tag": n("tag")}})
		},
		func() error {
			return h.put(ctx, dir+n("largekey"), long(n("large")), store.PutInput{Metadata: map[string]string{"m": n("metadata")}})
		},
		func() error { return h.put(ctx, dir+"versions", n("oldversion"), store.PutInput{}) },
		func() error { return h.put(ctx, dir+"versions", "another", store.PutInput{}) },
		func() error { return h.put(ctx, n("gone"), "x", store.PutInput{}) },
		func() error { _, err := h.se.Delete(ctx, h.bucket, n("gone"), store.DeleteOptions{}); return err },
		func() error {
			return h.se.Rename(ctx, store.Path{Bucket: h.bucket, Key: dir + "versions"}, store.Path{Bucket: h.bucket, Key: dir + n("moved")}, store.RenameFlags{})
		},
		func() error {
			_, err := h.se.Mkdir(ctx, h.bucket, "before"+strconv.Itoa(half)+"/", store.Attr{Mode: 0o700})
			return err
		},
		func() error {
			return h.se.Rename(ctx, store.Path{Bucket: h.bucket, Key: "before" + strconv.Itoa(half) + "/"}, store.Path{Bucket: h.bucket, Key: n("movedir") + "/"}, store.RenameFlags{})
		},
		func() error {
			return h.se.ChangeXattr(ctx, store.Node{Bucket: h.bucket, Key: dir + n("smallkey")}, store.XattrChange{Name: "user.x", Value: []byte(n("xattr"))})
		},
		func() error {
			return h.se.ChangeXattr(ctx, store.Node{Bucket: h.bucket, Key: dir, Dir: true}, store.XattrChange{Name: "user.x", Value: []byte(n("directoryattr"))})
		},
		func() error { _, err := h.se.Symlink(ctx, h.bucket, dir+"link", n("link"), store.Attr{}); return err },
		func() error {
			id, err := h.se.CreateUpload(ctx, h.bucket, n("uploadkey"), store.PutInput{})
			if err == nil {
				body := long(n("part"))
				_, err = h.se.UploadPart(ctx, h.bucket, n("uploadkey"), id, 1, store.PartInput{Body: strings.NewReader(body), Size: int64(len(body))})
			}
			return err
		},
		func() error { return write(n("draftkey"), true, long(n("draft")), n("patch")) },
		func() error { return write("unsynced"+strconv.Itoa(half), false, long(n("unsynced"))) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("half %d, content %d: %w", half, i, err)
		}
	}
	return nil
}

// wander does things at random, with names of their own, until the context ends.
func (h *haystack) wander(ctx context.Context, steps int) error {
	for i := 0; i < steps && ctx.Err() == nil; i++ {
		key := fmt.Sprintf("d%d/ndlwander%d", h.rng.IntN(10), h.rng.IntN(200))
		var err error
		switch h.rng.IntN(6) {
		case 0, 1, 2:
			err = h.put(ctx, key, strings.Repeat("ndlbody", 1+h.rng.IntN(4000)), store.PutInput{Tags: map[string]string{"t": "ndltag"}})
		case 3:
			_, err = h.se.Delete(ctx, h.bucket, key, store.DeleteOptions{})
			h.removed++
		case 4:
			err = h.se.Rename(ctx, store.Path{Bucket: h.bucket, Key: key}, store.Path{Bucket: h.bucket, Key: key + "to"}, store.RenameFlags{})
		case 5:
			err = h.se.SetTags(ctx, h.bucket, key, "", map[string]string{"t": "ndltagged"})
		}
		if err != nil && !fault.Is(err, fault.NoSuchKey) && ctx.Err() == nil {
			return fmt.Errorf("step %d, %s: %w", i, key, err)
		}
	}
	return nil
}

// haystackOf opens the store at dir, which is made if it is not there.
func haystackOf(ctx context.Context, dir string, encrypted bool, seed uint64) (*haystack, error) {
	h := &haystack{seed: seed, rng: rand.New(rand.NewPCG(seed, 3)), bucket: needle(seed, "bucket")}
	h.o = store.Options{Dir: dir, InlineMax: 4 << 10, MemTableSize: 1 << 20, MinPartSize: -1}
	if encrypted {
		secret := bytes.Repeat([]byte{9}, 32)
		m, err := keyring.NewMaster(keyring.External, secret)
		if err != nil {
			return nil, err
		}
		h.o.NewMasterKey = m
		h.o.MasterKey = func(keyring.Source) ([]byte, error) { return bytes.Clone(secret), nil }
	}
	if !store.IsStore(dir) {
		if err := store.Create(h.o); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(ctx, h.o)
	if err != nil {
		return nil, err
	}
	h.s, h.se = s, s.As(store.Owner(), store.RequestContext{Door: store.DoorControl})
	return h, nil
}

// hideAndWait is the first half, in a process that is killed while it wanders.
func hideAndWait(args []string) error {
	ctx := context.Background()
	seed, err := strconv.ParseUint(args[2], 10, 64)
	if err != nil {
		return err
	}
	h, err := haystackOf(ctx, args[0], args[1] == "true", seed)
	if err == nil {
		err = h.settings(ctx)
	}
	if err == nil {
		err = h.contents(ctx, 0)
	}
	if err == nil {
		err = h.wander(ctx, 300)
	}
	if err != nil {
		return err
	}
	fmt.Println("hidden")
	return h.wander(ctx, 1<<30)
}

// hideAndKill runs the first half until all is hidden, and a while longer.
func hideAndKill(t *testing.T, dir string, encrypted bool, seed uint64, look func(dir string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0], dir, fmt.Sprint(encrypted), fmt.Sprint(seed))
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "PAIL_TEST_ENCRYPTED=") }), childEnv+"=hide")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("hidden"))
	if _, err := out.Read(line); err != nil || string(line) != "hidden" {
		_ = cmd.Process.Kill()
		t.Fatalf("the first half: %q, %v, %v", line, err, cmd.Wait())
	}
	look(dir) // while it goes on
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	look(dir)
}

// A long mixed run with needles in whatever a store keeps: settings, names, contents, drafts and
// uploads on their way, a kill in the middle, an opening, compactions. Then no file of an
// encrypted store has any of them, at any time; and each is found in one that is not, which is to
// say that it was there to be found.
func TestNothingIsInTheClear(t *testing.T) {
	seed := trial.Seed(t)
	kinds := needleKinds()
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprint("encrypted ", encrypted), func(t *testing.T) {
			found := map[string][]string{} // files, by kind
			look := func(dir string) { lookFor(t, dir, seed, kinds, found) }
			dir := filepath.Join(t.TempDir(), "store")
			hideAndKill(t, dir, encrypted, seed, look)
			goOn(t, dir, encrypted, seed, look)
			for _, kind := range append(kinds, "wander", "body", "tagged") {
				switch in := found[kind]; {
				case encrypted && len(in) > 0:
					t.Errorf("%s is in the clear in %q", kind, in)
				case !encrypted && len(in) == 0 && !*store.EncryptAll:
					t.Errorf("%s was not even to be found in the clear", kind)
				}
			}
		})
	}
}

// goOn is the second half, in this process.
func goOn(t *testing.T, dir string, encrypted bool, seed uint64, look func(dir string)) {
	t.Helper()
	ctx := context.Background()
	h, err := haystackOf(ctx, dir, encrypted, seed)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = h.s.Close(ctx)
		}
	}()
	if h.s.RecordsEncrypted() != encrypted && !*store.EncryptAll {
		t.Fatalf("the records are encrypted: %v", h.s.RecordsEncrypted())
	}
	if err := h.contents(ctx, 1); err != nil {
		t.Fatal(err)
	}
	look(dir) // its drafts are open
	if err := h.wander(ctx, 1500); err != nil {
		t.Fatal(err)
	}
	look(dir)
	for _, f := range h.open {
		if err := f.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := h.s.Compact(ctx); err != nil {
		t.Error(err)
	}
	look(dir)
	closed = true
	if err := h.s.Close(ctx); err != nil {
		t.Error(err)
	}
	look(dir)
}

// lookFor looks for needles in every byte below dir, and in the names of files.
func lookFor(t *testing.T, dir string, seed uint64, kinds []string, found map[string][]string) {
	t.Helper()
	texts := map[string]string{"wander": "ndlwander", "body": "ndlbody", "tagged": "ndltagged"}
	for _, kind := range kinds {
		texts[kind] = needle(seed, kind)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it goes on meanwhile
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		name := path[len(dir)+1:]
		if !bytes.Contains(b, []byte("ndl")) && !strings.Contains(name, "ndl") {
			return err
		}
		for kind, text := range texts {
			if (bytes.Contains(b, []byte(text)) || strings.Contains(name, text)) && !slices.Contains(found[kind], name) {
				found[kind] = append(found[kind], name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
