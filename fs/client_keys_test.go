package fs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/crypto/s3ec"
	"pail/store"
	"pail/store/kms"
	"pail/versioning"
)

// A lineLog keeps what a mount logs.
type lineLog struct {
	mu  sync.Mutex // guards all
	all strings.Builder
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lineLog) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.all.String(), what)
}

// TestClientReadsOnlyWhatIsAuthentic puts objects as clients do, whole and damaged in every way:
// what is read is the plaintext, whole and in ranges, or nothing, and the log says of which file.
func TestClientReadsOnlyWhatIsAuthentic(t *testing.T) {
	var log lineLog
	b := newClientBench(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	text := make([]byte, 300_000)
	for i := range text {
		text[i] = byte(i * 7 >> 3)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for i, s := range []s3ec.Suite{s3ec.Plain, s3ec.Committing} {
		for _, n := range []int{0, 1, 4096, pieceSize, pieceSize + 1, len(text)} {
			key := fmt.Sprintf("sec/whole%d-%d", i, n)
			b.putEncrypted(key, string(text[:n]), s)
			b.settle()
			f, err := os.Open(b.path(key))
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				if n == 0 {
					break
				}
				off := rng.IntN(n)
				buf := make([]byte, rng.IntN(n-off)+1)
				if _, err := f.ReadAt(buf, int64(off)); err != nil || !bytes.Equal(buf, text[off:off+len(buf)]) {
					t.Fatalf("%s: %d bytes at %d: %v", key, len(buf), off, err)
				}
			}
			_ = f.Close()
			wantContent(t, b.path(key), string(text[:n]))
		}
	}
	o, body := b.object("sec/whole1-300000", "")
	put := func(key string, body []byte, meta map[string]string) {
		t.Helper()
		_, err := b.se.Put(context.Background(), "bkt", key, store.PutInput{Body: bytes.NewReader(body), Size: int64(len(body)), Metadata: meta})
		if err != nil {
			t.Fatal(err)
		}
		b.settle()
	}
	change := func(name, value string) map[string]string {
		m := map[string]string{}
		for k, v := range o.Metadata {
			m[k] = v
		}
		if m[name] = value; value == "" {
			delete(m, name)
		}
		return m
	}
	flipped := func(at int) []byte {
		c := bytes.Clone(body)
		c[at] ^= 1
		return c
	}
	other, _ := b.object("sec/whole1-4096", "")
	for name, v := range map[string]struct {
		body []byte
		meta map[string]string
		want unix.Errno
	}{
		"the last byte":       {flipped(len(body) - 17), o.Metadata, unix.EIO},
		"the first byte":      {flipped(0), o.Metadata, unix.EIO},
		"the tag":             {flipped(len(body) - 1), o.Metadata, unix.EIO},
		"cut":                 {body[:len(body)-1], o.Metadata, unix.EIO},
		"cut to a piece":      {body[:pieceSize], o.Metadata, unix.EIO},
		"cut below a tag":     {body[:3], o.Metadata, unix.EIO},
		"another's envelope":  {body, other.Metadata, unix.EIO},
		"the commitment":      {body, change("x-amz-d", other.Metadata["x-amz-d"]), unix.EIO},
		"the wrapped key":     {body, change("x-amz-3", other.Metadata["x-amz-3"][:8]+o.Metadata["x-amz-3"][8:]), unix.EIO},
		"the message id":      {body, change("x-amz-i", "AAAA"), unix.EIO},
		"a key of KMS":        {body, change("x-amz-w", "22"), unix.EACCES},
		"an instruction file": {body, change("x-amz-3", ""), unix.EACCES},
		"nothing":             {body, nil, unix.EACCES},
	} {
		key := "sec/" + strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", "")
		put(key, v.body, v.meta)
		got, err := os.ReadFile(b.path(key))
		wantErrno(t, name, err, v.want)
		if len(got) > 0 {
			t.Errorf("%s: %d bytes are given all the same", name, len(got))
		}
		if !log.has("bkt/" + key) {
			t.Errorf("%s: nothing in the log", name)
		}
		// A file that is to be changed a little is not made one that looks well, but its whole
		// content can be put in its place.
		f, err := os.OpenFile(b.path(key), os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = f.Write([]byte("x"))
			_ = f.Close()
		}
		if err == nil {
			t.Errorf("%s: it can be appended to", name)
		}
		mustWrite(t, b.path(key), "anew")
		b.versions(key, 2)
		wantContent(t, b.path(key), "anew")
	}
}

// TestClientReadsPlainObjectsIfTold: what no client has encrypted is refused, or read as it is.
func TestClientReadsPlainObjectsIfTold(t *testing.T) {
	b := newClientBench(t, Options{ClientPlain: true})
	b.put("sec/plain", "in the clear")
	b.settle()
	wantContent(t, b.path("sec/plain"), "in the clear")
	b.sh("printf ' once' >> sec/plain")
	b.versions("sec/plain", 2)
	wantContent(t, b.path("sec/plain"), "in the clear once")
	if got := b.opened("sec/plain", "", rawKey); string(got) != "in the clear once" {
		t.Errorf("a client reads %q", got)
	}
}

// TestTwoMountsSeeOneObjectInTwoWays: a mount with the key has the plaintext, one without it what
// S3 has, at the same time and after each change; and a mount with another key has nothing.
func TestTwoMountsSeeOneObjectInTwoWays(t *testing.T) {
	peers := NewPeers()
	b := newClientBench(t, Options{Peers: peers})
	without := mountStore(t, b.store, Options{Bucket: "bkt", Peers: peers})
	wrong := mountStore(t, b.store, Options{Bucket: "bkt", Peers: peers, ClientKeys: []ClientKey{{Bucket: "bkt", Raw: &[32]byte{1}}},
		Log: slog.New(slog.DiscardHandler)})
	for i := range 4 {
		body := strings.Repeat(fmt.Sprint("text ", i, " "), 1+i*9000)
		mustWrite(t, b.path("sec/f"), body)
		b.versions("sec/f", i+1)
		_, sealed := b.object("sec/f", "")
		if err := without.Settle(context.Background()); err != nil {
			t.Fatal(err)
		}
		wantContent(t, b.path("sec/f"), body)
		wantContent(t, without.Dir()+"/sec/f", string(sealed))
		fi, err := os.Stat(without.Dir() + "/sec/f")
		if err != nil || fi.Size() != int64(len(body)+s3ec.TagSize) {
			t.Errorf("without the key it has %d bytes, %v", fi.Size(), err)
		}
		_, err = os.ReadFile(wrong.Dir() + "/sec/f")
		wantErrno(t, "with another key", err, unix.EIO)
	}
	f, err := os.OpenFile(b.path("sec/f"), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("being written"); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b.path("sec/f"), "being written")
	got, err := os.ReadFile(without.Dir() + "/sec/f")
	if err != nil || bytes.Contains(got, []byte("being written")) {
		t.Errorf("without the key it is %.40q, %v", got, err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	b.settle()
	if fi, err := os.Stat(without.Dir() + "/sec/f"); err != nil || fi.Size() != 13+s3ec.TagSize {
		t.Errorf("when it is fsynced it has %d bytes there, %v", fi.Size(), err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestClientEnvelopeStays: what describes a file can be changed and copied, and its envelope is not
// touched by that, nor shown.
func TestClientEnvelopeStays(t *testing.T) {
	b := newClientBench(t, Options{})
	mustWrite(t, b.path("sec/f"), "text")
	x := b.x("sec/f")
	b.versions("sec/f", 1)
	x.has("user.s3.client-encryption", "format 3, suite 115, AES/GCM")
	x.setFails("user.s3.client-encryption", "none", 0, unix.EPERM)
	x.has("user.s3.size", "20")
	x.lists()
	x.fails("user.s3.meta.x-amz-3", unix.ENODATA)
	x.fails("user.s3.meta", unix.ENODATA)
	x.setFails("user.s3.meta.x-amz-3", "AAAA", 0, unix.EPERM)
	x.setFails("user.s3.meta", `{"x-amz-3":"AAAA"}`, 0, unix.EPERM)
	x.remove("user.s3.meta.x-amz-3", unix.ENODATA)
	x.set("user.s3.meta.mine", "1")
	x.set("user.s3.meta", `{"yours":"2","ours":"3"}`)
	x.has("user.s3.meta", `{"ours":"3","yours":"2"}`)
	x.setFails("user.s3.meta", `{"a":"b"}`, unix.XATTR_CREATE, unix.EEXIST)
	x.set("user.s3.content-type", "text/plain")
	x.set("user.s3.tag.colour", "red")
	b.sh("chmod 600 sec/f; touch -d 2001-02-03 sec/f; mv sec/f sec/g; cp -a sec/g sec/copy; cp -a sec/g open/copy; mv sec/g sec/f")
	b.versions("sec/f", 0)
	for _, key := range []string{"sec/f", "sec/copy"} {
		wantContent(t, b.path(key), "text")
		b.x(key).has("user.s3.meta", `{"ours":"3","yours":"2"}`)
		b.x(key).has("user.s3.tag.colour", "red")
		if got := b.opened(key, "", rawKey); string(got) != "text" {
			t.Errorf("%s: a client reads %q", key, got)
		}
	}
	wantContent(t, b.path("open/copy"), "text")
	if o, _ := b.object("open/copy", ""); s3ec.Encrypted(o.Metadata) || o.Metadata["yours"] != "2" {
		t.Errorf("the copy in the clear has %v", o.Metadata)
	}
	x.remove("user.s3.meta", 0)
	x.remove("user.s3.meta", unix.ENODATA)
	wantContent(t, b.path("sec/f"), "text")
	mustWrite(t, b.path("sec/f"), "other")
	b.versions("sec/f", 0)
	wantContent(t, b.path("sec/f"), "other")
	x.has("user.s3.content-type", "text/plain")
}

// TestClientNames: renames within a key's reach keep the ciphertext; across it they are copies, as
// mv makes them. Files without a name, with another's, or with several handles are like plain ones.
func TestClientNames(t *testing.T) {
	b := newClientBench(t, Options{})
	b.sh("mkdir sec/d; echo text > sec/d/f; echo plain > open/p")
	b.versions("sec/d/f", 1)
	before, _ := b.object("sec/d/f", "")
	for _, pair := range [][2]string{{"sec/d/f", "open/f"}, {"open/p", "sec/p"}, {"sec/d", "open/d"}, {"sec", "moved"}, {"open", "sec/d"}} {
		wantErrno(t, fmt.Sprint("rename ", pair), unix.Rename(b.path(pair[0]), b.path(pair[1])), unix.EXDEV)
	}
	b.sh("mv sec/d sec/e; mv sec/e/f sec/e/g; ln -s g sec/e/link; cat sec/e/link; mv open/p sec/; mv sec/e open/")
	wantContent(t, b.path("open/e/g"), "text\n")
	wantContent(t, b.path("sec/p"), "plain\n")
	if o, _ := b.object("open/e/g", ""); s3ec.Encrypted(o.Metadata) || o.Size != before.Size-s3ec.TagSize {
		t.Errorf("what was moved out is %d bytes, %v", o.Size, o.Metadata)
	}
	if got := b.opened("sec/p", "", rawKey); string(got) != "plain\n" {
		t.Errorf("what was moved in is %q", got)
	}

	fd, err := unix.Open(b.path("sec"), unix.O_TMPFILE|unix.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	tmp := os.NewFile(uintptr(fd), "tmp")
	if _, err := tmp.WriteString("from nowhere"); err != nil {
		t.Fatal(err)
	}
	proc := fmt.Sprint("/proc/self/fd/", fd)
	wantErrno(t, "a link across", unix.Linkat(unix.AT_FDCWD, proc, unix.AT_FDCWD, b.path("open/t"), unix.AT_SYMLINK_FOLLOW), unix.EXDEV)
	if err := unix.Linkat(unix.AT_FDCWD, proc, unix.AT_FDCWD, b.path("sec/t"), unix.AT_SYMLINK_FOLLOW); err != nil {
		t.Fatal(err)
	}
	if got := b.opened("sec/t", "", rawKey); string(got) != "from nowhere" {
		t.Errorf("a link is published as %q", got)
	}
	if _, err := tmp.WriteString(", and on"); err != nil {
		t.Fatal(err)
	}
	_ = tmp.Close()
	if n := b.versions("sec/t", 2); n != 2 {
		t.Errorf("%d versions", n)
	}
	wantContent(t, b.path("sec/t"), "from nowhere, and on")

	f, err := os.OpenFile(b.path("sec/u"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("unlinked")
	if err := os.Remove(b.path("sec/u")); err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(" and on")
	buf := make([]byte, 20)
	if n, err := f.ReadAt(buf, 0); string(buf[:n]) != "unlinked and on" || err != io.EOF {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
	_ = f.Close()
	if _, err := os.Stat(b.path("sec/u")); !os.IsNotExist(err) {
		t.Errorf("it has come back: %v", err)
	}

	mustWrite(t, b.path("sec/over"), "new")
	old, err := os.Open(b.path("sec/t"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.path("sec/over"), b.path("sec/t")); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(old)
	if err != nil || string(got) != "from nowhere, and on" {
		t.Errorf("who had it open reads %q, %v", got, err)
	}
	_ = old.Close()
	wantContent(t, b.path("sec/t"), "new")
}

// TestClientUsesTheKeyService: the key is asked for at each open, in the name of who opens; without
// it nothing is read and nothing written.
func TestClientUsesTheKeyService(t *testing.T) {
	ctx := context.Background()
	st := openStoreIn(t, fastDir(t))
	se := beside(st)
	if _, err := se.CreateBucket(ctx, "bkt", store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	k, err := se.KMSCreateKey(ctx, kms.NewKey{})
	if err != nil {
		t.Fatal(err)
	}
	if err := se.KMSCreateAlias(ctx, "alias/files", k.ID); err != nil {
		t.Fatal(err)
	}
	var log lineLog
	m := mountStore(t, st, Options{
		Bucket: "bkt", ClientKeys: []ClientKey{{Bucket: "bkt", KMS: "alias/files"}}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	b := &bench{t: t, store: st, se: se, mount: m}
	mustWrite(t, b.path("f"), "text")
	b.versions("f", 1)
	wantContent(t, b.path("f"), "text")
	o, body := b.object("f", "")
	e, err := s3ec.Parse(o.Metadata)
	if err != nil || e.Wrap != s3ec.WrapKMS || e.Context["aws:x-amz-cek-alg"] != "115" {
		t.Fatalf("%v, %v", e, err)
	}
	d, err := se.KMSDecrypt(ctx, store.KMSCiphertext{KMSUse: store.KMSUse{Context: e.Context}, Blob: e.Key})
	if err != nil || d.Key != k.ARN() {
		t.Fatalf("%v, %v", d, err)
	}
	if plain, err := openWhole(e, (*[32]byte)(d.Plaintext), body); err != nil || string(plain) != "text" {
		t.Errorf("a client reads %q, %v", plain, err)
	}
	if err := se.KMSDisableKey(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	_, err = os.ReadFile(b.path("f"))
	wantErrno(t, "read when the key is disabled", err, unix.EACCES)
	wantErrno(t, "write", os.WriteFile(b.path("f"), nil, 0o644), unix.EACCES)
	wantErrno(t, "make", os.WriteFile(b.path("g"), nil, 0o644), unix.EACCES)
	if !log.has("bkt/f") {
		t.Error("nothing in the log")
	}
	if err := se.KMSEnableKey(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b.path("f"), "text")
	if _, err := os.Stat(b.path("g")); !os.IsNotExist(err) {
		t.Errorf("the file that could not be made is there: %v", err)
	}
	other, err := se.KMSCreateKey(ctx, kms.NewKey{})
	if err != nil {
		t.Fatal(err)
	}
	if err := se.KMSUpdateAlias(ctx, "alias/files", other.ID); err != nil {
		t.Fatal(err)
	}
	_, err = os.ReadFile(b.path("f"))
	wantErrno(t, "read with another key", err, unix.EIO)
}

// TestClientMakesNothingItCannotEncrypt: a file that cannot get its first ciphertext is not there, in
// the clear least of all; and one that cannot get another has what it had.
func TestClientMakesNothingItCannotEncrypt(t *testing.T) {
	b := newClientBench(t, Options{})
	mustWrite(t, b.path("sec/there"), "some text of forty bytes, or thereabouts")
	b.versions("sec/there", 1)
	if err := b.se.SetQuota(context.Background(), "bkt", store.Quota{Bytes: 60}); err != nil {
		t.Fatal(err)
	}
	wantErrno(t, "make", os.WriteFile(b.path("sec/new"), []byte("x"), 0o644), unix.EDQUOT)
	if es, err := b.se.Versions(context.Background(), "bkt", "sec/new"); err == nil && len(es) > 0 {
		t.Errorf("there are %d versions of it", len(es))
	}
	if _, err := os.Stat(b.path("sec/new")); !os.IsNotExist(err) {
		t.Errorf("it is there: %v", err)
	}
	wantErrno(t, "write", os.WriteFile(b.path("sec/there"), []byte("less"), 0o644), unix.EDQUOT)
	b.versions("sec/there", 1)
	wantContent(t, b.path("sec/there"), "some text of forty bytes, or thereabouts")
	if err := b.se.SetQuota(context.Background(), "bkt", store.Quota{}); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b.path("sec/new"), "x")
	b.versions("sec/new", 1)
	wantContent(t, b.path("sec/new"), "x")
}

// TestClientLeavesNothingInTheClear writes, fsyncs and is killed, while files are open in every
// state: the store's directory has no plaintext, and what was fsynced comes back whole, as of the
// last fsync.
func TestClientLeavesNothingInTheClear(t *testing.T) {
	dir := fastDir(t)
	st := openStoreIn(t, dir)
	if _, err := beside(st).CreateBucket(context.Background(), "bkt", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	o := Options{Bucket: "bkt", ClientKeys: []ClientKey{{Bucket: "bkt", Raw: rawKey}}}
	b := &bench{t: t, store: st, se: beside(st), mount: mountStore(t, st, o)}
	const needle = "needle in a haystack. "
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	type state struct {
		f            *os.File
		body, synced []byte
		exists       bool
	}
	files := map[string]*state{}
	for i := range 6 {
		name := fmt.Sprint("f", i)
		f, err := os.OpenFile(b.path(name), os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &state{f: f}
	}
	for round := range 12 {
		for _, s := range files {
			off := 0
			if len(s.body) > 0 {
				off = rng.IntN(len(s.body))
			}
			part := bytes.Repeat([]byte(needle), 1+rng.IntN(4000))
			if _, err := s.f.WriteAt(part, int64(off)); err != nil {
				t.Fatal(err)
			}
			s.body = append(slices.Clone(s.body[:off]), append(part, s.body[min(len(s.body), off+len(part)):]...)...)
			if rng.IntN(3) == 0 {
				if err := s.f.Sync(); err != nil {
					t.Fatal(err)
				}
				s.synced, s.exists = slices.Clone(s.body), true
			}
		}
		if round%4 != 3 {
			continue
		}
		copied := killedCopy(t, dir)
		err := filepath.WalkDir(copied, func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if bytes.Contains(b, []byte(needle)) {
				t.Errorf("%s has plaintext", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		again, err := store.Open(context.Background(), storeOptions(copied))
		if err != nil {
			t.Fatal(err)
		}
		if r := again.Status().Recovered; !r.Unclean || len(r.Problems) > 0 {
			t.Errorf("recovery says %+v", r)
		}
		m := mountStore(t, again, o)
		for name, s := range files {
			got, err := os.ReadFile(m.Dir() + "/" + name)
			switch {
			case !s.exists && os.IsNotExist(err):
			case err != nil:
				t.Errorf("round %d: %s: %v", round, name, err)
			case !bytes.Equal(got, s.synced):
				t.Errorf("round %d: %s has %d bytes, fsynced were %d", round, name, len(got), len(s.synced))
			}
		}
		unmount(t, m)
		if err := again.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	for name, s := range files {
		if err := s.f.Close(); err != nil {
			t.Error(err)
		}
		wantContent(t, b.path(name), string(s.body))
	}
}

// killedCopy copies a store as kill(2) would leave it now.
func killedCopy(t *testing.T, dir string) string {
	t.Helper()
	for {
		to := fastDir(t)
		err := os.CopyFS(to, os.DirFS(dir)) // contents come before records, which name no more than there is
		if err == nil {
			return to
		}
		if !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}
