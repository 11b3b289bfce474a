package store

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/trail"
	"pail/versioning"
)

// A changing user is one whose policy tests take away and give back.
type changingUser struct {
	t     *testing.T
	s     *Store
	owner *Session
	name  string
	who   Principal
}

func aChangingUser(t *testing.T, s *Store, owner *Session, name string) *changingUser {
	t.Helper()
	u, err := owner.CreateUser(context.Background(), iam.NewUser{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	c := &changingUser{t, s, owner, name, UserPrincipal(u)}
	c.may("s3:GetObject s3:PutObject")
	return c
}

// may has the user be allowed actions, and no others.
func (c *changingUser) may(actions string) {
	c.t.Helper()
	if err := c.owner.PutUserPolicy(context.Background(), c.name, "p", statements(allows(actions, "arn:aws:s3:::*/*"))); err != nil {
		c.t.Fatal(err)
	}
}

func (c *changingUser) open(key string, o OpenFlags) *File {
	c.t.Helper()
	f, err := c.s.As(c.who, RequestContext{Door: DoorMount}).OpenFile(context.Background(), "bkt", key, o)
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

var readWrite = OpenFlags{Write: true, Create: true}

func fill(t *testing.T, f *File, text string) {
	t.Helper()
	if _, err := f.WriteAt(context.Background(), []byte(text), 0); err != nil {
		t.Fatal(err)
	}
}

// Whoever has a file open may do with it what rules allow now, not what they allowed when it
// was opened.
func TestOpenFilesFollowRules(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{InlineMax: 8})
	mustBucket(t, owner, "bkt", versioning.Enabled)
	put(t, owner, "bkt", "f", "what was there before")
	alice := aChangingUser(t, s, owner, "alice")
	bytes := make([]byte, 4)
	f, old := alice.open("f", readWrite), alice.open("f", OpenFlags{})
	past := alice.open("f", OpenFlags{})
	alice.may("s3:GetObject s3:PutObject s3:GetObjectVersion")
	version := alice.open("f", OpenFlags{Version: "1"})
	for what, c := range map[string]struct {
		may                 string
		reads, writes, past fault.Kind
	}{
		"all":      {"s3:GetObject s3:PutObject s3:GetObjectVersion", fault.None, fault.None, fault.None},
		"reading":  {"s3:GetObject", fault.None, fault.AccessDenied, fault.AccessDenied},
		"writing":  {"s3:PutObject", fault.AccessDenied, fault.None, fault.AccessDenied},
		"the past": {"s3:GetObjectVersion", fault.AccessDenied, fault.AccessDenied, fault.None},
	} {
		alice.may(c.may)
		for _, r := range []*File{f, old, past} {
			_, err := r.ReadAt(ctx, bytes, 0)
			is(t, what+": read", err, c.reads)
			_, err = r.Seek(ctx, 0, 4)
			is(t, what+": seek", err, c.reads)
			if _, _, _, release, ok := r.Extent(0, 4); ok {
				if release(); c.reads != fault.None {
					t.Errorf("%s: bytes are spliced", what)
				}
			}
		}
		_, err := version.ReadAt(ctx, bytes, 0)
		is(t, what+": read a version", err, c.past)
		_, err = f.WriteAt(ctx, []byte("new"), 0)
		is(t, what+": write", err, c.writes)
		is(t, what+": truncate", f.Truncate(ctx, 30), c.writes)
		is(t, what+": allocate", f.Allocate(ctx, 0, 30, true), c.writes)
		is(t, what+": punch", f.PunchHole(ctx, 0, 3), c.writes)
		is(t, what+": fsync", f.Sync(ctx), c.writes)
		if c.writes == fault.None {
			is(t, what+": publish", f.Flush(ctx), fault.None)
		}
	}
	alice.may("s3:PutObject s3:GetObject s3:GetObjectVersion")
	fill(t, f, "given back")
	is(t, "publish", f.Flush(ctx), fault.None)
	// A bucket's policy and Block Public Access are rules as well.
	mustPolicy(t, owner, "bkt", grants("Deny", `{"AWS":"`+alice.who.ARN+`"}`, "s3:GetObject s3:PutObject", "arn:aws:s3:::bkt/*", ""))
	_, err := old.ReadAt(ctx, bytes, 0)
	is(t, "read what a bucket's policy denies", err, fault.AccessDenied)
	if err := owner.DeleteBucketPolicy(ctx, "bkt"); err != nil {
		t.Fatal(err)
	}
	_, err = old.ReadAt(ctx, bytes, 0)
	is(t, "read what it denies no more", err, fault.None)
	for _, x := range []*File{f, old, past, version} {
		is(t, "close", x.Close(ctx), fault.None)
	}
}

// What may not be published is refused when it is closed, and is gone with the last handle.
func TestForsakenDrafts(t *testing.T) {
	for name, large := range map[string]bool{"small": false, "large": true} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			o := Options{Dir: t.TempDir() + "/store", InlineMax: 64}
			s, owner := openTest(t, o)
			mustBucket(t, owner, "bkt", versioning.Unversioned)
			before, after := "before", "after"
			if large {
				before, after = strings.Repeat("before", 100), strings.Repeat("after", 200)
			}
			put(t, owner, "bkt", "old", before)
			alice := aChangingUser(t, s, owner, "alice")
			var told []Change
			stop := s.Watch(func(c Change) {
				if c.Kind == DraftForsaken {
					told = append(told, c)
				}
			})
			defer stop()
			reader := alice.open("old", OpenFlags{})
			files := map[string]*File{"old": alice.open("old", readWrite), "dir/new": nil, "synced": alice.open("synced", readWrite)}
			if _, err := owner.Mkdir(ctx, "bkt", "dir/", Attr{}); err != nil {
				t.Fatal(err)
			}
			files["dir/new"] = alice.open("dir/new", readWrite)
			for _, f := range files {
				fill(t, f, after)
			}
			is(t, "fsync", files["synced"].Sync(ctx), fault.None)
			alice.may("s3:GetObject")
			for key, f := range files {
				is(t, "flush "+key, f.Flush(ctx), fault.AccessDenied)
				if !f.Changed() {
					t.Errorf("%s: the bytes are gone while it is open", key)
				}
			}
			for key, f := range files {
				is(t, "close "+key, f.Close(ctx), fault.AccessDenied)
			}
			got := make([]byte, 2000)
			if n, _ := reader.ReadAt(ctx, got, 0); string(got[:n]) != before {
				t.Errorf("who has the file open reads %q", got[:n])
			}
			is(t, "close", reader.Close(ctx), fault.None)
			if len(told) != len(files) {
				t.Errorf("watchers were told %+v", told)
			}
			look := func(se *Session) {
				t.Helper()
				for _, key := range []string{"dir/new", "synced"} {
					_, err := se.Head(ctx, "bkt", key, "")
					is(t, key, err, fault.NoSuchKey)
					_, err = se.OpenFile(ctx, "bkt", key, OpenFlags{})
					is(t, "open "+key, err, fault.NoSuchKey)
				}
				if got := readAll(t, se, "bkt", "old", ""); got != before {
					t.Errorf("%q", got)
				}
				d, err := se.StatDir(ctx, "bkt", "dir/")
				is(t, "the directory", err, fault.None)
				if d.Children != 0 {
					t.Errorf("%+v", d)
				}
			}
			look(owner)
			if problems, err := s.Check(ctx, FsckOptions{Deep: true}); err != nil || len(problems) > 0 {
				t.Errorf("%v, %v", problems, err)
			}
			// The names are free.
			put(t, owner, "bkt", "dir/new", "somebody else's")
			if _, err := owner.Delete(ctx, "bkt", "dir/new", DeleteOptions{KeepDirs: true}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(ctx); err != nil {
				t.Fatal(err)
			}
			s, owner = openTest(t, o)
			look(owner)
			if problems, err := s.Check(ctx, FsckOptions{Deep: true}); err != nil || len(problems) > 0 {
				t.Errorf("after opening it again: %v, %v", problems, err)
			}
		})
	}
}

// A draft whose author may not publish it any more becomes that of whoever closes the file.
func TestDraftsChangeHands(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	alice, bob := aChangingUser(t, s, owner, "alice"), aChangingUser(t, s, owner, "bob")
	f := alice.open("f", readWrite)
	fill(t, f, "alice's")
	g := bob.open("f", OpenFlags{Write: true})
	if err := owner.DeleteUserPolicy(ctx, "alice", "p"); err != nil {
		t.Fatal(err)
	}
	if err := owner.DeleteUser(ctx, "alice"); err != nil {
		t.Fatal(err)
	}
	is(t, "close", f.Close(ctx), fault.None) // bob has it open
	fill(t, g, "bob's")
	is(t, "close", g.Close(ctx), fault.None)
	o, err := owner.Head(ctx, "bkt", "f", "")
	if err != nil || o.Principal != bob.who.ARN {
		t.Errorf("%+v, %v", o, err)
	}
	if got := readAll(t, owner, "bkt", "f", ""); got != "bob's's" {
		t.Errorf("%q", got)
	}
}

// What was fsynced and not published is published by recovery, if its author may still.
func TestRecoveryAsksAgain(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	put(t, owner, "bkt", "old", "before")
	users := map[string]*changingUser{}
	for _, name := range []string{"stays", "loses", "leaves"} {
		u := aChangingUser(t, s, owner, name)
		users[name] = u
		f := u.open(name, readWrite)
		fill(t, f, name)
		is(t, "fsync", f.Sync(ctx), fault.None)
	}
	f := users["loses"].open("old", readWrite)
	fill(t, f, "after!")
	is(t, "fsync", f.Sync(ctx), fault.None)
	users["loses"].may("s3:GetObject")
	if err := owner.DeleteUserPolicy(ctx, "leaves", "p"); err != nil {
		t.Fatal(err)
	}
	if err := owner.DeleteUser(ctx, "leaves"); err != nil {
		t.Fatal(err)
	}
	crashed := filepath.Join(t.TempDir(), "crashed")
	snapshotStore(t, s, crashed)
	s2, owner2 := openTest(t, Options{Dir: crashed})
	for name, want := range map[string]fault.Kind{"stays": fault.None, "loses": fault.NoSuchKey, "leaves": fault.NoSuchKey} {
		_, err := owner2.Head(ctx, "bkt", name, "")
		is(t, name, err, want)
	}
	if got := readAll(t, owner2, "bkt", "old", ""); got != "before" {
		t.Errorf("%q", got)
	}
	if problems, err := s2.Check(ctx, FsckOptions{Deep: true}); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// What is refused through an open file is in the audit trail.
func TestRefusedFilesAreTold(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	mustBucket(t, owner, "logs", versioning.Unversioned)
	alice := aChangingUser(t, s, owner, "alice")
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := owner.EnableTrail(ctx, TrailInput{Bucket: "logs", File: file, Select: trail.Selector{Data: trail.All}})
	if err != nil {
		t.Fatal(err)
	}
	f := alice.open("f", readWrite)
	fill(t, f, "text")
	if err := owner.DeleteUserPolicy(ctx, "alice", "p"); err != nil {
		t.Fatal(err)
	}
	_, err = f.ReadAt(ctx, make([]byte, 4), 0)
	is(t, "read", err, fault.AccessDenied)
	is(t, "close", f.Close(ctx), fault.AccessDenied)
	auditDeliver(t, s)
	if got := names(toldIn(t, file)); got != "GetObject f AccessDenied, PutObject f AccessDenied" {
		t.Error(got)
	}
}
