package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pail/versioning"
)

func put(t *testing.T, se *Session, bucket, key, body string) {
	t.Helper()
	if _, err := se.Put(context.Background(), bucket, key, PutInput{Body: strings.NewReader(body), Size: int64(len(body))}); err != nil {
		t.Fatal(err)
	}
}

// next drains a cursor and returns what it gave, as KIND KEY.
func next(t *testing.T, c *Cursor, limit int) (out []string, last uint64) {
	t.Helper()
	for {
		changes, err := c.Next(context.Background(), limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			return out, last
		}
		for _, ch := range changes {
			out = append(out, fmt.Sprint(ch.Kind, " ", ch.Key))
			if ch.Seq < last {
				t.Fatalf("change %d came after %d", ch.Seq, last)
			}
			last = ch.Seq
		}
		if err := c.Acknowledge(context.Background(), last); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCursorSurvivesRestartAndMissesNothing(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir() + "/store"
	s, se := openTest(t, Options{Dir: dir})
	mustBucket(t, se, "feed", versioning.Unversioned)
	put(t, se, "feed", "before", "x")
	c, err := s.OpenCursor(ctx, "logs")
	if err != nil {
		t.Fatal(err)
	}
	slow, err := s.OpenCursor(ctx, "slow")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{}
	for i := range 5 {
		key := fmt.Sprint("k", i)
		put(t, se, "feed", key, "x")
		want = append(want, fmt.Sprint(ObjectPut, " ", key))
	}
	got, _ := next(t, c, 2)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, se = openTest(t, Options{Dir: dir})
	if c, err = s.OpenCursor(ctx, "logs"); err != nil {
		t.Fatal(err)
	}
	if got, _ := next(t, c, 100); len(got) != 0 {
		t.Fatalf("acknowledged changes came again: %v", got)
	}
	if _, err := se.Delete(ctx, "feed", "k0", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, _ := next(t, c, 100); fmt.Sprint(got) != fmt.Sprintf("[%d k0]", ObjectDeleted) {
		t.Fatalf("got %v", got)
	}
	slow.s = s
	if got, _ := next(t, slow, 3); len(got) != 6 {
		t.Fatalf("the slow cursor got %v", got)
	}
}

func TestFeedIsKeptOnlyForCursors(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "feed", versioning.Unversioned)
	entries := func() (n int) {
		_ = s.view(func(sn *snap) error {
			_, err := sn.scanSome([]byte{'f'}, nil, 1000, func(_, _ []byte) error { n++; return nil })
			return err
		})
		return n
	}
	put(t, se, "feed", "a", "x")
	if n := entries(); n != 0 {
		t.Fatalf("%d entries without a reader", n)
	}
	c, err := s.OpenCursor(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	put(t, se, "feed", "b", "x")
	put(t, se, "feed", "c", "x")
	if n := entries(); n != 2 {
		t.Fatalf("%d entries, want 2", n)
	}
	next(t, c, 10)
	if n := entries(); n != 0 {
		t.Fatalf("%d entries after all were acknowledged", n)
	}
	put(t, se, "feed", "d", "x")
	if err := s.DropCursor(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if n := entries(); n != 0 {
		t.Fatalf("%d entries after the last cursor went", n)
	}
}

func TestWatchTellsInOrderBeforeTheCallReturns(t *testing.T) {
	s, se := openTest(t, Options{})
	mustBucket(t, se, "feed", versioning.Unversioned)
	var keys []string
	stop := s.Watch(func(c Change) { keys = append(keys, c.Key) })
	put(t, se, "feed", "a", "x")
	put(t, se, "feed", "b", "x")
	stop()
	put(t, se, "feed", "c", "x")
	if fmt.Sprint(keys) != "[a b]" {
		t.Fatalf("told of %v", keys)
	}
}
