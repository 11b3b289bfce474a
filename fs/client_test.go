package fs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/crypto/s3ec"
	"pail/store"
	"pail/versioning"
)

var rawKey = &[32]byte{1, 2, 3, 31: 9}

// newClientBench is newBench with a mount that encrypts what is below sec/ with a raw key.
func newClientBench(t *testing.T, o Options) *bench {
	t.Helper()
	st := openStoreIn(t, fastDir(t))
	se := beside(st)
	if _, err := se.CreateBucket(context.Background(), "bkt", store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	if o.Bucket == "" {
		o.Bucket = "bkt"
	}
	if o.ClientKeys == nil {
		o.ClientKeys = []ClientKey{{Bucket: "bkt", Prefix: "sec/", Raw: rawKey}}
	}
	b := &bench{t: t, store: st, se: se, mount: mountStore(t, st, o)}
	for _, dir := range []string{"sec", "open"} {
		if err := os.Mkdir(b.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// object is what S3 has of a key.
func (b *bench) object(key, version string) (o store.Object, body []byte) {
	b.t.Helper()
	r, err := b.se.Get(context.Background(), "bkt", key, version)
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Close()
	o = r.Object()
	body = make([]byte, o.Size)
	if n, err := r.ReadAt(body, 0); n < len(body) {
		b.t.Fatal(err)
	}
	return o, body
}

// opened decrypts what S3 has, as any client would.
func (b *bench) opened(key, version string, wrapping *[32]byte) []byte {
	b.t.Helper()
	o, body := b.object(key, version)
	e, err := s3ec.Parse(o.Metadata)
	if err != nil {
		b.t.Fatalf("%s: %v", key, err)
	}
	k, err := e.UnwrapKey(wrapping)
	if err != nil {
		b.t.Fatalf("%s: %v", key, err)
	}
	plain, err := openWhole(e, k, body)
	if err != nil {
		b.t.Fatalf("%s: %v", key, err)
	}
	return plain
}

func openWhole(e *s3ec.Envelope, k *[32]byte, body []byte) ([]byte, error) {
	c, err := e.Open(k)
	if err != nil || len(body) < s3ec.TagSize {
		return nil, errors.Join(err, s3ec.ErrOpen)
	}
	text, tag := body[:len(body)-s3ec.TagSize], body[len(body)-s3ec.TagSize:]
	check := c.Check()
	_, _ = check.Write(text)
	c.XORAt(text, text, 0)
	return text, check.Verify(tag)
}

// putEncrypted puts an object as a client with a raw key does.
func (b *bench) putEncrypted(key, body string, s s3ec.Suite) {
	b.t.Helper()
	k := &[32]byte{7}
	e, c := s3ec.Seal(s, k, s3ec.WrapAES, s3ec.WrapKey(rawKey, k, s), nil)
	_, err := b.se.Put(context.Background(), "bkt", key, store.PutInput{
		Body: c.Encrypt(strings.NewReader(body)), Size: int64(len(body)) + s3ec.TagSize, Metadata: e.Metadata(int64(len(body))),
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func wantErrno(t *testing.T, what string, err error, want unix.Errno) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestClientActsMakeOneVersion does what programs do to files: each act is one version whose
// ciphertext any client opens, and stat and the plain files beside them say the same.
func TestClientActsMakeOneVersion(t *testing.T) {
	for _, format := range []int{3, 2} {
		t.Run(fmt.Sprint("format ", format), func(t *testing.T) {
			b := newClientBench(t, Options{ClientFormat: format})
			big := strings.Repeat("0123456789abcdef", 40_000) + "end"
			for _, act := range []struct{ script, want string }{
				{`echo hi > F`, "hi\n"},
				{`: > F`, ""},
				{`printf 'a\nb\n' > F.tmp; mv F.tmp F`, "a\nb\n"},
				{`echo more >> F`, "a\nb\nmore\n"},
				{`sed -i s/b/B/ F`, "a\nB\nmore\n"},
				{`truncate -s 3 F`, "a\nB"},
				{`truncate -s 5 F`, "a\nB\x00\x00"},
				{`(printf x; printf y) > F`, "xy"},
				{`dd if=/dev/zero of=F bs=1 count=2 seek=1 conv=notrunc,fsync 2>/dev/null`, "x\x00\x00"},
				{`cp ../big F`, big},
				{`printf Z | dd of=F bs=1 seek=600000 conv=notrunc 2>/dev/null`, big[:600000] + "Z" + big[600001:]},
				{`printf tail >> F`, big[:600000] + "Z" + big[600001:] + "tail"},
				{`rm F; touch F`, ""},
				{`exec 3<> F; printf one >&3; sync -d F; printf two >&3; sync F; exec 3>&-`, "onetwo"},
			} {
				mustWrite(t, b.path("big"), big)
				for _, dir := range []string{"sec", "open"} {
					before := b.versions(dir+"/F", 0)
					b.sh("cd " + dir + "\n" + act.script)
					want := before + 1
					if strings.HasPrefix(act.script, "rm ") {
						want = before + 2
					}
					if n := b.versions(dir+"/F", want); n != want {
						t.Errorf("%s: %s: %d versions, want %d", dir, act.script, n, want)
					}
					wantContent(t, b.path(dir+"/F"), act.want)
					fi, err := os.Stat(b.path(dir + "/F"))
					if err != nil || fi.Size() != int64(len(act.want)) {
						t.Errorf("%s: %s: stat says %d, %v", dir, act.script, fi.Size(), err)
					}
				}
				if got := b.opened("sec/F", "", rawKey); string(got) != act.want {
					t.Errorf("%s: a client reads %d bytes %.20q", act.script, len(got), got)
				}
				if o, body := b.object("sec/F", ""); len(act.want) > 8 && bytes.Contains(body, []byte(act.want[:8])) || int(o.Size) != len(act.want)+s3ec.TagSize {
					t.Errorf("%s: the store has %d bytes, or in the clear", act.script, o.Size)
				} else if e, err := s3ec.Parse(o.Metadata); err != nil || e.Suite.Format() != format {
					t.Errorf("%s: %v, %v", act.script, e, err)
				}
			}
			ls := b.sh("ls -l sec open | awk '/F$/ {print $5}'")
			if ls != "6\n6\n" {
				t.Errorf("ls says %q", ls)
			}
			// The history is decrypted as well.
			all, err := b.se.Versions(context.Background(), "bkt", "sec/F")
			if err != nil {
				t.Fatal(err)
			}
			got := b.sh("cd sec/.versions/F; for v in *; do stat -c %s $v; cat $v | md5sum; done")
			want := b.sh("cd open/.versions/F; for v in *; do stat -c %s $v; cat $v | md5sum; done")
			if got != want || len(all) < 10 {
				t.Errorf("the histories differ:\n%s\n%s", got, want)
			}
			past := ".versions/@" + time.Now().Add(time.Second).UTC().Format(time.RFC3339) + "/sec/F"
			time.Sleep(1100 * time.Millisecond)
			if got := b.sh("stat -c %s " + past + "; cat " + past); got != "6\nonetwo" {
				t.Errorf("in the tree of the past it is %q", got)
			}
		})
	}
}

// TestClientFileIsLikeAPlainOne does the same random things to a file that is encrypted and to one
// that is not, through several handles, and compares.
func TestClientFileIsLikeAPlainOne(t *testing.T) {
	b := newClientBench(t, Options{})
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	type pair [2]*os.File
	open := func(flags int) (p pair) {
		for i, dir := range []string{"sec", "open"} {
			f, err := os.OpenFile(b.path(dir+"/F"), flags, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			p[i] = f
		}
		return p
	}
	handles := []pair{open(os.O_RDWR | os.O_CREATE)}
	both := func(what string, p pair, fn func(*os.File) string) {
		t.Helper()
		if a, c := fn(p[0]), fn(p[1]); a != c {
			t.Fatalf("%s: encrypted %.200q, plain %.200q", what, a, c)
		}
	}
	const most = 400_000
	for i := range 600 {
		p := handles[rng.IntN(len(handles))]
		off, n := rng.Int64N(most), rng.IntN(70_000)
		if rng.IntN(3) == 0 {
			n = rng.IntN(40)
		}
		switch rng.IntN(12) {
		case 0, 1, 2:
			data := bytes.Repeat([]byte{byte('a' + i%26)}, n)
			both("write", p, func(f *os.File) string { k, err := f.WriteAt(data, off); return fmt.Sprint(k, errno(err)) })
		case 3, 4, 5:
			both("read", p, func(f *os.File) string {
				buf := make([]byte, n)
				k, err := f.ReadAt(buf, off)
				return fmt.Sprint(string(buf[:k]), errno(err))
			})
		case 6:
			both("truncate", p, func(f *os.File) string { return fmt.Sprint(errno(f.Truncate(off))) })
		case 7:
			both("fsync", p, func(f *os.File) string { return fmt.Sprint(f.Sync()) })
		case 8:
			flags := []int{os.O_RDWR, os.O_RDONLY, os.O_WRONLY | os.O_APPEND, os.O_RDWR | os.O_TRUNC}[rng.IntN(4)]
			q := open(flags)
			if flags&os.O_APPEND != 0 {
				both("append", q, func(f *os.File) string { k, err := f.Write([]byte("appended")); return fmt.Sprint(k, err) })
			}
			handles = append(handles, q)
		case 9:
			if len(handles) > 1 {
				last := len(handles) - 1
				both("close", handles[last], func(f *os.File) string { return fmt.Sprint(f.Close()) })
				handles = handles[:last]
			}
		case 10:
			both("punch", p, func(f *os.File) string {
				return fmt.Sprint(unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, int64(n)+1))
			})
		case 11:
			both("stat", p, func(f *os.File) string {
				fi, err := f.Stat()
				if err != nil {
					return err.Error()
				}
				byName, err := os.Stat(f.Name())
				if err != nil || byName.Size() != fi.Size() {
					return fmt.Sprint("by name ", err)
				}
				return fmt.Sprint(fi.Size(), fi.Mode(), time.Since(fi.ModTime()) < time.Minute)
			})
		}
	}
	for _, p := range handles {
		both("close", p, func(f *os.File) string { return fmt.Sprint(f.Close()) })
	}
	b.versions("sec/F", 0)
	whole, err := os.ReadFile(b.path("open/F"))
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, b.path("sec/F"), string(whole))
	if got := b.opened("sec/F", "", rawKey); !bytes.Equal(got, whole) {
		t.Error("a client reads something else")
	}
}

func errno(err error) error {
	var e unix.Errno
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return err
}
