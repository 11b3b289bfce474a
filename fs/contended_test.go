package fs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pail/store"
)

// TestOpenOfWhatIsReplaced opens a file whose name others give to another one all the time:
// by renames on a mount, seen on a second one, and by puts through the store. There is
// always a file, so opening it never fails, and what is read is whole.
func TestOpenOfWhatIsReplaced(t *testing.T) {
	b := newBench(t)
	second := mountStore(t, b.store, Options{Bucket: "bkt", ReadOnly: true})
	body := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 5000) }
	replace := map[string]func(i int) error{
		"renamed": func(i int) error {
			if err := os.WriteFile(b.path("temp"), []byte(body(i)), 0o644); err != nil {
				return err
			}
			return os.Rename(b.path("temp"), b.path("renamed"))
		},
		"put": func(i int) error {
			in := store.PutInput{Body: strings.NewReader(body(i)), Size: 5000}
			_, err := b.se.Put(context.Background(), "bkt", "put", in)
			return err
		},
	}
	for name, fn := range replace {
		for _, dir := range []string{b.mount.Dir(), second.Dir()} {
			if err := fn(0); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			waitFor(t, path, func() bool { _, err := os.Stat(path); return err == nil })
			stop, ended := make(chan struct{}), make(chan error)
			go func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						ended <- nil
						return
					default:
					}
					if err := fn(i); err != nil {
						ended <- err
						return
					}
				}
			}()
			opened := 0
			for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end) && !t.Failed(); opened++ {
				got, err := os.ReadFile(path)
				if err != nil {
					t.Errorf("%s, the %d. time: %v", path, opened, err)
				} else if len(got) != 5000 || strings.Trim(string(got), string(got[0])) != "" {
					t.Errorf("%s, the %d. time: %d bytes of several files", path, opened, len(got))
				}
			}
			close(stop)
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if opened < 10 {
				t.Errorf("%s was opened only %d times", path, opened)
			}
		}
	}
}
