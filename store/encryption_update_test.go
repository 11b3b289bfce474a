package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

// targets are the modes that a version can be given.
func (r *keyRig) targets() []keyMode { return r.modes()[1:6] }

func (r *keyRig) update(from *CustomerKey, key, ref string, to EncryptionInput) bool {
	r.Helper()
	changed, err := r.http(from).UpdateEncryption(r.Context(), "bkt", key, ref, EncryptionUpdate{Encryption: to})
	if err != nil {
		r.Fatalf("%s: %v", key, err)
	}
	return changed
}

// stays demands that a version is what it was, but for how it is encrypted.
func (r *keyRig) stays(key string, was Object, to EncryptionInput) {
	r.Helper()
	o := must(r.root.Head(r.Context(), "bkt", key, ""))(r.T)
	if o.Encryption.Mode != to.Mode || to.KMSKey != "" && o.Encryption.KMSKey != to.KMSKey {
		r.Errorf("%s: %+v, want %+v", key, o.Encryption, to)
	}
	o.Encryption, o.Blocks, was.Encryption, was.Blocks = Encryption{}, 0, Encryption{}, 0
	if got, want := fmt.Sprintf("%+v", o), fmt.Sprintf("%+v", was); got != want {
		r.Errorf("%s was\n%s and is\n%s", key, want, got)
	}
}

// TestUpdateEncryption changes objects of each mode into each other one: in one piece, uploaded in
// parts, written on a mount in pieces and with holes, inlined, empty.
func TestUpdateEncryption(t *testing.T) {
	r := newKeyRig(t, Options{MinPartSize: 1})
	ctx := t.Context()
	must(r.root.CreateBucket(ctx, "src", BucketOptions{}))(t)
	type made struct {
		key, body string
		from      keyMode
	}
	make := func(from keyMode, name string) (all []made) {
		for size, body := range keyBodies {
			key := name + " " + size
			_, err := r.put("bkt", key, body, from.in)
			mustBe(t, err, fault.None)
			all = append(all, made{key, body, from})
		}
		key, body := name+" parts", keyBodies["large"]
		id := must(r.http(nil).CreateUpload(ctx, "bkt", key, PutInput{Encryption: from.in}))(t)
		var parts []CompletedPart
		for n := 1; n <= 3; n++ {
			p := must(r.http(from.mine).UploadPart(ctx, "bkt", key, id, n, PartInput{Body: strings.NewReader(body), Size: int64(len(body))}))(t)
			parts = append(parts, CompletedPart{Number: n, ETag: p.ETag})
		}
		must(r.http(nil).CompleteUpload(ctx, "bkt", key, id, parts, CompleteInput{}))(t)
		return append(all, made{key, body + body + body, from})
	}
	for _, from := range r.modes() {
		for _, to := range r.targets() {
			for _, m := range make(from, from.name+" to "+to.name) {
				was := must(r.root.Head(ctx, "bkt", m.key, ""))(t)
				changed := r.update(from.mine, m.key, "", to.in)
				if want := from.name != to.name && !(encryptAll && from.name == "plain" && to.in.Mode == ModeS3); changed != want {
					t.Errorf("%s: changed: %v", m.key, changed)
				}
				r.stays(m.key, was, to.in)
				r.holds(r.http(nil), "bkt", m.key, m.body)
				if r.update(nil, m.key, "", to.in) {
					t.Errorf("%s is changed again", m.key)
				}
				// And back to a key of the store: an ETag that is no MD5 does not become one.
				r.update(nil, m.key, "", EncryptionInput{Mode: ModeS3})
				o := must(r.http(nil).Copy(ctx, Source{Bucket: "bkt", Key: m.key}, "bkt", m.key+" copied", CopyInput{}))(t)
				if o.ETag != md5Hex(m.body) {
					t.Errorf("the copy of %s has ETag %s, want the MD5", m.key, o.ETag)
				}
				r.holds(r.http(nil), "bkt", m.key, m.body)
			}
		}
	}
	mustBe(t, r.s.Compact(ctx), fault.None)
	r.sound()
}

// TestUpdateEncryptionOfPieces is about a content in a list of extents: it is wrapped again where
// nobody shares it, written anew where somebody does, and its holes stay holes.
func TestUpdateEncryptionOfPieces(t *testing.T) {
	o := Options{}
	o.tuning.aheadExtents = 2 * extentsPerChunk
	for _, pieces := range []int{3, 700, 1200} { // of one chunk, of two, and written ahead
		for _, from := range []string{"", ModeS3} {
			t.Run(fmt.Sprintf("%d %s", pieces, from), func(t *testing.T) {
				r := newKeyRig(t, o)
				ctx := t.Context()
				if from != "" {
					mustBe(t, r.root.SetBucketEncryption(ctx, "bkt", BucketEncryption{Mode: from}), fault.None)
				}
				mount := r.s.As(Owner(), RequestContext{Door: DoorMount})
				f := must(mount.OpenFile(ctx, "bkt", "file", OpenFlags{Write: true, Create: true}))(t)
				want := make([]byte, pieces*8192)
				for i := range pieces {
					copy(want[i*8192:], fmt.Sprintf("piece %d of the file", i))
					must(f.WriteAt(ctx, want[i*8192:i*8192+4096], int64(i*8192)))(t)
				}
				mustBe(t, f.Truncate(ctx, int64(len(want))), fault.None)
				for i := range pieces {
					mustBe(t, f.PunchHole(ctx, int64(i*8192+4096), 4096), fault.None)
				}
				mustBe(t, f.Close(ctx), fault.None)
				was := must(r.root.Head(ctx, "bkt", "file", ""))(t)
				must(r.root.Copy(ctx, Source{Bucket: "bkt", Key: "file"}, "bkt", "copy", CopyInput{}))(t)
				for _, to := range []keyMode{r.modes()[2], r.modes()[4], r.modes()[1]} {
					r.update(nil, "file", "", to.in)
					r.stays("file", was, to.in)
					r.holds(r.http(nil), "bkt", "file", string(want))
					r.holds(r.http(nil), "bkt", "copy", string(want))
				}
				o := must(r.root.Head(ctx, "bkt", "file", ""))(t)
				if o.Blocks*512 > int64(len(want)*3/4) {
					t.Errorf("%d blocks of %d bytes: the holes were filled", o.Blocks, len(want))
				}
				r.sound()
				mustBe(t, r.s.Compact(ctx), fault.None)
				r.holds(r.http(nil), "bkt", "file", string(want))
				r.sound()
			})
		}
	}
}

// needle says in how many files below a directory some bytes stand.
func needle(t *testing.T, dir, what string) (in []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if bytes.Contains(b, []byte(what)) {
			in = append(in, path)
		}
		return err
	})
	mustBe(t, err, fault.None)
	return in
}

// TestUpdateEncryptionLeavesNothing: plain bytes are in no content file any more once all versions
// are encrypted and the garbage is gone, also if a file was open and fsynced meanwhile.
func TestUpdateEncryptionLeavesNothing(t *testing.T) {
	dir := t.TempDir() + "/store"
	r := newKeyRig(t, Options{Dir: dir})
	ctx := t.Context()
	const word = "a needle in plain bytes"
	body := strings.Repeat(word+" ", 20_000)
	mustBe(t, r.root.SetVersioning(ctx, "bkt", versioning.Enabled), fault.None)
	_, err := r.put("bkt", "object", body, EncryptionInput{})
	mustBe(t, err, fault.None)
	mount := r.s.As(Owner(), RequestContext{Door: DoorMount})
	f := must(mount.OpenFile(ctx, "bkt", "object", OpenFlags{Write: true}))(t)
	must(f.WriteAt(ctx, []byte("Another"), 100_000))(t)
	mustBe(t, f.Sync(ctx), fault.None)
	if encryptAll {
		t.Skip("nothing is plain")
	}
	if len(needle(t, dir, word)) == 0 {
		t.Fatal("there is nothing to be found")
	}
	r.update(nil, "object", "", EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[0]})
	mustBe(t, r.s.settler.sweep(ctx), fault.None)
	if in := needle(t, dir, word); len(in) > 0 {
		t.Errorf("plain bytes are still in %q", in)
	}
	want := body[:100_000] + "Another" + body[100_007:]
	got := make([]byte, len(want))
	if _, err := f.ReadAt(ctx, got, 0); err != nil && !errors.Is(err, io.EOF) || string(got) != want {
		t.Errorf("what is open is not what was written: %v", err)
	}
	mustBe(t, f.Close(ctx), fault.None)
	o := must(r.root.Head(ctx, "bkt", "object", ""))(t)
	if o.Encryption.Mode != ModeKMS || o.Number != 2 {
		t.Errorf("version %d, %+v", o.Number, o.Encryption)
	}
	r.holds(r.http(nil), "bkt", "object", want)
	r.sound()
}

// TestUpdateEncryptionOfOpenFiles: who has a file open reads it before and after, through each
// kind of change, and what is written to it goes on with the new encryption.
func TestUpdateEncryptionOfOpenFiles(t *testing.T) {
	for _, size := range []string{"small", "large"} {
		for _, state := range []string{"read", "written", "synced", "truncated"} {
			for _, shared := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s %v", size, state, shared), func(t *testing.T) {
					r := newKeyRig(t, Options{})
					ctx := t.Context()
					body := keyBodies[size]
					mount := r.s.As(Owner(), RequestContext{Door: DoorMount})
					for i, to := range []keyMode{r.modes()[1], r.modes()[2], r.modes()[1], r.modes()[4]} {
						key := fmt.Sprintf("file %d", i)
						_, err := r.put("bkt", key, body, r.modes()[i].in)
						mustBe(t, err, fault.None)
						if shared {
							must(r.root.Copy(ctx, Source{Bucket: "bkt", Key: key}, "bkt", key+" copy", CopyInput{}))(t)
						}
						get := must(r.http(nil).Get(ctx, "bkt", key, ""))(t)
						reads := must(mount.OpenFile(ctx, "bkt", key, OpenFlags{}))(t)
						writes := must(r.s.As(Owner(), RequestContext{Door: DoorMount}).OpenFile(ctx, "bkt", key, OpenFlags{Write: true}))(t)
						want := body
						switch state {
						case "written", "synced":
							must(writes.WriteAt(ctx, []byte("NEW"), 2))(t)
							want = body[:2] + "NEW" + body[5:]
							if state == "synced" {
								mustBe(t, writes.Sync(ctx), fault.None)
							}
						case "truncated":
							mustBe(t, writes.Truncate(ctx, 6), fault.None)
							want = body[:6]
						}
						r.update(nil, key, "", to.in)
						got := make([]byte, len(body)+1)
						n, err := reads.ReadAt(ctx, got, 0)
						if err != io.EOF || string(got[:n]) != want {
							t.Errorf("%s: the file reads %d bytes, %v, want %d", key, n, err, len(want))
						}
						var b strings.Builder
						if _, err := get.WriteTo(&b); err != nil || b.String() != body {
							t.Errorf("%s: the object reads %d bytes, %v", key, b.Len(), err)
						}
						mustBe(t, get.Close(), fault.None)
						must(writes.WriteAt(ctx, []byte("!"), 0))(t)
						want = "!" + want[1:]
						mustBe(t, writes.Sync(ctx), fault.None)
						mustBe(t, writes.Close(ctx), fault.None)
						mustBe(t, reads.Close(ctx), fault.None)
						r.holds(r.http(nil), "bkt", key, want)
						if o := must(r.root.Head(ctx, "bkt", key, ""))(t); o.Encryption.Mode != to.in.Mode || to.in.KMSKey != "" && o.Encryption.KMSKey != to.in.KMSKey {
							t.Errorf("%s: what was written to it is %+v", key, o.Encryption)
						}
						if shared {
							r.holds(r.http(nil), "bkt", key+" copy", body)
						}
					}
					r.sound()
				})
			}
		}
	}
}

// TestUpdateEncryptionForgetsTheOldKey: what was wrapped again under another key cannot be read with the
// old one, and what others share under the old key is theirs alone.
func TestUpdateEncryptionForgetsTheOldKey(t *testing.T) {
	r := newKeyRig(t, Options{})
	ctx := t.Context()
	body := keyBodies["large"]
	from := EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[0]}
	to := EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[1]}
	_, err := r.put("bkt", "alone", body, from)
	mustBe(t, err, fault.None)
	files := func(key string) (out []string) {
		t.Helper()
		mustBe(t, r.s.view(func(sn *snap) error {
			b, err := sn.bucket("bkt")
			mustBe(t, err, fault.None)
			v, _, err := sn.find(b, key, "")
			mustBe(t, err, fault.None)
			es, err := sn.extentsOf(v.Content)
			mustBe(t, err, fault.None)
			for _, id := range es.Blobs() {
				rec, err := sn.blobRecord(id)
				mustBe(t, err, fault.None)
				for _, w := range rec.Keys {
					out = append(out, fmt.Sprint(id, w.Encryption.KmsKey == r.kms[0], w.Encryption.KmsKey == r.kms[1]))
				}
			}
			return nil
		}), fault.None)
		return out
	}
	before := files("alone")
	r.update(nil, "alone", "", to)
	after := files("alone")
	if len(before) != 1 || len(after) != 1 || strings.Replace(before[0], "true false", "false true", 1) != after[0] {
		t.Errorf("alone: %v became %v", before, after)
	}
	mustBe(t, r.root.KMSDisableKey(ctx, r.kms[0]), fault.None)
	r.holds(r.http(nil), "bkt", "alone", body)
	mustBe(t, r.root.KMSEnableKey(ctx, r.kms[0]), fault.None)

	// A rename shares the bytes with the history at the old key, under one encryption.
	mustBe(t, r.root.SetVersioning(ctx, "bkt", versioning.Enabled), fault.None)
	_, err = r.put("bkt", "shared", body, from)
	mustBe(t, err, fault.None)
	must(r.root.Restore(ctx, "bkt", "shared", ""))(t)
	must(r.root.Copy(ctx, Source{Bucket: "bkt", Key: "shared"}, "bkt", "moved", CopyInput{Encryption: from}))(t)
	r.update(nil, "moved", "", to)
	if got := files("moved"); len(got) != 1 || !strings.HasSuffix(got[0], "false true") || strings.Fields(got[0])[0] == strings.Fields(files("shared")[0])[0] {
		t.Errorf("moved: %v, shared: %v", got, files("shared"))
	}
	if got := files("shared"); len(got) == 0 || !strings.HasSuffix(got[0], "true false") {
		t.Errorf("shared: %v", got)
	}
	r.sound()
}

// TestUpdateEncryptionAsks: whose rights it takes, and what is refused.
func TestUpdateEncryptionAsks(t *testing.T) {
	r := newKeyRig(t, Options{})
	ctx := t.Context()
	_, err := r.put("bkt", "kms", "body", EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[0]})
	mustBe(t, err, fault.None)
	_, err = r.put("bkt", "mine", "body", EncryptionInput{Customer: r.mine[0]})
	mustBe(t, err, fault.None)
	if !encryptAll {
		_, err = r.put("bkt", "plain", "body", EncryptionInput{})
		mustBe(t, err, fault.None)
	}
	update := func(se *Session, key string, in EncryptionUpdate, want fault.Kind) {
		t.Helper()
		_, err := se.UpdateEncryption(ctx, "bkt", key, "", in)
		mustBe(t, err, want)
	}
	s3 := EncryptionUpdate{Encryption: EncryptionInput{Mode: ModeS3}}
	other := EncryptionUpdate{Encryption: EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[1]}}
	if !encryptAll {
		update(r.root, "kms", EncryptionUpdate{}, fault.InvalidRequest)
		update(r.root, "plain", EncryptionUpdate{Encryption: s3.Encryption, Strict: true}, fault.InvalidRequest)
	}
	update(r.root, "kms", EncryptionUpdate{Encryption: EncryptionInput{Customer: r.mine[0]}}, fault.InvalidRequest)
	update(r.root, "none", s3, fault.NoSuchKey)
	update(r.http(nil), "mine", s3, fault.CustomerKeyNeeded)
	update(r.http(r.mine[1]), "mine", s3, fault.AccessDenied)
	update(r.http(r.mine[0]), "mine", EncryptionUpdate{Encryption: s3.Encryption, Strict: true}, fault.InvalidRequest)
	two := r.s.As(Owner(), RequestContext{Door: DoorS3, Signature: "AWS"})
	update(two, "kms", EncryptionUpdate{Encryption: other.Encryption, Strict: true}, fault.InvalidRequest)
	foreign := EncryptionInput{Mode: ModeKMS, KMSKey: "arn:aws:kms:us-east-1:999999999999:key/x"}
	update(r.root, "kms", EncryptionUpdate{Encryption: foreign, Strict: true}, fault.AccessDenied)
	mustBe(t, r.root.KMSDisableKey(ctx, r.kms[0]), fault.None)
	update(r.root, "kms", other, fault.KMSDisabled)
	mustBe(t, r.root.KMSEnableKey(ctx, r.kms[0]), fault.None)

	allow := func(actions string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`
	}
	for i, c := range []struct {
		actions string
		want    fault.Kind
	}{
		{`"s3:PutObject","kms:*"`, fault.AccessDenied},
		{`"s3:UpdateObjectEncryption","kms:*"`, fault.AccessDenied},
		{`"s3:UpdateObjectEncryption","s3:PutObject"`, fault.AccessDenied},
	} {
		se := asUser(t, r.s, r.root, fmt.Sprintf("user%d", i), allow(c.actions))
		update(se, "kms", other, c.want)
	}
	if o := must(r.root.Head(ctx, "bkt", "kms", ""))(t); o.Encryption.KMSKey != r.kms[0] {
		t.Errorf("it was changed: %+v", o.Encryption)
	}
	all := asUser(t, r.s, r.root, "all", allow(`"s3:UpdateObjectEncryption","s3:PutObject"`))
	update(all, "mine", s3, fault.CustomerKeyNeeded)
}

// TestUpdateEncryptionOfLocked: Object Lock forbids it only where it is to be as S3 has it, and the
// version keeps its lock and its bytes.
func TestUpdateEncryptionOfLocked(t *testing.T) {
	r := newKeyRig(t, Options{})
	ctx := t.Context()
	must(r.root.CreateBucket(ctx, "wall", BucketOptions{ObjectLock: true}))(t)
	body := keyBodies["large"]
	_, err := r.put("wall", "key", body, EncryptionInput{Mode: ModeS3})
	mustBe(t, err, fault.None)
	mustBe(t, r.root.SetLegalHold(ctx, Node{Bucket: "wall", Key: "key"}, true), fault.None)
	to := EncryptionInput{Mode: ModeKMS, KMSKey: r.kms[0]}
	_, err = r.root.UpdateEncryption(ctx, "wall", "key", "", EncryptionUpdate{Encryption: to, Strict: true})
	mustBe(t, err, fault.ObjectLocked)
	was := must(r.root.Head(ctx, "wall", "key", ""))(t)
	if changed := must(r.root.UpdateEncryption(ctx, "wall", "key", "", EncryptionUpdate{Encryption: to}))(t); !changed {
		t.Error("it is not changed")
	}
	o := must(r.root.Head(ctx, "wall", "key", ""))(t)
	if o.Encryption.Mode != ModeKMS || o.Lock != was.Lock || o.ETag != was.ETag || o.VersionID != was.VersionID {
		t.Errorf("%+v became %+v", was, o)
	}
	r.holds(r.http(nil), "wall", "key", body)
	_, err = r.root.Delete(ctx, "wall", "key", DeleteOptions{Version: o.VersionID})
	mustBe(t, err, fault.ObjectLocked)
}
