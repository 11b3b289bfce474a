package fs

import (
	"context"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store"
)

// TestXattrEncryption: a bucket says how it encrypts, and can be told; a file says whether it
// is encrypted. What is written after that is encrypted, what was there is not until it is
// written again.
func TestXattrEncryption(t *testing.T) {
	st := openStore(t)
	m := mountStore(t, st, Options{Peers: NewPeers()})
	if err := os.Mkdir(m.Dir()+"/bkt", 0o755); err != nil {
		t.Fatal(err)
	}
	d := x{t, m.Dir() + "/bkt"}
	file := func(name string) x {
		t.Helper()
		if err := os.WriteFile(d.path+"/"+name, []byte("what nobody else may read"), 0o644); err != nil {
			t.Fatal(err)
		}
		return x{t, d.path + "/" + name}
	}
	const name = "user.s3.encryption"
	before := file("before")
	before.fails(name, unix.ENODATA)
	d.fails(name, unix.ENODATA)
	d.remove(name, unix.ENODATA)
	d.setFails(name, "AES256", unix.XATTR_REPLACE, unix.ENODATA)
	d.setFails(name, "aes256", 0, unix.EINVAL)
	d.setFails(name, "", 0, unix.EINVAL)
	d.setFails(name, "aws:kms:dsse", 0, unix.EOPNOTSUPP)
	d.fails(name, unix.ENODATA)

	d.set(name, "AES256")
	d.has(name, "AES256")
	d.lists()
	d.setFails(name, "AES256", unix.XATTR_CREATE, unix.EEXIST)
	if e, err := beside(st).BucketEncryption(context.Background(), "bkt"); err != nil || e.Mode != store.ModeS3 {
		t.Fatalf("%+v, %v", e, err)
	}
	before.fails(name, unix.ENODATA)
	file("before").has(name, "AES256")
	after := file("after")
	after.has(name, "AES256")
	after.setFails(name, "AES256", 0, unix.EPERM)
	after.remove(name, unix.EPERM)
	after.lists()
	if b, err := os.ReadFile(after.path); err != nil || string(b) != "what nobody else may read" {
		t.Fatalf("%q, %v", b, err)
	}

	d.remove(name, 0)
	d.fails(name, unix.ENODATA)
	after.has(name, "AES256")
	file("plain").fails(name, unix.ENODATA)
	(x{t, m.Dir()}).fails(name, unix.ENODATA)
}
