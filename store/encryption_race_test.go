package store

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"pail/store/fault"
	"pail/versioning"
)

// TestUpdateEncryptionAmongOthers changes the encryption of a file again and again while it is opened,
// read, written, fsynced and published on a mount, copied, and compacted: everybody reads what is
// a whole content, and fsck finds nothing afterwards.
func TestUpdateEncryptionAmongOthers(t *testing.T) {
	r := newKeyRig(t, Options{CompactAfter: time.Millisecond, SettleAfter: time.Millisecond})
	ctx := t.Context()
	mustBe(t, r.root.SetVersioning(ctx, "bkt", versioning.Enabled), fault.None)
	const size = 300_000
	body := func(b byte) []byte {
		p := make([]byte, size)
		for i := range p {
			p[i] = b
		}
		return p
	}
	_, err := r.put("bkt", "f", string(body('a')), EncryptionInput{})
	mustBe(t, err, fault.None)
	whole := func(who string, p []byte) {
		for i := range p {
			if p[i] != p[0] || p[0] < 'a' || p[0] > 'z' {
				t.Errorf("%s: a mixture: %q at 0 and %q at %d", who, p[0], p[i], i)
				return
			}
		}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	loop := func(who string, fn func(n int) error) {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					if n < 3 {
						t.Errorf("%s came to do it only %d times", who, n)
					}
					return
				default:
				}
				if err := fn(n); err != nil {
					t.Errorf("%s: %v", who, err)
					return
				}
			}
		})
	}
	targets := r.targets()
	loop("encrypt", func(n int) error {
		_, err := r.root.UpdateEncryption(ctx, "bkt", "f", "", EncryptionUpdate{Encryption: targets[n%len(targets)].in})
		return err
	})
	loop("encrypt all", func(n int) error {
		p, err := r.root.ListVersions(ctx, "bkt", ListVersionsInput{Limit: 20})
		for _, v := range p.Versions {
			if err == nil {
				_, err = r.root.UpdateEncryption(ctx, "bkt", v.Key, v.VersionID, EncryptionUpdate{Encryption: targets[(n+1)%len(targets)].in})
			}
			if fault.Is(err, fault.NoSuchVersion) || fault.Is(err, fault.NoSuchKey) {
				err = nil
			}
		}
		return err
	})
	mount := func() *Session { return r.s.As(Owner(), RequestContext{Door: DoorMount}) }
	loop("read", func(int) error {
		f, err := mount().OpenFile(ctx, "bkt", "f", OpenFlags{})
		if err != nil {
			return err
		}
		defer f.Close(ctx)
		p := make([]byte, size)
		for range 3 {
			if _, err := f.ReadAt(ctx, p, 0); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		return nil
	})
	loop("get", func(int) error {
		got, err := r.get(r.http(nil), "bkt", "f")
		if err == nil && len(got) != size {
			err = fmt.Errorf("%d bytes", len(got))
		}
		return err
	})
	loop("write", func(n int) error {
		f, err := mount().OpenFile(ctx, "bkt", "f", OpenFlags{Write: true})
		if err != nil {
			return err
		}
		for off := 0; off < size; off += 50_000 {
			if _, err := f.WriteAt(ctx, body(byte('a' + n%26))[:50_000], int64(off)); err != nil {
				return errors.Join(err, f.Close(ctx))
			}
			if off == 100_000 && n%2 == 0 {
				if err := f.Sync(ctx); err != nil {
					return errors.Join(err, f.Close(ctx))
				}
			}
		}
		return f.Close(ctx)
	})
	loop("copy", func(n int) error {
		_, err := r.http(nil).Copy(ctx, Source{Bucket: "bkt", Key: "f"}, "bkt", "copy", CopyInput{Encryption: targets[n%len(targets)].in})
		if err != nil {
			return err
		}
		got, err := r.get(r.http(nil), "bkt", "copy")
		if err == nil {
			whole("copy", []byte(got))
		}
		return err
	})
	loop("compact", func(int) error {
		time.Sleep(20 * time.Millisecond)
		return r.s.Compact(ctx)
	})
	time.Sleep(3 * time.Second)
	close(stop)
	wg.Wait()
	mustBe(t, r.s.settler.sweep(ctx), fault.None)
	got, err := r.get(r.http(nil), "bkt", "f")
	mustBe(t, err, fault.None)
	whole("f", []byte(got))
	r.sound()
}
