package fs

import (
	"context"
	"strings"
	"testing"

	"pail/store"
)

// history is the versions of a key, newest first: "null", "v" for one with an id, "-" before
// delete markers; nothing if it has none.
func (b *bench) history(key string) string {
	b.t.Helper()
	b.quiet()
	vs, err := b.se.Versions(context.Background(), "bkt", key)
	if err != nil {
		return ""
	}
	var out []string
	for _, v := range vs {
		name := "v"
		if v.VersionID == store.NullVersion {
			name = "null"
		}
		if v.DeleteMarker {
			name = "-" + name
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// TestNamesWithoutHistory edits a file of a versioned bucket on the mount as vi does, with its
// swap file and its backup: they leave no history, the file has one version for each save.
// What comes over S3 has history under any name, and the patterns are the bucket's.
func TestNamesWithoutHistory(t *testing.T) {
	b := newBench(t)
	want := func(key, history string) {
		t.Helper()
		if got := b.history(key); got != history {
			t.Fatalf("%s has the history %q, want %q", key, got, history)
		}
	}
	b.sh(`printf 'one\n' > notes.txt`)
	want("notes.txt", "v")
	b.sh(`vi -N -u NONE -es -c 'set swapfile directory=. updatecount=1 backup backupcopy=yes backupskip=' \
		-c 'normal Atwo' -c w -c 'preserve' -c 'normal Athree' -c w -c 'normal Afour' -c wq notes.txt < /dev/null`)
	if got := b.sh(`cat notes.txt; cat notes.txt~`); got != "onetwothreefour\nonetwothree\n" {
		t.Fatalf("vi has left %q", got)
	}
	want("notes.txt", "v v v v")
	want(".notes.txt.swp", "")
	want("notes.txt~", "null")
	for _, swap := range []string{".notes.txt.swp", ".notes.txt.swpx"} {
		b.sh("echo a > " + swap + "; echo b >> " + swap)
		want(swap, "null")
	}
	b.sh(`rm notes.txt~ .notes.txt.swp .notes.txt.swpx`)
	want("notes.txt~", "")
	want(".notes.txt.swp", "")
	if got := b.sh(`ls -A; ls -A .versions`); got != "notes.txt\nnotes.txt\n" {
		t.Fatalf("left are %q", got)
	}

	s3 := b.store.As(store.Owner(), store.RequestContext{Door: store.DoorS3})
	put := func(key string) {
		t.Helper()
		_, err := s3.Put(context.Background(), "bkt", key, store.PutInput{Body: strings.NewReader("s3"), Size: 2})
		if err != nil {
			t.Fatal(err)
		}
		b.settle()
	}
	put(".draft.swp")
	put(".draft.swp")
	want(".draft.swp", "v v")
	b.sh(`[ "$(cat .draft.swp)" = s3 ]; echo on the mount > .draft.swp; echo again > .draft.swp`)
	want(".draft.swp", "null v v")
	b.sh(`rm .draft.swp`)
	want(".draft.swp", "-null v v")

	if err := b.se.SetSetting(context.Background(), "bkt", "no-history", []string{"*.o", "core"}); err != nil {
		t.Fatal(err)
	}
	b.sh(`for i in 1 2 3; do echo $i > main.o; echo $i > core; echo $i > main.o.txt; echo $i > .x.swp; done`)
	want("main.o", "null")
	want("core", "null")
	want("main.o.txt", "v v v")
	want(".x.swp", "v v v")
}
