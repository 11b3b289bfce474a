package store

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

// strangerArgs makes arguments for a method of Session: bucket first, then keys.
func strangerArgs(m reflect.Method, bucket string) []reflect.Value {
	var args []reflect.Value
	names := 0
	for i := 1; i < m.Type.NumIn(); i++ {
		in := m.Type.In(i)
		switch {
		case in == reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(context.Background()))
		case in.Kind() == reflect.String:
			s := bucket
			if names > 0 {
				s = "dir/"
			}
			names++
			args = append(args, reflect.ValueOf(s).Convert(in))
		case in == reflect.TypeFor[Node]():
			args = append(args, reflect.ValueOf(Node{Bucket: bucket, Key: "dir/"}))
		case in == reflect.TypeFor[Path]():
			args = append(args, reflect.ValueOf(Path{bucket, "dir/"}))
		case in == reflect.TypeFor[Source]():
			args = append(args, reflect.ValueOf(Source{Bucket: bucket, Key: "dir/"}))
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	if m.Type.IsVariadic() {
		args = args[:len(args)-1]
	}
	return args
}

// TestStrangersAreRefusedEverything walks every method of Session, so that a new one
// that forgets to authorize fails here. What is refused tells nobody whether a key exists. Whether
// a bucket does everybody may know, as with S3, but those whom there are not.
func TestStrangersAreRefusedEverything(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "private", versioning.Enabled)
	put(t, owner, "private", "dir/", "")
	put(t, owner, "private", "dir/a", "secret")
	typ := reflect.TypeFor[*Session]()
	if typ.NumMethod() < 30 {
		t.Fatalf("only %d methods were found", typ.NumMethod())
	}
	for name, who := range map[string]Principal{
		"anonymous":       Anonymous(),
		"another account": {Account: "111111111111", ARN: "arn:aws:iam::111111111111:root"},
		"another user":    {Account: Account, ARN: "arn:aws:iam::" + Account + ":user/eve"},
	} {
		se := s.As(who, RequestContext{Door: DoorS3})
		for i := range typ.NumMethod() {
			m := typ.Method(i)
			var texts []string
			for _, bucket := range []string{"private", "missing"} {
				out := reflect.ValueOf(se).Method(i).Call(strangerArgs(m, bucket))
				err, _ := out[len(out)-1].Interface().(error)
				if bucket == "missing" && who == Anonymous() && fault.Is(err, fault.NoSuchBucket) {
					continue
				}
				if !fault.Is(err, fault.AccessDenied) {
					t.Errorf("%s of %s (%s): %v", m.Name, name, bucket, err)
					continue
				}
				texts = append(texts, strings.ReplaceAll(err.Error(), bucket, ""))
			}
			if len(texts) == 2 && texts[0] != texts[1] {
				t.Errorf("%s tells %s what exists: %q, %q", m.Name, name, texts[0], texts[1])
			}
		}
	}
	if got := readAll(t, owner, "private", "dir/a", ""); got != "secret" {
		t.Fatalf("a stranger changed the object to %q", got)
	}
	if _, err := owner.StatDir(ctx, "private", "dir/"); err != nil {
		t.Fatal(err)
	}
}
