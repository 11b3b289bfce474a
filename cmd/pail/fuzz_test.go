package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzMountPlan plans a mount with any options of fstab: the plan makes sense, or it is the
// usage that is wrong. Options that are escaped come back from the list.
func FuzzMountPlan(f *testing.F) {
	for _, s := range []string{
		"ro,uid=7,gid=root,umask=027,x-systemd.automount", `bucket=a\,b,log=/l,store=/s`, "s3=127.0.0.1:9000,tls_self_signed,domain=x",
		"scrub_every=7d,region=", "client_key=bcd/p=alias/k,client_key=bcd=file:/k,client_format=2,client_plain", "=,\\", "remount,metrics=:1,website=:2",
		"rate_per_key=1e3,trusted_proxy=::/0,listen=name=vpce-a;vpc=vpc-b;addr=:1,http_redirect=:2",
	} {
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, list string, sloppy bool) {
		o := &mountOptions{options: []string{list}, sloppy: sloppy}
		p, err := o.plan(&globals{store: "/s"}, []string{"/m"})
		if err != nil && exitCode(err) != exitUsage {
			t.Fatalf("%q: %v (exit %d)", list, err, exitCode(err))
		}
		if err == nil && (!filepath.IsAbs(p.store) || p.log != "" && !filepath.IsAbs(p.log) || p.req.Umask != nil && *p.req.Umask > 0o777) {
			t.Fatalf("%q: %+v", list, p)
		}
		words := splitOptions([]string{list})
		var again []string
		for _, w := range words {
			again = append(again, strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(w))
		}
		if got := splitOptions([]string{strings.Join(again, ",")}); !slices.Equal(got, words) {
			t.Fatalf("%q is %q, which is %q", list, words, got)
		}
	})
}

// FuzzHelper: whatever mount(8) calls the helpers with, it is a command of pail's or the
// usage that is wrong, and no word of it is taken for an option of pail's.
func FuzzHelper(f *testing.F) {
	f.Add("mount.pail", "/s\x00/m\x00-o\x00rw,noexec")
	f.Add("umount.fuse.pail", "/m\x00-fl\x00-N\x001")
	f.Add("pail", "/s\x00--help\x00-sfnvo")
	f.Fuzz(func(t *testing.T, name, words string) {
		args := append([]string{name}, strings.Split(words, "\x00")...)
		got, by, err := helperArgs(args)
		if err != nil {
			if exitCode(err) != exitUsage || by != byMount {
				t.Fatalf("%q: %v", args, err)
			}
			return
		}
		if by == byPerson {
			if !slices.Equal(got, args[1:]) {
				t.Fatalf("%q is %q", args, got)
			}
			return
		}
		at := slices.Index(got, "--")
		if at < 0 || at != len(got)-2 || got[0] != "mount" && got[0] != "umount" {
			t.Fatalf("%q is %q", args, got)
		}
	})
}

// FuzzWords: words of the command line that name a bucket, a key, a user or a size.
func FuzzWords(f *testing.F) {
	f.Add("b/k/l")
	f.Add("18446744073709551616")
	f.Fuzz(func(t *testing.T, word string) {
		if bucket, key, err := splitKey(word); err == nil && bucket+"/"+key != word && bucket != word {
			t.Fatalf("%q is %q and %q", word, bucket, key)
		}
		none := func(string) (string, error) { return word, nil }
		if id, err := parseID("uid", word, none); err == nil && *id == 1<<32-1 {
			t.Fatalf("%q is nobody", word)
		}
	})
}
