package record

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"
)

// FuzzUnmarshal reads any bytes as each record: what is read is of a schema that is known
// and reads the same when it was written again.
func FuzzUnmarshal(f *testing.F) {
	all := func() []Record {
		return []Record{new(Bucket), new(Version), new(Dir), new(Blob), new(ExtentList), new(Pending), new(Draft),
			new(Upload), new(Part), new(Patch), new(Move), new(Change), new(Cursor), new(Settings), new(AccessKey), new(Identity)}
	}
	for _, m := range []Record{&Version{Schema: Schema, Seq: 7, Etag: "e", Metadata: map[string]string{"a": "b"}}, &Bucket{Schema: Schema, Name: "n"},
		&Dir{Schema: Schema, Ino: 3}, &Version{Schema: Schema + 1}, &Version{}} {
		b, err := Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range all() {
			err := Unmarshal(b, m)
			if err != nil {
				if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
					t.Fatalf("%T: %v", m, err)
				}
				continue
			}
			if n := m.GetSchema(); n < 1 || n > Schema {
				t.Fatalf("%T of schema %d", m, n)
			}
			again, err := Marshal(m)
			if err != nil {
				t.Fatalf("%T: %v", m, err)
			}
			other := m.ProtoReflect().New().Interface().(Record)
			if err := Unmarshal(again, other); err != nil || !proto.Equal(m, other) {
				t.Fatalf("%T reads otherwise: %v", m, err)
			}
		}
	})
}
