package fs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/kms"
)

// TestDisabledKeyOnTheMount: what a key has encrypted cannot be read from the moment on that it
// is disabled: neither through a file that is open, nor out of the kernel's cache, nor through a mapping.
func TestDisabledKeyOnTheMount(t *testing.T) {
	ctx := context.Background()
	st := openStore(t)
	m := mountStore(t, st, Options{Peers: NewPeers()})
	se := beside(st)
	k, err := se.KMSCreateKey(ctx, kms.NewKey{})
	if err != nil {
		t.Fatal(err)
	}
	dir := m.Dir() + "/bkt"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	x{t, dir}.set("user.s3.encryption", "aws:kms "+k.ARN())
	x{t, dir}.has("user.s3.encryption", "aws:kms "+k.ARN())
	bodies := map[string][]byte{"small": []byte("a few bytes"), "large": bytes.Repeat([]byte("many bytes "), 40_000)}
	open := map[string]*os.File{}
	maps := map[string][]byte{}
	for name, body := range bodies {
		if err := os.WriteFile(dir+"/"+name, body, 0o644); err != nil {
			t.Fatal(err)
		}
		x{t, dir + "/" + name}.has("user.s3.encryption", "aws:kms "+k.ARN())
		f, err := os.Open(dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		open[name] = f
		if maps[name], err = unix.Mmap(int(f.Fd()), 0, len(body), unix.PROT_READ, unix.MAP_SHARED); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Munmap(maps[name]) }()
	}
	reads := func(want error) {
		t.Helper()
		for name, body := range bodies {
			got := make([]byte, len(body))
			if _, err := open[name].ReadAt(got, 0); !errors.Is(err, want) || err == nil && !bytes.Equal(got, body) {
				t.Errorf("%s, open: %v, want %v", name, err, want)
			}
			if got, err := os.ReadFile(dir + "/" + name); !errors.Is(err, want) || err == nil && !bytes.Equal(got, body) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
			if st, err := os.Stat(dir + "/" + name); err != nil || st.Size() != int64(len(body)) {
				t.Errorf("%s: %v, %v", name, st, err)
			}
			if want == nil && !bytes.Equal(maps[name], body) {
				t.Errorf("%s: the mapping differs", name)
			}
		}
	}
	reads(nil)
	reads(nil) // out of the cache
	if err := se.KMSDisableKey(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	if err := m.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	reads(unix.EACCES)
	if err := os.WriteFile(dir+"/new", []byte("x"), 0o644); !errors.Is(err, unix.EACCES) {
		t.Errorf("writing: %v", err)
	}
	if _, err := os.Stat(dir + "/new"); !os.IsNotExist(err) {
		t.Errorf("the file that could not be made: %v", err)
	}
	if err := se.KMSEnableKey(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	if err := m.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	reads(nil)
}

// TestCustomerKeysOnAMount: a mount that has a customer's key reads and writes with it; another
// shows the file, and does not read it (it is read-only, as it shows the same).
func TestCustomerKeysOnAMount(t *testing.T) {
	st := openStore(t)
	key, err := store.NewCustomerKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	peers := NewPeers()
	with := mountStore(t, st, Options{Peers: peers, CustomerKeys: []CustomerKey{{Bucket: "bkt", Prefix: "private/", Key: key}}}).Dir() + "/bkt/"
	without := mountStore(t, st, Options{Peers: peers}).Dir() + "/bkt/"
	for _, dir := range []string{with, with + "private", with + "other"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, body := range map[string][]byte{"small": []byte("a few bytes"), "large": bytes.Repeat([]byte("many bytes "), 40_000)} {
		if err := os.WriteFile(with+"private/"+name, body, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(with+"other/"+name, body, 0o644); err != nil {
			t.Fatal(err)
		}
		x{t, with + "private/" + name}.has("user.s3.encryption", "SSE-C")
		x{t, with + "other/" + name}.fails("user.s3.encryption", unix.ENODATA)
		if got, err := os.ReadFile(with + "private/" + name); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %v", name, err)
		}
		f, err := os.OpenFile(with+"private/"+name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("more"); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(with + "private/" + name); err != nil || !bytes.Equal(got, append(body, "more"...)) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if st, err := os.Stat(without + "private/" + name); err != nil || st.Size() != int64(len(body)+4) {
			t.Errorf("%s: %v, %v", name, st, err)
		}
		if _, err := os.ReadFile(without + "private/" + name); !errors.Is(err, unix.EACCES) {
			t.Errorf("%s without the key: %v", name, err)
		}
		if _, err := os.ReadFile(without + "other/" + name); err != nil {
			t.Error(err)
		}
		if err := os.Rename(with+"private/"+name, with+"other/"+name); err != nil {
			t.Error(err) // it moves no bytes, and reads none
		}
		if _, err := os.ReadFile(with + "other/" + name); !errors.Is(err, unix.EACCES) {
			t.Errorf("%s where the mount has no key for it: %v", name, err)
		}
	}
}
