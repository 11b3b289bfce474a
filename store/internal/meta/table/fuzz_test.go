package table

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// FuzzEscaped: any string comes back from a key, with what stands behind it, in the order
// of the plain strings; and any bytes are a string or malformed.
func FuzzEscaped(f *testing.F) {
	f.Add("a\x00b", "a\x00", []byte("tail"))
	f.Add("", "\xff", []byte{})
	f.Fuzz(func(t *testing.T, a, b string, tail []byte) {
		ea, eb := appendEscaped(nil, a), appendEscaped(nil, b)
		if got, want := bytes.Compare(ea, eb), bytes.Compare([]byte(a), []byte(b)); got != want {
			t.Fatalf("%q and %q compare as %d", a, b, got)
		}
		s, rest, err := cutEscaped(append(ea, tail...))
		if err != nil || s != a || !bytes.Equal(rest, tail) {
			t.Fatalf("%q and %q come back as %q and %q: %v", a, tail, s, rest, err)
		}
		if s, rest, err := cutEscaped(tail); err == nil {
			if back := append(appendEscaped(nil, s), rest...); !bytes.Equal(back, tail) {
				t.Fatalf("%q is %q and %q, which is %q", tail, s, rest, back)
			}
		}
	})
}

// FuzzSplit takes any bytes behind a bucket's number apart as a key of each table: what is
// understood is written as the same bytes.
func FuzzSplit(f *testing.F) {
	f.Add(Noncurrent(7, "a\x00b", 9)[1:])
	f.Add(Dir(7, "a/b/")[1:])
	f.Add(Event(1, 2, 3)[1:])
	f.Add(Config(1, 7, 2)[1:])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8 {
			return // whoever asks has found it below a bucket
		}
		const bucket = 7
		copy(b, binary.BigEndian.AppendUint64(nil, bucket))
		same := func(what string, parsed []byte, err error) {
			if err == nil && !bytes.Equal(parsed[1:], b) {
				t.Fatalf("as %s %q is %q", what, b, parsed[1:])
			}
		}
		k := append([]byte{0}, b...)
		key, seq, err := SplitNoncurrent(k)
		same("a noncurrent version", Noncurrent(bucket, key, seq), err)
		dir, died, err := SplitPastDir(k)
		same("a past directory", PastDir(bucket, dir, died), err)
		key, number, err := SplitUpload(k)
		same("an upload", Upload(bucket, key, number), err)
		number, err = Number(k)
		same("a number", Move(number), err)
		hook, seq, index, err := SplitEvent(k)
		same("an event", Event(hook, seq, index), err)
		kind, id, piece, err := SplitConfig(k)
		same("a configuration", Config(kind, id, piece), err)
		account, name, err := SplitAccessPoint(k)
		same("an access point", AccessPoint(account, name), err)
		if len(b) == 12 {
			list, chunk := SplitExtentList(k)
			same("a list of extents", ExtentList(list, chunk), nil)
			seq, index := SplitFeed(k)
			same("an entry of the feed", Feed(seq, index), nil)
		}
		same("a head", Head(SplitBucket(k), SplitKey(k)), nil)
		parent, in, err := cutEscaped(k[9:])
		if err == nil && (parent == "" || strings.HasSuffix(parent, "/")) && !bytes.Contains(in, []byte("/")) {
			dir, err := SplitDir(k)
			same("a directory", Dir(bucket, dir), err)
		}
	})
}
