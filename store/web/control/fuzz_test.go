package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pail/store"
	"pail/store/fault"
)

// Both ends may be of another release, and the socket may not be pail's at all. Whatever
// comes through it is understood or refused.

// FuzzAnswer reads any bytes as an answer. Of what was understood each result is JSON, and
// written again it reads the same.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"done":true}`, `{"item":1}{"progress":{"done":1,"total":2,"what":"x"}}{"item":{"name":"b"}}{"done":true}`,
		`{"error":{"kind":"NoSuchKey","message":"m","resource":"b/k","cause":"c"}}`, `{}`, `{"item":null}`, `[`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		type seen struct {
			items    []string
			progress []Progress
		}
		read := func(b []byte) (s seen, err error) {
			err = readFrames(bytes.NewReader(b), func(raw json.RawMessage) error {
				if !json.Valid(raw) {
					t.Fatalf("%q is a result", raw)
				}
				var compact bytes.Buffer
				_ = json.Compact(&compact, raw) // it is valid
				s.items = append(s.items, compact.String())
				for _, item := range []any{new(Object), new(BucketInfo), new(Mount), new(Setting)} {
					_ = json.Unmarshal(raw, item)
				}
				return nil
			}, func(p Progress) { s.progress = append(s.progress, p) })
			return s, err
		}
		first, err := read(b)
		if err != nil && fault.KindOf(err) == fault.None {
			t.Fatalf("%q fails as %v, which is no failure", b, err)
		}
		w := httptest.NewRecorder()
		out := newFrameWriter(w)
		for _, raw := range first.items {
			if err := out.item(json.RawMessage(raw)); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range first.progress {
			if err := out.progress(p); err != nil {
				t.Fatal(err)
			}
		}
		if werr := out.end(err); werr != nil {
			t.Fatal(werr)
		}
		second, again := read(w.Body.Bytes())
		if !slices.Equal(first.items, second.items) || !slices.Equal(first.progress, second.progress) ||
			fault.KindOf(again) != fault.KindOf(err) || err != nil && err.Error() != again.Error() {
			t.Fatalf("%q is read as %+v, %v, and written and read again as %+v, %v", b, first, err, second, again)
		}
	})
}

// FuzzBytes reads any bytes as an answer of bytes, and as the parts of a content in one.
// What came whole comes whole again when it was written.
func FuzzBytes(f *testing.F) {
	whole := func(data []byte, outcome error) []byte {
		w := httptest.NewRecorder()
		out := newByteWriter(w)
		_, _ = out.Write(data) // to memory
		_ = out.end(outcome)
		return w.Body.Bytes()
	}
	f.Add(whole([]byte("some bytes"), nil))
	f.Add(whole(nil, fault.New(fault.Damaged, "a blob")))
	part := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, 4096), 3)
	f.Add(whole(append(part, "abc"...), nil))
	f.Add(whole(binary.BigEndian.AppendUint32(make([]byte, 8), 1<<32-1), nil))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		reader := func(b []byte) *byteReader {
			return &byteReader{ctx: t.Context(), r: bufio.NewReader(bytes.NewReader(b)), body: io.NopCloser(nil)}
		}
		got, err := io.ReadAll(reader(b))
		if len(got) > len(b) {
			t.Fatalf("%d bytes are read as %d", len(b), len(got))
		}
		again, err2 := io.ReadAll(reader(whole(got, err)))
		if !bytes.Equal(again, got) || fault.KindOf(err2) != fault.KindOf(err) {
			t.Fatalf("%q, %v comes back as %q, %v", got, err, again, err2)
		}
		n := 0
		_ = readParts(reader(b), func(_ int64, p []byte) error { n += 12 + len(p); return nil })
		if n > len(got) {
			t.Fatalf("%d bytes have parts of %d", len(got), n)
		}
	})
}

// FuzzHello greets who says anything at all.
func FuzzHello(f *testing.F) {
	f.Add([]byte(`{"protocol":1,"release":"r","pid":7}`))
	f.Add([]byte(`{"protocol":1e400}`))
	var said []byte // by the other end of what is fuzzed
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(said) }))
	defer srv.Close()
	c := newClient(func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", srv.Listener.Addr().String())
	})
	defer c.Close()
	f.Fuzz(func(t *testing.T, b []byte) {
		said, c.hello = b, Hello{}
		if err := c.greet(t.Context()); err != nil && !fault.Is(err, fault.NotSupported) {
			t.Fatalf("%q: %v", b, err)
		} else if err == nil && c.hello.Protocol != protocol {
			t.Fatalf("%q is greeted as %+v", b, c.hello)
		}
	})
}

// FuzzPointer looks at any file in a socket's place: it names one of pail's sockets or none.
func FuzzPointer(f *testing.F) {
	f.Add([]byte(pointerPrefix + strings.Repeat("0a", 16) + "\n"))
	f.Add([]byte(pointerPrefix + "0a\n"))
	path := filepath.Join(f.TempDir(), "control.sock")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		address, owner, ok := readPointer(path)
		if ok && (owner != uint32(os.Getuid()) || len(address) != len("@pail-")+32 || pointerPrefix+address[len("@pail-"):] != strings.TrimSuffix(string(b), "\n")) {
			t.Fatalf("%q names %q of %d", b, address, owner)
		}
	})
}

// FuzzRequest asks a store with any bytes for each operation: it does it, or says why not,
// and it is never the daemon that fails.
func FuzzRequest(f *testing.F) {
	st := fuzzStore(f)
	h := NewHandler(st, &fakeMounter{}, "test", quiet())
	names := append(slices.Sorted(maps.Keys(h.ops)), slices.Sorted(maps.Keys(h.bytes))...)
	for i := range names {
		f.Add(uint8(i), []byte(`{"bucket":"kept","key":"d/k","name":"kept","version":"1","tags":{"a":"b"},"at":"2026-11-23T12:00:00Z","limit":2}`))
		f.Add(uint8(i), []byte(`null`))
		f.Add(uint8(i), []byte(`[`))
	}
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		name := names[int(n)%len(names)]
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), peerKey{}, identified{peer: Self()}))
		defer cancel()
		if name == opFollowLog || name == opBackup || endsItself(name) {
			cancel() // they wait for their client to go away
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/"+name, bytes.NewReader(body)))
		var err error
		if h.bytes[name] != nil {
			_, err = io.Copy(io.Discard, &byteReader{ctx: t.Context(), r: bufio.NewReader(w.Body), body: io.NopCloser(nil)})
		} else {
			err = readFrames(w.Body, func(json.RawMessage) error { return nil }, nil)
		}
		switch kind := fault.KindOf(err); {
		case kind == fault.Internal, kind == fault.Damaged, kind == fault.StoreFailed, kind == fault.IOFailed:
			t.Fatalf("%s of %q: %v", name, body, err)
		}
	})
}

// fuzzStore is a small store.
func fuzzStore(f *testing.F) *store.Store {
	f.Helper()
	o := store.Options{Dir: f.TempDir() + "/store", MemTableSize: 1 << 20}
	st, err := (*store.Store)(nil), store.Create(o)
	if err == nil {
		st, err = store.Open(context.Background(), o)
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = st.Close(context.Background()) })
	se := st.As(store.Owner(), store.RequestContext{Door: store.DoorControl})
	_, err = se.CreateBucket(context.Background(), "kept", store.BucketOptions{})
	_, perr := se.Put(context.Background(), "kept", "d/k", store.PutInput{Body: strings.NewReader("one"), Size: 3})
	if err := errors.Join(err, perr); err != nil {
		f.Fatal(err)
	}
	return st
}
