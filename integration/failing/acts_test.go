package failing

import (
	"bytes"
	"errors"
	"math/rand/v2"

	"pail/store"
)

// An act changes what one key holds. It returns nil when what it did is durable.
type act struct {
	name string
	// before is what the key holds when it begins, nil for nothing.
	before []byte
	// after is what it holds then.
	after []byte
	do    func(r *rig, key string) error
	// part says whether a content is what an act leaves that stopped in the middle of
	// writing; nil if it has no middle.
	part func(got []byte) bool
}

// data is bytes that look like nothing else.
func data(n int, seed uint64) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{byte(seed), byte(n), byte(n >> 8)})
	_, _ = src.Read(b)
	return b
}

// The sizes of contents: inlined and small, inlined and large, a small file, one of several
// segments and writes.
const (
	tiny   = 100
	inline = 10 << 10
	file   = 100 << 10
	large  = 1500 << 10
)

// A writing is an act that writes on a mount, over what the key held or in place of it.
func writing(name string, before, b []byte, off int, flags store.OpenFlags, sync bool) act {
	base := before
	if flags.Truncate {
		base = nil
	}
	after := bytes.Clone(base)
	if n := off + len(b); n > len(after) {
		after = append(after, make([]byte, n-len(after))...)
	}
	copy(after[off:], b)
	return act{name, before, after, write(b, int64(off), flags, sync), func(got []byte) bool {
		n := 0
		for n < len(b) && off+n < len(got) && got[off+n] == b[n] {
			n++
		}
		want := bytes.Clone(base)
		if off+n > len(want) {
			want = want[:min(len(want), off)]
			want = append(want, b[:n]...)
		} else {
			copy(want[off:], b[:n])
		}
		return got != nil && bytes.Equal(got, want)
	}}
}

// write is what a program does on a mount: open, write in pieces, close; and a sync of all.
func write(b []byte, off int64, flags store.OpenFlags, sync bool) func(r *rig, key string) error {
	flags.Write = true
	return func(r *rig, key string) error {
		f, err := r.se.OpenFile(r.ctx, bucket, key, flags)
		if err != nil {
			return err
		}
		for at := 0; at < len(b) && err == nil; at += 256 << 10 {
			_, err = f.WriteAt(r.ctx, b[at:min(at+256<<10, len(b))], off+int64(at))
		}
		if err == nil && sync {
			err = f.Sync(r.ctx)
		}
		err = errors.Join(err, f.Close(r.ctx))
		if err == nil {
			err = r.s.Sync(r.ctx)
		}
		return err
	}
}

func put(b []byte) func(r *rig, key string) error {
	return func(r *rig, key string) error {
		_, err := r.se.Put(r.ctx, bucket, key, store.PutInput{Body: bytes.NewReader(b), Size: int64(len(b))})
		return err
	}
}

func multipart(b []byte) func(r *rig, key string) error {
	return func(r *rig, key string) error {
		id, err := r.se.CreateUpload(r.ctx, bucket, key, store.PutInput{})
		if err != nil {
			return err
		}
		var parts []store.CompletedPart
		half := len(b) / 2
		for i, p := range [][]byte{b[:half], b[half:]} {
			part, err := r.se.UploadPart(r.ctx, bucket, key, id, i+1, store.PartInput{Body: bytes.NewReader(p), Size: int64(len(p))})
			if err != nil {
				return err
			}
			parts = append(parts, store.CompletedPart{Number: i + 1, ETag: part.ETag})
		}
		_, err = r.se.CompleteUpload(r.ctx, bucket, key, id, parts, store.CompleteInput{})
		return err
	}
}

// rename takes what was made under another name.
func rename(r *rig, key string) error {
	err := r.se.Rename(r.ctx, store.Path{Bucket: bucket, Key: key + ".from"}, store.Path{Bucket: bucket, Key: key}, store.RenameFlags{})
	if err == nil {
		err = r.s.Sync(r.ctx)
	}
	return err
}

func remove(r *rig, key string) error {
	_, err := r.se.Delete(r.ctx, bucket, key, store.DeleteOptions{})
	return err
}

func acts() []act {
	create := store.OpenFlags{Create: true}
	truncate := store.OpenFlags{Create: true, Truncate: true}
	return []act{
		writing("create tiny", nil, data(tiny, 1), 0, create, false),
		writing("create inlined", nil, data(inline, 1), 0, create, false),
		writing("create a file", nil, data(file, 1), 0, create, false),
		writing("create large", nil, data(large, 1), 0, create, false),
		writing("create and fsync", nil, data(file, 2), 0, create, true),
		writing("fsync tiny", nil, data(tiny, 2), 0, create, true),
		writing("rewrite", data(file, 3), data(large, 3), 0, truncate, false),
		writing("append", data(large, 4), data(5000, 4), large, store.OpenFlags{}, false),
		writing("append and fsync", data(file, 5), data(50_000, 5), file, store.OpenFlags{}, true),
		writing("patch", data(large, 6), data(70_000, 6), 400_000, store.OpenFlags{}, false),
		writing("patch and fsync", data(large, 7), data(3000, 7), 4096, store.OpenFlags{}, true),
		writing("patch an inlined one", data(inline, 8), data(700, 8), 300, store.OpenFlags{}, false),
		{"put", data(tiny, 9), data(file, 9), put(data(file, 9)), nil},
		{"put inlined", nil, data(inline, 9), put(data(inline, 9)), nil},
		{"multipart", nil, data(2*file, 10), multipart(data(2*file, 10)), nil},
		{"rename", nil, data(file, 11), rename, nil},
		{"delete", data(file, 12), nil, remove, nil},
	}
}

// prepare makes what an act begins with, durably.
func (r *rig) prepare(a act) (key string) {
	r.Helper()
	key = r.key()
	switch {
	case a.name == "rename":
		r.ok(put(a.after)(r, key+".from"))
	case a.before != nil:
		r.ok(put(a.before)(r, key))
	}
	r.ok(r.s.Sync(r.ctx))
	r.want[key] = want{all: [][]byte{a.before}}
	return key
}

// done notes how an act has ended.
func (r *rig) done(a act, key string, err error) {
	if err == nil {
		r.want[key] = want{all: [][]byte{a.after}}
	} else {
		r.want[key] = want{[][]byte{a.before, a.after}, a.part}
	}
}
