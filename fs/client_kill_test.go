package fs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/iam"
	"pail/store/kms"
	"pail/store/trail"
)

// A ledger is what one writer knows of its file: what its last fsync promised, and what the one
// under way might.
type ledger struct {
	path             string
	synced, underway []byte
	exists           bool
}

// write changes the file and fsyncs until the daemon is gone.
func (l *ledger) write(rng *rand.Rand) {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	body := slices.Clone(l.synced)
	for n := 0; ; n++ {
		l.underway = nil
		if rng.IntN(5) == 0 {
			size := rng.IntN(len(body) + 1)
			if f.Truncate(int64(size)) != nil {
				return
			}
			body = body[:size]
		}
		off := rng.IntN(len(body) + 1)
		part := bytes.Repeat([]byte{byte('a' + n%26)}, 1+rng.IntN(60_000))
		if _, err := f.WriteAt(part, int64(off)); err != nil {
			return
		}
		body = append(slices.Clone(body[:off]), append(part, body[min(len(body), off+len(part)):]...)...)
		if rng.IntN(4) > 0 {
			continue
		}
		l.underway = slices.Clone(body)
		if f.Sync() != nil {
			return
		}
		l.synced, l.exists = l.underway, true
	}
}

// TestClientSurvivesKills kills the daemon again and again while files are written and fsynced: each
// is whole then, and as its last fsync left it, or the one that the kill has met.
func TestClientSurvivesKills(t *testing.T) {
	dir := fastDir(t)
	mnt := filepath.Join(dir, "mnt")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	var ledgers []*ledger
	for i := range 3 {
		ledgers = append(ledgers, &ledger{path: filepath.Join(mnt, "sealed", fmt.Sprint("f", i))})
	}
	kills, syncs := 10, 0
	for round := range kills + 1 {
		cmd, end := startServer(t, os.Args[0], dir, nil)
		if round == 0 {
			if err := os.Mkdir(filepath.Join(mnt, "sealed"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, l := range ledgers {
			got, err := os.ReadFile(l.path)
			switch {
			case os.IsNotExist(err) && !l.exists:
			case err != nil:
				t.Fatalf("after %d kills: %v", round, err)
			case l.underway != nil && bytes.Equal(got, l.underway), l.exists && bytes.Equal(got, l.synced), !l.exists && len(got) == 0:
			default:
				t.Fatalf("after %d kills %s has %d bytes; fsynced were %d", round, l.path, len(got), len(l.synced))
			}
			if l.exists {
				syncs++
			}
			if err == nil {
				l.synced, l.exists = got, true
			}
		}
		if round == kills {
			if err := end(); err != nil {
				t.Error(err)
			}
			break
		}
		done := make(chan struct{})
		for i, l := range ledgers {
			rng := rand.New(rand.NewPCG(uint64(round), uint64(i)))
			go func() {
				l.write(rng)
				done <- struct{}{}
			}()
		}
		time.Sleep(time.Duration(100+37*round) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		for range ledgers {
			<-done
		}
		if err := Detach(mnt); err != nil {
			t.Fatal(err)
		}
	}
	if syncs < kills {
		t.Errorf("only %d files were found that had been fsynced", syncs)
	}
	o := storeOptions(dir)
	st, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close(context.Background())
	problems, err := st.Fsck(context.Background(), nil)
	if err != nil || len(problems) > 0 {
		t.Errorf("fsck: %+v, %v", problems, err)
	}
}

// TestAnotherClientSeesWholeEditions has a second mount with the key read a file while the first
// one fsyncs and publishes it again and again: each answer is of one edition, and none is refused
// because its envelope and its bytes were of two.
func TestAnotherClientSeesWholeEditions(t *testing.T) {
	peers := NewPeers()
	b := newClientBench(t, Options{Peers: peers})
	other := mountStore(t, b.store, Options{Bucket: "bkt", Peers: peers, ClientKeys: []ClientKey{{Bucket: "bkt", Prefix: "sec/", Raw: rawKey}}})
	edition := func(n int) []byte { return bytes.Repeat([]byte{byte('a' + n%26)}, 8000) }
	if err := os.WriteFile(b.path("sec/f"), edition(0), 0o644); err != nil {
		t.Fatal(err)
	}
	b.versions("sec/f", 1)
	b.settle()
	const editions = 150
	done := make(chan error, 1)
	go func() {
		for n := 1; n <= editions; n++ {
			f, err := os.OpenFile(b.path("sec/f"), os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt(edition(n), 0)
			}
			if err == nil && n%2 == 0 {
				err = f.Sync()
			}
			if err == nil {
				err = f.Close()
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	reads, seen := 0, map[byte]bool{}
	for ended := false; !ended; reads++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			ended = true
		default:
		}
		got, err := os.ReadFile(filepath.Join(other.Dir(), "sec/f"))
		if err != nil || len(got) != 8000 {
			t.Fatalf("read %d: %d bytes, %v", reads, len(got), err)
		}
		for i := range got { // the kernel may have asked for pages one by one
			if got[i] != got[i&^4095] {
				t.Fatalf("read %d: a page is of two editions", reads)
			}
		}
		seen[got[0]] = true
	}
	b.versions("sec/f", editions+1)
	if err := other.Settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantContent(t, filepath.Join(other.Dir(), "sec/f"), string(edition(editions)))
	if len(seen) < 3 {
		t.Errorf("only %d editions were seen in %d reads", len(seen), reads)
	}
}

// TestClientFilesAreMapped maps a file, in another process.
func TestClientFilesAreMapped(t *testing.T) {
	b := newClientBench(t, Options{})
	if out, err := childCommand("mmap", b.path("sec/mapped")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b.versions("sec/mapped", 1)
	got, err := os.ReadFile(b.path("sec/mapped"))
	if err != nil || !bytes.Equal(got, b.opened("sec/mapped", "", rawKey)) || len(got) == 0 {
		t.Errorf("a client reads something else than the mount's %d bytes, %v", len(got), err)
	}
}

// TestClientKeyRights: S3's rights alone open nothing; what the key's rights add is what they say,
// and each use is in the audit trail, with who used it for what.
func TestClientKeyRights(t *testing.T) {
	ctx := context.Background()
	st := openStoreIn(t, fastDir(t))
	owner := beside(st)
	if _, err := owner.CreateBucket(ctx, "bkt", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	k, err := owner.KMSCreateKey(ctx, kms.NewKey{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := owner.CreateUser(ctx, iam.NewUser{Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	may := func(actions string) {
		t.Helper()
		err := owner.PutUserPolicy(ctx, "alice", "p", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[`+actions+`],"Resource":"*"}]}`)
		if err != nil {
			t.Fatal(err)
		}
	}
	may(`"s3:*"`)
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	if _, err := owner.EnableTrail(ctx, store.TrailInput{File: file, Select: trail.Selector{Management: trail.All}}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m, err := Mount(ctx, Options{Store: st, Principal: store.UserPrincipal(u), Mountpoint: dir, Bucket: "bkt", ClientKeys: []ClientKey{{Bucket: "bkt", KMS: k.ID}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unmount(t, m) })
	write := func() error { return os.WriteFile(dir+"/f", []byte("text"), 0o644) }
	read := func() error { _, err := os.ReadFile(dir + "/f"); return err }
	wantErrno(t, "write with no right to the key", write(), unix.EACCES)
	may(`"s3:*","kms:GenerateDataKey"`)
	if err := write(); err != nil {
		t.Fatal(err)
	}
	wantErrno(t, "read with the right to write", read(), unix.EACCES)
	may(`"s3:*","kms:Decrypt"`)
	if err := read(); err != nil {
		t.Error(err)
	}
	wantErrno(t, "write with the right to read", write(), unix.EACCES)

	want := []string{"GenerateDataKey AccessDenied", "GenerateDataKey", "Decrypt AccessDenied", "Decrypt", "GenerateDataKey AccessDenied"}
	if _, err := owner.DeliverTrail(ctx); err != nil {
		t.Fatal(err)
	}
	if acts := keyUses(t, file, ":user/alice"); !slices.Equal(acts, want) {
		t.Errorf("the trail has %q, want %q", acts, want)
	}
}

// keyUses are the uses of keys that a trail tells of somebody.
func keyUses(t *testing.T, file, who string) (acts []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var r struct {
			EventSource, EventName, ErrorCode string
			UserIdentity                      struct{ Arn string }
			RequestParameters                 struct{ EncryptionContext map[string]string }
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.EventSource != "kms.amazonaws.com" || !strings.HasSuffix(r.UserIdentity.Arn, who) {
			continue
		}
		if r.RequestParameters.EncryptionContext["aws:x-amz-cek-alg"] != "115" {
			t.Errorf("a record without its context: %s", line)
		}
		acts = append(acts, strings.TrimSpace(r.EventName+" "+strings.TrimSuffix(r.ErrorCode, "Exception")))
	}
	return acts
}
