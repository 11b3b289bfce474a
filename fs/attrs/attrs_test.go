package attrs

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]Attr{
		"user.s3.etag":                {ETag, "etag"},
		"user.s3.content-type":        {Header, "content-type"},
		"user.s3.meta":                {AllMeta, "meta"},
		"user.s3.meta.author":         {Meta, "author"},
		"user.s3.meta.a.b":            {Meta, "a.b"},
		"user.s3.meta.Author":         {Malformed, "meta.Author"},
		"user.s3.meta.":               {Malformed, "meta."},
		"user.s3.tag.Year 2026/ä=":    {Tag, "Year 2026/ä="},
		"user.s3.tag.":                {Malformed, "tag."},
		"user.s3.tags":                {AllTags, "tags"},
		"user.s3.checksum.sha256":     {Checksum, "sha256"},
		"user.s3.checksum.SHA256":     {Malformed, "checksum.SHA256"},
		"user.s3.lock.mode":           {LockMode, "lock.mode"},
		"user.s3.acl":                 {Grants, "acl"},
		"user.s3.nonsense":            {Reserved, "nonsense"},
		"user.s3.ETag":                {Reserved, "ETag"},
		"user.s3.":                    {Reserved, ""},
		"user.s3":                     {Plain, "user.s3"},
		"user.S3.etag":                {Plain, "user.S3.etag"},
		"user.x":                      {Plain, "user.x"},
		"user.":                       {Nameless, "user."},
		"security.capability":         {Plain, "security.capability"},
		"trusted.x":                   {Plain, "trusted.x"},
		"system.posix_acl_access":     {ACL, "system.posix_acl_access"},
		"system.posix_acl_default":    {ACL, "system.posix_acl_default"},
		"system.nfs4_acl":             {Foreign, "system.nfs4_acl"},
		"nonsense":                    {Foreign, "nonsense"},
		"user.s3.public-access-block": {PublicAccess, "public-access-block"},
	} {
		if got := Parse(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, key := range []string{strings.Repeat("k", 243), strings.Repeat("k", 244)} {
		if name, ok := (Attr{Tag, key}).FullName(); ok != (len(name) <= 255) {
			t.Errorf("%d bytes of key: %v", len(key), ok)
		}
	}
}

// Every name stands for one attribute, which has that name.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"user.s3.meta.a", "user.s3.tag.A b", "user.s3.meta", "user.s3.checksum.crc32", "user.x", "system.posix_acl_access", "", "user.s3.tag.meta.x", "user.s3.meta.\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		a := Parse(name)
		back, ok := a.FullName()
		if back != name || ok != (len(name) <= 255) {
			t.Fatalf("%q stands for %v, which is called %q", name, a, back)
		}
		for _, kind := range []Kind{Meta, Tag, Checksum} {
			member := Attr{kind, name}
			full, _ := member.FullName()
			got := Parse(full)
			bad := name == "" || kind != Tag && strings.ContainsAny(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
			if bad != (got.Kind == Malformed) || !bad && got != member {
				t.Fatalf("%v is called %q, which stands for %v", member, full, got)
			}
		}
	})
}

// Maps come back as they were, and what is no map of strings is refused.
func FuzzMap(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":"b"}`, `{"a":"<&>\u2028","é":""}`, `{"a":"1","a":"2"}`, `{"a":1}`, `{"a":{}}`, `{"a":"b"}}`, `{"a":"b"} x`, `[]`, `"a"`, ``, `{"a":null}`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMap(b)
		if err != nil {
			return
		}
		var want map[string]string
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("%q was accepted: %v", b, err)
		}
		again, err := ParseMap(FormatMap(m))
		if err != nil || !maps.Equal(again, m) || !maps.Equal(m, want) {
			t.Fatalf("%q is %v, then %v: %v", b, m, again, err)
		}
	})
}

func TestMapRefuses(t *testing.T) {
	for _, s := range []string{`{"a":"1","a":"2"}`, `{"a":1}`, `{"a":{}}`, `{"a":"b"}}`, `{"a":"b"} x`, `{"a":"b"`, `[]`, `"a"`, ``, `null`, `{"a":null}`, "{\"a\":\"\xff\"}"} {
		if m, err := ParseMap([]byte(s)); err == nil {
			t.Errorf("%q was read as %v", s, m)
		}
	}
	if got := string(FormatMap(nil)); got != "{}" {
		t.Errorf("nothing is written as %s", got)
	}
	if got := string(FormatMap(map[string]string{"b": "<&>", "a": "ä"})); got != `{"a":"ä","b":"<&>"}` {
		t.Errorf("written as %s", got)
	}
}

func TestVersions(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 5, time.UTC)
	one := Version{Number: 2, ID: "id", Size: 7, Time: at, Who: Who{"arn", 5, "mount"}}
	if got, want := string(FormatVersions([]Version{one}, false)), `[{"number":2,"id":"id","size":7,"time":"2026-11-23T12:00:00.000000005Z","who":{"principal":"arn","uid":5,"door":"mount"},"marker":false}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := string(FormatVersions(nil, false)); got != "[]" {
		t.Errorf("none are %s", got)
	}
	for _, n := range []int{300, 1000, 5000} {
		many := make([]Version, n)
		for i := range many {
			many[i] = one
			many[i].Number = uint64(n - i)
			many[i].ID = strings.Repeat("v", 26)
		}
		b := FormatVersions(many, n == 300)
		if len(b) > 64<<10 {
			t.Fatalf("%d versions have %d bytes", n, len(b))
		}
		var all []map[string]any
		if err := json.Unmarshal(b, &all); err != nil {
			t.Fatal(err)
		}
		last := len(all) - 1
		if all[last]["more"] != true || all[0]["number"].(float64) != float64(n) || last < 300 {
			t.Fatalf("%d of %d versions, and last %v", last, n, all[last])
		}
		if n > 1000 && len(b) < 63<<10 {
			t.Fatalf("only %d bytes are used", len(b))
		}
	}
}
